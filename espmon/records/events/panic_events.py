"""Recognizes crash reports in a log: where one begins, what belongs to it, and when it has ended."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from espmon.records.event import LineView
from espmon.records.events import previous_boot
from espmon.records.events.line_cleaning import clean, is_boot_banner, is_decoded, number
from espmon.records.events.panic_record import Panic
from espmon.records.events.panic_starters import NEEDLES, Starter, find_starter
from espmon.records.record import Record

if TYPE_CHECKING:
    from espmon.records.events.panic_assembly import Assembly

MAX_REPORT_LINES = 2000
"""Lines of a pasted core dump report that are passed over at most."""

MAX_TOLD = 8
"""Crashes of the boot before that are remembered as told."""

MAX_BANNERS = 4
"""Banners in one line that are told apart."""

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

    needles: Sequence[bytes] = (*NEEDLES, *previous_boot.NEEDLES, b"rst:0x", b"rst cause", b"-ROM:esp")

    def __init__(self) -> None:
        self._open: Assembly | None = None
        self._earlier: previous_boot.PreviousBootReport | None = None
        self._earlier_told: list[Panic] = []
        self._report = 0
        self._quoted: tuple[LineView, str, Starter, re.Match[str]] | None = None

    @property
    def open_since(self) -> int | None:
        """Where the report began that is still being read."""
        if self._open is not None:
            return self._open.panic.offset
        return None if self._earlier is None else self._earlier.panic.offset

    @property
    def attentive(self) -> bool:
        """True inside a crash report, and inside a pasted core dump report."""
        return self._open is not None or self._earlier is not None or self._report > 0

    def line(self, line: LineView) -> Iterable[Record]:
        """Read one line; yield the panics that it completes."""
        if self._open is not None and not self._report and self._open.take_row(line):
            if self._open.finished:
                yield from self._close(interrupted=False)
            return
        text = clean(line.text)
        if is_boot_banner(text):
            yield from self._end_earlier()
            self._earlier_told.clear()
        elif previous_boot.BEGIN.search(text):
            yield from self._close(interrupted=True)
            yield from self._end_earlier()
            self._earlier = previous_boot.PreviousBootReport(line)
            return
        elif self._earlier is None and self._open is None and previous_boot.LATER.search(text):
            self._earlier = previous_boot.PreviousBootReport(line)
        if self._earlier is not None and not is_decoded(text):
            taken = self._earlier.read(line, text)
            if self._earlier.finished:
                yield from self._end_earlier()
            if taken:
                return
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
            yield from self._close(interrupted=True, restarted=True)
        for at, piece in banners_in(text):
            # A crash in the middle of reporting another one stands where its own banner does.
            cut = min(len(text[:at].encode()), line.length - 1)
            shown = replace(line, offset=line.offset + cut, length=line.length - cut) if at else line
            yield from self._read(shown, piece)

    def _read(self, line: LineView, text: str) -> Iterator[Record]:
        started = find_starter(text)
        if started is not None and self._goes_on(*started[:2]):
            started = None
        if started is not None and not started[2]:
            yield from self._believe(line, started[0])
            yield from self._start(line, text, *started[:2])
        elif started is not None and self._open is None:
            self._quoted = line, text, *started[:2]
        elif self._open is not None:
            self._open.read(line, text)
        if self._open is not None and self._open.finished:
            yield from self._close(interrupted=False)

    def _end_earlier(self) -> Iterator[Record]:
        """Report a crash of the boot before; the firmware prints it again for whoever connects, and it is one crash."""
        report, self._earlier = self._earlier, None
        panic = report.close() if report is not None else None
        if panic is not None and not any(panic.same_as(told) for told in self._earlier_told):
            self._earlier_told = [*self._earlier_told[-MAX_TOLD:], panic]
            yield panic

    def _goes_on(self, starter: Starter, match: re.Match[str]) -> bool:
        """True for a line that only begins a report whose own beginning was lost, where none was."""
        open_ = self._open
        if starter.name == "wdt_row":
            return open_ is not None and "task_wdt" in open_.names
        if starter.name == "chain":
            # The backtrace of a report that lacks one, or one that stands alone.
            return not grows(match["chain"]) if open_ is None else "trace" in open_.groups or not open_.has_rows
        return False

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
            self._open = assembly(line)
            self._open.panic.nested = nested
        elif open_ is None:
            self._open = assembly(line)
            self._open.loose = starter.name in ("task_wdt", "wdt_row", "trace", "chain", "ubsan", "heap")
        assert self._open is not None
        if starter.group in ("banner", "dump") and starter.name != "task_wdt" and "task_wdt" not in self._open.names:
            self._open.loose = False
        repeated = starter.name == "banner" and "banner" in self._open.groups
        if repeated:
            self._open.panic.count += 1
        self._open.accept(line, starter, match, text)

    def _close(self, *, interrupted: bool, restarted: bool = False) -> Iterator[Record]:
        open_, self._open = self._open, None
        if open_ is not None and open_.has_substance:
            yield open_.close(interrupted=interrupted, restarted=restarted)

    def span(self, record: Record) -> Iterable[Record]:
        """A gdb packet or a core dump ends the report before it."""
        if record.type in _ENDING_SPANS:
            return (*self._end_earlier(), *self._close(interrupted=False))
        return ()

    def end(self) -> Iterable[Record]:
        """The stream ended: report what is open."""
        self._report = 0
        return (*self._end_earlier(), *self._close(interrupted=True))


_PRINTED_STACK = re.compile(r":0x(3[0-9a-fA-F]{7})")


def banners_in(text: str) -> list[tuple[int, str]]:
    """A line, cut before each banner that begins in the middle of another one's: where each piece begins, and it.

    All that stands behind `MAX_BANNERS` of them stays one piece.
    """
    cuts = [0]
    while len(cuts) < MAX_BANNERS:
        begun = text.find("panic'ed", cuts[-1])
        at = text.find("Guru Meditation", begun) if begun >= 0 else -1
        if at < 0:
            break
        cuts.append(at)
    return [(start, text[start:end]) for start, end in zip(cuts, [*cuts[1:], len(text)], strict=True)]


def grows(chain: str) -> bool:
    """True when the stack pointers of a chain of frames go up, as they do from callee to caller."""
    pointers = [int(pointer, 16) for pointer in _PRINTED_STACK.findall(chain)]
    return all(below <= above for below, above in pairwise(pointers))


_CONTINUING = frozenset({"zephyr_error", "stack8266"})
"""Starters that stand at the end of a report as well as at the start of a cut one."""

_REPEATING = frozenset({"heap", "rust"})
"""Messages that one crash may print several times."""


def assembly(line: LineView) -> Assembly:
    """A report that begins here. What reads reports is loaded with the first: it is large, and most boards are well."""
    from espmon.records.events.panic_assembly import Assembly

    return Assembly(line)


def belongs_to(open_: Assembly, starter: Starter, match: re.Match[str]) -> bool:
    """True when a starter is the next part of the open report, False when it opens a new one."""
    panic = open_.panic
    if starter.name == "wdt_row":
        return open_.names == {"trace"}
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
