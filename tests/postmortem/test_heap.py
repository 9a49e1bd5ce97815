"""Heaps are walked block by block; each damage is named with the block before it, and none is invented."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from espmon.postmortem.heap_reader import HeapTypes, Poisoning, read_heaps
from espmon.postmortem.heap_state import HeapReport
from espmon.postmortem.likely_cause import damaged_heaps
from espmon.postmortem.memory import SegmentMemory
from espmon.postmortem.symbolizer import Image
from tests.inputs import REAL
from tests.postmortem.heap_images import RAM, STRUCTURES, HeapImage, PlannedBlock, PlannedHeap, planned_heaps
from tests.postmortem.rtos_images import Types, types_of

EXAMPLES = int(os.environ.get("ESPMON_HEAP_EXAMPLES", "60"))
SETTINGS = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
SOURCES = ("tasks.c", "heap_caps_init.c", "multi_heap.c", "tlsf.c", "heap_caps.c")


@cache
def kinds() -> tuple[Types, HeapTypes]:
    path = REAL / "coredump" / "esp32" / "app.elf"
    if not path.exists():
        pytest.skip("real ELFs are not here")
    return types_of(path, SOURCES, STRUCTURES), HeapTypes(Image(path))


def read(image: HeapImage) -> HeapReport:
    types = kinds()[1]
    types.poisoning = (
        Poisoning(image.head - 4, 4 if image.owners else None, image.head, True) if image.poisoned else None
    )
    return read_heaps(types, SegmentMemory(image.segments()))


@SETTINGS
@given(heaps=planned_heaps(), poisoned=st.booleans(), owners=st.booleans())
def test_every_block_is_read_back(heaps: list[PlannedHeap], poisoned: bool, owners: bool) -> None:
    report = read(HeapImage(kinds()[0], heaps, poisoned, owners and poisoned))
    assert report.known
    assert report.damage == []
    assert len(report.heaps) == len(heaps)
    for plan, found in zip(heaps, report.heaps, strict=True):
        assert found.damage == []
        assert (found.start, found.end, found.walked) == (plan.start, plan.end, True)
        told = [(block.address, block.size, block.used) for block in found.blocks]
        assert told == [(block.data, block.size, block.used) for block in plan.blocks]
        free = [block.size for block in plan.blocks if not block.used]
        assert (
            (found.free, found.largest_free)
            == (sum(free), max(free, default=0))
            == (found.counted_free, found.largest_free)
        )
        assert found.minimum_free == plan.minimum
        assert sum(size * count for size, count in found.sizes) == sum(b.size for b in plan.blocks if b.used)
        if poisoned:
            asked = [block.requested for block in found.blocks if block.used]
            assert asked == [block.asked for block in plan.blocks if block.used]
            owner = 0x3FFB0000 if owners else None
            assert {block.owner for block in found.blocks if block.used} <= {owner}
    assert report.lines() or not heaps
    assert report.to_json()["known"] is True


DAMAGES = ("head", "tail", "size", "flag", "link", "freed")


@SETTINGS
@given(heaps=planned_heaps(), how=st.sampled_from(DAMAGES), data=st.data())
def test_every_damage_is_named_with_the_block_before_it(
    heaps: list[PlannedHeap], how: str, data: st.DataObject
) -> None:
    image = HeapImage(kinds()[0], heaps, True)
    places = [(heap, index) for heap in heaps for index, block in enumerate(heap.blocks) if fits(heap, index, how)]
    assume(places)
    heap, index = data.draw(st.sampled_from(places))
    block = heap.blocks[index]
    before: PlannedBlock | None = heap.blocks[index - 1] if index else None
    if how == "head":
        image.put(block.data - image.head, data.draw(st.sampled_from([0, 0xFFFFFFFF, 0xABBA1235])))
    elif how == "tail":
        at = block.data + block.asked - RAM
        image.memory[at] ^= data.draw(st.integers(1, 255))
    elif how == "size":
        image.put(block.header + 4, image.get(block.header + 4) | 0x7FFFF000)
    elif how == "flag":
        image.put(block.header + 4, image.get(block.header + 4) ^ 2)
    elif how == "link":
        image.put(block.header, image.get(block.header) ^ 0x40)
    else:
        at = block.data + 8 + data.draw(st.integers(0, block.size - 13)) - RAM
        image.memory[at] ^= data.draw(st.integers(1, 255))
    damage = [text for found in read(image).heaps for text in found.damage]
    assert len(damage) == 1
    if how == "freed":
        assert "was written at" in damage[0]
        assert "after it was freed" in damage[0]
    else:
        named = f"; the block before it is 0x{before.data:08x} ({before.size} bytes)" if before is not None else ""
        assert damage[0].endswith(named)
        assert ("; the block before it is" in damage[0]) == (before is not None)


def fits(heap: PlannedHeap, index: int, how: str) -> bool:
    """Whether a block can be damaged in this way."""
    block = heap.blocks[index]
    if how in ("head", "tail"):
        return block.used
    if how == "link":
        return index > 0 and not heap.blocks[index - 1].used
    if how == "freed":
        return not block.used and block.size > 12
    return True


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(heaps=planned_heaps(), at=st.integers(0, 4096), content=st.binary(min_size=1, max_size=64))
def test_any_bytes_end_with_a_report(heaps: list[PlannedHeap], at: int, content: bytes) -> None:
    image = HeapImage(kinds()[0], heaps, True)
    place = at % max(len(image.memory), 1)
    image.memory[place : place + len(content)] = content
    report = read(image)
    assert len(report.heaps) <= 64
    assert report.lines() or not heaps


def test_a_dump_without_the_list_of_heaps_says_so() -> None:
    report = read_heaps(kinds()[1], SegmentMemory([]))
    assert report.lines() == ["the list of heaps: not in this dump"]


def test_a_damaged_heap_is_a_likely_cause_with_what_is_damaged() -> None:
    image = HeapImage(kinds()[0], [PlannedHeap([PlannedBlock(8, True), PlannedBlock(20, True)])], True)
    first, second = image.heaps[0].blocks
    image.put(second.data - image.head, 0)
    (cause,) = damaged_heaps(read(image))
    assert cause.kind == "heap_corruption"
    assert cause.sentence == "The heap is damaged."
    assert cause.evidence == (
        f"the canary before the block 0x{second.data:08x} is 0x00000000; the block before it is "
        f"0x{first.data:08x} ({first.size} bytes)",
    )
    assert damaged_heaps(HeapReport()) == []
    assert damaged_heaps(None) == []


POISONED = """
struct tskTaskControlBlock;
typedef struct {{ unsigned head_canary; {owner} unsigned alloc_size; }} poison_head_t;
poison_head_t head;
{extra}
int _start(void) {{ return head.alloc_size; }}
"""


@pytest.mark.parametrize(
    ("owner", "extra", "expected"),
    [
        ("", "", Poisoning(4, None, 8, False)),
        ("struct tskTaskControlBlock *task;", "", Poisoning(8, 4, 12, False)),
        ("", "int verify_fill_pattern(void) { return 1; }", Poisoning(4, None, 8, True)),
    ],
)
def test_poisoning_is_seen_by_its_members(owner: str, extra: str, expected: Sequence[object], tmp_path: Path) -> None:
    compiler = shutil.which("riscv64-unknown-elf-gcc")
    if compiler is None:
        pytest.skip("riscv64-unknown-elf-gcc is not installed")
    source, elf = tmp_path / "heap.c", tmp_path / "heap.elf"
    source.write_text(POISONED.format(owner=owner, extra=extra))
    machine = ["-march=rv32imac", "-mabi=ilp32", "-ffreestanding", "-nostdlib", "-g"]
    subprocess.run([compiler, *machine, str(source), "-o", str(elf)], check=True)
    assert HeapTypes(Image(elf)).poisoning == expected
