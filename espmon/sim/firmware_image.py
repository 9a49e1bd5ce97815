"""The simulated application: its ELF, and what its registers and memory were at each kind of crash.

Both files are made by `app/build.sh`: the program ran once under qemu, so registers, stacks and symbols fit each other.
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent / "app"
ELF = FOLDER / "app.elf"
"""The application with its debug information; what `--elf` would name."""

SOURCES = FOLDER / "src"
"""The sources, for excerpts."""

SOURCE_PREFIX = "/espmon-demo"
"""The folder the ELF names for them; map it to `SOURCES`."""

KINDS = ("panic", "abort", "assert", "stack", "busy", "load", "illegal")
"""The crashes there are snapshots of."""

TCB_BYTES = 92
"""Size of a task control block in the ELF."""

FRAME_BYTES = 160
"""What the trap entry takes from the stack of the interrupted task."""

SHA_PREFIX = 9
"""Hex digits of the ELF's SHA-256 that an application prints."""

MAX_STRING = 64


@dataclass(frozen=True)
class Task:
    """One task: addresses of its control block and stack, top being where its saved registers are."""

    tcb: int
    name: str
    priority: int
    stack: int
    top: int
    end: int


@dataclass(frozen=True)
class PanicDetails:
    """What the code that gave up left behind for the handler."""

    text: str
    pc: int
    file: str
    line: int
    function: str
    expression: str


class Memory:
    """Address ranges and their bytes; what is in none of them cannot be read."""

    def __init__(self, ranges: list[tuple[int, bytes]]) -> None:
        self._ranges = ranges

    def read(self, address: int, size: int) -> bytes:
        """Up to `size` bytes; fewer at the end of a range, b"" outside all of them."""
        for start, data in self._ranges:
            if start <= address < start + len(data):
                return data[address - start : address - start + size]
        return b""

    def words(self, address: int, count: int) -> tuple[int, ...]:
        """Little-endian words; raises struct.error outside."""
        return struct.unpack(f"<{count}I", self.read(address, 4 * count))

    def string(self, address: int) -> str:
        """Text up to NUL, "" at a null pointer."""
        return self.read(address, MAX_STRING).split(b"\0")[0].decode("ascii", "replace")


class Snapshot:
    """The moment of one crash.

    Attributes:
        registers: name (mepc, ra, sp, ... mhartid) -> value at the faulting instruction.
        current_tcb: the task that ran.
        memory: data memory as it was, and the ELF's read-only parts.
    """

    def __init__(
        self, stored: dict[str, Any], base: int, symbols: dict[str, int], fixed: list[tuple[int, bytes]]
    ) -> None:
        self.registers: dict[str, int] = stored["registers"]
        self.current_tcb: int = stored["current_tcb"]
        self.memory = Memory([(base, zlib.decompress(base64.b64decode(stored["memory"]))), *fixed])
        self._symbols = symbols

    @cached_property
    def tasks(self) -> list[Task]:
        """All tasks, the one that crashed first."""
        [count] = self.memory.words(self._symbols["uxCurrentNumberOfTasks"], 1)
        tasks = [self._task(tcb) for tcb in self.memory.words(self._symbols["tasks"], count)]
        return sorted(tasks, key=lambda task: task.tcb != self.current_tcb)

    def _task(self, tcb: int) -> Task:
        [top] = self.memory.words(tcb, 1)
        priority, stack = self.memory.words(tcb + 44, 2)
        [end] = self.memory.words(tcb + 68, 1)
        if tcb == self.current_tcb:
            top = self.registers["sp"] - FRAME_BYTES
        return Task(tcb, self.memory.string(tcb + 52), priority, stack, top, end)

    @cached_property
    def details(self) -> PanicDetails:
        """What abort, assert or the stack check recorded; empty texts for a plain exception."""
        text, pc, file, line, function, expression = self.memory.words(self._symbols["g_panic_details"], 6)
        string = self.memory.string
        return PanicDetails(string(text), pc, string(file), line, string(function), string(expression))


class Image:
    """The ELF beside this package and its snapshots; reads both files when made (60 KB).

    Attributes:
        path: of the ELF.
        sha256: of the ELF, in hex.
        segments: (address, bytes) of what it loads.
        entry: where it starts.
    """

    def __init__(self) -> None:
        content = ELF.read_bytes()
        self.path = ELF
        self.sha256 = hashlib.sha256(content).hexdigest()
        stored = json.loads((FOLDER / "snapshots.json").read_text())
        base = int(stored["base"])
        self.segments = _segments(content)
        [self.entry] = struct.unpack_from("<I", content, 24)
        fixed = [(address, data) for address, data in self.segments if address != base]
        self._snapshots = {
            kind: Snapshot(entry, base, stored["symbols"], fixed) for kind, entry in stored["snapshots"].items()
        }

    def snapshot(self, kind: str) -> Snapshot:
        """The moment of a crash of `kind` (see `KINDS`)."""
        return self._snapshots[kind]


def _segments(elf: bytes) -> list[tuple[int, bytes]]:
    """(address, bytes) of the loadable segments of a 32-bit little-endian ELF."""
    [table] = struct.unpack_from("<I", elf, 28)
    size, count = struct.unpack_from("<HH", elf, 42)
    found = []
    for index in range(count):
        kind, offset, address, _, length = struct.unpack_from("<5I", elf, table + index * size)
        if kind == 1:
            found.append((address, elf[offset : offset + length]))
    return found
