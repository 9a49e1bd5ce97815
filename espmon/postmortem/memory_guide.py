"""What the words of a dump's memory point to: symbols, stacks of tasks, heap blocks, texts."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from typing import NamedTuple

from espmon.model.architecture import XTENSA
from espmon.postmortem.core_report import CoreReport
from espmon.postmortem.memory import Memory, SegmentMemory, word
from espmon.postmortem.postmortem_error import PostmortemError

WORD = 4
MAX_WORDS = 4096
"""Rows that are made at once."""

MAX_TEXT = 48
MIN_TEXT = 4
"""Characters of a text, at least and as far as it is shown."""

TEXT_READS = (MAX_TEXT, 32, 24, 16, 12, 8, 6, MIN_TEXT + 1)
"""Bytes that a text is looked for in: the first that the dump has all of."""

LOWEST_ADDRESS = 0x1000_0000
"""Numbers below are no addresses of the chips' memory."""

NOT_HELD = "not in this dump"
ADDRESS = re.compile(r"(?:0[xX])?([0-9a-fA-F]{5,8})")


class MemoryRow(NamedTuple):
    """A word of memory: `value` None where the dump does not hold it; `here` names what lies at the address itself,
    `points_to` what the word leads to; empty where nothing is known.
    """

    address: int
    value: int | None
    here: str = ""
    points_to: str = ""

    def text(self) -> str:
        """The row for reading."""
        if self.value is None:
            return f"0x{self.address:08x}  {NOT_HELD}"
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in self.value.to_bytes(WORD, "little"))
        parts = [f"0x{self.address:08x}  {self.value:08x}  {shown}", f"-> {self.points_to}" if self.points_to else ""]
        return "  ".join([*filter(None, parts), *([f"({self.here})"] if self.here else [])])


class Stack(NamedTuple):
    """The stack of a task, as far as it was dumped."""

    start: int
    end: int
    task: str


class MemoryGuide:
    """Says what addresses are."""

    def __init__(self, report: CoreReport) -> None:
        self._inspector = report.inspector
        self._memory: Memory = self._inspector.memory if self._inspector is not None else SegmentMemory(report.segments)
        self.stacks = tuple(_stacks(report))
        heaps = self._inspector.heaps.heaps if self._inspector is not None else []
        self._blocks = sorted((block for heap in heaps for block in heap.blocks), key=lambda block: block.address)
        self._block_starts = [block.address for block in self._blocks]

    def place(self, text: str) -> int:
        """The address that a user named: a number, or the path of a global variable.

        Raises `PostmortemError` for neither.
        """
        text = text.strip()
        if self._inspector is not None:
            for item in self._inspector.globals.named(text) if text else ():
                return item.address
            symbol = self._inspector.symbolizer.elf.symbol_named(text) if text else None
            if symbol is not None:
                return symbol.address
        number = ADDRESS.fullmatch(text)
        if number is None:
            raise PostmortemError(f"{text!r} is neither an address nor the name of a variable or a function")
        return int(number[1], 16)

    def rows(self, address: int, count: int) -> list[MemoryRow]:
        """The words from an address on, which is rounded down to one of a word."""
        address &= 0xFFFF_FFFC
        found = []
        last = ""
        for at in range(address, min(address + min(count, MAX_WORDS) * WORD, 1 << 32), WORD):
            value = word(self._memory, at)
            here = self._named(at)
            name = here.partition("+")[0]
            found.append(MemoryRow(at, value, "" if name == last else here, self.describe(value) if value else ""))
            last = name
        return found

    def describe(self, address: int) -> str:
        """What an address is of; empty where it is nothing that is known."""
        if address < LOWEST_ADDRESS:
            return ""
        what = self._named(address) or self._returns(address)
        text = self._text(address)
        return "  ".join(part for part in (what, text) if part)

    def _returns(self, value: int) -> str:
        """A windowed return address of an Xtensa processor: its top bits are those of the call."""
        code = value & 0x3FFF_FFFF | 0x4000_0000
        if self._inspector is None or self._inspector.architecture is not XTENSA or value >> 31 == 0:
            return ""
        symbolizer = self._inspector.symbolizer
        name = symbolizer.symbol_and_offset(code, returns=True) if symbolizer.elf.is_code(code) else None
        return f"returns to {name}" if name else ""

    def _named(self, address: int) -> str:
        if address < LOWEST_ADDRESS:
            return ""
        stack = next((stack for stack in self.stacks if stack.start <= address < stack.end), None)
        if stack is not None:
            return f"stack of {stack.task}+{address - stack.start}"
        at = bisect_right(self._block_starts, address) - 1
        if at >= 0 and address < self._blocks[at].address + self._blocks[at].size:
            block = self._blocks[at]
            state = "used" if block.used else "free"
            return f"{state} heap block of {block.size} bytes at 0x{block.address:08x}+{address - block.address}"
        if self._inspector is None:
            return ""
        return self._inspector.symbolizer.symbol_and_offset(address) or ""

    def _text(self, address: int) -> str:
        """The text at an address, where at least some characters and a NUL are there."""
        data = b""
        for size in TEXT_READS:
            data = self._memory.read(address, size) or b""
            if data:
                break
        text, end, _ = data.partition(b"\0")
        if len(text) < MIN_TEXT or not all(32 <= byte < 127 for byte in text) or not (end or len(data) == MAX_TEXT):
            return ""
        return f'"{text.decode()}{"" if end else "..."}"'


def _stacks(report: CoreReport) -> Sequence[Stack]:
    """The piece of memory in which each task's stack pointer lies."""
    found = []
    regions = [region for region in report.regions if region.kind == "stack"]
    for task in report.tasks:
        pointer = task.registers.get("sp", task.registers.get("a1"))
        region = next((r for r in regions if pointer is not None and r.start <= pointer <= r.start + r.size), None)
        if region is not None:
            found.append(Stack(region.start, region.start + region.size, task.name))
    return found
