"""What the addresses of a printed backtrace are, and where to look each of them up.

Xtensa boards have printed three forms (`esp_cpu_process_stack_pc` and `esp_backtrace_print_from_frame` of ESP-IDF):
plain return addresses behind a plain program counter (before 3.1); return addresses less 3, which lie inside the call,
behind a plain program counter (3.1 to 3.x); everything less 3 (since 4.x). The registers beside the backtrace decide,
where they were printed, and else the code: which of the two, the address or the one 3 above it, follows a call.
RISC-V boards print plain return addresses.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

from espmon.model.architecture import MACHINES, RISCV, XTENSA
from espmon.postmortem.riscv_code import call_before
from espmon.postmortem.rom_code import in_rom
from espmon.postmortem.symbolizer import CodeSource, Frame
from espmon.postmortem.unwinders import UNWINDERS
from espmon.postmortem.xtensa_code import (
    CALL_BYTES,
    begins_instruction,
    call_size_at,
    call_size_before,
    can_stop_at,
)

NO_CODE = frozenset(
    {0, 0xFFFF_FFFD, 0xFFFF_FFFF, 0x3FFF_FFFD, 0x4000_0000, 0x7FFF_FFFD, 0x7FFF_FFFF}
)  # fmt: skip
"""What is printed for a jump to nowhere or for the end of the chain, plain or less 3: not a wrong address."""

INTERRUPT_ENTRIES = ("_xt_lowint", "_xt_medint", "_xt_highint", "xt_highint", "_xt_nmi", "_Level", "_UserExc", "_NMI")
"""Starts of the names of the code that takes an interrupt: below it stands where the program was interrupted, which
follows no call.
"""


class Evidence(NamedTuple):
    """What was printed beside a backtrace; None where nothing was.

    `faulted`: the processor stopped by itself, at an instruction that can do that, and not for a watchdog.
    """

    pc: int | None = None
    a0: int | None = None
    abort_pc: int | None = None
    faulted: bool = True


NOTHING_BESIDE = Evidence()

RISCV_CALL_BYTES = 4
"""Longest call instruction."""


class PrintedFrame(NamedTuple):
    """An address as printed, and the one to look up for it: None where there is no code."""

    printed: int
    place: int | None


class PrintedBacktrace(NamedTuple):
    """A backtrace that was read. `reduced`: its callers lie inside their call, not behind it.

    `outside` counts addresses that are no code of these ELFs and not in ROM, `unlikely` callers that follow no call.
    """

    frames: Sequence[PrintedFrame]
    reduced: bool
    outside: int
    unlikely: int

    @property
    def convincing(self) -> bool:
        """Whether the code says that it is one: callers in these ELFs, and each behind a call."""
        callers = sum(frame.place is not None for frame in self.frames[1:])
        return callers > 0 and self.frames[0].place is not None and not self.outside and not self.unlikely

    def frames_at(self, source: CodeSource) -> Iterator[tuple[int, list[Frame]]]:
        """Yield each address as printed with its functions, innermost first."""
        for frame in self.frames:
            found = source.lookup(frame.place, statements=True) if frame.place is not None else []
            yield frame.printed, found


def read_backtrace(
    addresses: Sequence[int], source: CodeSource, evidence: Evidence = NOTHING_BESIDE
) -> PrintedBacktrace:
    """Read the addresses of a printed backtrace (innermost first, window bits taken off)."""
    reader: _Reader = READERS.get(source.machine, _Plain)(source, addresses, evidence)
    frames: list[PrintedFrame] = []
    outside = unlikely = 0
    interrupted = False
    for number, address in enumerate(addresses):
        code = source.is_code(address)
        known = address not in NO_CODE and (code or in_rom(address, source))
        outside += not known and address not in NO_CODE
        place = (reader.caller(address) if number else reader.first(address)) if known else None
        if number and code and not interrupted and not reader.follows_call(address):
            unlikely += 1
        interrupted = place is not None and _takes_interrupts(source, place)
        frames.append(PrintedFrame(address, place))
    return PrintedBacktrace(frames, reader.reduced, outside, unlikely)


def _takes_interrupts(source: CodeSource, place: int) -> bool:
    function = source.symbol_at(place)
    return function is not None and function.name.startswith(INTERRUPT_ENTRIES)


class _Reader(Protocol):
    reduced: bool

    def first(self, address: int) -> int:
        """The place of the first entry."""

    def caller(self, address: int) -> int:
        """The place of a later entry: inside the call, whose last byte is just before the return address."""

    def follows_call(self, address: int) -> bool:
        """Whether a later entry's return address follows a call."""


