"""The user's own rules about lines, at work: levels and tags for filters, colours for rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from espmon.session.line_rules import LEVEL_LETTERS, HighlightRule, LevelRule
from espmon.tui.log.display import DisplayLine, Span, by_level
from espmon.tui.log.sgr import PLAIN, Colour, Pen
from espmon.user_pattern import MAX_SLOW_LINES, SEARCH_SECONDS, PatternTooSlow, UserPattern

ROW_SECONDS = 0.002
"""For one rule on one row that is about to be drawn."""

Head = tuple[str | None, str | None]
"""Level and tag, None where nothing tells."""


class _Rule:
    """One expression, given up for drawing where it is too slow for that."""

    def __init__(self, name: str, expression: str) -> None:
        self.pattern = UserPattern(name, expression)
        self._slow = 0

    @property
    def problem(self) -> str:
        """What to tell the user; "" while all is well."""
        if self._slow >= MAX_SLOW_LINES:
            return f"{self.pattern.name} is switched off: its expression took over {ROW_SECONDS:g} s a row"
        return self.pattern.problem

    def search(self, text: str, seconds: float) -> Head | None:
        """Groups `level` and `tag` of the match; None when there is none, or when it takes too long."""
        if self._slow >= MAX_SLOW_LINES:
            return None
        try:
            match = self.pattern.search(text, seconds)
        except PatternTooSlow:
            self._slow += seconds < SEARCH_SECONDS
            return None
        if match is None:
            return None
        groups = match.groupdict()
        return groups.get("level"), groups.get("tag")

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Where the text has it; nothing once it is too slow."""
        if self.search(text, ROW_SECONDS) is None:
            return []
        return list(self.pattern.spans(text, ROW_SECONDS))


class RuleMatcher:
    """Levels and highlights of one set of settings. May be used from several threads.

    Args:
        levels: the first rule that finds something in a line says its level, where its head does not.
        highlights: the later ones lie over the earlier ones.
        on_problem: called once with the words for each rule that is switched off.
    """

    def __init__(
        self,
        levels: Sequence[LevelRule] = (),
        highlights: Sequence[HighlightRule] = (),
        on_problem: Callable[[str], None] | None = None,
    ) -> None:
        self._levels = [(rule, _Rule(f"levels.{rule.name}", rule.regex)) for rule in levels]
        self._highlights = [(rule, _Rule(f"highlights.{rule.name}", rule.regex)) for rule in highlights]
        self._on_problem = on_problem
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._levels or self._highlights)

    @property
    def tells_levels(self) -> bool:
        """Whether any rule tells levels or tags."""
        return bool(self._levels)

    def head(self, text: str, seconds: float = SEARCH_SECONDS) -> Head:
        """Level and tag of a line whose head says none."""
        for rule, own in self._levels:
            found = own.search(text, seconds)
            self._tell(own)
            if found is not None:
                level, tag = rule.level or _letter(found[0]), rule.tag or found[1]
                return level, tag
        return None, None

    def apply(self, line: DisplayLine) -> DisplayLine:
        """The row in the user's colours: by its level where it has no colour yet, and with what stands out."""
        text, spans = line.text, line.spans
        if self._levels and len(spans) == 1 and spans[0][2] == PLAIN:
            level = self.head(text, ROW_SECONDS)[0]
            if level is not None:
                spans = by_level(line, level).spans
        for rule, own in self._highlights:
            found = own.spans(text)
            self._tell(own)
            if found:
                spans = coloured(spans, [(0, len(text))] if rule.whole_line else found, rule.colour)
        return line if spans is line.spans else DisplayLine(text, spans)

    def _tell(self, rule: _Rule) -> None:
        problem = rule.problem
        if problem and problem not in self._told:
            self._told.add(problem)
            if self._on_problem is not None:
                self._on_problem(problem)


def _letter(word: str | None) -> str | None:
    letter = (word or "")[:1].upper()
    return letter if letter in LEVEL_LETTERS else None


def coloured(spans: Sequence[Span], ranges: Sequence[tuple[int, int]], colour: Colour) -> list[Span]:
    """The spans with the characters of `ranges` (from the left, without overlaps) in another colour."""
    result: list[Span] = []
    at = 0
    for low, high, pen in spans:
        while low < high:
            while at < len(ranges) and ranges[at][1] <= low:
                at += 1
            inside = at < len(ranges) and ranges[at][0] <= low
            edge = high if at == len(ranges) else ranges[at][1 if inside else 0]
            stop = min(high, edge)
            mine: Pen = (colour, *pen[1:]) if inside else pen
            result.append((low, stop, mine))
            low = stop
    return result
