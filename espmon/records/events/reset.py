"""Resets: what the ROM prints when a chip starts over, and what the lines after it say about why it does not start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from espmon.model.rom_banners import rom_chip
from espmon.records.event import LineView
from espmon.records.events.boot_hints import failure_hint
from espmon.records.events.boot_loop import LOOP_AT, LoopCounter, Run
from espmon.records.events.line_cleaning import clean, is_boot_banner
from espmon.records.events.reset_names import CLASSES, chip_of, reason_class, reason_name
from espmon.records.events.reset_record import Reset
from espmon.records.events.run_before import ONE_TIME, RunBefore
from espmon.records.record import Record

CRASH_BYTES = 16_000
"""A crash report that began at most this far before a reset is taken as its reason."""

WATCHDOG_LINES = 12
"""Lines after the task watchdog's first in which it says that it aborts the program; by default it does not."""

LOOK_AHEAD = 24
"""Lines after the banner in which the ROM says what is wrong."""

_BANNER = re.compile(r"rst:0x([0-9a-fA-F]{1,8})(?![0-9a-fA-F])(.*)")
_NAME = re.compile(r"\s*\(([A-Za-z0-9_ /]*)(\)?)")
_BOOT = re.compile(r"boot:0x([0-9a-fA-F]{1,8})\s*+(?:\((.*))?$")
_BANNER_8266 = re.compile(
    r"rst cause *+(?::|(?=\d{1,3} *+(?:,|$))) *+(\d{1,3})(?!\d)"
    r"(?:\s*+,\s*+boot mode *+:?\s*+\((\d{1,3})\s*+,\s*+(\d{1,3})\))?"
)
_SAVED_PC = re.compile(r"(?:Core ?(\d) )?Saved PC:\s*0x([0-9a-fA-F]{8})(?![0-9a-fA-F])")
_STARTED = re.compile(r"^(?:entry 0x|~ld|v[0-9a-f]{8}$)|2nd stage bootloader|\*\*\* Booting ")
_BEFORE_CRASH = re.compile(
    r"Guru Meditation|abort\(\) was called at PC|egister dump:|assert failed: "
    r"|assertion \"(?:(?!assertion \").)*\" failed"
    r"|>>>stack>>>|^panicked at |ZEPHYR FATAL ERROR|task_wdt: Aborting|xception (?:\(\d+\)|\d+\(\w+\)):$"
)

_NOTED = re.compile(r"Task watchdog got triggered|Brownout detector was triggered")

CRASHED = "the program crashed just before this restart"

GAVE_UP = "the second stage found no application that it could start, and restarted the chip"
HALF_LOADED = (
    "a watchdog restarted the chip while the ROM loaded the bootloader: most often a wrong or damaged image, or wrong "
    "flash settings"
)
UNLOADED = (
    "a watchdog restarted the chip before anything else was printed: most often its flash does not answer, or its "
    "supply is weak"
)

_MODE_8266 = {0: "SDIO_BOOT", 1: "DOWNLOAD(UART)", 3: "SPI_FLASH_BOOT"}


