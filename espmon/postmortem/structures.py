"""Structures by their DWARF names: where the fields of FreeRTOS's task control block are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dwarf_unit import Unit
from espmon.postmortem.named_entries import entries_named
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.symbolizer import Image

TASK_STRUCTURES = (b"tskTaskControlBlock", b"tskTCB")
SINGLE_CORE = {
    "pxTopOfStack": 0,
    "xStateListItem": 4,
    "xEventListItem": 24,
    "uxPriority": 44,
    "pxStack": 48,
    "pcTaskName": 52,
    "pxEndOfStack": 68,
    "uxBasePriority": 72,
}
DUAL_CORE = {**SINGLE_CORE, "pxEndOfStack": 72, "uxBasePriority": 76}
"""Where the fields are in the builds this was measured on; used only when the ELF does not say."""
LOWEST_STACK, NO_AFFINITY = 0x2000_0000, 0x7FFF_FFFF
"""Stacks lie above the first; a task that runs on either core has the second for its core."""


class TaskLayout(NamedTuple):
    """Field name -> byte offset in the control block; `certain` is False for the assumed layout."""

    offsets: dict[str, int]
    certain: bool
    name_size: int = 16

    def word(self, block: bytes, field: str) -> int | None:
        """Return a 32-bit field, None when the block has no such field."""
        at = self.offsets.get(field)
        if at is None or at + 4 > len(block):
            return None
        return int.from_bytes(block[at : at + 4], "little")

    def name(self, block: bytes) -> str:
        """Return the task's name; control characters are shown as question marks."""
        at = self.offsets["pcTaskName"]
        raw = block[at : at + self.name_size].split(b"\0")[0].decode("utf-8", "replace")
        return "".join(letter if letter.isprintable() else "?" for letter in raw)


def task_layout(image: Image) -> TaskLayout | None:
    """Find the layout of the task control block in the debug information; None where it is not described."""
    try:
        with reading(f"{image.elf.path}: task control block"):
            for name in TASK_STRUCTURES:
                offsets = structure_fields(image, name)
                if offsets and {"pxTopOfStack", "pcTaskName"} <= set(offsets):
                    size = 16
                    following = [offset for offset in offsets.values() if offset > offsets["pcTaskName"]]
                    if following:
                        size = min(256, min(following) - offsets["pcTaskName"])
                    return TaskLayout(offsets, True, size)
    except PostmortemError:
        pass
    return None


def assumed_layout(blocks: Iterable[bytes]) -> TaskLayout:
    """Return the usual layout, told from the blocks themselves: with two cores, the task's core stands where else the
    end of its stack does.
    """
    ends = [TaskLayout(SINGLE_CORE, False).word(block, "pxEndOfStack") for block in blocks]
    single = any(end is not None and LOWEST_STACK <= end < NO_AFFINITY for end in ends)
    return TaskLayout(SINGLE_CORE if single else DUAL_CORE, False)


def structure_fields(image: Image, name: bytes) -> dict[str, int]:
    """Return field -> offset of a structure, empty when no unit defines it.

    Found by the place of its name in `.debug_str`: that is one search instead of a walk through every unit.
    """
    for unit, position in definitions(image, name):
        fields: dict[str, int] = {}
        for depth, where, abbreviation, _ in unit.walk(position, frozenset()):
            if depth == 1 and abbreviation.tag == dw.TAG_MEMBER:
                attributes = unit.attributes(where)
                field, offset = attributes.get(dw.AT_NAME), attributes.get(dw.AT_DATA_MEMBER_LOCATION, 0)
                if isinstance(field, str) and isinstance(offset, int):
                    fields[field] = offset
        if fields:
            return fields
    return {}


def definitions(image: Image, name: bytes, inside: Unit | None = None) -> list[tuple[Unit, int]]:
    """Return (unit, position) of the first structure with a name that is defined, not only declared."""
    for unit, position in entries_named(image, name, frozenset({dw.TAG_STRUCTURE}), inside):
        abbreviation, _ = unit.entry(position)
        if abbreviation is not None and abbreviation.children:
            return [(unit, position)]
    return []
