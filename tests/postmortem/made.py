"""Small ELFs, stacks and core dumps made byte by byte, for what no real file shows."""

from __future__ import annotations

import base64
import hashlib
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from espmon.model import architecture
from espmon.model.dump_versions import VERSIONS

RISCV, XTENSA = architecture.RISCV.elf_machine, architecture.XTENSA.elf_machine
EXEC, ALLOC, WRITE = 4, 2, 1
PROGBITS, STRTAB, SYMTAB = 1, 3, 2


def make_elf(
    path: Path,
    machine: int,
    sections: Mapping[str, tuple[int, int, bytes]],
    symbols: Mapping[str, tuple[int, int]] | None = None,
) -> Path:
    """Write an ELF32: sections as name -> (address, flags, bytes), function symbols as name -> (address, size)."""
    names, strings, table = b"\0", b"\0", bytes(16)
    for name, (address, size) in (symbols or {}).items():
        table += struct.pack("<IIIBBH", len(strings), address, size, 0x12, 0, 1)
        strings += name.encode() + b"\0"
    whole: list[tuple[str, int, int, int, bytes, int]] = [
        (name, PROGBITS, flags, address, data, 0) for name, (address, flags, data) in sections.items()
    ]
    if symbols:
        whole.append((".symtab", SYMTAB, 0, 0, table, len(whole) + 2))
        whole.append((".strtab", STRTAB, 0, 0, strings, 0))
    whole.append((".shstrtab", STRTAB, 0, 0, b"", 0))
    headers, body, offset = bytes(40), b"", 52
    for name, *_ in whole:
        names += name.encode() + b"\0"
    for name, kind, flags, address, data, link in whole:
        content = names if name == ".shstrtab" else data
        at = names.index(name.encode() + b"\0")
        headers += struct.pack(
            "<IIIIIIIIII", at, kind, flags, address, offset + len(body), len(content), link, 0, 1, 16 if link else 0
        )
        body += content
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack(
        "<HHIIIIIHHHHHH", 2, machine, 1, 0, 0, offset + len(body), 0, 52, 32, 0, 40, len(whole) + 1, len(whole)
    )
    path.write_bytes(head + body + headers)
    return path


XTENSA_TEXT = 0x400D_0000
XTENSA_FUNCTIONS = 80
FUNCTION_BYTES = 0x40
CALLS = {0: 0x05, 1: 0x15, 2: 0x25, 3: 0x35}
"""Window step -> first byte of the call."""


def xtensa_program(path: Path, symbols: Mapping[str, tuple[int, int]] | None = None) -> Path:
    """Write an ELF of functions f0..f79 (or of these symbols): ENTRY, then one call of each kind (call0, call4, call8,
    call12), then a callx8.
    """
    body = b"\x36\x41\x00" + b"".join(bytes([CALLS[step], 0, 0]) for step in range(4)) + b"\xe0\x08\x00"
    text = body.ljust(FUNCTION_BYTES, b"\xf0") * XTENSA_FUNCTIONS
    if symbols is None:
        symbols = {f"f{n}": (XTENSA_TEXT + n * FUNCTION_BYTES, FUNCTION_BYTES) for n in range(XTENSA_FUNCTIONS)}
    return make_elf(path, XTENSA, {".flash.text": (XTENSA_TEXT, ALLOC | EXEC, text)}, symbols)


def xtensa_return(function: int, step: int) -> int:
    """Return the address behind the call with a window step in a function."""
    return XTENSA_TEXT + function * FUNCTION_BYTES + 3 + 3 * step + 3


def xtensa_a0(function: int, step: int) -> int:
    """Return a0 as that call leaves it."""
    return xtensa_return(function, step) & 0x3FFF_FFFF | step << 30


@dataclass
class XtensaStack:
    """A windowed stack built from the innermost frame outwards."""

    base: int = 0x3FFB_1000
    frame: int = 0x40
    words: dict[int, int] = field(default_factory=dict)

    def chain(self, steps: Sequence[int], first: int = 1) -> tuple[int, int]:
        """Lay out callers first, first+1, ... called with these steps; returns (a0, a1) of the innermost frame."""
        calls = [xtensa_a0(first + at, step) for at, step in enumerate(steps)] + [0]
        for depth in range(len(steps)):
            sp = self.base + depth * self.frame
            self.words[sp - 16] = calls[depth + 1]
            self.words[sp - 12] = sp + self.frame
        return calls[0], self.base

    @property
    def segment(self) -> tuple[int, bytes]:
        """The stack as one piece of memory."""
        low, high = self.base - 64, max([*self.words, self.base]) + 64
        return low, b"".join(struct.pack("<I", self.words.get(at, 0)) for at in range(low, high, 4))


