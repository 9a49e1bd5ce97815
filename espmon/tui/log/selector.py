"""Which lines a filter shows and a search finds: whole pages at a time, single lines where a page cannot tell."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from espmon.records.lines import LineBlock
from espmon.session.store import LogStore, Segment
from espmon.tui.log.found_rows import FlaggedLines
from espmon.tui.log.line_flags import Flags, both, turned
from espmon.tui.log.query import SLOW_LINES, LineFilter, TextQuery
from espmon.tui.log.rows import as_shown
from espmon.user_pattern import PatternTooSlow

FEW = 4
"""Where less than every so many-th line is left, only these are searched."""


@dataclass(frozen=True, slots=True)
class Selector:
    """The lines that a filter shows and, when given, that a search finds in them."""

    show: LineFilter
    search: TextQuery | None = None

    @property
    def context(self) -> int:
        """Lines around each that are wanted with it; a search wants none."""
        return 0 if self.search is not None else self.show.context

    @property
    def costly(self) -> bool:
        """A regular expression is part of it: it may take long even on few lines."""
        return self.show.costly or (self.search is not None and self.search.regex)

    def within(self, other: Selector) -> bool:
        """Whether the other finds every line that this one finds: it looks for a part of the same text."""
        if self.search is None or other.search is None or self.show != other.show:
            return False
        return self.search.within(other.search)

    def pick(self, store: LogStore, segment: Segment, low: int, high: int, slow: list[int]) -> Sequence[int]:
        """The rows that begin in the lines `low <= id < high` of `segment` and are wanted.

        Args:
            store: the log, for rows that go on in other segments.
            segment: of the store.
            low: first id.
            high: id after the last one; all of these rows are finished.
            slow: gets the ids of rows on which a regular expression took too long: a filter shows them, a search
                passes them over. From `SLOW_LINES` on no row is tried any more.
        """
        block, first = segment.block, segment.first
        low, high = self.show.within(low, high)
        start, end = max(0, low - first), min(len(block), high - first)
        if start >= end:
            return ()
        if block.source == "mark" and self.search is None:
            # What the session itself says (a gap, a lease, a capture) has no level and no tag, but it has text.
            return self._judged(range(start, end), first, lambda index: self.show.has_text(block, index), slow)
        joined = {line - first for line in store.rows.joined(first + start, first + end + 1)}
        edited = not block.decoded and block.traits.edits
        if not joined and not edited:
            return self._page(block, first, range(start, end), slow)
        rows = [index for index in range(start, end) if index not in joined]
        page = block.page
        return self._judged(rows, first, lambda index: self._accept(*as_shown(store, first + index, page, index)), slow)

    def _page(self, block: LineBlock, first: int, lines: range, slow: list[int]) -> Sequence[int]:
        """What a page of lines that each are a row by themselves has; only what is doubtful is looked at."""
        show = self.show
        if show.ruled or len(slow) >= SLOW_LINES:
            page = block.page
            return self._judged(lines, first, lambda index: self._accept(page, index), slow)
        mask: Flags = show.by_heads(block)
        doubtful: set[int] = set()
        for query, wanted in ((self.search, True), (show.include, True), (show.exclude, False)):
            many = len(lines) if mask is None else mask.count(1, lines.start, lines.stop)
            if not many:
                return ()
            if query is None:
                continue
            found = query.in_page(block, mask if many * FEW < len(block) == len(lines) else None)
            if found is None:
                doubtful.update(lines)
                continue
            flags = found.flags
            if found.doubtful:
                doubtful.update(found.doubtful)
                flags = bytearray(flags or len(block))
                for index in found.doubtful:
                    flags[index] = wanted
            if flags is None:
                if wanted:
                    return ()
                continue
            flags = flags if wanted else turned(flags)
            mask = flags if mask is None else both(mask, flags)
        ids = range(first + lines.start, first + lines.stop)
        if mask is not None:
            doubtful = {index for index in doubtful if mask[index]}
        if looked_at := sorted(index for index in doubtful if index in lines):
            page, left = block.page, bytearray(mask or b"\1" * len(block))
            passed = self._judged(looked_at, first, lambda index: self._accept(page, index), slow)
            for index in looked_at:
                left[index] = 0
            for line in passed:
                left[line - first] = 1
            mask = left
        if mask is None or not mask.count(0, lines.start, lines.stop):
            return ids
        return FlaggedLines(ids.start, mask[lines.start : lines.stop])

    def _judged(self, indices: Iterable[int], first: int, accept: Callable[[int], bool], slow: list[int]) -> list[int]:
        unjudged = self.search is None
        wanted: list[int] = []
        for index in indices:
            keep = unjudged
            if len(slow) < SLOW_LINES:
                try:
                    keep = accept(index)
                except PatternTooSlow:
                    slow.append(first + index)
            if keep:
                wanted.append(first + index)
        return wanted

    def _accept(self, block: LineBlock, index: int) -> bool:
        if self.search is None:
            return self.show.matches(block, index)
        return self.search.found(block.text(index)) and (not self.show.active or self.show.matches(block, index))
