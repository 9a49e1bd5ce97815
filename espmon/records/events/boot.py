"""Boots: what a board says about itself while it starts, gathered into one event a boot."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ClassVar

from espmon.model.rom_banners import rom_chip
from espmon.records.event import LineView
from espmon.records.events.boot_hints import failure_hint
from espmon.records.events.line_cleaning import clean
from espmon.records.events.log_clock import uptime_of
from espmon.records.notes import Note
from espmon.records.recent_lines import NO_LINES, RecentLine
from espmon.records.record import Event, Record, Severity

MAX_LINES = 400
"""Lines of one boot that are read at most."""

QUIET_LINES = 60
"""Lines without anything about the boot after which it is reported as it stands."""

_AGAIN = re.compile(r"rst:0x[0-9a-fA-F]|rst cause *(?::|(?=\d{1,3} *(?:,|$))) *\d")
_OPENS = re.compile(r"-ROM:esp| 2nd stage bootloader|\*\*\* Booting |: Project name: ")
_ROM_ESP32 = re.compile(r"^configsip: \d|^clk_drv:0x")
_LOADER_CHIP = re.compile(r"\bboot\.(esp32[a-z]*\d*):")
_LOADER = re.compile(r"ESP-IDF (\S+) 2nd stage bootloader")
_SIMPLE = re.compile(r"soc_init\)?: ESP Simple boot")
_ENTRY = re.compile(r"^entry 0x|^load 0x")
_APP = re.compile(
    r"(?:cpu_start|app_init): +(Project name|App version|ELF file SHA256|ESP-IDF|Compile time): +(\S.*?)\s*$"
)
_DIGEST = re.compile(r"([0-9a-fA-F]{6,64})(?:\.\.\.)?$")
_CHIP_REVISION = re.compile(r"(?:chip revision|[Cc]hip [Rr]ev(?:ision)?): +(v?\d[\d.]*)")
_ZEPHYR = re.compile(r"\*\*\* Booting Zephyr OS(?: build)? (\S+)")
_MCUBOOT = re.compile(
    r"\*\*\* Booting MCUboot(?: build)? +([^\s*]\S*)?|Image index: \d+, Swap type:|MCUboot \dnd stage bootloader"
)
_NUTTX = re.compile(r"\*\*\* Booting NuttX|NuttShell \(NSH\)(?: NuttX-(\S+))?")
_TELLS = re.compile(
    r"-ROM:esp|ets J|configsip|clk_drv|boot|[Rr]ev|cpu_start:|app_init:|\*\*\*|NuttShell|Image index|soc_init"
)
"""A line without any of these says nothing that is read here."""

_WAITING = re.compile(r"^wait(?:ing for| usb| uart) download|^csum err")
_GIVES_UP = re.compile(r"No bootable app partitions|load partition table error|Failed to verify partition table")
_FAILED_HEAD = re.compile(r"(?:^|\W)[EW] (?:\([\d:. -]+\) )?([a-z][\w.]*): ")
_ROM_FAILED = re.compile(r"^(?:invalid header: 0x|flash read err|csum err|ets_(?:main|loader)\.c |Invalid image block)")

START_SECONDS = 10.0
"""A line that the board wrote later than this is no part of its start."""

CRASH_NEEDLES = (b"Guru Meditation", b"abort() was called")
"""Before a crash, and before a restart, stands what a start failed from."""

_CRASH = re.compile(r"Guru Meditation|abort\(\) was called at PC")

_STARTED = re.compile(
    r"main_task: Calling app_main|main_task: Started on CPU|cpu_start: Starting scheduler|app_main\(\)"
)


_OF_CHIP = ("chip", "chip_revision", "bootloader_version", "framework")
_OF_PROGRAM = ("app", "app_version", "compile_time", "elf_sha256", "idf_version")


class Boot(Event):
    """One start of a board.

    Attributes:
        chip: as the ROM or the second stage names it ("esp32s3"), None when neither was seen.
        idf_version: version of ESP-IDF that the application was built with, else that of the bootloader.
        app: the project's name; "Zephyr", "NuttX" for those systems.
        app_version: its version.
        elf_sha256: the part of the ELF's SHA-256 that was printed, lower case.
        hint: why it does not start, in plain words; None when it starts.
        framework: "esp-idf", "zephyr", "mcuboot", "nuttx" or None.
        bootloader_version: version of the second stage.
        chip_revision: "v0.2".
        compile_time: as printed.
    """

    __slots__ = json_fields = (
        "chip", "chip_revision", "framework", "bootloader_version", "idf_version", "app", "app_version", "compile_time",
        "elf_sha256", "hint",
    )  # fmt: skip
    type: ClassVar[str] = "boot"

    def __init__(self, offset: int, length: int, time: float | None = None) -> None:
        super().__init__(offset, length, time)
        self.chip: str | None = None
        self.idf_version: str | None = None
        self.app: str | None = None
        self.app_version: str | None = None
        self.elf_sha256: str | None = None
        self.hint: str | None = None
        self.framework: str | None = None
        self.bootloader_version: str | None = None
        self.chip_revision: str | None = None
        self.compile_time: str | None = None

    @property
    def program(self) -> str:
        """The application and its version, "" where neither is known."""
        return " ".join(part for part in (self.app, self.app_version) if part)

    @property
    def title(self) -> str:
        """What starts, or why it does not."""
        named = " ".join(part for part in (self.chip, self.program, self.idf_version) if part)
        if self.hint:
            return f"Boot: {named} ({self.hint})" if named else f"Boot: {self.hint}"
        return f"Boot: {named or 'application started'}"

    @property
    def severity(self) -> Severity:
        """A warning when it does not start."""
        return Severity.WARNING if self.hint else Severity.INFO


class BootEvents:
    """Recognizes boots. One event a boot, as soon as the application has named itself or the start has failed."""

    needles: Sequence[bytes] = (
        b"rst:0x",
        b"rst cause",
        b"-ROM:esp",
        b" 2nd stage bootloader",
        b"*** Booting ",
        b": Project name: ",
        b"invalid magic",
        *CRASH_NEEDLES,
    )

    def __init__(self) -> None:
        self.recent = NO_LINES
        self._looked = 0  # stream offset up to which nothing is left that says why a start failed
        self._open: Boot | None = None
        self._settled: Boot | None = None
        self._lines = 0
        self._idle = 0
        self._entered = False
        self._told = False
        self._refused = False  # the ROM has said why it does not start what it found
        self._failed = False  # it was told why it does not start
        self._running = False  # the program has started
        self._readers: tuple[Callable[[Boot, str], bool], ...] = (_read_rom, _read_loader, _read_app, _read_others)

    @property
    def open_since(self) -> int | None:
        """Where the boot began that is still being read."""
        return None if self._open is None else self._open.offset

    @property
    def attentive(self) -> bool:
        """True from a boot's first line until it is reported."""
        return self._open is not None

    def line(self, line: LineView) -> Iterable[Record]:
        """Read one line; yield the boot that it completes."""
        text = clean(line.text)
        self.recent = line.recent
        if self._open is not None:
            self._looked = line.offset + line.length
        elif _AGAIN.search(text) or _OPENS.search(text) or _CRASH.search(text):
            yield from self._look_back(line.offset)
        if _AGAIN.search(text):
            if self._entered or self._told:
                yield from self._close()
            chip = self._open.chip if self._open is not None and not self._told else None
            self._settled = None
            self._refused = self._failed = self._running = False
            # The ROM names the chip before the reset banner, so a boot that has told nothing yet goes on.
            self._begin(line)
            assert self._open is not None
            self._open.chip = chip
            if "rst cause" in text:
                self._open.chip = "esp8266"
            return
        if "-ROM:esp" in text:
            if self._entered or self._told:
                yield from self._close()
            self._settled = None
            self._refused = self._failed = self._running = False
        if self._open is None:
            if _OPENS.search(text) is None:
                if self._failure(text):
                    yield from self._look_back(line.offset + line.length)
                return
            self._begin(line)
            self._go_on()
        boot = self._open
        assert boot is not None
        self._lines += 1
        self._idle += 1
        if _WAITING.search(text):
            self._open = None
            self._refused = True
            return
        if _ENTRY.search(text):
            self._entered = True
        if hint := failure_hint(text, "boot"):
            # Another slot may start all the same, and the first failure is what the later ones come from.
            boot.hint = boot.hint or hint
            self._extend(line)
            self._told = True
            if _GIVES_UP.search(text):
                yield from self._close()
            return
        if _TELLS.search(text) and any(reader(boot, text) for reader in self._readers):
            self._extend(line)
            self._told = self._told or bool(boot.framework or boot.bootloader_version or boot.app)
        self._running = _STARTED.search(text) is not None
        complete = self._running or self._complete(text)
        if complete or self._idle > QUIET_LINES or self._lines > MAX_LINES:
            yield from self._close(goes_on=complete)

    def _begin(self, line: LineView) -> None:
        self._open = Boot(line.offset, line.length, line.time)
        self._lines = self._idle = 0
        self._entered = self._told = False

    def _look_back(self, end: int) -> Iterator[Record]:
        """Report a start that failed without a boot's beginning in the capture, by the lines before `end`.

        Only what comes after them, or the end of the stream, makes anyone look: there are too many kinds of them to
        look for in everything that a board prints.
        """
        since, self._looked = self._looked, end
        if self._failed:
            return
        for line in reversed(tuple(self.recent.before(end, since))):
            text = clean(line.text)
            self._running = self._running or _STARTED.search(text) is not None
            if hint := self._failure(text):
                yield self._failed_boot(line, text, hint)
                return

    def _failure(self, text: str) -> str | None:
        """Why the chip does not start, said by a line that no boot's beginning came before."""
        if _FAILED_HEAD.search(text) is not None:
            return failure_hint(text, "boot")
        if _ROM_FAILED.match(text) is not None and not self._refused:
            return failure_hint(text, "rom")
        return None

    def _failed_boot(self, line: RecentLine, text: str, hint: str) -> Record:
        if self._running or (uptime_of(text) or 0.0) > START_SECONDS:
            return Note(line.offset, line.length, line.time, kind="hint", text=hint)
        boot = Boot(line.offset, line.length, line.time)
        for name in _OF_CHIP + _OF_PROGRAM if self._settled is not None else ():
            setattr(boot, name, getattr(self._settled, name))
        boot.hint = hint
        self._failed = True
        return boot

    def _go_on(self) -> None:
        """A boot reported because the line was quiet (a memory test takes seconds) goes on with what is known."""
        settled, self._settled = self._settled, None
        if settled is not None and self._open is not None:
            for name in _OF_CHIP:
                setattr(self._open, name, getattr(settled, name))

    def _extend(self, line: LineView) -> None:
        assert self._open is not None
        self._open.length = line.offset + line.length - self._open.offset
        self._idle = 0

    def _complete(self, text: str) -> bool:
        boot = self._open
        assert boot is not None
        if boot.framework in ("zephyr", "nuttx") and boot.app is not None:
            return True
        named = boot.app is not None and boot.elf_sha256 is not None and boot.idf_version is not None
        return named and "ESP-IDF:" in text

    def _close(self, *, goes_on: bool = False) -> Iterator[Record]:
        boot, self._open = self._open, None
        if boot is not None:
            self._failed = boot.hint is not None
        if boot is not None and (self._told or self._entered):
            if boot.idf_version is None and boot.framework in (None, "esp-idf"):
                boot.idf_version = boot.bootloader_version
            yield boot
            if goes_on:
                self._settled = boot
        self._entered = self._told = False

    def span(self, record: Record) -> Iterable[Record]:
        """Payloads say nothing about a boot."""
        return ()

    def end(self) -> Iterable[Record]:
        """The stream ended, or is quiet: report what is known of the boot."""
        if self._open is None:
            return tuple(self._look_back(self.recent.end))
        events = tuple(self._close())
        self._settled = next((event for event in events if isinstance(event, Boot)), self._settled)
        return events


