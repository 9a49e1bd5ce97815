"""What boards said and nobody expected yet: an expression is found in it, or waited for. Sans-IO.

A script that asks for a line just after it came must not miss it, and must not find the same text twice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from espmon.records.batch import Part
from espmon.records.lines import LineBlock
from espmon.user_pattern import PatternTooSlow, UserPattern

MAX_LINES = 1024
"""Lines kept for an expression that is asked for later."""


@dataclass(slots=True)
class _Said:
    """A line, and from where on it was not expected yet."""

    board: str
    offset: int
    text: str
    start: int = 0


class LookBack:
    """The newest lines of all boards, from the last match on."""

    def __init__(self) -> None:
        self._lines: deque[_Said] = deque(maxlen=MAX_LINES)
        self._unfinished: dict[str, _Said] = {}
        self._pattern: UserPattern | None = None

    @property
    def waits(self) -> bool:
        """What was expected last has not come yet."""
        return self._pattern is not None

    def expect(self, pattern: UserPattern) -> bool:
        """Look for `pattern` in what is there, and go on looking in what comes. True when it is there."""
        self._pattern = pattern
        lines = self._lines
        while self._pattern is not None and lines:
            if not self._met(lines[0]):
                lines.popleft()
        for said in [*self._unfinished.values()]:
            if self._pattern is not None:
                self._met(said)
        return self._pattern is None

    def take(self, board: str, part: Part) -> None:
        """Lines of a board; records are not looked at."""
        if not isinstance(part, LineBlock):
            return
        for index in range(len(part)):
            self._add(_Said(board, part.line_offset(index), part.text(index)))

    def unfinished(self, board: str, block: LineBlock) -> None:
        """The line that a board has begun, as it stands."""
        said = _Said(board, block.offset, block.text(0), self._used(board, block.offset))
        self._unfinished[board] = said
        if self._pattern is not None:
            self._met(said)

    def _used(self, board: str, offset: int) -> int:
        begun = self._unfinished.get(board)
        return begun.start if begun is not None and begun.offset == offset else 0

    def _add(self, said: _Said) -> None:
        said.start = self._used(said.board, said.offset)
        self._unfinished.pop(said.board, None)
        if self._pattern is None or self._met(said):
            self._lines.append(said)

    def _met(self, said: _Said) -> bool:
        """Whether what is expected stands in this line; then only the rest of the line is left for the next."""
        assert self._pattern is not None
        try:
            match = self._pattern.search(said.text[said.start :])
        except PatternTooSlow:
            return False
        if match is None:
            return False
        said.start += match.end()
        self._pattern = None
        return True
