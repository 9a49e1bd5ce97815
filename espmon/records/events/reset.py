"""Resets: what the ROM prints when a chip starts over, and what the lines after it say about why it does not start."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from espmon.records.event import LineView
from espmon.records.events._data import table
from espmon.records.events._hints import failure_hint
from espmon.records.events._text import clean, is_boot_banner, rom_chip
from espmon.records.record import Event, JsonObject, Record

LOOP_AT = 3
"""So many equal resets in a row are called a boot loop."""

LOOP_BYTES = 20_000
"""A run that printed more than this between two resets is not part of a loop ..."""

LOOP_SECONDS = 60.0
"""... and neither is one that lasted longer, where host times are known."""

KEY_SECONDS = 10.0
"""The same for a start that a person may have brought about, with the EN key or the plug: a supply that is too weak
fails within seconds."""

CRASH_BYTES = 16_000
"""A crash report that began at most this far before a reset is taken as its reason."""

WATCHDOG_LINES = 12
"""Lines after the task watchdog's first in which it says that it aborts the program; by default it does not."""

LOOK_AHEAD = 24
"""Lines after the banner in which the ROM says what is wrong."""

_BANNER = re.compile(r"rst:0x([0-9a-fA-F]{1,8})(?![0-9a-fA-F])(.*)")
_NAME = re.compile(r"\s*\(([A-Za-z0-9_ /]*)(\)?)")
_BOOT = re.compile(r"boot:0x([0-9a-fA-F]{1,8})\s*(?:\((.*?)\)?\s*)?$")
_BANNER_8266 = re.compile(r"rst cause:\s*(\d{1,3})(?!\d)(?:\s*,\s*boot mode:\s*\((\d{1,3})\s*,\s*(\d{1,3})\))?")
_SAVED_PC = re.compile(r"(?:Core ?(\d) )?Saved PC:\s*0x([0-9a-fA-F]{8})(?![0-9a-fA-F])")
_STARTED = re.compile(r"^(?:entry 0x|~ld|v[0-9a-f]{8}$)|2nd stage bootloader|\*\*\* Booting ")
_BEFORE_CRASH = re.compile(
    r"Guru Meditation|abort\(\) was called at PC|egister dump:|assert failed: |assertion \".*\" failed"
    r"|>>>stack>>>|^panicked at |ZEPHYR FATAL ERROR|task_wdt: Aborting|xception (?:\(\d+\)|\d+\(\w+\)):$"
)

_EXPECTED: dict[str, bool | None] = {
    "power_on": True,
    "deep_sleep": True,
    "usb": True,
    "external": True,
    "jtag": True,
    "software": None,
    "watchdog": False,
    "brownout": False,
    "glitch": False,
    "efuse": False,
    "security": False,
    "lockup": False,
    "unknown": None,
}
"""What a class of reset says by itself; a software reset is decided by what came before it."""

_CLASS_OF_NAME: Sequence[tuple[str, str]] = (
    ("BROWN", "brownout"),
    ("WDT", "watchdog"),
    ("SLEEP", "deep_sleep"),
    ("PWR_DOWN", "deep_sleep"),
    ("USB", "usb"),
    ("JTAG", "jtag"),
    ("POWERON", "power_on"),
    ("EFUSE", "efuse"),
    ("GLITCH", "glitch"),
    ("LOCKUP", "lockup"),
    ("INTRUSION", "security"),
    ("SDIO", "external"),
    ("EXT", "external"),
    ("SW", "software"),
)

_PLAIN = {
    "watchdog": "a watchdog restarted the chip: the program, or the loading of it, stopped responding",
    "brownout": "the supply voltage fell too low: check the cable, the regulator and what draws current at that moment",
    "glitch": "a glitch on the clock or the supply restarted the chip: check power and wiring",
    "efuse": "the chip restarted because its eFuses could not be read without error",
    "security": "the chip restarted because it found an intrusion (voltage or temperature out of range)",
    "lockup": "the processor locked up: an exception happened inside the exception handler",
}

_MODE_8266 = {0: "SDIO_BOOT", 1: "DOWNLOAD(UART)", 3: "SPI_FLASH_BOOT"}


