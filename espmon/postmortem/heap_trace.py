"""The records of ESP-IDF's standalone heap tracing in a dump: which code allocated what is still there."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from espmon.postmortem.flat_structure import FlatStructure, structure_of
from espmon.postmortem.global_variables import GlobalVariable, GlobalVariables
from espmon.postmortem.memory import Memory, word
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.types import REFERENCES, WITH_MEMBERS, Type, members, strip, type_of

MAX_RECORDS = 20_000
MAX_DEPTH = 32
SHOWN_OWNERS = 12
HOLDERS = ("records", "heap_trace_records")
"""What the variable is called that has the buffer and how many records there are."""


CAPACITY = "total_records"
"""Of ESP-IDF 4: how many records fit; `count` and `buffer` are in the same file."""

MEMBERS = ("address", "size", "alloced_by")
"""What a record has, whatever else."""


class TracedBlock(NamedTuple):
    """A recorded allocation: who called for it, innermost first, and who freed it (empty while it is not)."""

    address: int
    size: int
    allocated_by: tuple[int, ...]
    freed_by: tuple[int, ...] = ()

    def to_json(self) -> dict[str, object]:
        """The record as reports have it."""
        return {
            "address": f"0x{self.address:08x}",
            "size": self.size,
            "allocated_by": [f"0x{pc:08x}" for pc in self.allocated_by],
            "freed_by": [f"0x{pc:08x}" for pc in self.freed_by],
        }


Name = Callable[[int], str | None]
"""The function at a return address."""


@dataclass(slots=True)
class HeapTrace:
    """What was recorded; `known` is False where tracing is not in the program or its records not in the dump."""

    known: bool = False
    blocks: list[TracedBlock] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    @property
    def owners(self) -> list[tuple[tuple[int, ...], int, int]]:
        """(backtrace, blocks, bytes) of what was not freed, those first that hold most memory."""
        sizes: dict[tuple[int, ...], list[int]] = defaultdict(list)
        for block in self.blocks:
            if not block.freed_by:
                sizes[block.allocated_by].append(block.size)
        found = [(chain, len(taken), sum(taken)) for chain, taken in sizes.items()]
        return sorted(found, key=lambda item: -item[2])

    def to_json(self) -> dict[str, object]:
        """The records as reports have them."""
        return {"known": self.known, "records": [block.to_json() for block in self.blocks], "damage": self.damage}

    def lines(self, name: Name) -> list[str]:
        """The records for reading, by owner; nothing where there was no tracing."""
        if not self.known:
            return []
        owners = self.owners
        found = [f"heap tracing: {len(self.blocks)} records, {sum(count for _, count, _ in owners)} not freed"]
        for chain, count, size in owners[:SHOWN_OWNERS]:
            shown = " < ".join(name(pc) or f"0x{pc:08x}" for pc in chain) or "not recorded"
            found.append(f"  {size} bytes in {count} by {shown}")
        if len(owners) > SHOWN_OWNERS:
            found.append(f"  ... {len(owners) - SHOWN_OWNERS} more owners")
        return found + [f"  damaged: {text}" for text in self.damage]


def read_heap_trace(variables: GlobalVariables, memory: Memory) -> HeapTrace:
    """Read the records by the names of their members; none where the program has no tracing."""
    trace = HeapTrace()
    for table in (*_in_structures(variables, memory), *_in_variables(variables, memory)):
        trace.known = True
        if table.used > MAX_RECORDS or (table.capacity is not None and table.used > table.capacity):
            trace.damage.append(f"{table.used} records are counted, {table.capacity} fit")
            continue
        trace.blocks = list(_records(memory, table.record, table.buffer, table.places))
        if len(trace.blocks) != table.used:
            trace.damage.append(f"{table.used} records are counted, {len(trace.blocks)} are in the dump")
    return trace


class _Table(NamedTuple):
    """Where the records are; `places` are looked through for the `used` ones."""

    record: FlatStructure
    buffer: int
    used: int
    capacity: int | None
    places: int


def _in_structures(variables: GlobalVariables, memory: Memory) -> Iterator[_Table]:
    """ESP-IDF 5: one structure; records of freed blocks leave holes, so that the others are anywhere in the buffer."""
    for item in (item for name in HOLDERS for item in variables.named(name)):
        kinds = _kinds(item)
        if kinds is None:
            continue
        holder, record = kinds
        buffer, count = (holder.number(memory, item.address, name) for name in ("buffer", "count"))
        if buffer is not None and count is not None:
            capacity = holder.number(memory, item.address, "capacity")
            yield _Table(record, buffer, count, capacity, min(count if capacity is None else capacity, MAX_RECORDS))


def _in_variables(variables: GlobalVariables, memory: Memory) -> Iterator[_Table]:
    """ESP-IDF 4: variables of one file; the records in use are the first of the buffer."""
    for capacity in variables.named(CAPACITY):
        beside = {item.name: item for item in variables.beside(capacity)}
        count, buffer = beside.get("count"), beside.get("buffer")
        record = _record(strip(buffer.type)) if buffer is not None else None
        if buffer is None or count is None or record is None:
            continue
        places, used, most = (word(memory, item.address) for item in (buffer, count, capacity))
        if places is not None and used is not None and most is not None:
            yield _Table(record, places, used, most, used)


def _kinds(item: GlobalVariable) -> tuple[FlatStructure, FlatStructure] | None:
    """The structure of the variable, and of a record; None for another variable of that name."""
    try:
        with reading("heap tracing"):
            plain = strip(item.type)
            if plain.tag not in WITH_MEMBERS:
                return None
            buffer = next((member for member in members(plain) if member.name == "buffer"), None)
            record = _record(strip(type_of(plain.unit, buffer.attributes))) if buffer is not None else None
            return (structure_of(plain), record) if record is not None else None
    except PostmortemError:
        return None


def _record(pointer: Type) -> FlatStructure | None:
    """The structure of a record that is pointed to; None for something else."""
    try:
        with reading("heap tracing"):
            pointed = strip(pointer.inner) if pointer.tag in REFERENCES else None
            if pointed is None or pointed.tag not in WITH_MEMBERS:
                return None
            record = structure_of(pointed)
    except PostmortemError:
        return None
    return record if record.size and all(record.field(name) is not None for name in MEMBERS) else None


def _records(memory: Memory, kind: FlatStructure, buffer: int, count: int) -> Iterator[TracedBlock]:
    for at in range(buffer, buffer + count * kind.size, kind.size):
        address, size = kind.number(memory, at, "address"), kind.number(memory, at, "size")
        if address and size is not None:
            chains = (_addresses(memory, kind, at, name) for name in ("alloced_by", "freed_by"))
            yield TracedBlock(address, size, *chains)


def _addresses(memory: Memory, kind: FlatStructure, record: int, name: str) -> tuple[int, ...]:
    found = kind.field(name)
    content = memory.read(record + found.offset, min(found.size, 4 * MAX_DEPTH)) if found is not None else None
    words = struct.unpack(f"<{len(content) // 4}I", content[: len(content) // 4 * 4]) if content else ()
    return tuple(word for word in words if word)
