"""Walks ESP-IDF's heaps in a dump: multi_heap over TLSF, with and without poisoning, by the ELF's own types.

A block's header has its size, with two flags in the lowest bits: it is free, the one before it is free. The word in
front of a header is the last one of the block before, and leads to that block while it is free (`block_header_t`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.flat_structure import FlatStructure, flat_structure, units_of
from espmon.postmortem.heap_state import HeapBlock, HeapReport, HeapState
from espmon.postmortem.memory import Memory, word
from espmon.postmortem.named_entries import entries_named
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.postmortem.symbolizer import Image

STRUCTURES: Mapping[str, Sequence[bytes]] = {
    "registered": (b"heap_t_",),
    "heap": (b"multi_heap_info",),
    "block": (b"block_header_t",),
    "control": (b"control_t",),
}
FUNCTIONS = (
    b"heap_caps_get_info",
    b"heap_caps_malloc",
    b"multi_heap_get_info_impl",
    b"multi_heap_malloc",
    b"tlsf_malloc",
)
"""Functions of the units that define them."""

HEAPS = b"registered_heaps"
SLOW_POISONING = b"verify_fill_pattern"
"""A function that only comprehensive poisoning has: free memory is filled then."""

FREE, BEFORE_FREE = 1, 2
SIZE_MASK = 0xFFFF_FFFC
WORD = 4
FREE_LINKS = 8
"""Bytes at the start of a free block that hold its place in the list of free ones."""

HEAD_CANARY, TAIL_CANARY, FREE_FILL = 0xABBA_1234, 0xBAAD_5678, 0xFE
MAX_HEAPS, MAX_BLOCKS, MAX_DAMAGE = 64, 200_000, 20
MAX_HEAP_BYTES = 64 << 20
MEMBER = frozenset({dw.TAG_MEMBER})


class Poisoning(NamedTuple):
    """What stands before the bytes that malloc() gives: `asked` and `owner` are offsets in it, `size` its bytes."""

    asked: int
    owner: int | None
    size: int
    fills: bool


class HeapTypes:
    """The heap's structures in one ELF; `poisoning` is None where the heap was built without."""

    def __init__(self, image: Image) -> None:
        self.symbols = image.elf.symbols_named([HEAPS, SLOW_POISONING, *FUNCTIONS])
        units = units_of(image, (self.symbols[name] for name in FUNCTIONS if name in self.symbols))
        self.structures = {name: flat_structure(image, names, units) for name, names in STRUCTURES.items()}
        self.poisoning = _poisoning(image, SLOW_POISONING in self.symbols)


def _poisoning(image: Image, fills: bool) -> Poisoning | None:
    try:
        unit, first = next(entries_named(image, b"head_canary", MEMBER))
        asked = next(
            position
            for other, position in entries_named(image, b"alloc_size", MEMBER)
            if other is unit and position > first
        )
        owners = (position for other, position in entries_named(image, b"task", MEMBER) if other is unit)
        owner = next((position for position in owners if first < position < asked), None)
    except (StopIteration, PostmortemError):
        return None
    place = unit.attributes(asked).get(dw.AT_DATA_MEMBER_LOCATION)
    task = unit.attributes(owner).get(dw.AT_DATA_MEMBER_LOCATION) if owner is not None else None
    if not isinstance(place, int):
        return None
    return Poisoning(place, task if isinstance(task, int) else None, place + WORD, fills)


def read_heaps(types: HeapTypes, memory: Memory) -> HeapReport:
    """Return the heaps as far as the dump holds them and the ELF describes their types."""
    return _Reader(types, memory).read()


