"""The symbol table of an ELF as columns: large programs have hundreds of thousands of rows, few of which are wanted."""

from __future__ import annotations

import struct
import sys
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import compress

UNTYPED, OBJECT, FUNCTION = 0, 1, 2
"""Types of symbols, the low four bits of their `info`."""

GLOBAL_SHIFT = 4
"""Above it `info` has the binding: 0 for symbols of one unit."""


class SymbolColumns:
    """The rows of a table by column; `infos` has a byte a row."""

    def __init__(self, data: bytes, bits: int) -> None:
        self.names: Sequence[int]
        self.values: Sequence[int]
        self.sizes: Sequence[int]
        self.sections: Sequence[int]
        if bits == 32:
            data = data[: len(data) // 16 * 16]
            words, halves = array("I", data), array("H", data)
            if sys.byteorder == "big":
                words.byteswap()
                halves.byteswap()
            self.names, self.values, self.sizes = words[0::4], words[1::4], words[2::4]
            self.infos, self.sections = data[12::16], halves[7::8]
        else:
            rows = list(struct.iter_unpack("<IBBHQQ", data[: len(data) // 24 * 24]))
            self.names, self.values, self.sizes = ([row[column] for row in rows] for column in (0, 4, 5))
            self.infos, self.sections = bytes(row[1] for row in rows), [row[3] for row in rows]

    def __len__(self) -> int:
        return len(self.infos)

    def of_type(self, kind: int) -> Iterator[int]:
        """The rows of one type that the file defines."""
        wanted = self.infos.translate(bytes(info & 15 == kind for info in range(256)))
        rows = range(len(self))
        return compress(compress(rows, wanted), compress(self.sections, wanted))

    def named(self, names: Iterable[int]) -> Iterator[int]:
        """The rows whose names are at certain offsets of the string table, in the order of the table."""
        wanted = {*names}
        return (row for row, name in enumerate(self.names) if name in wanted)


class AddressIndex:
    """Some rows by their addresses."""

    def __init__(self, columns: SymbolColumns, rows: Iterable[int]) -> None:
        self._columns = columns
        self._rows = sorted(rows, key=columns.values.__getitem__)
        self._starts = [*map(columns.values.__getitem__, self._rows)]

    def at_or_before(self, address: int) -> Sequence[int]:
        """The rows that begin where the last one begins that is not behind an address, in the order of the table."""
        end = bisect_right(self._starts, address)
        first = end
        while first and self._starts[first - 1] == self._starts[end - 1]:
            first -= 1
        return self._rows[first:end]

    def between(self, low: int, high: int) -> Sequence[int]:
        """The rows that begin at an address of a range, in the order of their addresses."""
        return self._rows[bisect_left(self._starts, low) : bisect_left(self._starts, high)]


def best_function(columns: SymbolColumns, rows: Sequence[int]) -> int:
    """Of functions at one address that one which says most: typed, with a size, known to other units."""

    def rank(row: int) -> int:
        info = columns.infos[row]
        return 4 * bool(info & 15) + 2 * bool(columns.sizes[row]) + bool(info >> GLOBAL_SHIFT)

    return max(rows, key=rank)


Accepts = Callable[[int, int, int], bool]
"""Whether an untyped symbol is a function, by its section, the offset of its name and its value."""


def function_rows(columns: SymbolColumns, accepts: Accepts) -> list[int]:
    """The functions, and what counts as one although the table gives it no type."""
    sections, names, values = columns.sections, columns.names, columns.values
    labels = (row for row in columns.of_type(UNTYPED) if accepts(sections[row], names[row], values[row]))
    return [*columns.of_type(FUNCTION), *labels]
