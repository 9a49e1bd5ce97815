"""What the panic handler of a RISC-V chip prints, from a snapshot: the vendor's form, byte for byte."""

from __future__ import annotations

from espmon.model.architecture import RISCV
from espmon.model.exception_causes import RISCV_CAUSES
from espmon.sim.firmware_image import SHA_PREFIX, Snapshot

SIGNALS = {0: 10, 1: 11, 2: 4, 3: 5, 4: 10, 5: 11, 6: 10, 7: 11}
"""mcause -> the signal number a gdb stub reports."""

REGISTERS_A_ROW = 4
INTERRUPT = 0x80000000
STACK_BYTES = 1024
WORDS_A_ROW = 8


def reason(snapshot: Snapshot) -> str:
    """The line that says what happened, as it is printed and as a core dump keeps it."""
    details = snapshot.details
    match details.text:
        case "abort":
            return f"abort() was called at PC 0x{details.pc:08x} on core 0"
        case "assert":
            return f"assert failed: {details.function} {details.file}:{details.line} ({details.expression})"
        case "stack":
            return f"***ERROR*** A stack overflow in task {details.function} has been detected."
    number = snapshot.registers["mcause"]
    cause = RISCV_CAUSES[number].name if number in RISCV_CAUSES else "Unknown"
    if number & INTERRUPT:
        cause = "Interrupt wdt timeout on CPU0"
    return f"Guru Meditation Error: Core  0 panic'ed ({cause}). Exception was unhandled."


def register_dump(snapshot: Snapshot) -> str:
    """The register rows and the stack memory."""
    registers = snapshot.registers
    lines = ["Core  0 register dump:"]
    for at in range(0, len(RISCV.dump), REGISTERS_A_ROW):
        row = RISCV.dump[at : at + REGISTERS_A_ROW]
        values = ((name, registers[name.split("/")[0].lower()]) for name in row)
        lines.append("  ".join(f"{name:<8}: 0x{value:08x}" for name, value in values) + "  ")
    lines += ["", "Stack memory:"]
    pointer = registers["sp"]
    step = 4 * WORDS_A_ROW
    for address in range(pointer, pointer + STACK_BYTES, step):
        if len(snapshot.memory.read(address, step)) < step:
            break
        words = " ".join(f"0x{word:08x}" for word in snapshot.memory.words(address, WORDS_A_ROW))
        lines.append(f"{address:08x}: {words}")
    return "\r\n".join(lines) + "\r\n"


def panic_text(snapshot: Snapshot, sha256: str) -> str:
    """The whole report, up to and with the ELF's SHA; what comes next (reboot, core dump, stub) is the caller's."""
    digest = f"\r\n\r\n\r\nELF file SHA256: {sha256[:SHA_PREFIX]}\r\n\r\n"
    return f"\r\n{reason(snapshot)}\r\n\r\n{register_dump(snapshot)}{digest}"


def signal(snapshot: Snapshot) -> int:
    """The signal number of a gdb stop reply."""
    return SIGNALS.get(snapshot.registers["mcause"], 5)