def _read_rom(boot: Boot, text: str) -> bool:
    if chip := rom_chip(text):
        boot.chip = chip
    elif _ROM_ESP32.search(text):
        boot.chip = "esp32"
    else:
        return False
    return True


def _read_loader(boot: Boot, text: str) -> bool:
    found = False
    if match := _LOADER.search(text):
        boot.bootloader_version = match[1]
        boot.framework = boot.framework or "esp-idf"
        found = True
    if match := _LOADER_CHIP.search(text):
        boot.chip = boot.chip or match[1]
        found = True
    if match := _CHIP_REVISION.search(text):
        boot.chip_revision = boot.chip_revision or match[1]
        found = True
    return found


def _read_app(boot: Boot, text: str) -> bool:
    match = _APP.search(text)
    if match is None:
        return False
    key, value = match[1], match[2]
    boot.framework = "esp-idf"
    if key == "Project name":
        boot.app = value
    elif key == "App version":
        boot.app_version = value
    elif key == "Compile time":
        boot.compile_time = value
    elif key == "ESP-IDF":
        boot.idf_version = value
    elif (digest := _DIGEST.match(value)) and digest[1].strip("0"):
        boot.elf_sha256 = digest[1].lower()
    return True


def _read_others(boot: Boot, text: str) -> bool:
    if match := _ZEPHYR.search(text):
        boot.framework, boot.app, boot.app_version = "zephyr", "Zephyr", match[1]
    elif match := _MCUBOOT.search(text):
        boot.framework = "mcuboot"
        boot.bootloader_version = match[1] or boot.bootloader_version
    elif match := _NUTTX.search(text):
        boot.framework, boot.app = "nuttx", "NuttX"
        boot.app_version = match[1] or boot.app_version
    elif _SIMPLE.search(text):
        boot.framework = boot.framework or "zephyr"
        return False
    else:
        return False
    return True