class ResetEvents:
    """Recognizes resets. A reset is reported at the first line that says how its start went."""

    needles: Sequence[bytes] = (
        b"rst:0x",
        b"rst cause",
        b"-ROM:esp",
        b"Guru Meditation",
        b"abort() was called",
        b"egister dump:",
        b"ssert failed",
        b'ssertion "',
        b">>>stack>>>",
        b"xception ",
        b"panicked at ",
        b"FATAL E",
        b"Task watchdog got triggered",
        b"Brownout detector was triggered",
    )

    def __init__(self) -> None:
        self._open: Reset | None = None
        self._lines = 0
        self._watchdog = 0
        self._chip: str | None = None
        self._panicked: int | None = None
        self._uptime: float | None = None
        self._browned_out = False
        self._begun = 0
        self._loop = LoopCounter()

    @property
    def open_since(self) -> int | None:
        """Where the reset's banner stands whose start is still being read."""
        return None if self._open is None else self._open.offset

    @property
    def attentive(self) -> bool:
        """True between a reset's banner and the line that tells how the start went, and where a watchdog may abort."""
        return self._open is not None or self._watchdog > 0

    def line(self, line: LineView) -> Iterable[Record]:
        """Read one line; yield the reset that it completes."""
        text = clean(line.text)
        banner = _BANNER.search(text)
        if banner is not None and not _believable(text, banner):
            banner = None
        banner_8266 = _BANNER_8266.search(text) if banner is None else None
        if banner or banner_8266:
            yield from self._close()
            self._begin(line, banner, banner_8266)
            return
        if self._open is None:
            self._note(line, text)
            return
        yield from self._follow(line, text)

    def _note(self, line: LineView, text: str) -> None:
        self._watchdog = max(self._watchdog - 1, 0)
        if chip := rom_chip(text):
            self._chip = chip
        elif "Brownout detector was triggered" in text:
            self._browned_out = True
        elif _BEFORE_CRASH.search(text):
            if self._panicked is None:
                # A crash report may be longer than the lines that can be looked at when the reset comes.
                self._uptime = RunBefore(line, self._begun).uptime
            self._panicked = line.offset
            self._watchdog = 0
        elif "Task watchdog got triggered" in text:
            self._watchdog = WATCHDOG_LINES

    def _begin(self, line: LineView, banner: re.Match[str] | None, banner_8266: re.Match[str] | None) -> None:
        run = RunBefore(line, self._begun)
        chip = self._chip or run.chip
        reset = _read(line, banner, chip) if banner is not None else _read_8266(line, banner_8266)
        self._judge(reset, run)
        self._open = reset
        self._lines = 0
        self._chip = None
        self._panicked = None
        self._uptime = None
        self._browned_out = False
        self._begun = line.offset + line.length

    def _judge(self, reset: Reset, run: RunBefore) -> None:
        kind = reason_class(reset.reason, reset.code, reset.chip)
        reset.expected, reset.hint, _ = CLASSES[kind]
        near = self._panicked is not None and reset.offset - self._panicked <= CRASH_BYTES
        reset.after_panic = near or (kind == "software" and run.ends_in_backtrace)
        if kind == "external" and reset.chip == "esp8266" and reset.after_panic:
            # After a crash this chip restarts itself with the reason that its reset pin has, too.
            reset.expected = False
            reset.hint = CRASHED
        if kind == "software" and self._browned_out:
            reset.expected = False
            reset.hint = CLASSES["brownout"].hint
        elif kind == "software" and reset.after_panic:
            reset.expected = False
            reset.hint = CRASHED
        elif kind == "software" and run.gave_up:
            reset.expected = False
            reset.hint = GAVE_UP
        elif kind == "software" and (said := run.announcement):
            reset.expected = True
            reset.hint = f'the program said so: "{said}"'
            if ONE_TIME.search(said):
                self._loop.forget()
        elif kind == "watchdog" and self._begun and run.only_rom:
            reset.hint = HALF_LOADED if run.loaded else UNLOADED
        if reset.stays_in_loader:
            reset.hint = failure_hint("waiting for download", "rom")
        reset.repeats = self._loop.add(
            Run(
                kind="crash" if reset.after_panic and kind in ("software", "external") else kind,
                name=reset.reason,
                offset=reset.offset,
                time=reset.time,
                wall=run.wall_time,
                uptime=max(filter(None, (self._uptime, run.uptime)), default=None),
                spoke=run.spoke,
                failure=reset.expected is False,
                by_hand=reset.expected is True and kind != "software",
            )
        )
        if reset.stays_in_loader:
            # Somebody is flashing the chip.
            self._loop.forget()

    def _follow(self, line: LineView, text: str) -> Iterator[Record]:
        reset = self._open
        assert reset is not None
        self._lines += 1
        if is_boot_banner(text):
            yield from self._close()
            self._note(line, text)
            return
        if _BEFORE_CRASH.search(text) or _NOTED.search(text):
            # What it started did not get far.
            yield from self._close()
            self._note(line, text)
            return
        if reset.chip is None and text.startswith("configsip:"):
            # No other chip's ROM says this.
            reset.chip = "esp32"
        if saved := _SAVED_PC.search(text):
            reset.saved_pc[int(saved[1] or 0)] = int(saved[2], 16)
            reset.length = line.offset + line.length - reset.offset
        elif hint := failure_hint(text, "rom"):
            reset.hint = hint
            reset.length = line.offset + line.length - reset.offset
            yield from self._close()
        elif _STARTED.search(text) or self._lines >= LOOK_AHEAD:
            yield from self._close()

    def _close(self) -> Iterator[Record]:
        reset, self._open = self._open, None
        if reset is None:
            return
        if reset.repeats >= LOOP_AT and not reset.stays_in_loader:
            kind = reason_class(reset.reason, reset.code, reset.chip)
            why = reset.hint if not reset.expected or kind != "software" else None
            why = why or CLASSES[kind].in_a_loop
            names = " and ".join(self._loop.names)
            reset.hint = f"boot loop: {names} {reset.repeats} times in a row{f': {why}' if why else ''}"
        yield reset

    def span(self, record: Record) -> Iterable[Record]:
        """A payload that is not text: the chip has started."""
        if self._panicked is not None and record.type == "coredump":
            # What a crash prints last may be much longer than its report.
            self._panicked = record.offset + record.length
        return tuple(self._close())

    def end(self) -> Iterable[Record]:
        """The stream ended: report the reset that was still open."""
        return tuple(self._close())

    def restarted(self) -> None:
        """The next reset was wanted: it is the first of its kind, whatever came before."""
        self._loop.forget()


def _read(line: LineView, banner: re.Match[str], chip: str | None) -> Reset:
    code = int(banner[1], 16)
    rest = banner[2]
    name = _NAME.match(rest)
    whole = name[1] if name and name[2] else ""
    reason = whole or reason_name(code, chip, name[1] if name else "")
    reset = Reset(line.offset, line.length, line.time, code=code, reason=reason, chip=chip or chip_of(code, whole))
    if boot := _BOOT.search(rest):
        reset.boot_code = int(boot[1], 16)
        reset.boot_mode = (boot[2] or "").rstrip().removesuffix(")") or None
    return reset


def _read_8266(line: LineView, banner: re.Match[str] | None) -> Reset:
    assert banner is not None
    code = int(banner[1])
    reason = reason_name(code, "esp8266")
    reset = Reset(line.offset, line.length, line.time, code=code, reason=reason, chip="esp8266")
    if banner[2]:
        reset.boot_code = int(banner[2])
        reset.boot_mode = _MODE_8266.get(reset.boot_code, f"mode {reset.boot_code}")
    return reset


def _believable(text: str, banner: re.Match[str]) -> bool:
    """A banner, and not prose that mentions one: a name or a boot mode follows, or the line was cut there."""
    rest = banner[2].strip()
    return rest == "" or rest.startswith(("(", ",", "boot:"))