@dataclass
class MadeTask:
    """A task for a made dump: control block address, name, registers (in the order of the chip), stack."""

    tcb: int
    name: str
    registers: Sequence[int]
    stack_start: int
    stack: bytes
    priority: int = 5

    def block(self, dual: bool) -> bytes:
        """A control block in the layout that is assumed when the ELF does not describe one."""
        data = bytearray(100)
        end = 72 if dual else 68
        struct.pack_into("<I", data, 0, self.stack_start)
        struct.pack_into("<II", data, 44, self.priority, self.stack_start - 0x400)
        data[52:68] = self.name.encode()[:15].ljust(16, b"\0")
        struct.pack_into("<II", data, end, self.stack_start + len(self.stack), self.priority)
        return bytes(data)


def note(name: bytes, kind: int, content: bytes) -> bytes:
    """An ELF note."""
    padded = content + bytes(-len(content) % 4)
    return (
        struct.pack("<III", len(name) + 1, len(content), kind)
        + (name + b"\0").ljust((len(name) + 4) // 4 * 4, b"\0")
        + padded
    )


def elf_core(
    machine: int,
    tasks: Sequence[MadeTask],
    *,
    crashed: int | None = None,
    isr: bool = False,
    sha: str = "",
    details: Sequence[str] = (),
    extra_words: Sequence[int] = (),
    task_flags: Mapping[int, int] | None = None,
    more: Sequence[tuple[int, bytes]] = (),
) -> bytes:
    """An ELF core body as the device writes it; `extra_words` are pairs of the Xtensa extra information."""
    size = 588 - 72 if machine == XTENSA else 204 - 72
    status = b"".join(
        note(
            b"CORE",
            1,
            struct.pack("<24xI44x", t.tcb) + struct.pack(f"<{len(t.registers)}I", *t.registers).ljust(size, b"\0"),
        )
        for t in tasks
    )
    first = crashed if crashed is not None else tasks[0].tcb
    info = b""
    if sha:
        info += note(b"ESP_CORE_DUMP_INFO", 8266, struct.pack("<I", 0x104) + sha.encode() + b"\0\0\0")
    words = [first, int(isr)]
    if machine == XTENSA:
        words = [first, *extra_words, *[0] * (36 - len(extra_words)), int(isr)]
    info += note(b"ESP_EXTRA_INFO", 677, struct.pack(f"<{len(words)}I", *words))
    for text in details:
        info += note(b"ESP_PANIC_DETAILS", 679, text.encode() + b"\0")
    for at, (tcb, flags) in enumerate((task_flags or {}).items()):
        task = next(t for t in tasks if t.tcb == tcb)
        content = struct.pack("<IIIII", at, flags, tcb, task.stack_start, len(task.stack)) + task.name.encode().ljust(
            16, b"\0"
        )
        info += note(b"TASK_INFO", 678, content)
    pieces: list[tuple[int, int, bytes]] = [(4, 0, status)]
    for task in tasks:
        pieces += [(1, task.tcb, task.block(machine == XTENSA)), (1, task.stack_start, task.stack)]
    pieces += [(1, start, data) for start, data in more]
    pieces.append((4, 0, info))
    offset = 52 + 32 * len(pieces)
    headers, body = b"", b""
    for kind, address, data in pieces:
        headers += struct.pack("<IIIIIIII", kind, offset + len(body), address, address, len(data), len(data), 6, 0)
        body += data
    head = b"\x7fELF\x01\x01\x01" + bytes(9)
    head += struct.pack("<HHIIIIIHHHHHH", 4, machine, 1, 0, 52, 0, 0, 52, 32, len(pieces), 40, 0, 0)
    return head + headers + body


def bin_core(tasks: Sequence[MadeTask], memory: Sequence[tuple[int, bytes]] = ()) -> bytes:
    """A BIN body: tasks with registers at the lowest address of their stacks, then memory."""
    body = b""
    for task in tasks:
        end = task.stack_start + len(task.stack)
        body += (
            struct.pack("<III", task.tcb, task.stack_start, end)
            + task.block(True)
            + task.stack
            + bytes(-len(task.stack) % 4)
        )
    for start, data in memory:
        body += struct.pack("<II", start, len(data)) + data + bytes(-len(data) % 4)
    return body


def wrap(chip: int, version: int, body: bytes, tasks: int = 0, segments: int = 0) -> bytes:
    """Put header and checksum around a body."""
    layout = VERSIONS[version]
    length = layout.header + len(body) + layout.checksum_bytes
    if version == 0x104:
        head = struct.pack("<III", length, chip << 16 | version, 301)
    else:
        words = [length, chip << 16 | version, tasks, 100, segments, 301]
        head = struct.pack(f"<{layout.header // 4}I", *words[: layout.header // 4])
    whole = head + body
    if layout.checksum == "crc32":
        return whole + struct.pack("<I", zlib.crc32(whole))
    return whole + hashlib.sha256(whole).digest()


def uart(data: bytes, markers: bool = True) -> bytes:
    """A dump as the device prints it: each line of at most 48 bytes padded on its own."""
    lines = [base64.b64encode(data[at : at + 48]) + b"\r\n" for at in range(0, len(data), 48)]
    if not markers:
        return b"".join(lines)
    return (
        b"================= CORE DUMP START =================\r\n"
        + b"".join(lines)
        + b"================= CORE DUMP END =================\r\n"
    )


__all__ = [
    "RISCV",
    "XTENSA",
    "MadeTask",
    "XtensaStack",
    "bin_core",
    "elf_core",
    "make_elf",
    "note",
    "uart",
    "wrap",
    "xtensa_a0",
]


RISCV_TEXT = 0x4200_0000
RISCV_FUNCTIONS = 80
RISCV_FRAME = 32
ROM_FUNCTION = 0x4004_8000


def _jal(at: int, target: int) -> bytes:
    offset = target - at & 0x1FFFFF
    word = (
        0x6F
        | 1 << 7
        | (offset >> 12 & 0xFF) << 12
        | (offset >> 11 & 1) << 20
        | (offset >> 1 & 0x3FF) << 21
        | (offset >> 20) << 31
    )
    return struct.pack("<I", word)


def _far_call(at: int, target: int) -> bytes:
    offset = target - at
    upper = offset + 0x800 & 0xFFFFF000
    return struct.pack("<II", upper | 0x17 | 1 << 7, (offset - upper & 0xFFF) << 20 | 0x67 | 1 << 7 | 1 << 15)


def debug_frame(functions: Sequence[tuple[int, int, bytes]], cie: bytes = b"\x0c\x02\x20\x81\x01") -> bytes:
    """A `.debug_frame`: one CIE (by default CFA = sp + 32, ra at CFA - 4) and a description for each (start, size,
    instructions).
    """
    shared = b"\xff\xff\xff\xff\x03\0\x01\x7c\x01" + cie
    shared += bytes(-len(shared) % 4)
    table = struct.pack("<I", len(shared)) + shared
    for start, size, instructions in functions:
        body = struct.pack("<III", 0, start, size) + instructions + bytes(-len(instructions) % 4)
        table += struct.pack("<I", len(body)) + body
    return table


def riscv_program(path: Path, frames: bytes | None = None) -> Path:
    """Write an ELF of functions g0..g79 with 32-byte frames: g(n) calls g(n-1) at +0x10, a ROM function at +0x20, a
    pointer at +0x30.
    """
    text = b""
    for n in range(RISCV_FUNCTIONS):
        start = RISCV_TEXT + n * FUNCTION_BYTES
        callee = RISCV_TEXT + max(n - 1, 0) * FUNCTION_BYTES
        body = b"\x01\x00" * 8 + _jal(start + 0x10, callee) + b"\x01\x00" * 6 + _far_call(start + 0x20, ROM_FUNCTION)
        body = body.ljust(0x30, b"\x01") + struct.pack("<H", 0x9782)
        text += body.ljust(FUNCTION_BYTES, b"\x01")
    symbols = {f"g{n}": (RISCV_TEXT + n * FUNCTION_BYTES, FUNCTION_BYTES) for n in range(RISCV_FUNCTIONS)}
    if frames is None:
        frames = debug_frame([(RISCV_TEXT + n * FUNCTION_BYTES, FUNCTION_BYTES, b"") for n in range(RISCV_FUNCTIONS)])
    sections = {".flash.text": (RISCV_TEXT, ALLOC | EXEC, text), ".debug_frame": (0, 0, frames)}
    return make_elf(path, RISCV, sections, symbols)


def rom_program(path: Path, name: str, frames: bytes | None = None) -> Path:
    """Write an ELF of a ROM with one function at `ROM_FUNCTION`; without `frames` there is no frame information."""
    sections = {".text": (ROM_FUNCTION, ALLOC | EXEC, b"\x01\x00" * 32)}
    if frames is not None:
        sections[".debug_frame"] = (0, 0, frames)
    return make_elf(path, RISCV, sections, {name: (ROM_FUNCTION, 64)})


def after_call(n: int) -> int:
    """Return the address behind g(n)'s call of g(n-1)."""
    return RISCV_TEXT + n * FUNCTION_BYTES + 0x14


def after_rom_call(n: int) -> int:
    """Return the address behind g(n)'s call of the ROM function."""
    return RISCV_TEXT + n * FUNCTION_BYTES + 0x28


def after_pointer_call(n: int) -> int:
    """Return the address behind g(n)'s call through a register."""
    return RISCV_TEXT + n * FUNCTION_BYTES + 0x32


def riscv_stack(base: int, returns: Sequence[int]) -> tuple[int, bytes]:
    """A stack of 32-byte frames from `base` upwards, each with its return address on top; the last one returns to 0."""
    data = b"".join(bytes(RISCV_FRAME - 4) + struct.pack("<I", address) for address in [*returns, 0])
    return base, data
