"""Levels and tags of many lines in one byte a line, for who filters by them: whole columns at the speed of C."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from espmon.records.columns import Columns

Head = tuple[int, str | None]
"""Code of the level letter, 0 where there is none; the tag, None where there is none."""

MAX_BYTE_HEADS = 256
"""Different heads up to which one byte tells them apart; a board that makes up tags gets four."""


MAX_SHARED = 256
"""Tables that are kept to be shared. The pages of a log have the same few."""

MAX_SHARED_HEADS = 64
"""Different heads up to which a table is shared; longer ones are those of a board that makes up tags."""


@dataclass(frozen=True, slots=True)
class Heads:
    """What the lines of a block say in their heads.

    Args:
        codes: for each line, which of `table` it is.
        table: the different heads.
    """

    codes: bytes | array[int]
    table: tuple[Head, ...]

    @property
    def levels(self) -> bytes:
        """One byte a line: the code of E, W, I, D or V, or 0."""
        return self._mapped([level for level, _ in self.table])

    def mask(self, allows: Callable[[Head], bool]) -> bytes | None:
        """One byte a line: 1 where its head is allowed; None where all are."""
        allowed = [int(allows(head)) for head in self.table]
        return None if all(allowed) else self._mapped(allowed)

    def _mapped(self, values: Sequence[int]) -> bytes:
        if isinstance(self.codes, bytes):
            return self.codes.translate(bytes(values).ljust(MAX_BYTE_HEADS, b"\0"))
        return bytes(map(values.__getitem__, self.codes))


def heads_of(columns: Columns) -> Heads:
    """The heads of the lines of these columns."""
    return _coded(list(zip(columns.levels, columns.tags, strict=True)))


def joined_heads(parts: Iterable[Heads]) -> Heads:
    """The heads of lines that follow one another in several blocks."""
    return _coded([part.table[code] for part in parts for code in part.codes])


def _coded(heads: Sequence[Head]) -> Heads:
    places = {head: place for place, head in enumerate(dict.fromkeys(heads))}
    codes = map(places.__getitem__, heads)
    table = tuple(places)
    return Heads(
        bytes(codes) if len(places) <= MAX_BYTE_HEADS else array("I", codes),
        _shared(table) if len(table) <= MAX_SHARED_HEADS else table,
    )


@lru_cache(maxsize=MAX_SHARED)
def _shared(table: tuple[Head, ...]) -> tuple[Head, ...]:
    """The first of equal tables: each takes as much memory as the heads of a hundred lines."""
    return table
