"""Writes heaps as ESP-IDF's multi_heap over TLSF leaves them; shares no code with what reads them.

The members' places come from the real ELFs through pyelftools; the order of blocks from a plan.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import strategies as st

from tests.postmortem.rtos_images import Types

RAM = 0x3FFE_0000
STRUCTURES = ("heap_t_", "multi_heap_info", "block_header_t", "control_t")
CONTROL_BYTES = 0x60


@dataclass
class PlannedBlock:
    """What malloc() was asked for; the block is free where `used` is False."""

    asked: int
    used: bool
    data: int = 0
    size: int = 0
    header: int = 0


@dataclass
class PlannedHeap:
    """Blocks in the order of addresses; no two free ones stand beside each other."""

    blocks: list[PlannedBlock]
    minimum: int = 0
    start: int = 0
    end: int = 0


@dataclass
class HeapImage:
    """Memory with the list of heaps in it."""

    types: Types
    heaps: list[PlannedHeap]
    poisoned: bool
    owners: bool = False
    memory: bytearray = field(default_factory=bytearray)
    handles: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        registered = self.types.sizes["heap_t_"]
        self.memory = bytearray(registered * len(self.heaps))
        for number, heap in enumerate(self.heaps):
            heap.start = RAM + len(self.memory)
            self._heap(heap)
            at = RAM + number * registered
            following = RAM + (number + 1) * registered if number + 1 < len(self.heaps) else 0
            values = (("start", heap.start), ("end", heap.end), ("heap", heap.start), ("next.sle_next", following))
            for name, value in values:
                self.set("heap_t_", at, name, value)

    def segments(self) -> list[tuple[int, bytes]]:
        """The memory as pieces."""
        listed = RAM if self.heaps else 0
        return [(RAM, bytes(self.memory)), (self.types.symbols["registered_heaps"], listed.to_bytes(4, "little"))]

    def put(self, address: int, value: int) -> None:
        """Write a word."""
        at = address - RAM
        if at + 4 > len(self.memory):
            self.memory.extend(bytes(at + 4 - len(self.memory)))
        self.memory[at : at + 4] = (value & 0xFFFFFFFF).to_bytes(4, "little")

    def get(self, address: int) -> int:
        """Read a word."""
        return int.from_bytes(self.memory[address - RAM : address - RAM + 4], "little")

    def set(self, structure: str, address: int, path: str, value: int) -> None:
        """Write a member."""
        self.put(address + self.types.structures[structure][path][0], value)

    @property
    def head(self) -> int:
        """Bytes before what malloc() gives."""
        return (12 if self.owners else 8) if self.poisoned else 0

    def _heap(self, heap: PlannedHeap) -> None:
        control = heap.start + self.types.sizes["multi_heap_info"]
        header = control + CONTROL_BYTES - 4
        free_before, last = False, 0
        for block in heap.blocks:
            extra = self.head + 4 if self.poisoned else 0
            block.size = max(12, (block.asked + extra + 3) // 4 * 4)
            block.header = header
            if free_before:
                self.put(header, last)
            self.put(header + 4, block.size | (0 if block.used else 1) | (2 if free_before else 0))
            data = header + 8
            block.data = data + (self.head if block.used else 0)
            self._content(block, data)
            free_before, last = not block.used, header
            header = data + block.size - 4
        if free_before:
            self.put(header, last)
        self.put(header + 4, 2 if free_before else 0)
        heap.end = header + 8
        self.put(heap.end, 0)
        heap.end += 4
        free = sum(block.size for block in heap.blocks if not block.used)
        values = (("free_bytes", free), ("minimum_free_bytes", heap.minimum), ("heap_data", control))
        for name, value in values:
            self.set("multi_heap_info", heap.start, name, value)
        self.set("control_t", control, "size", CONTROL_BYTES)

    def _content(self, block: PlannedBlock, data: int) -> None:
        fill = (0xCE if block.used else 0xFE) if self.poisoned else 0x55
        at = data - RAM
        if at + block.size > len(self.memory):
            self.memory.extend(bytes(at + block.size - len(self.memory)))
        self.memory[at : at + block.size] = bytes([fill]) * block.size
        if not block.used:
            self.put(data, 0x3FFE1111)
            self.put(data + 4, 0x3FFE2222)
        elif self.poisoned:
            self.put(data, 0xABBA1234)
            if self.owners:
                self.put(data + 4, 0x3FFB0000)
            self.put(data + self.head - 4, block.asked)
            place = data + self.head + block.asked - RAM
            self.memory[place : place + 4] = (0xBAAD5678).to_bytes(4, "little")


@st.composite
def planned_heaps(draw: st.DrawFn) -> list[PlannedHeap]:
    """Any row of blocks of any heaps."""
    heaps = []
    for _ in range(draw(st.integers(0, 3))):
        blocks: list[PlannedBlock] = []
        for _ in range(draw(st.integers(1, 8))):
            used = bool(blocks and not blocks[-1].used) or draw(st.booleans())
            blocks.append(PlannedBlock(draw(st.integers(1, 300)), used))
        heaps.append(PlannedHeap(blocks, draw(st.integers(0, 10_000))))
    return heaps