class _Plain:
    """Return addresses as they are."""

    reduced = False

    def __init__(self, source: CodeSource, addresses: Sequence[int], evidence: Evidence) -> None:
        self._source = source
        architecture = MACHINES.get(source.machine, XTENSA)
        self._call_bytes, self._unwinder = architecture.call_bytes, UNWINDERS[architecture.name]

    def first(self, address: int) -> int:
        return address

    def caller(self, address: int) -> int:
        return address - self._call_bytes

    def follows_call(self, address: int) -> bool:
        return self._unwinder.follows_call(self._source, address)


class _Riscv(_Plain):
    """Return addresses as they are; should a board print places inside the calls, the code tells that."""

    def __init__(self, source: CodeSource, addresses: Sequence[int], evidence: Evidence) -> None:
        super().__init__(source, addresses, evidence)
        plain = sum(super(_Riscv, self).follows_call(address) for address in addresses[1:])
        self.reduced = sum(self._in_call(address) for address in addresses[1:]) > plain

    def caller(self, address: int) -> int:
        return address if self.reduced else super().caller(address)

    def follows_call(self, address: int) -> bool:
        return self._in_call(address) if self.reduced else super().follows_call(address)

    def _in_call(self, address: int) -> bool:
        calls = (call_before(self._source, address + step) for step in range(1, RISCV_CALL_BYTES + 1))
        return any(call is not None and call.at <= address for call in calls)


class _Xtensa:
    def __init__(self, source: CodeSource, addresses: Sequence[int], evidence: Evidence) -> None:
        self._source = source
        self._evidence = evidence
        self.reduced = self._is_reduced(addresses)

    def _is_reduced(self, addresses: Sequence[int]) -> bool:
        evidence, callers = self._evidence, addresses[1:]
        if evidence.a0 is not None and callers:
            # The board takes its second entry from this register.
            returns_to = evidence.a0 & 0x3FFF_FFFF | 0x4000_0000
            if callers[0] in (returns_to, returns_to - CALL_BYTES):
                return callers[0] != returns_to
        if evidence.pc is not None and addresses and addresses[0] == evidence.pc - CALL_BYTES:
            return True
        if evidence.abort_pc is not None:
            # abort() prints its return address less 3 in every version.
            if evidence.abort_pc in callers:
                return True
            if evidence.abort_pc + CALL_BYTES in callers:
                return False
        plain = sum((call_size_before(self._source, address) or -1) > 0 for address in callers)
        inside = sum((call_size_at(self._source, address) or -1) > 0 for address in callers)
        return inside >= plain

    def first(self, address: int) -> int:
        if not self.reduced or address == self._evidence.pc:
            return address
        above = address + CALL_BYTES
        if above == self._evidence.pc:
            return above
        stopped_at = self._stops(above) if self._evidence.faulted else False
        if (call_size_at(self._source, address) or -1) > 0 and not stopped_at:
            return address  # the board printed where it was itself, and the call that did so
        if self._evidence.faulted and not stopped_at and self._stops(address):
            return address
        return above if self._source.is_code(above) else address

    def _stops(self, address: int) -> bool:
        return can_stop_at(self._source, address) and begins_instruction(self._source, address)

    def caller(self, address: int) -> int:
        return address + CALL_BYTES - 1 if self.reduced else address - 1

    def follows_call(self, address: int) -> bool:
        size = (call_size_at if self.reduced else call_size_before)(self._source, address)
        return size is None or size >= 0


READERS: Mapping[int, Callable[[CodeSource, Sequence[int], Evidence], _Reader]] = {
    XTENSA.elf_machine: _Xtensa,
    RISCV.elf_machine: _Riscv,
}
"""ELF machine -> reader, of those that may print something else than plain return addresses."""
