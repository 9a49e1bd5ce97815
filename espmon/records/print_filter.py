"""The print filter that users of `idf.py monitor` know: `tag[:level]` entries decide which lines are shown.

A filter decides over what is printed, never over what is recorded.
"""

from __future__ import annotations

import re
from types import MappingProxyType

LEVELS = MappingProxyType({"N": 0, "E": 1, "W": 2, "I": 3, "D": 4, "V": 5})
"""Log levels in the order of how much they let through; N lets nothing through."""

_HEADER = re.compile(rb"(?:\x1b\[[01];?\d+m?)?([EWIDV]) (?:\([^)]+\) )?([^:]+): ")


class PrintFilterError(ValueError):
    """A filter that cannot be read; the message names the entry and what it should look like."""


class PrintFilter:
    """A parsed filter.

    Args:
        text: entries `tag[:level]` separated by spaces. Level N, E, W, I, D, V (either case); `*` or none means V. The
            tag `*` stands for all tags without an entry of their own. An empty text shows everything.

    Raises:
        PrintFilterError: an entry has no tag, an unknown level or more than one colon.
    """

    def __init__(self, text: str = "") -> None:
        self.text = text
        self._tags: dict[str, int] = {}
        for entry in text.split() or ["*:V"]:
            tag, colon, level = entry.partition(":")
            if not tag:
                raise PrintFilterError(f"no tag in the filter entry {entry!r}: write TAG:LEVEL, such as wifi:W or *:I")
            if colon and level in ("", "*"):
                level = "V"
            limit = LEVELS.get(level.upper()) if colon else LEVELS["V"]
            if limit is None:
                raise PrintFilterError(f"unknown level in the filter entry {entry!r}: use one of N E W I D V")
            self._tags[tag] = limit
        self._others = self._tags.get("*", LEVELS["N"])

    @property
    def shows_everything(self) -> bool:
        """True when no line can be held back."""
        return all(limit == LEVELS["V"] for limit in self._tags.values()) and self._others == LEVELS["V"]

    def allows(self, level: str | None, tag: str | None) -> bool:
        """True when a line with this level and tag is shown; None, None is a line without a log header."""
        if level is None or tag is None:
            return self._others > LEVELS["N"]
        return self._tags.get(tag, self._others) >= LEVELS[level]

    def passes(self, line: bytes) -> bool:
        """True when this line (colour and line end may be in it) is shown."""
        match = _HEADER.match(line)
        if match is None:
            return self.allows(None, None)
        return self.allows(match[1].decode(), match[2].decode("utf-8", "ignore"))
