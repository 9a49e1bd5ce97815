"""The records of ESP-IDF's standalone heap tracing in a dump: which code allocated what is still there."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from espmon.postmortem.flat_structure import FlatStructure, structure_of
from espmon.postmortem.global_variables import GlobalVariable, GlobalVariables
from espmon.postmortem.memory import Memory
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.types import REFERENCES, WITH_MEMBERS, members, strip, type_of

MAX_RECORDS = 20_000
MAX_DEPTH = 32
SHOWN_OWNERS = 12
HOLDERS = ("records", "heap_trace_records")
"""What the variable is called that has the buffer and how many records there are."""


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
    for item in (item for name in HOLDERS for item in variables.named(name)):
        try:
            with reading("heap tracing"):
                kinds = _kinds(item)
        except PostmortemError:
            continue
        if kinds is None:
            continue
        holder, record = kinds
        buffer, count = (holder.number(memory, item.address, name) for name in ("buffer", "count"))
        if buffer is None or count is None:
            continue
        trace.known = True
        capacity = holder.number(memory, item.address, "capacity")
        if count > MAX_RECORDS or (capacity is not None and count > capacity):
            trace.damage.append(f"{count} records are counted, {capacity} fit")
            continue
        # Records of freed blocks leave holes: the others are anywhere in the buffer.
        places = min(capacity if capacity is not None else count, MAX_RECORDS)
        trace.blocks = list(_records(memory, record, buffer, places))
        if len(trace.blocks) != count:
            trace.damage.append(f"{count} records are counted, {len(trace.blocks)} are in the dump")
    return trace


def _kinds(item: GlobalVariable) -> tuple[FlatStructure, FlatStructure] | None:
    """The structure of the variable, and of a record; None for another variable of that name."""
    plain = strip(item.type)
    if plain.tag not in WITH_MEMBERS:
        return None
    buffer = next((member for member in members(plain) if member.name == "buffer"), None)
    if buffer is None:
        return None
    pointer = strip(type_of(plain.unit, buffer.attributes))
    if pointer.tag not in REFERENCES:
        return None
    holder, record = structure_of(plain), structure_of(strip(pointer.inner))
    wanted = ("address", "size", "alloced_by")
    return (holder, record) if record.size and all(record.field(name) is not None for name in wanted) else None


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
