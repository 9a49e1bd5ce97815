"""Panic and core dump of the Xtensa chips: the right form around made-up numbers. No ELF of this project fits them."""

from __future__ import annotations

import struct
import zlib

from espmon.model.architecture import XTENSA
from espmon.sim.simulated_chips import SimulatedChip

CAUSE = 29
REGISTERS = tuple(
    zip(
        XTENSA.dump,
        (
            0x400D6A31, 0x00060C30, 0x800D6A5C, 0x3FFB5D50, 0x3FFB2A2C, 0x00000000, 0x00000001, 0x3FFB5DB0,
            0x00000004, 0x00000000, 0x00000000, 0x3FFB5D30, 0x00000000, 0x3F403D2C, 0x3FFB5E10, 0x0000000A,
            0x00000003, 0x00FF0000, 0x0000001B, CAUSE, 0x00000000, 0x400014FD, 0x4000150D, 0xFFFFFFFD,
        ),
        strict=True,
    )
)  # fmt: skip
BACKTRACE = (
    (0x400D6A2E, 0x3FFB5D50),
    (0x400D6A59, 0x3FFB5D70),
    (0x400D6B12, 0x3FFB5D90),
    (0x400D6C0B, 0x3FFB5DB0),
    (0x400E27CE, 0x3FFB5DE0),
    (0x40085F8D, 0x3FFB5E10),
)
EXCEPTION = "Guru Meditation Error: Core  0 panic'ed ({}). Exception was unhandled."
REASONS = {
    "panic": EXCEPTION.format("StoreProhibited"),
    "load": EXCEPTION.format("LoadProhibited"),
    "illegal": EXCEPTION.format("IllegalInstruction"),
    "busy": "Guru Meditation Error: Core  0 panic'ed (Interrupt wdt timeout on CPU0).",
    "abort": "abort() was called at PC 0x400d6a2e on core 0",
    "assert": "assert failed: command_assert console.c:33 (frame_length < argument)",
    "stack": "***ERROR*** A stack overflow in task main has been detected.",
}
"""Kind of crash -> the line that says so."""

CAUSES = {"panic": 29, "load": 28, "illegal": 0, "busy": 5}
"""EXCCAUSE of the kinds that print their registers; the others print a backtrace alone."""

TCB, TCB_BYTES, TCB_NAME = 0x3FFB5F00, 340, 52
STACK_TOP, STACK_WORDS = 0x3FFB5C90, 96
BIN_VERSION = 0x0003
BYTES_A_LINE = 48


def panic_text(kind: str, sha: str) -> str:
    """Banner, registers where there is an exception, backtrace and the SHA prefix `sha`."""
    lines = ["", REASONS[kind], ""]
    if kind in CAUSES:
        values = {**dict(REGISTERS), "EXCCAUSE": CAUSES[kind]}
        cells = [f"{name:<8}: 0x{value:08x}  " for name, value in values.items()]
        lines += [
            "Core  0 register dump:",
            *("".join(cells[start : start + 4]) for start in range(0, len(cells), 4)),
            "",
        ]
    trace = " ".join(f"0x{pc:08x}:0x{sp:08x}" for pc, sp in BACKTRACE)
    lines += [f"Backtrace: {trace}", "", "", "", f"ELF file SHA256: {sha}"]
    return "\r\n".join([*lines, "", ""])


def esp8266_text() -> str:
    """The exception report of the Arduino core."""
    stack = [f"{0x3FFFFDC0 + 16 * row:08x}:  00000000 40201{row:03x} 3ffee5ac 402021f{row:x}" for row in range(6)]
    lines = [
        "",
        "--------------- CUT HERE FOR EXCEPTION DECODER ---------------",
        "",
        f"Exception ({CAUSE}):",
        "epc1=0x4020105c epc2=0x00000000 epc3=0x00000000 excvaddr=0x00000000 depc=0x00000000",
        "",
        ">>>stack>>>",
        "",
        "ctx: cont",
        "sp: 3ffffdc0 end: 3fffffd0 offset: 0150",
        *stack,
        "<<<stack<<<",
        "",
        "--------------- CUT HERE FOR EXCEPTION DECODER ---------------",
    ]
    return "\r\n".join([*lines, ""])


def core_dump(chip: SimulatedChip) -> list[bytes]:
    """A dump in the older BIN form with one task, as the device writes it."""
    values = [value for _, value in REGISTERS]
    frame = [0x4008, values[0], values[1], *values[2:18], values[18], CAUSE, 0, *values[21:24]]
    stack = struct.pack(f"<{STACK_WORDS}I", *(frame + [0xA5A5A5A5] * STACK_WORDS)[:STACK_WORDS])
    end = STACK_TOP + len(stack)
    tcb = bytearray(TCB_BYTES)
    struct.pack_into("<I", tcb, 0, STACK_TOP)
    struct.pack_into("<II", tcb, 44, 1, STACK_TOP - 2048)
    tcb[TCB_NAME : TCB_NAME + 4] = b"main"
    task = struct.pack("<III", TCB, STACK_TOP, end)
    total = 24 + len(task) + len(tcb) + len(stack) + 4
    head = struct.pack("<6I", total, chip.chip_id << 16 | BIN_VERSION, 1, TCB_BYTES, 0, 3)
    parts = [head, task, bytes(tcb), stack]
    return [*parts, struct.pack("<I", zlib.crc32(b"".join(parts)))]
