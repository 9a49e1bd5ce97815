"""What one call of the demultiplexer gives: blocks of lines and single records, in stream order."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain

from espmon.records.lines import LineBlock
from espmon.records.record import Record

Part = LineBlock | Record
"""A run of text lines, or one other record (span or event)."""


class Batch:
    """The records of one call. Iterate over it for records; use `parts` to take whole blocks of lines.

    An event stands right behind the record that completed it.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: Sequence[Part]) -> None:
        self.parts = parts

    def __iter__(self) -> Iterator[Record]:
        parts = self.parts
        if not parts:
            return iter(())
        if len(parts) == 1:
            part = parts[0]
            return iter(part) if isinstance(part, LineBlock) else iter((part,))
        return chain.from_iterable(part if isinstance(part, LineBlock) else (part,) for part in parts)

    def __bool__(self) -> bool:
        return bool(self.parts)

    def __len__(self) -> int:
        """Number of records."""
        return sum(len(part) if isinstance(part, LineBlock) else 1 for part in self.parts)