class _Reader:
    def __init__(self, types: HeapTypes, memory: Memory) -> None:
        self.types, self.memory, self.poisoning = types.structures, memory, types.poisoning
        self.symbols = types.symbols

    def read(self) -> HeapReport:
        report = HeapReport()
        kind, symbol = self.types["registered"], self.symbols.get(HEAPS)
        at = word(self.memory, symbol.address) if symbol is not None else None
        if kind is None or at is None:
            return report
        report.known = True
        seen: set[int] = set()
        while at:
            if at in seen or len(seen) >= MAX_HEAPS:
                report.damage.append(f"the list of heaps comes back to 0x{at:08x}")
                return report
            seen.add(at)
            start, end = kind.number(self.memory, at, "start"), kind.number(self.memory, at, "end")
            if start is None or end is None:
                report.damage.append(f"the list of heaps leads to 0x{at:08x}, which is not in this dump")
                return report
            if not start < end <= start + MAX_HEAP_BYTES:
                report.damage.append(f"the heap at 0x{at:08x} reaches from 0x{start:08x} to 0x{end:08x}")
                return report
            heap = HeapState(start, end)
            report.heaps.append(heap)
            handle = kind.number(self.memory, at, "heap")
            if handle:
                self._heap(heap, handle)
            at = kind.number(self.memory, at, "next.sle_next", "next")
        return report

    def _heap(self, heap: HeapState, handle: int) -> None:
        kind, control, block = self.types["heap"], self.types["control"], self.types["block"]
        if kind is None:
            return
        heap.counted_free = kind.number(self.memory, handle, "free_bytes")
        heap.minimum_free = kind.number(self.memory, handle, "minimum_free_bytes")
        pool = kind.number(self.memory, handle, "heap_data")
        if not pool or control is None or block is None or "size" not in block.fields:
            return
        length = control.number(self.memory, pool, "size") if "size" in control.fields else control.size
        if length is None:
            return
        if not heap.start <= pool < pool + length < heap.end:
            heap.damage.append(f"the heap's control structure at 0x{pool:08x} says that it has {length} bytes")
            return
        heap.walked = True
        self._walk(heap, block, pool + length - WORD)

    def _walk(self, heap: HeapState, kind: FlatStructure, at: int) -> None:
        """Follow the blocks from the first header; stops at the first that cannot be one, naming the one before it."""
        size_at = kind.offset("size") or WORD
        before_free, before = False, 0
        for _ in range(MAX_BLOCKS):
            told = word(self.memory, at + size_at)
            if told is None:
                heap.damage.append(f"the block header at 0x{at:08x} is not in this dump: the walk ends there")
                return
            size, free = told & SIZE_MASK, bool(told & FREE)
            data = at + size_at + WORD
            trouble = self._header(heap, at, told, before_free, before)
            if trouble:
                self._name(heap, trouble)
                return
            if size == 0:
                return  # the end of the heap
            block = HeapBlock(data, size, not free)
            if self.poisoning is not None and not free:
                block = self._poisoned(heap, block, self.poisoning)
            elif self.poisoning is not None and self.poisoning.fills:
                self._filled(heap, block)
            heap.blocks.append(block)
            before_free, before = free, data
            at = data + size - WORD

    def _header(self, heap: HeapState, at: int, told: int, before_free: bool, before: int) -> str:
        """What is wrong with a block's header; an empty text where nothing is."""
        size = told & SIZE_MASK
        name = f"the block header at 0x{at:08x} is damaged"
        if at + 2 * WORD + size > heap.end:
            return f"{name}: its size 0x{told:08x} leads out of the heap"
        if bool(told & BEFORE_FREE) != before_free:
            return f"{name}: its size 0x{told:08x} says the contrary of whether the block before is free"
        if before_free and word(self.memory, at) != before - 2 * WORD:
            return f"{name}: its link to the free block before is 0x{word(self.memory, at) or 0:08x}"
        return ""

    def _poisoned(self, heap: HeapState, block: HeapBlock, kind: Poisoning) -> HeapBlock:
        """A used block of a poisoned heap: what malloc() gave lies between two canaries."""
        head = word(self.memory, block.address)
        asked = word(self.memory, block.address + kind.asked)
        inside = block.address + kind.size
        if head != HEAD_CANARY:
            self._name(heap, f"the canary before the block 0x{inside:08x} is 0x{head or 0:08x}")
            return block._replace(address=inside)
        if asked is None or kind.size + asked + WORD > block.size:
            self._name(heap, f"the block 0x{inside:08x} says that 0x{asked or 0:08x} bytes were asked for")
            return block._replace(address=inside)
        tail = word(self.memory, inside + asked)
        if tail != TAIL_CANARY:
            held = "not in this dump" if tail is None else f"0x{tail:08x}"
            self._name(heap, f"the canary behind the block 0x{inside:08x} ({asked} bytes) is {held}")
        owner = word(self.memory, block.address + kind.owner) if kind.owner is not None else None
        return HeapBlock(inside, block.size, True, asked, owner)

    def _name(self, heap: HeapState, text: str) -> None:
        if len(heap.damage) < MAX_DAMAGE:
            before = heap.blocks[-1] if heap.blocks else None
            behind = (
                f"; the block before it is 0x{before.address:08x} ({before.size} bytes)" if before is not None else ""
            )
            heap.damage.append(f"{text}{behind}")

    def _filled(self, heap: HeapState, block: HeapBlock) -> None:
        """A free block of a heap that fills freed memory: what is not the fill was written after it was freed."""
        if block.size <= FREE_LINKS + WORD:
            return
        start = block.address + FREE_LINKS
        content = self.memory.read(start, block.size - FREE_LINKS - WORD)
        if content is None:
            return
        written = next(_other(content, FREE_FILL), None)
        if written is not None and len(heap.damage) < MAX_DAMAGE:
            heap.damage.append(
                f"the free block 0x{block.address:08x} was written at 0x{start + written:08x} after it was freed"
            )


def _other(content: bytes, fill: int) -> Iterator[int]:
    """The places of bytes that are not the fill."""
    rest = content.lstrip(bytes([fill]))
    if rest:
        yield len(content) - len(rest)
