"""The strings that a session looks for in the lines of its board, besides what the recognizers do.

The demultiplexer is told of them, and says of most lines at no cost that they hold none.
"""

from __future__ import annotations

from espmon.session.config_advice import DUMPS
from espmon.session.terminal_answers import QUERIES

WATCHED = (*DUMPS, *QUERIES)
"""For `Demultiplexer(watched=...)`."""
