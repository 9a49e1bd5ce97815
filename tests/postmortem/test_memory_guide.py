"""What words of memory point to, on the simulated board's dump and on made ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from espmon.model.architecture import XTENSA
from espmon.postmortem import PostmortemError
from espmon.postmortem.dump_inspector import DumpInspector
from espmon.postmortem.heap_state import HeapBlock, HeapReport, HeapState
from espmon.postmortem.memory import SegmentMemory
from espmon.postmortem.memory_guide import MAX_WORDS, MemoryGuide
from tests.tui.screens.crash_data import CORE, SYMBOLIZER

HEAP = 0x3FC9_0000


def words(*values: int) -> bytes:
    return b"".join(value.to_bytes(4, "little") for value in values)


def guide(data: bytes, *, at: int = HEAP, xtensa: bool = False) -> MemoryGuide:
    assert CORE.inspector is not None
    architecture = XTENSA if xtensa else CORE.inspector.architecture
    inspector = DumpInspector(SYMBOLIZER, SegmentMemory([(at, data)]), architecture)
    blocks = [HeapBlock(HEAP, 64, True), HeapBlock(HEAP + 64, 32, False)]
    inspector.__dict__["heaps"] = HeapReport(True, [HeapState(HEAP, HEAP + 96, True, blocks=blocks)])
    return MemoryGuide(replace(CORE, inspector=inspector))


def test_a_word_is_a_heap_block_a_stack_a_symbol_or_a_text() -> None:
    found = guide(words(HEAP + 68, HEAP + 8) + b"hello\0..")
    stack = found.stacks[0]
    rows = found.rows(HEAP + 1, 4)
    assert rows[0].points_to == f"free heap block of 32 bytes at 0x{HEAP + 64:08x}+4"
    assert rows[1].points_to == f'used heap block of 64 bytes at 0x{HEAP:08x}+8  "hello"'
    assert rows[0].here.startswith("used heap block of 64 bytes")
    assert rows[1].here == ""
    assert rows[2].text() == f"0x{HEAP + 8:08x}  6c6c6568  hell"
    assert found.describe(stack.start + 4) == f"stack of {stack.task}+4"
    assert found.describe(found.place("app_main") + 2) == "app_main+2"
    assert found.describe(5) == ""


def test_what_is_not_in_the_dump_says_so() -> None:
    (row,) = guide(b"").rows(0x3FC8_0000, 1)
    assert row.value is None
    assert row.text() == "0x3fc80000  not in this dump"


def test_a_windowed_return_address_is_known_by_its_code() -> None:
    pc = CORE.frames[3].pc
    value = pc & 0x3FFF_FFFF | 0x8000_0000
    assert guide(b"", xtensa=True).describe(value).startswith(f"returns to {CORE.frames[3].function}+")
    assert guide(b"").describe(value) == ""


def test_places_are_named_by_address_variable_and_function() -> None:
    found = guide(b"")
    assert found.place("0x3fc90000") == found.place("3fc90000") == HEAP
    assert found.place("esp_app_desc") > 0x3C00_0000
    assert found.place("app_main") >> 24 == 0x42
    with pytest.raises(PostmortemError, match="neither an address"):
        found.place("no such thing")
    with pytest.raises(PostmortemError, match="neither an address"):
        found.place("")


def test_rows_are_bounded_at_the_end_of_memory_and_in_number() -> None:
    assert len(guide(b"").rows(0xFFFF_FFF8, 100)) == 2
    assert len(guide(b"").rows(HEAP, 10 * MAX_WORDS)) == MAX_WORDS


def test_without_an_elf_stacks_and_texts_are_known() -> None:
    found = MemoryGuide(replace(CORE, inspector=None))
    assert found.describe(found.stacks[0].start) == f"stack of {found.stacks[0].task}+0"
    assert found.describe(0x4200_0000) == ""
    assert found.place("3fc90000") == HEAP


def test_a_text_needs_its_end_and_characters() -> None:
    found = guide(b"text that goes on and on, longer than what is shown of it\0" + b"ab\0" + b"\x01\x02\x03\x04\0")
    assert found.describe(HEAP).endswith('"text that goes on and on, longer than what is sh..."')
    assert '"' not in found.describe(HEAP + 58)
    assert '"' not in found.describe(HEAP + 61)
