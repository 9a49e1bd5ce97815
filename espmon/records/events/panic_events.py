"""Recognizes crash reports in a log: where one begins, what belongs to it, and when it has ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from espmon.records.event import LineView
from espmon.records.events.line_cleaning import clean, is_boot_banner, is_decoded, number
from espmon.records.events.panic_assembly import Assembly
from espmon.records.events.panic_starters import NEEDLES, Starter, find_starter
from espmon.records.record import Record

MAX_REPORT_LINES = 2000
"""Lines of a pasted core dump report that are passed over at most."""

NEAR = 64
"""Bytes that may lie between a banner behind another task's log header and the report that proves it real."""

_REPORT_START = re.compile(r"ESP32\S{0,16} CORE DUMP START")
_REPORT_END = re.compile(r"CORE DUMP END")
_ENDING_SPANS = frozenset({"gdb", "coredump"})


class PanicEvents:
    """Recognizes panics of every kind.

    A report ends at its own end (`Rebooting...`, the ELF's SHA after the backtrace, a gdb stop packet), at a boot
    banner, at the next report, or when too much other text follows. Lines of other tasks in between are passed over.
    """

    needles: Sequence[bytes] = NEEDLES

    def __init__(self) -> None:
        self._open: Assembly | None = None
        self._report = 0
        self._quoted: tuple[LineView, str, Starter, re.Match[str]] | None = None

    @property
    def open_since(self) -> int | None:
        """Where the report began that is still being read."""
        return None if self._open is None else self._open.panic.offset

    @property
    def attentive(self) -> bool:
        """True inside a crash report, and inside a pasted core dump report."""
        return self._open is not None or self._report > 0

    def line(self, line: LineView) -> Iterable[Record]:
        """Read one line; yield the panics that it completes."""
        if self._open is not None and not self._report and self._open.take_row(line):
            if self._open.finished:
                yield from self._close(interrupted=False)
            return
        text = clean(line.text)
        if self._report:
            self._report -= 1
            if _REPORT_END.search(text) or is_boot_banner(text):
                self._report = 0
            if not text.startswith("Guru Meditation Error: Core "):
                return
            # No report says this: the end of the pasted one is missing, and here a board has crashed.
            self._report = 0
        if is_decoded(text):
            if self._open is not None:
                self._open.lines += 1
            return
        if _REPORT_START.search(text):
            self._report = MAX_REPORT_LINES
            yield from self._close(interrupted=False)
            return
        if self._open is not None and is_boot_banner(text):
            yield from self._close(interrupted=True)
        started = find_starter(text)
        if started is not None and not started[2]:
            yield from self._believe(line, started[0])
            yield from self._start(line, text, *started[:2])
        elif started is not None and self._open is None:
            self._quoted = line, text, *started[:2]
        elif self._open is not None:
            self._open.read(line, text)
        if self._open is not None and self._open.finished:
            yield from self._close(interrupted=False)

    def _believe(self, line: LineView, starter: Starter) -> Iterator[Record]:
        """Take back what was held for talk about an earlier crash: registers or a backtrace stand right behind it."""
        quoted, self._quoted = self._quoted, None
        if quoted is None or self._open is not None or starter.group not in ("dump", "trace"):
            return
        if 0 <= line.offset - quoted[0].offset - quoted[0].length <= NEAR:
            yield from self._start(*quoted)

    def _start(self, line: LineView, text: str, starter: Starter, match: re.Match[str]) -> Iterator[Record]:
        open_ = self._open
        if open_ is not None and not belongs_to(open_, starter, match):
            nested = "banner" in open_.groups and not open_.panic.backtrace and not open_.panic.stack
            yield from self._close(interrupted=True)
            self._open = Assembly(line)
            self._open.panic.nested = nested
        elif open_ is None:
            self._open = Assembly(line)
            self._open.loose = starter.name in ("task_wdt", "trace", "ubsan", "heap")
        assert self._open is not None
        if starter.group in ("banner", "dump") and starter.name != "task_wdt" and "task_wdt" not in self._open.names:
            self._open.loose = False
        repeated = starter.name == "banner" and "banner" in self._open.groups
        if repeated:
            self._open.panic.count += 1
        self._open.accept(line, starter, match, text)

    def _close(self, *, interrupted: bool) -> Iterator[Record]:
        open_, self._open = self._open, None
        if open_ is not None and open_.has_substance:
            yield open_.close(interrupted=interrupted)

    def span(self, record: Record) -> Iterable[Record]:
        """A gdb packet or a core dump ends the report before it."""
        if record.type in _ENDING_SPANS:
            return tuple(self._close(interrupted=False))
        return ()

    def end(self) -> Iterable[Record]:
        """The stream ended: report what is open."""
        self._report = 0
        return tuple(self._close(interrupted=True))


_CONTINUING = frozenset({"zephyr_error", "stack8266"})
"""Starters that stand at the end of a report as well as at the start of a cut one."""

_REPEATING = frozenset({"heap", "rust"})
"""Messages that one crash may print several times."""


def belongs_to(open_: Assembly, starter: Starter, match: re.Match[str]) -> bool:
    """True when a starter is the next part of the open report, False when it opens a new one."""
    panic = open_.panic
    if starter.name in _CONTINUING:
        return starter.name not in open_.names
    if starter.group == "trace":
        # A second bare backtrace with nothing before it is another report.
        return open_.groups != {"trace"}
    if starter.group == "dump":
        if not panic.registers:
            return True
        core = number(match.groupdict().get("core"))
        seen = {panic.core} | {state.core for state in panic.other_cores}
        return core is not None and core not in seen and len(panic.other_cores) < 4
    if starter.name == "rust" and "rust_exception" in open_.names and not panic.backtrace:
        return True
    if open_.has_rows:
        return False
    if starter.group == "banner":
        if "banner" not in open_.groups:
            # A task watchdog that reports and goes on is no part of the crash that follows it.
            return starter.name != "banner" or "task_wdt" not in open_.names
        groups = match.groupdict()
        same = starter.name == "banner" and groups["cause"] and groups["cause"] == panic.cause
        return bool(same) and groups["core"] == (None if panic.core is None else str(panic.core))
    if "banner" in open_.groups:
        return False
    return starter.name not in open_.names or starter.name in _REPEATING
