"""What a board's own output shows to be missing in its configuration: said once each, in the events, with the line."""

from __future__ import annotations

from typing import NamedTuple

from espmon.records.batch import Part
from espmon.records.events.boot import Boot
from espmon.records.events.panic_record import Panic
from espmon.records.events.reset_record import Reset
from espmon.records.lines import LineBlock
from espmon.records.spans.coredump_capture import Coredump
from espmon.session.reporter import Reporter
from espmon.session.session_events import SessionNote


class Advice(NamedTuple):
    """One remark."""

    text: str
    lines: tuple[str, ...]
    """What to write where, and what it does here."""


NO_PARTITION = Advice(
    "The partition table has no place for core dumps",
    (
        "partitions.csv: coredump, data, coredump, , 64K",
        "or, on the console instead: CONFIG_ESP_COREDUMP_ENABLE_TO_UART=y, and espmon receives and decodes them",
    ),
)
NO_CORE_DUMP = Advice(
    "It crashed and left no core dump: only the crashed task can be told of",
    ("CONFIG_ESP_COREDUMP_ENABLE_TO_UART=y: espmon receives the dump, with all tasks and their variables",),
)
NO_COLOURS = Advice(
    "The log has no colours of its own",
    ("CONFIG_LOG_COLORS=y: the board's colours; those of the levels are espmon's and there anyway",),
)

SILENT_REBOOT = Advice(
    "It restarted by itself again and said nothing before: was that a crash?",
    (
        "CONFIG_ESP_SYSTEM_PANIC_PRINT_REBOOT=y (not CONFIG_ESP_SYSTEM_PANIC_SILENT_REBOOT): a crash is told with its"
        " registers and backtrace, and espmon decodes them",
        "an esp_restart() of the application's own is no crash: log a line that says so before it",
    ),
)

ALL = (NO_PARTITION, NO_CORE_DUMP, NO_COLOURS, SILENT_REBOOT)

SILENT_RESETS = 2
"""Resets out of the running program, without a word before them, after which it may be that panics are silent."""

RESETS_OF_A_PROGRAM = ("SW_", "WDT")
"""In the ROM's name for a reset that a panic handler causes, or a watchdog where it does not run."""

TELLS_OF_RESTART = (b"estart", b"eboot", b"OTA", b"pdat", b"sleep", b"eset")
"""In what a program says before a restart that it means."""

LAST_WORDS = 512
"""Bytes in front of a reset in which a program would say so."""

PLAIN_LINES = 100
"""Lines with a level and without a colour after which a log counts as plain."""

DUMP = b"dump"
"""Part of everything that is looked for: nearly all lines are searched for this alone."""

DUMPS = (b"Core dump", b"core dump", b"core_dump")
"""Whatever a board says of core dumps: it has them, in one way or another. The demultiplexer is told to look for it."""

PARTITION = b"No core dump partition found"


class ConfigAdvice:
    """Watches what the board says.

    Args:
        reporter: enters the remarks into the events.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._left = set(ALL)
        self._crashed = False
        self._idf = False
        self._plain = 0
        self._silent = 0
        self._heard = b""

    def take(self, part: Part, entry: int | None) -> None:
        """See `Sink`."""
        if isinstance(part, LineBlock):
            if self._left and part.source == "text":
                self._read(part)
        elif isinstance(part, Boot):
            self._idf = part.framework == "esp-idf"
        elif isinstance(part, Panic):
            self._crashed = part.fatal and part.kind not in ("rust", "brownout", "other")
        elif isinstance(part, Coredump):
            self._left.discard(NO_CORE_DUMP)
        elif isinstance(part, Reset):
            if self._crashed:
                self._crashed = False
                self._say(NO_CORE_DUMP)
            self._look_at_reset(part)

    def _read(self, block: LineBlock) -> None:
        data = block.data
        self._heard = data[-LAST_WORDS:] if len(data) >= LAST_WORDS else (self._heard + data)[-LAST_WORDS:]
        if not block.plain and DUMP in data:
            if PARTITION in data:
                self._say(NO_PARTITION)
            if NO_CORE_DUMP in self._left and any(said in data for said in DUMPS):
                self._left.discard(NO_CORE_DUMP)
        if NO_COLOURS in self._left:
            if b"\x1b[" in data:
                self._left.discard(NO_COLOURS)
            elif self._idf:
                self._plain += sum(map(bool, block.levels))
                if self._plain >= PLAIN_LINES:
                    self._say(NO_COLOURS)

    def _look_at_reset(self, reset: Reset) -> None:
        """A panic that is told of, or a restart that the program announces, is not silent."""
        heard, self._heard = self._heard, b""
        by_program = reset.expected is not True and any(word in reset.reason for word in RESETS_OF_A_PROGRAM)
        if not (self._idf and by_program) or reset.after_panic or any(word in heard for word in TELLS_OF_RESTART):
            return
        self._silent += 1
        if self._silent >= SILENT_RESETS:
            self._say(SILENT_REBOOT)

    def _say(self, advice: Advice) -> None:
        if advice in self._left:
            self._left.discard(advice)
            self._reporter.list_event(SessionNote(*self._reporter.here, advice.text, advice.lines))
