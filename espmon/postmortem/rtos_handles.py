"""Where global variables lead: the addresses that a program's pointers and static objects have in a dump."""

from __future__ import annotations

from collections.abc import Iterator

from espmon.postmortem.elf import Elf
from espmon.postmortem.flat_structure import FlatStructure
from espmon.postmortem.memory import Memory, SegmentMemory, word

MAX_VARIABLES = 20_000
MAX_ELEMENTS = 64
"""Pointers of one array that are followed."""


def handles(elf: Elf, memory: Memory) -> dict[int, str]:
    """Address -> the variable that is there, or that leads there; the first of some.

    Only variables that the dump holds count, and only of a pointer's size or a small number of them.
    """
    found: dict[int, str] = {}
    for name, address, size in _variables(elf, memory):
        found.setdefault(address, name)
        if size % 4 or size > 4 * MAX_ELEMENTS:
            continue
        for index in range(size // 4):
            target = word(memory, address + 4 * index)
            if target and target % 4 == 0 and memory.read(target, 4) is not None:
                found.setdefault(target, name if size == 4 else f"{name}[{index}]")
    return found


def _variables(elf: Elf, memory: Memory) -> Iterator[tuple[str, int, int]]:
    if not isinstance(memory, SegmentMemory):
        return
    left = MAX_VARIABLES
    for start, data in memory.segments:
        for symbol in elf.variables_between(start, start + len(data)):
            left -= 1
            if left < 0:
                return
            yield symbol.name, symbol.address, symbol.size


def is_empty_list(kind: FlatStructure, memory: Memory, address: int) -> bool:
    """Whether a list of the kernel's is at an address that has no items: its end leads to itself, both ways."""
    end = address + (kind.offset("xListEnd") or 0)
    names = ("uxNumberOfItems", "xListEnd.pxNext", "xListEnd.pxPrevious", "xListEnd.xItemValue")
    return [kind.number(memory, address, name) for name in names] == [0, end, end, 0xFFFFFFFF]
