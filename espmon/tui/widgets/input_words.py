"""What the input line says of itself, and its keys that the footer shows."""

from __future__ import annotations

FROM_LOG, FOCUSED = "i: type to the board", "Type to the board; Esc for the log's keys"
"""What stands in the empty field: how to get there, and how to get away."""

LEAVE_KEY, EOL_KEY = ("escape", "Log"), ("ctrl+o", "Line end")
"""Keys of the field and what they do, as the footer shows them while the field is empty."""
