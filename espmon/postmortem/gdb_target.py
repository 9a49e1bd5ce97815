"""What a debug stub's answers mean: stop replies, registers by architecture, memory, threads."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from espmon.postmortem.rsp import RspError

SIGNALS: Mapping[int, str] = {
    1: "SIGHUP",
    2: "interrupt (SIGINT)",
    4: "illegal instruction (SIGILL)",
    5: "trap (SIGTRAP)",
    6: "abort (SIGABRT)",
    7: "hardware fault (SIGEMT)",
    8: "arithmetic error (SIGFPE)",
    10: "bus error (SIGBUS)",
    11: "invalid memory access (SIGSEGV)",
    20: "watchdog or timer (SIGCHLD)",
}
"""GDB signal number -> words."""

RISCV_NAMES = [
    "ZERO",
    "RA",
    "SP",
    "GP",
    "TP",
    "T0",
    "T1",
    "T2",
    "S0/FP",
    "S1",
    "A0",
    "A1",
    "A2",
    "A3",
    "A4",
    "A5",
    "A6",
    "A7",
    "S2",
    "S3",
    "S4",
    "S5",
    "S6",
    "S7",
    "S8",
    "S9",
    "S10",
    "S11",
    "T3",
    "T4",
    "T5",
    "T6",
    "MEPC",
]
"""Order of the `g` packet on RISC-V; the program counter goes by the name that panics print."""

XTENSA_AREGS = 64
XTENSA_AFTER = ("LBEG", "LEND", "LCOUNT", "SAR", "WINDOWBASE", "WINDOWSTART", "CONFIGID0", "CONFIGID1", "PS")
XTENSA_AFTER_NO_LOOPS = ("SAR", "WINDOWBASE", "WINDOWSTART", "CONFIGID0", "CONFIGID1", "PS")
"""Order of the `g` packet on Xtensa behind PC and the 64 physical address registers; the S2 has no loop registers.
Source: the register file of ESP-IDF's stub."""

XTENSA_FEWEST = 70
"""Words of the shortest Xtensa reply; RISC-V sends 33, or 66 with floating point."""

XTENSA_WITH_LOOPS = 74
"""A reply of this many words or more comes from a chip with loop registers; the S2 sends 73."""

RISCV_MACHINE, XTENSA_MACHINE = 243, 94


@dataclass(frozen=True, slots=True)
class Stop:
    """Why the target stopped."""

    signal: int
    thread: str | None = None

    @property
    def words(self) -> str:
        """The signal in words."""
        return SIGNALS.get(self.signal, f"signal {self.signal}")


def parse_stop(payload: bytes) -> Stop | None:
    """Read a stop reply (`S05`, `T05thread:1;`), or return None when it is none."""
    match = re.match(rb"[ST]([0-9a-fA-F]{2})", payload)
    if not match:
        return None
    thread = re.search(rb"thread:(p?[0-9a-fA-F.-]{1,40})", payload)
    return Stop(int(match[1], 16), thread[1].decode() if thread else None)


def check(payload: bytes, what: str) -> bytes:
    """Return the payload. Raises `RspError` for an error reply or an empty one (not supported)."""
    if not payload:
        raise RspError(f"The debug stub cannot do this: {what}")
    if re.fullmatch(rb"E[0-9a-fA-F]{2}", payload):
        raise RspError(f"The debug stub refused: {what} (error {payload[1:].decode()})")
    return payload


def parse_registers(payload: bytes, machine: int | None = None) -> dict[str, int]:
    """Registers of a `g` reply by the names that panics print; those the stub does not know ("xx") are left out.

    Args:
        payload: hex of little-endian 32-bit words.
        machine: ELF machine number, or None to tell it from the length.
    """
    words: list[int | None] = []
    for start in range(0, len(payload) - 7, 8):
        part = payload[start : start + 8]
        try:
            words.append(int.from_bytes(bytes.fromhex(part.decode("ascii")), "little"))
        except ValueError:
            if part.strip(b"x"):
                raise RspError(f"The debug stub sent registers that are no hex: {part!r}") from None
            words.append(None)
    xtensa = len(words) >= XTENSA_FEWEST if machine is None else machine == XTENSA_MACHINE
    if xtensa:
        return _xtensa(words)
    if len(words) < len(RISCV_NAMES):
        raise RspError(f"The debug stub sent {len(words)} registers; a RISC-V core has {len(RISCV_NAMES)}")
    return _named(RISCV_NAMES, words)


def _named(names: Sequence[str], words: Sequence[int | None]) -> dict[str, int]:
    return {name: word for name, word in zip(names, words, strict=False) if word is not None}


def _xtensa(words: Sequence[int | None]) -> dict[str, int]:
    if len(words) < 1 + XTENSA_AREGS + len(XTENSA_AFTER_NO_LOOPS):
        raise RspError(f"The debug stub sent {len(words)} registers; an Xtensa core has more")
    after = XTENSA_AFTER if len(words) >= XTENSA_WITH_LOOPS else XTENSA_AFTER_NO_LOOPS
    special = _named(after, words[1 + XTENSA_AREGS :])
    base = (special.get("WINDOWBASE", 0) * 4) % XTENSA_AREGS
    registers: dict[str, int] = {}
    if words[0] is not None:
        registers["PC"] = words[0]
    if "PS" in special:
        registers["PS"] = special["PS"]
    for number in range(16):
        word = words[1 + (base + number) % XTENSA_AREGS]
        if word is not None:
            registers[f"A{number}"] = word
    registers.update({name: value for name, value in special.items() if name != "PS"})
    return registers


def parse_memory(payload: bytes, what: str = "reading memory") -> bytes:
    """The bytes of an `m` or `p` reply. Raises `RspError` for an error or for something that is no hex."""
    check(payload, what)
    try:
        return bytes.fromhex(payload.decode("ascii"))
    except ValueError:
        raise RspError(f"The debug stub sent something that is no hex: {what}") from None


def parse_threads(payload: bytes) -> list[str] | None:
    """Thread ids of a `qfThreadInfo`/`qsThreadInfo` reply; None at the end of the list."""
    if payload[:1] == b"m":
        return [part for part in payload[1:].decode("ascii", "replace").split(",") if part]
    return None