class Reset(Event):
    """The chip started over.

    Attributes:
        code: the ROM's number for the reason.
        reason: its name: as printed; from the tables when the print was cut; "unknown" when neither knows.
        boot_code: the strapping pins as printed after `boot:`, None when it was cut.
        boot_mode: where the chip starts from, as printed.
        expected: True (power on, deep sleep, USB), False (watchdog, brownout, after a panic), None when nothing says.
        hint: what it means, in plain words; None when there is nothing to say.
        saved_pc: where each core was when it was reset: core number -> address.
        repeats: how many resets of this kind came in a row, this one included, since the board was last restarted on
            purpose (`Demultiplexer.restarted`).
        after_panic: a panic was printed just before.
    """

    __slots__ = (
        "after_panic",
        "boot_code",
        "boot_mode",
        "chip",
        "code",
        "expected",
        "hint",
        "reason",
        "repeats",
        "saved_pc",
    )
    type: ClassVar[str] = "reset"

    def __init__(self, offset: int, length: int, time: float | None, *, code: int, reason: str, chip: str | None):
        super().__init__(offset, length, time)
        self.code = code
        self.reason = reason
        self.chip = chip
        self.boot_code: int | None = None
        self.boot_mode: str | None = None
        self.expected: bool | None = None
        self.hint: str | None = None
        self.saved_pc: dict[int, int] = {}
        self.repeats = 1
        self.after_panic = False

    def fields(self) -> JsonObject:
        """The fields of a `reset` in JSON."""
        return {
            "code": self.code,
            "reason": self.reason,
            "boot_code": self.boot_code,
            "boot_mode": self.boot_mode,
            "expected": self.expected,
            "hint": self.hint,
            "chip": self.chip,
            "saved_pc": {str(core): f"0x{pc:08x}" for core, pc in sorted(self.saved_pc.items())},
            "repeats": self.repeats,
            "after_panic": self.after_panic,
        }


def reason_class(reason: str, code: int, chip: str | None) -> str:
    """The class of a reset reason: by its printed name, else by the chip's table."""
    upper = reason.upper()
    for part, name in _CLASS_OF_NAME:
        if part in upper:
            return name
    row = table("reset_reasons").get(chip or "esp32", {}).get(str(code))
    return str(row[1]) if row else "unknown"


def _table_name(code: int, chip: str | None) -> str:
    tables = table("reset_reasons")
    row = tables.get(chip or "", {}).get(str(code)) or tables["esp32"].get(str(code))
    if row is None:
        rows = (rows.get(str(code)) for name, rows in tables.items() if name not in ("comment", "esp8266"))
        row = next((found for found in rows if found), None)
    return str(row[0]) if row else "unknown"


