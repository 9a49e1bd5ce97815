"""Records of heap tracing are read back out of memory that was laid out by the C declaration, by owner."""

from __future__ import annotations

import struct
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espmon.model.architecture import RISCV
from espmon.postmortem.dump_inspector import DumpInspector
from espmon.postmortem.heap_trace import SHOWN_OWNERS, HeapTrace, TracedBlock, read_heap_trace
from espmon.postmortem.memory import SegmentMemory
from espmon.postmortem.symbolizer import Symbolizer
from tests.postmortem.rtos_images import types_of

ELVES = Path(__file__).resolve().parents[1] / "fixtures" / "elf"
VANILLA, CLASSIC = ELVES / "kernel_vanilla.elf", ELVES / "kernel_classic.elf"
BUFFER = 0x3FCB_0000
RECORD = struct.Struct("<III4I4I")
QUICK = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
CHAIN = st.lists(st.integers(0x4200_0000, 0x4200_FFFF), max_size=4).map(tuple)
BLOCKS = st.builds(TracedBlock, st.integers(0x3FC8_0000, 0x3FCF_FFFF), st.integers(0, 1 << 20), CHAIN, CHAIN)


@cache
def program() -> tuple[Symbolizer, int]:
    return Symbolizer(VANILLA), types_of(VANILLA, ("kernel.c",)).symbols["records"]


def read(blocks: list[TracedBlock | None], *, count: int | None = None, capacity: int | None = None) -> HeapTrace:
    """Trace what a buffer with these records gives; None is the hole that a freed block left."""
    symbolizer, address = program()
    data = b""
    for block in blocks:
        if block is None:
            data += bytes(RECORD.size)
        else:
            chains = ((*chain, 0, 0, 0, 0)[:4] for chain in (block.allocated_by, block.freed_by))
            data += RECORD.pack(1, block.address, block.size, *(pc for chain in chains for pc in chain))
    held = sum(block is not None for block in blocks) if count is None else count
    holder = struct.pack("<4I?", BUFFER, len(blocks) if capacity is None else capacity, held, 9, False).ljust(20, b"\0")
    memory = SegmentMemory([(BUFFER, data), (address, holder)])
    return read_heap_trace(DumpInspector(symbolizer, memory, RISCV).globals, memory)


@QUICK
@given(blocks=st.lists(st.one_of(st.none(), BLOCKS), max_size=12))
def test_every_record_is_read_back_and_counted_to_its_owner(blocks: list[TracedBlock | None]) -> None:
    trace = read(blocks)
    held = [block for block in blocks if block is not None]
    assert (trace.known, trace.damage, trace.blocks) == (True, [], held)
    left = [block for block in held if not block.freed_by]
    assert sum(count for _, count, _ in trace.owners) == len(left)
    assert sum(size for _, _, size in trace.owners) == sum(block.size for block in left)
    assert {chain for chain, _, _ in trace.owners} == {block.allocated_by for block in left}


def read_of_idf_4(
    blocks: list[TracedBlock], *, stale: list[TracedBlock] | None = None, count: int | None = None, capacity: int = 64
) -> HeapTrace:
    """Trace what ESP-IDF 4's variables give; behind the records that count lie some that do not any more."""
    symbolizer, symbols = Symbolizer(CLASSIC), types_of(CLASSIC, ("kernel.c",)).symbols
    data = b""
    for block in [*blocks, *(stale or [])]:
        chains = ((*chain, 0, 0, 0, 0)[:4] for chain in (block.allocated_by, block.freed_by))
        data += RECORD.pack(1, block.address, block.size, *(pc for chain in chains for pc in chain))
    words = {"buffer": BUFFER, "total_records": capacity, "count": len(blocks) if count is None else count}
    pieces = [(symbols[name], struct.pack("<I", value)) for name, value in words.items()]
    memory = SegmentMemory([(BUFFER, data.ljust(RECORD.size, b"\0")), *sorted(pieces)])
    return read_heap_trace(DumpInspector(symbolizer, memory, RISCV).globals, memory)


@QUICK
@given(blocks=st.lists(BLOCKS, max_size=12), stale=st.lists(BLOCKS, max_size=3))
def test_records_of_idf_4_are_the_first_of_the_buffer(blocks: list[TracedBlock], stale: list[TracedBlock]) -> None:
    trace = read_of_idf_4(blocks, stale=stale)
    assert (trace.known, trace.damage, trace.blocks) == (True, [], blocks)


def test_counts_of_idf_4_that_do_not_go_together_are_damage() -> None:
    block = TracedBlock(0x3FC9_0000, 16, (0x4200_0000,))
    assert read_of_idf_4([block], count=65).damage == ["65 records are counted, 64 fit"]
    assert read_of_idf_4([block], count=2).damage == ["2 records are counted, 1 are in the dump"]


def test_owners_are_named_those_with_most_memory_first() -> None:
    function = types_of(VANILLA, ("kernel.c",)).symbols["xQueueReceive"]
    trace = read([
        TracedBlock(0x3FC9_0000, 16, (function + 2,)), TracedBlock(0x3FC9_0100, 64, ()),
        TracedBlock(0x3FC9_0200, 8, (function + 2,)), TracedBlock(0x3FC9_0300, 99, (function,), (function,)),
    ])  # fmt: skip
    assert trace.lines(program()[0].symbol_and_offset) == [
        "heap tracing: 4 records, 3 not freed", "  64 bytes in 1 by not recorded", "  24 bytes in 2 by xQueueReceive+2"
    ]  # fmt: skip
    assert trace.to_json()["known"] is True
    many = HeapTrace(True, [TracedBlock(1, size, (size,)) for size in range(1, SHOWN_OWNERS + 3)], ["torn"])
    assert many.lines(lambda pc: None)[-2:] == ["  ... 2 more owners", "  damaged: torn"]


@pytest.mark.parametrize(
    ("count", "capacity", "reason"),
    [
        (3, 2, "3 records are counted, 2 fit"),
        (2, 2, "2 records are counted, 1 are in the dump"),
        (1 << 30, None, "fit"),
    ],
)
def test_counts_that_do_not_go_together_are_damage(count: int, capacity: int | None, reason: str) -> None:
    trace = read([TracedBlock(0x3FC9_0000, 16, ())], count=count, capacity=capacity)
    assert reason in trace.damage[0]


def test_a_program_without_tracing_has_no_records() -> None:
    for name in ("kernel_classic", "dwarf5"):
        symbolizer = Symbolizer(ELVES / f"{name}.elf")
        memory = SegmentMemory([])
        trace = read_heap_trace(DumpInspector(symbolizer, memory, RISCV).globals, memory)
        assert (trace.known, trace.lines(symbolizer.symbol_and_offset)) == (False, [])
    symbolizer, _ = program()
    empty = SegmentMemory([])
    assert not read_heap_trace(DumpInspector(symbolizer, empty, RISCV).globals, empty).known
