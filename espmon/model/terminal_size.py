"""The terminal that a board is told of when it asks, outside of raw mode: the log has rows without an end."""

from __future__ import annotations

TERMINAL_COLUMNS = 80
"""A cursor that is moved to the right stops at the last of them."""

TERMINAL_ROWS = 24
"""The cursor is in the last of them: the log grows at its end."""