class ResetEvents:
    """Recognizes resets. A reset is reported at the first line that says how its start went."""

    openings: Sequence[bytes] = ()
    needles: Sequence[bytes] = (
        b"rst:0x",
        b"rst cause:",
        b"-ROM:esp",
        b"Guru Meditation",
        b"abort() was called",
        b"egister dump:",
        b"ssert",
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
        self._browned_out = False
        self._last: tuple[int, str, int, float | None] | None = None
        self._repeats = 0

    @property
    def attentive(self) -> bool:
        """True between a reset's banner and the line that tells how the start went, and where a watchdog may abort."""
        return self._open is not None or self._watchdog > 0

    @property
    def holds_partial(self) -> bool:
        """Never: an unfinished line may be finished at any time."""
        return False

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
            self._panicked = line.offset
            self._watchdog = 0
        elif "Task watchdog got triggered" in text:
            self._watchdog = WATCHDOG_LINES

    def _begin(self, line: LineView, banner: re.Match[str] | None, banner_8266: re.Match[str] | None) -> None:
        if banner is not None:
            code = int(banner[1], 16)
            rest = banner[2]
            name = _NAME.match(rest)
            reason = name[1] if name and name[2] and name[1] else _table_name(code, self._chip)
            chip = self._chip or (_chip_of(code, name[1]) if name and name[2] else None)
            reset = Reset(line.offset, line.length, line.time, code=code, reason=reason, chip=chip)
            if boot := _BOOT.search(rest):
                reset.boot_code = int(boot[1], 16)
                reset.boot_mode = boot[2] or None
        else:
            assert banner_8266 is not None
            code = int(banner_8266[1])
            chip = "esp8266"
            row = table("reset_reasons")[chip].get(str(code))
            reset = Reset(
                line.offset, line.length, line.time, code=code, reason=row[0] if row else "unknown", chip=chip
            )
            if banner_8266[2]:
                reset.boot_code = int(banner_8266[2])
                reset.boot_mode = _MODE_8266.get(reset.boot_code, f"mode {reset.boot_code}")
        self._judge(reset)
        self._open = reset
        self._lines = 0
        self._chip = None
        self._panicked = None
        self._browned_out = False

    def _judge(self, reset: Reset) -> None:
        kind = reason_class(reset.reason, reset.code, reset.chip)
        reset.expected = _EXPECTED[kind]
        reset.hint = _PLAIN.get(kind)
        reset.after_panic = self._panicked is not None and reset.offset - self._panicked <= CRASH_BYTES
        if kind == "external" and reset.chip == "esp8266" and reset.after_panic:
            # After a crash this chip restarts itself with the reason that its reset pin has, too.
            reset.expected = False
            reset.hint = "the program crashed just before this restart"
        if kind == "software" and self._browned_out:
            reset.expected = False
            reset.hint = _PLAIN["brownout"]
        elif kind == "software" and reset.after_panic:
            reset.expected = False
            reset.hint = "the program crashed just before this restart"
        if _waits(reset):
            reset.hint = failure_hint("waiting for download", "rom")
        self._count(reset, kind)

    def _count(self, reset: Reset, kind: str) -> None:
        last = self._last
        self._last = (reset.code, reset.reason, reset.offset, reset.time)
        near = last is not None and last[:2] == (reset.code, reset.reason) and reset.offset - last[2] <= LOOP_BYTES
        if near and last is not None and last[3] is not None and reset.time is not None:
            by_hand = reset.expected is True and not reset.after_panic
            near = reset.time - last[3] <= (KEY_SECONDS if by_hand else LOOP_SECONDS)
        self._repeats = self._repeats + 1 if near and kind != "deep_sleep" else 1
        reset.repeats = self._repeats

    def _follow(self, line: LineView, text: str) -> Iterator[Record]:
        reset = self._open
        assert reset is not None
        self._lines += 1
        if is_boot_banner(text):
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
        if reset.repeats >= LOOP_AT and not _waits(reset):
            if reason_class(reset.reason, reset.code, reset.chip) in ("power_on", "software") and reset.hint is None:
                reset.hint = "the chip restarts again and again without a crash report: often a supply that is too weak"
            why = f": {reset.hint}" if reset.hint else ""
            reset.hint = f"boot loop: {reset.reason} {reset.repeats} times in a row{why}"
        yield reset

    def span(self, record: Record) -> Iterable[Record]:
        """A payload that is not text: the chip has started."""
        return tuple(self._close())

    def end(self) -> Iterable[Record]:
        """The stream ended: report the reset that was still open."""
        return tuple(self._close())

    def restarted(self) -> None:
        """The next reset was wanted: it is the first of its kind, whatever came before."""
        self._last = None


def _chip_of(code: int, name: str) -> str | None:
    """The only chip whose ROM calls the reason so; None when there are several."""
    rows = ((chip, rows.get(str(code))) for chip, rows in table("reset_reasons").items() if chip != "comment")
    chips = [chip for chip, row in rows if row and row[0] == name]
    return chips[0] if len(chips) == 1 else None


def _waits(reset: Reset) -> bool:
    """The chip stays in its ROM loader."""
    return reset.boot_mode is not None and ("DOWNLOAD" in reset.boot_mode or reset.boot_mode == "USB_BOOT")


def _believable(text: str, banner: re.Match[str]) -> bool:
    """A banner, and not prose that mentions one: a name or a boot mode follows, or the line was cut there."""
    rest = banner[2].strip()
    return rest == "" or rest.startswith(("(", ",", "boot:"))
