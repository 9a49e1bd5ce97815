"""What a debug stub's answers mean: stop replies, registers by architecture, memory, threads."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from espmon.model.architecture import MACHINES
from espmon.model.registers import RegisterSet
from espmon.postmortem.register_layouts import LAYOUTS, RegisterLayout
from espmon.postmortem.rsp import RspError
from espmon.text import plain

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


class Stop(NamedTuple):
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


def parse_words(payload: bytes) -> list[int | None]:
    """The words of a `g` reply in its order; None where the stub does not know one ("xx")."""
    words: list[int | None] = []
    for start in range(0, len(payload) - 7, 8):
        part = payload[start : start + 8]
        try:
            words.append(int.from_bytes(bytes.fromhex(part.decode("ascii")), "little"))
        except ValueError:
            if part.strip(b"x"):
                raise RspError(f"The debug stub sent registers that are no hex: {part!r}") from None
            words.append(None)
    return words


def parse_registers(payload: bytes, machine: int | None = None) -> RegisterSet:
    """Registers of a `g` reply by the names that panics print; those the stub does not know ("xx") are left out.

    Args:
        payload: hex of little-endian 32-bit words.
        machine: ELF machine number, or None to tell it from the length.
    """
    words = parse_words(payload)
    known = MACHINES.get(machine or 0)
    layout = LAYOUTS[known.name] if known is not None else _layout_of(len(words))
    registers = layout.stub(words)
    if registers is None:
        raise RspError(f"The debug stub sent {len(words)} registers; {layout.stub_size}")
    return registers


def _layout_of(count: int) -> RegisterLayout:
    """The longest that a reply of so many words can have: RISC-V sends 33, or 66 with floating point."""
    by_size = sorted(LAYOUTS.values(), key=lambda layout: layout.stub_words)
    return next((layout for layout in reversed(by_size) if count >= layout.stub_words), by_size[0])


def parse_memory(payload: bytes, what: str = "reading memory") -> bytes:
    """The bytes of an `m` or `p` reply. Raises `RspError` for an error or for something that is no hex."""
    check(payload, what)
    try:
        return bytes.fromhex(payload.decode("ascii"))
    except ValueError:
        raise RspError(f"The debug stub sent something that is no hex: {what}") from None


def parse_thread_title(told: str) -> tuple[str, str]:
    """The name and the rest of what a stub tells of a thread.

    ESP-IDF's says `Name: main, State: Running, Priority: 1, ...`; of others all is the name.
    """
    text = plain(told)
    if not text.startswith("Name: "):
        return text.strip(), ""
    name, _, rest = text.removeprefix("Name: ").partition(",")
    return name.strip(), rest.strip()


def parse_threads(payload: bytes) -> list[str] | None:
    """Thread ids of a `qfThreadInfo`/`qsThreadInfo` reply; None at the end of the list."""
    if payload[:1] == b"m":
        return [part for part in payload[1:].decode("ascii", "replace").split(",") if part]
    return None
