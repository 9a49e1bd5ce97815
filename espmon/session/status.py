"""What the screen and the commands see of a session: immutable snapshots and small change messages.

Everything here may be read from any thread. The session replaces whole snapshots; it never edits one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeAlias

from espmon.port.line_format import USUAL, LineFormat
from espmon.records.capabilities import Capabilities, Command
from espmon.records.record import Record
from espmon.records.record import Severity as Severity
from espmon.session.pacing import NO_PAUSES, Pacing
from espmon.session.sent import LocalEcho, SentEvent
from espmon.session.share_state import NOBODY, Looking, Sharing
from espmon.session.state import State

if TYPE_CHECKING:
    from espmon.postmortem.core_report import CoreReport
    from espmon.postmortem.panic_report import PanicReport
    from espmon.rom import ProbeResult


class ElfState(StrEnum):
    """What is known about the ELF that decodes addresses."""

    NONE = "none"
    LOADING = "loading"
    UNVERIFIED = "unverified"
    MATCH = "match"
    MISMATCH = "mismatch"
    FAILED = "failed"


class Capture(NamedTuple):
    """A payload that is being received right now."""

    kind: str
    """"coredump", "png", "frame" or "gdb"."""

    received: int
    """Bytes so far."""

    expected: int | None
    """Bytes in all, None while unknown."""

    lines: int
    """Text lines of the payload so far (core dump)."""

    elapsed: float
    """Seconds since its first byte."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A running action: probe, flash."""

    action: str
    step: str
    done: int = 0
    total: int | None = None
    """None: unknown, show an indeterminate bar."""


@dataclass(frozen=True, slots=True)
class RecordingState:
    """How the recording is doing."""

    problem: str = ""
    """Why nothing is written now, "" while all is well."""

    unwritten: int = 0
    """Received bytes that are not in the file and will not be."""

    waiting: int = 0
    """Bytes that wait for the disk."""

    removed: bool = False
    """The session has ended, and somebody has taken its folder away."""


class Activity(StrEnum):
    """What the board is doing, as far as it is known."""

    RUNNING = "running"
    """Its application, as far as anybody knows."""

    HALTED = "halted"
    """It waits in its debug stub."""

    AWAITING_ENTER = "awaiting enter"
    """It has a core dump, and prints it when it gets Enter."""

    IN_LOADER = "in its loader"
    """It waits in download mode."""

    LENT_TO_IDE = "lent to an IDE"
    """Its port counts as lost because an IDE has it."""


@dataclass(frozen=True, slots=True)
class ReplayState:
    """How far a recording, or a log file, was read."""

    kind: str
    """What it is, in a few words."""

    done: int = 0
    total: int = 0
    """Bytes of the file read, and bytes of the file."""

    finished: bool = False
    tail: bool = False
    """Only its end is shown so far; what counts is how far the rest was read."""

    speed: float | None = None
    """Times real time; None: as fast as possible."""

    following: bool = False
    """It goes on when the file grows."""

    paused: bool = False
    """The user holds it still."""


def loader_text(unfinished: Sequence[str]) -> str:
    """A board that waits in download mode, in a few words; `unfinished`: files that a flash left half written."""
    return f"download mode, unfinished: {', '.join(unfinished)}" if unfinished else "download mode"


TRANSFER_LEASE = "file transfer"
"""`Status.lease` while a file travels by a protocol."""

PANEL_LEASE = "flash panel"
"""The same while the board is kept in its loader for several flash jobs."""

WAITS = "espmon waits for it, and goes on by itself"
"""What is said of a port that is gone while `Status.waiting`."""


