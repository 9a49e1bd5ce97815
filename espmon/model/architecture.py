"""What differs between the processors, as one descriptor each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from espmon.model.exception_causes import RISCV_CAUSES, XTENSA_CAUSES, Cause

Ranges = Sequence[tuple[int, int]]


class Architecture(NamedTuple):
    """One processor architecture, as panics, core dumps and debug stubs show it.

    Attributes:
        name: in JSON ("xtensa").
        title: for people.
        elf_machine: `e_machine` of its ELF files.
        dump: the registers of a complete panic dump, as printed and in that order.
        rom_lacks: what a dump by the chip's ROM does not show under these names.
        proof: registers any of which tells it from the others, in a dump that may be cut.
        pc, sp, ra, cause_register, address_register: names of these registers, as panics print them; the first of `pc`
            that is there counts.
        numbers: register name (lower case) -> DWARF number.
        call_bytes: how far before a return address its call is looked up.
        window_bits: a return address has the call's window step in its two top bits.
        causes: number in the cause register -> cause.
        no_cause: numbers in the cause register that stand for "no exception".
        rom_code: where the masks with the ROM's code lie.
        code: where its chips run code, for dumps without an ELF.
        gdb: names of debuggers that know it, best first.
        gdb_name: what gdb for many processors calls it.
        gdb_of_chip: name of the debugger of one chip alone, its key in place of `{}`; better than the others.
    """

    name: str
    title: str
    elf_machine: int
    dump: tuple[str, ...]
    proof: frozenset[str]
    pc: tuple[str, ...]
    sp: str
    ra: str
    cause_register: str
    address_register: str
    causes: Mapping[int, Cause]
    call_bytes: int
    rom_code: Ranges
    rom_lacks: frozenset[str] = frozenset()
    window_bits: bool = False
    no_cause: frozenset[int] = frozenset()
    code: Ranges = ()
    gdb: tuple[str, ...] = ()
    gdb_name: str = ""
    gdb_of_chip: str = ""
    numbers: Mapping[str, int] = {}

    def in_rom(self, address: int) -> bool:
        """Whether an address lies in a mask ROM's code."""
        return any(start <= address < end for start, end in self.rom_code)

    def call_address(self, word: int) -> int:
        """Returns a printed return address without the window step in its top bits: 0x800d1234 -> 0x400d1234."""
        if self.window_bits and word >> 30 in (2, 3):
            plain = (word & 0x3FFFFFFF) | 0x40000000
            if plain < 0x44000000:
                return plain
        return word


_GENERAL = tuple(f"A{number}" for number in range(16))

XTENSA = Architecture(
    name="xtensa",
    title="Xtensa",
    elf_machine=94,
    dump=("PC", "PS", *_GENERAL, "SAR", "EXCCAUSE", "EXCVADDR", "LBEG", "LEND", "LCOUNT"),
    proof=frozenset({"PC"}),
    pc=("PC",),
    sp="A1",
    ra="A0",
    cause_register="EXCCAUSE",
    address_register="EXCVADDR",
    causes=XTENSA_CAUSES,
    no_cause=frozenset({64}),
    call_bytes=3,
    window_bits=True,
    rom_code=((0x4000_0000, 0x4007_0000),),
    code=((0x4000_0001, 0x4400_0000),),
    gdb=("xtensa-esp-elf-gdb", "xtensa-esp32-elf-gdb", "xtensa-esp32s3-elf-gdb", "xtensa-esp32s2-elf-gdb"),
    gdb_name="xtensa",
    gdb_of_chip="xtensa-{}-elf-gdb",
    numbers={name.lower(): number for number, name in enumerate(_GENERAL)},
)

RISCV_REGISTERS = (
    "zero", "ra", "sp", "gp", "tp", "t0", "t1", "t2", "s0", "s1", "a0", "a1", "a2", "a3", "a4", "a5",
    "a6", "a7", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "t3", "t4", "t5", "t6",
)  # fmt: skip
"""Names in the order of their DWARF numbers."""

RISCV_TRAP = ("mstatus", "mtvec", "mcause", "mtval", "mhartid")
"""What the panic handler saves and prints behind the general registers."""

RISCV = Architecture(
    name="riscv",
    title="RISC-V",
    elf_machine=243,
    dump=(
        "MEPC",
        *("S0/FP" if name == "s0" else name.upper() for name in RISCV_REGISTERS[1:]),
        *map(str.upper, RISCV_TRAP),
    ),
    rom_lacks=frozenset({"MEPC", "MTVEC", "MHARTID"}),
    proof=frozenset({"MEPC", "MCAUSE", "MTVAL", "RA"}),
    pc=("MEPC", "PC"),
    sp="SP",
    ra="RA",
    cause_register="MCAUSE",
    address_register="MTVAL",
    causes=RISCV_CAUSES,
    call_bytes=1,
    rom_code=((0x4000_0000, 0x400A_0000), (0x4FC0_0000, 0x4FC4_0000)),  # the P4 has its own place
    gdb=("riscv32-esp-elf-gdb", "gdb-multiarch"),
    gdb_name="riscv:rv32",
    numbers={name: number for number, name in enumerate(RISCV_REGISTERS)} | {"fp": 8, "s0/fp": 8},
)

ESP8266 = XTENSA._replace(
    name="esp8266",
    title="Xtensa LX106",
    dump=(),
    proof=frozenset(),
    pc=("EPC1",),
    window_bits=False,
    rom_code=((0x4000_0000, 0x4001_0000),),
)
"""Xtensa without register windows: it prints raw stack memory in place of a backtrace."""

ARCHITECTURES: Mapping[str, Architecture] = {each.name: each for each in (RISCV, XTENSA, ESP8266)}
"""Name -> descriptor. Xtensa stands behind RISC-V: the ROM of the P4 prints PC, too."""

MACHINES: Mapping[int, Architecture] = {each.elf_machine: each for each in reversed(list(ARCHITECTURES.values()))}
"""ELF machine -> the first descriptor with it: the ESP8266's files are as Xtensa's."""

PC_NAMES = tuple(dict.fromkeys(name for each in ARCHITECTURES.values() for name in each.pc))
SP_NAMES = tuple(dict.fromkeys(each.sp for each in ARCHITECTURES.values()))
ADDRESS_NAMES = tuple(dict.fromkeys(each.address_register for each in ARCHITECTURES.values()))
CAUSE_NAMES = tuple(dict.fromkeys(each.cause_register for each in ARCHITECTURES.values()))
"""What any architecture calls these registers, for values of which nothing else tells whose they are."""


def architecture_of(registers: Iterable[str]) -> Architecture | None:
    """Returns the architecture whose registers these are, by their printed names; None when they prove none."""
    names = set(registers)
    return next((each for each in ARCHITECTURES.values() if each.proof & names), None)


def is_code_address(address: int) -> bool:
    """Returns whether an address can hold instructions on some chip of the family: ROM, IRAM, flash, RTC, TCM."""
    return 0x40000000 <= address < 0x50010000 or 0x30100000 <= address < 0x30102000
