"""A crash of the boot before, which the firmware kept and prints after its restart: ESPHome's crash handler.

Its lines are log lines, one fact each: the reason, the core, the place, the addresses of the calls.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from espmon.model.architecture import ARCHITECTURES, is_code_address
from espmon.model.crash_facts import CoreState
from espmon.model.crash_kinds import kind_of
from espmon.model.exception_causes import cause_named
from espmon.model.stack_frame import StackFrame
from espmon.records.event import LineView
from espmon.records.events.panic_conclusion import conclude, whole_cause
from espmon.records.events.panic_record import MAX_FRAMES, Panic

BEGIN = re.compile(r"\*\*\* CRASH DETECTED ON PREVIOUS BOOT \*\*\*")
LATER = re.compile(r"\[E\]\[esp32\.crash:\d+\]: ")
"""The head of its lines on an ESP32: one of them begins a report whose own beginning was lost."""

NEEDLES = (b"CRASH DETECTED ON PREVIOUS BOOT", b"[E][esp32.crash:")

MAX_LINES_BETWEEN = 12
"""Lines of others between two of its lines before it counts as ended."""

MAX_LINES = 120
"""Lines of one report, those of others included."""

_HEAD = re.compile(r"\[[EW]\]\[[\w.]{1,32}:\d{1,5}\]:? *|^[EW] (?:\([^)]{1,32}\) )?[\w.]{1,32}: *")
_REASON = re.compile(r"Reason: (?P<type>[^-(]*[^-( ])(?: +- (?P<cause>[^(]*[^( ]))?(?: *\((?:exc)?cause[ =]\d+\))?$")
_CORE = re.compile(r"Crashed core: (\d)$")
_REGISTER = re.compile(r"(PC|LR|SP|EXCVADDR): *0x([0-9a-fA-F]{8})\b")
_FRAME = re.compile(r"BT\d{1,2}: *0x([0-9a-fA-F]{8})\b")
_OTHER_CORE = re.compile(r"Other core \((\d)\) backtrace:$")
_ROW = re.compile(r"Backtrace:((?: 0x[0-9a-fA-F]{8})+)$")
_END = re.compile(r"(?:Use|Other core): addr2line ")

_KINDS: Mapping[str, str] = {
    "Abort": "abort",
    "Task wdt": "task_wdt",
    "Interrupt wdt": "int_wdt",
    "Soft WDT": "task_wdt",
    "Hardware WDT": "int_wdt",
}
"""What the handler calls a kind of crash; all others are exceptions."""

_WATCHDOGS = frozenset({"Soft WDT", "Hardware WDT", "Task wdt"})
"""Kinds whose cause is only the interrupt that the watchdog came with."""

_CAUSES: Mapping[str, str] = {
    "InstFetchErr": "InstructionFetchError",
    "LoadStoreErr": "LoadStoreError",
    "Level1Int": "Level1Interrupt",
    "DivByZero": "IntegerDivideByZero",
    "Alignment": "LoadStoreAlignment",
    "InstFetchProhibit": "InstrFetchProhibited",
}
"""Its short names for the ESP8266."""


class PreviousBootReport:
    """A report that is being received."""

    def __init__(self, line: LineView) -> None:
        self.panic = Panic(line.offset, line.length, line.time)
        self.panic.previous_boot = True
        self.finished = False
        self._lines = self._idle = 0
        self._other: CoreState | None = None

    def read(self, line: LineView, text: str) -> bool:
        """Read one line; False when it is no part of the report."""
        head = _HEAD.search(text)
        body = text if head is None else text[head.end() :]
        self._lines += 1
        self._idle += 1
        if self._fact(body):
            self._idle = 0
            self.panic.length = line.offset + line.length - self.panic.offset
            if head is not None and "esp8266" in head[0]:
                self.panic.arch = "esp8266"
        elif self._idle > MAX_LINES_BETWEEN or self._lines > MAX_LINES:
            self.finished = True
        return self._idle == 0

    def close(self) -> Panic | None:
        """The crash; None when nothing is known of it but that there was one."""
        panic = self.panic
        if panic.cause is None and panic.pc is None and not panic.backtrace and panic.kind == "other":
            return None
        if panic.arch is None and panic.cause is not None:
            named = cause_named(panic.cause)
            found = [one.name for one in ARCHITECTURES.values() if named in one.causes.values()] if named else []
            panic.arch = found[0] if len(found) == 1 else None
        conclude(panic)
        return panic

    def _fact(self, body: str) -> bool:
        panic = self.panic
        if match := _REASON.match(body):
            self._reason(match)
        elif match := _CORE.match(body):
            panic.core = int(match[1])
        elif match := _REGISTER.match(body):
            self._register(match[1], int(match[2], 16))
        elif match := _FRAME.match(body):
            self._add(int(match[1], 16))
        elif match := _ROW.match(body):
            for word in match[1].split():
                self._add(int(word, 16))
        elif match := _OTHER_CORE.match(body):
            self._other = CoreState(int(match[1]))
            panic.other_cores.append(self._other)
        elif _END.match(body):
            self.finished = body.startswith("Other core") or not panic.other_cores
        else:
            return False
        return True

    def _reason(self, match: re.Match[str]) -> None:
        panic = self.panic
        kind, cause = match["type"], match["cause"]
        panic.kind = _KINDS.get(kind, "exception")
        if cause and cause != "Unknown" and kind not in _WATCHDOGS:
            panic.cause = _CAUSES.get(cause, whole_cause(cause))
            panic.kind = kind_of(panic.cause) or panic.kind
        elif panic.kind == "exception":
            panic.cause = kind if kind != "Fault" else cause
        else:
            panic.cause = kind

    def _register(self, name: str, value: int) -> None:
        panic = self.panic
        panic.registers[name] = value
        if name == "PC":
            panic.pc = value
        elif name == "EXCVADDR":
            panic.excvaddr = value

    def _add(self, address: int) -> None:
        frames = self.panic.backtrace if self._other is None else self._other.backtrace
        if len(frames) < MAX_FRAMES and is_code_address(address):
            frames.append(StackFrame(address))