@dataclass(frozen=True, slots=True)
class Status:
    """The whole visible state of a session."""

    state: State = State.CLOSED
    reason: str = ""
    """Why it is in this state, in plain words ("" when there is nothing to say)."""

    hint: str = ""
    """What the user can do about `reason`."""

    url: str = ""
    name: str = ""
    """Nickname or product, else the URL."""

    device: str = ""
    """What the board is known by: `serial:...` or `location:...`, else the name of its port; "" before it is known."""

    baud: int = 115200
    has_rate: bool = True
    """False where a rate means nothing: a plain socket, a chip's own USB."""

    line: LineFormat = USUAL
    """As it was asked for; what the port does not take is in the log."""

    usb: tuple[int, int] | None = None
    has_modem_lines: bool = True
    lease: str | None = None
    """Who holds the handle while `state` is LEASED: "flash", "gdb", "probe"."""

    debugger: str = ""
    """Who is connected to debug the board whenever it halts, "" for nobody."""

    chip: str | None = None
    """The chip's description as the probe found it, or its key as the boot log named it."""

    chip_key: str | None = None
    """Its key in the table of chips ("esp32c3"), from either."""

    probe: ProbeResult | None = None
    """What the last probe found."""

    capabilities: Capabilities | None = None
    """What the board announced of itself, None while it has announced nothing."""

    console_commands: tuple[Command, ...] = ()
    """What the console listed when it was asked for `help`."""

    pictured: bool = False
    """A picture has come: whatever it has announced, it can send one."""

    boot: int = 0
    """Number of the current boot (0 before any reset was seen)."""

    loop: str | None = None
    """The boot or crash loop that the board is in, in a few words for the header; the event says what it means."""

    wrong_rate: int | None = None
    """What the board seems to send at, in baud, while `baud` is another rate and nothing readable comes."""

    elf: Path | None = None
    elf_state: ElfState = ElfState.NONE
    bytes_in: int = 0
    """Bytes received since the session began, leases included."""

    rate: float = 0.0
    """Bytes a second received, over the last second."""

    quiet: int = 0
    """Seconds without a byte from a board that should be running, 0 while that is nothing to speak of."""

    lost_for: int | None = None
    """Seconds since the port went, None while it is there. As `quiet`, in whole minutes from the first on."""

    crashes: int = 0
    """How often the board has crashed in this session, repetitions included."""

    capture: Capture | None = None
    progress: Progress | None = None
    sending: Progress | None = None
    """A text that is being sent line by line."""

    local_echo: LocalEcho = LocalEcho.LINES
    pacing: Pacing = NO_PAUSES
    """Pauses in texts of several lines."""

    replies: bool = True
    """False once the user has switched the settings' replies off."""

    activity: Activity = Activity.RUNNING
    unfinished: tuple[str, ...] = ()
    """Files that a flash left half written, while the board waits in its loader for them."""

    waiting: bool = False
    """The port is gone, and the session goes on by itself when it is back."""

    recording: Path | None = None
    """Session folder with the raw bytes."""

    recorder: RecordingState = RecordingState()
    """How the recording is doing, also when there is none although there should be."""

    log: Path | None = None
    """File that a copy of the log text goes to."""

    replay: ReplayState | None = None
    """Of a session that has no board, but a recording, a log file or another program's session."""

    looking: Looking | None = None
    """Of a session that looks on at another program's."""

    sharing: Sharing = NOBODY
    """Who looks on at this one."""

    boards: int | None = None
    """Of a timeline: how many boards it sums up. What only one can have, an ELF or a port, is said of each alone."""

    @property
    def commands(self) -> tuple[Command, ...]:
        """The console's commands: those announced, and those that it listed."""
        announced = () if self.capabilities is None else self.capabilities.commands
        listed = {command.line: command for command in self.console_commands}
        return (*(listed.pop(command.line, command) for command in announced), *listed.values())

    def after_sending(self, data: bytes) -> Status:
        """The status when these bytes have been sent to the board."""
        entered = self.activity is Activity.AWAITING_ENTER and (b"\r" in data or b"\n" in data)
        return replace(self, activity=Activity.RUNNING) if entered else self


MAX_CRASHES = 2_000
"""Entries of crashes among them: each holds registers, a stack and a chain of calls."""

