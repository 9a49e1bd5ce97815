"""What differs between chips and between versions of the core dump format, as tables."""

from __future__ import annotations

from dataclasses import dataclass

CHIPS = {
    0: "ESP32", 2: "ESP32-S2", 5: "ESP32-C3", 9: "ESP32-S3", 12: "ESP32-C2", 13: "ESP32-C6", 16: "ESP32-H2", 18:
    "ESP32-P4", 20: "ESP32-C61", 23: "ESP32-C5", 25: "ESP32-H21", 28: "ESP32-H4", 32: "ESP32-S31",
}  # fmt: skip
"""Chip number of the dump's version word -> name."""
XTENSA_CHIPS = frozenset({0, 2, 9})


@dataclass(frozen=True, slots=True)
class Layout:
    """How a version is laid out: body ("bin" or "elf"), bytes of its header, checksum ("crc32" or "sha256"), and where
    in the header the chip's revision stands (None: nowhere).
    """

    body: str
    header: int
    checksum: str
    revision_at: int | None = None

    @property
    def checksum_bytes(self) -> int:
        """Bytes of the checksum behind the body."""
        return 4 if self.checksum == "crc32" else 32


LAYOUTS = {
    0x0001: Layout("bin", 16, "crc32"),
    0x0002: Layout("bin", 20, "crc32"),
    0x0003: Layout("bin", 24, "crc32", 20),
    0x0100: Layout("elf", 20, "crc32"),
    0x0101: Layout("elf", 20, "sha256"),
    0x0102: Layout("elf", 24, "crc32", 20),
    0x0103: Layout("elf", 24, "sha256", 20),
    0x0104: Layout("elf", 12, "sha256", 8),
}
"""Low 16 bits of the version word -> layout."""

XTENSA_CAUSES: dict[int, tuple[str, str]] = {
    0: ("IllegalInstructionCause", "an instruction that does not exist, or a jump into data"),
    1: ("SyscallCause", "a SYSCALL instruction"),
    2: ("InstructionFetchErrorCause", "the next instruction could not be fetched"),
    3: ("LoadStoreErrorCause", "a load or store the bus does not allow, such as a byte access to instruction memory"),
    4: ("Level1InterruptCause", "an interrupt"),
    5: ("AllocaCause", "stack extension in the middle of a register window"),
    6: ("IntegerDivideByZeroCause", "an integer division by zero"),
    8: ("PrivilegedCause", "a privileged instruction"),
    9: ("LoadStoreAlignmentCause", "a load or store at an address that is not aligned"),
    12: ("InstrPIFDataErrorCause", "the bus reported an error while fetching an instruction"),
    13: ("LoadStorePIFDataErrorCause", "the bus reported an error on a load or store"),
    14: ("InstrPIFAddrErrorCause", "an instruction was fetched from an address the bus does not know"),
    15: ("LoadStorePIFAddrErrorCause", "a load or store at an address the bus does not know"),
    16: ("InstTLBMissCause", "no mapping for the next instruction"),
    17: ("InstTLBMultiHitCause", "several mappings for the next instruction"),
    18: ("InstFetchPrivilegeCause", "the next instruction needs a higher privilege"),
    20: (
        "InstrFetchProhibitedCause",
        "a jump to an address that holds no code, often a null or stale function pointer",
    ),
    24: ("LoadStoreTLBMissCause", "no mapping for the address of a load or store"),
    25: ("LoadStoreTLBMultiHitCause", "several mappings for the address of a load or store"),
    26: ("LoadStorePrivilegeCause", "a load or store that needs a higher privilege"),
    28: ("LoadProhibitedCause", "a read from an address that may not be read, often through a null pointer"),
    29: ("StoreProhibitedCause", "a write to an address that may not be written, often through a null pointer"),
    32: ("Coprocessor0Disabled", "a floating point instruction while the coprocessor is off, as in an interrupt"),
    65: ("DebugException", "a breakpoint or watchpoint, such as the stack canary"),
    66: ("DoubleException", "an exception inside the handling of an exception, often a stack overflow"),
    67: ("KernelException", "an exception in exception code"),
    68: ("CoprocessorException", "a coprocessor was used where that is not allowed"),
    69: ("InterruptWdtCPU0", "interrupts were off for too long on CPU 0 (interrupt watchdog)"),
    70: ("InterruptWdtCPU1", "interrupts were off for too long on CPU 1 (interrupt watchdog)"),
    71: ("CacheError", "flash or PSRAM was accessed while the cache was off"),
}
"""EXCCAUSE -> name and plain words; 64 and above are the panic handler's own numbers."""

RISCV_CAUSES: dict[int, tuple[str, str]] = {
    0: ("Instruction address misaligned", "a jump to an odd address"),
    1: ("Instruction access fault", "a jump to an address that holds no code, often a null or stale function pointer"),
    2: ("Illegal instruction", "an instruction that does not exist, or a jump into data; abort() also ends here"),
    3: ("Breakpoint", "a breakpoint instruction or a watchpoint, such as the stack guard"),
    4: ("Load address misaligned", "a read at an address that is not aligned"),
    5: ("Load access fault", "a read from an address that may not be read, often through a null pointer"),
    6: ("Store address misaligned", "a write at an address that is not aligned"),
    7: ("Store access fault", "a write to an address that may not be written, often through a null pointer"),
    8: ("Environment call from U-mode", "an ECALL instruction in user mode"),
    9: ("Environment call from S-mode", "an ECALL instruction in supervisor mode"),
    11: ("Environment call from M-mode", "an ECALL instruction"),
    12: ("Instruction page fault", "no mapping for the next instruction"),
    13: ("Load page fault", "no mapping for the address of a read"),
    15: ("Store page fault", "no mapping for the address of a write"),
    24: ("Interrupt watchdog", "interrupts were off for too long"),
    25: ("Cache error", "flash or PSRAM was accessed while the cache was off"),
    27: ("Assist debug", "the stack pointer left its bounds (stack guard)"),
}
"""MCAUSE (exceptions) -> name and plain words; numbers from 24 on are interrupts the panic handler gives as causes."""

EXTRA_NAMES: dict[int, str] = {
    232: "exccause",
    238: "excvaddr",
    **{194 + n: f"eps{n + 2}" for n in range(6)},
    **{177 + n: f"epc{n + 1}" for n in range(7)},
}
"""Register numbers of the Xtensa extra information -> names."""