MAX_EVENTS = 20_000
"""Entries that the session and the screen keep; the sidecar file of the recording has all of them."""


class Undecoded(NamedTuple):
    """A core dump that could not be decoded."""

    reason: str


Report: TypeAlias = "PanicReport | CoreReport | Undecoded"
"""What is known of a crash beyond its record."""


@dataclass(frozen=True, slots=True)
class EventEntry:
    """One line of the inspector, with what opens below it."""

    id: int
    """Stable for the life of the session; entries are never renumbered."""

    record: Record
    title: str
    """One line, plain text (already sanitised)."""

    severity: Severity
    time: float | None
    line: int | None
    """Id of the log line it belongs to, for jumping; None when there is none."""

    boot: int
    """The boot it happened in; of equal events that are folded, the newest one's, as are time, line and record."""

    details: tuple[tuple[str, str], ...] = ()
    """(label, text) rows, plain text (already sanitised)."""

    path: Path | None = None
    """File saved for it (PNG, core dump, report)."""

    report: Report | None = None
    """What decoding a panic or a core dump brought, once it was tried."""

    count: int = 1
    """How many equal events are folded into this one; 0 when it turned out to belong to another entry, and is gone."""

    order: int = 0
    """Its place among the entries, which are in order of time: a folded one moves to the end when it is counted."""


class StatusChanged(NamedTuple):
    """`Session.status` was replaced."""

    status: Status


@dataclass(frozen=True, slots=True)
class LinesAppended:
    """The store grew; look at its length."""

    count: int


@dataclass(frozen=True, slots=True)
class TailChanged:
    """The line that is still being received has grown; look at the store's `tail`."""


class EventAdded(NamedTuple):
    """An entry was added, or (same id) replaced by one with more in it."""

    entry: EventEntry


class Notice(NamedTuple):
    """A toast: shown in every mode, on every screen."""

    text: str
    severity: Severity = Severity.INFO
    title: str = ""
    about: str = ""
    """What it is about, for the way on: a record's type ("panic", "gdb"), "elf", "recording"; "" for nothing."""


class DecorationsChanged(NamedTuple):
    """Locations were found for addresses in these lines."""

    lines: tuple[int, ...]


class CrashDecoded(NamedTuple):
    """A crash that is not one of those before was decoded."""

    report: PanicReport


class SentToBoard(NamedTuple):
    """Bytes were sent to the board."""

    event: SentEvent


Change = (
    StatusChanged | LinesAppended | TailChanged | EventAdded | Notice | DecorationsChanged | CrashDecoded | SentToBoard
)
"""What listeners receive, on the session's thread: put it in a queue and return."""


@dataclass(frozen=True, slots=True)
class OpenRequest:
    """What the user chose in the picker or on the command line."""

    url: str
    baud: int = 115200
    probe: bool = False
    """Ask to probe once the port is open (consent still comes from the user)."""

    acquire: bool = False
    """Acquire a labgrid place that is free (the user agreed); it is released when the session is closed."""

    no_reset: bool = False
    """Keep DTR/RTS as quiet as the system allows while opening."""

    line: LineFormat = USUAL
    """Data bits, parity, stop bits, flow control."""

    dtr: bool | None = None
    rts: bool | None = None
    """How the lines are left once the port is open, None as they are."""

    break_seconds: float | None = None
    """Begin with a break of so long; None without one."""

    reset: bool = False
    """Restart the board once the port is open (the user agreed)."""

    elf: tuple[Path, ...] = ()
    name: str = ""
    log: Path | None = None
    """An extra copy of the log text (`--log FILE`)."""

    print_filter: str = ""
    """Filter to begin with, in idf.py monitor's syntax."""

    at_start: bool = False
    """Of a recording: the screen shows its beginning, and does not follow."""

    rom_elf: Path | None = None
    """The chip's ROM ELF; that of an installed toolchain when not given."""
