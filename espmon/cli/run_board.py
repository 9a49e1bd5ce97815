"""One board of a run without a screen: its session, and the way of what that says to the outlet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from espmon.cli.command_runner import CommandError, Exit, clean, say
from espmon.cli.run_end import End
from espmon.records.batch import Part
from espmon.records.record import PayloadRecord
from espmon.session import Session, State
from espmon.session.session_feed import SessionFeed, Tail
from espmon.session.status import (
    Change,
    ElfState,
    EventAdded,
    Notice,
    OpenRequest,
    SentToBoard,
    Severity,
    StatusChanged,
)

if TYPE_CHECKING:
    from espmon.cli.elf_help import ElfHelp
    from espmon.cli.outlet import Outlet
    from espmon.session.settings import Settings
    from espmon.session.viewing.looking_on import LookingOn

LOOK_ON_SECONDS = 10.0
"""For finding a port, and the espmon that holds it."""


class Run(Protocol):
    """What a board belongs to."""

    outlet: Outlet
    """Judges and prints what the boards say."""

    reconnects: bool
    """A lost port is waited for."""

    def end(self, end: End) -> None:
        """The run is over; the first reason counts."""

    def wrong_elf(self, sentence: str) -> None:
        """The ELF does not fit the board."""

    def look_at_bytes(self) -> None:
        """Count what came."""


class RunBoard:
    """One session of a run, and the way of what it says to the outlet. What came before the run is left out.

    Args:
        run: what it belongs to.
        name: of the board.
        session: not opened yet.
        elf: for decoding what is printed.
        boards: of the run.
    """

    def __init__(self, run: Run, name: str, session: Session, elf: ElfHelp, boards: int) -> None:
        self.name = name
        self.session = session
        self._before = 0
        """Bytes that came before this run, where it looks on at a session."""

        self._run = run
        self._elf = elf
        self._elf_given = session.status.elf
        self._title = ""
        self._feed = SessionFeed(session, self._take, boards)
        session.subscribe(self._changed)
        session.connection.link.before_read = self._before_read

    @property
    def received(self) -> int:
        """Bytes so far."""
        return self.session.connection.link.received - self._before

    def _take(self, item: Part | Tail) -> None:
        if self.session.pipeline.quiet:
            return
        self._run.outlet.put(self.name, self.session.received(item) if isinstance(item, PayloadRecord) else item)

    async def _before_read(self) -> None:
        if self.session.pipeline.quiet:
            self._before = self.session.connection.link.received
        self._run.look_at_bytes()
        await self._run.outlet.room()

    def _changed(self, change: Change) -> None:
        match change:
            case EventAdded(entry):
                self._title = entry.title
            case SentToBoard(event):
                self._run.outlet.put(self.name, event)
            case Notice(text, severity):
                if severity is not Severity.INFO and text != self._title:  # that one is printed as an event
                    say(f"espmon: {text}")
            case StatusChanged(status):
                if status.elf_state is ElfState.MISMATCH:
                    self._run.wrong_elf(f"The ELF {status.elf} is not what the board runs")
                elif status.elf_state in (ElfState.MATCH, ElfState.UNVERIFIED) and status.elf != self._elf_given:
                    self._elf_given = path = status.elf
                    if path is not None:
                        self._run.outlet.put(self.name, lambda: self._elf.use([path]))
                if status.looking is not None and status.looking.gone:
                    self._run.end(End(Exit.PORT, f"Nothing more comes: {status.looking.gone}"))
                if status.state is State.LOST and not self._run.reconnects:
                    self._run.end(End(Exit.PORT, f"The port was lost: {status.reason}"))


async def look_on_at(port: str, settings: Settings) -> LookingOn:
    """A session that looks on at the one of the espmon that holds a port. Raises `CommandError`."""
    from espmon.port import PortError
    from espmon.session.sharing.share_protocol import ShareError
    from espmon.session.viewing.holder_finder import HolderFinder

    finder = HolderFinder(settings)
    try:
        link = await finder.find(port)
    except (ShareError, PortError) as error:
        raise CommandError(Exit.PORT, str(error)) from error
    if link is None:
        raise CommandError(Exit.PORT, f"no other espmon holds {clean(port)}, or it lets nobody look on")
    return await finder.look_on(link)


def request_to_look_on(looking: LookingOn, request: OpenRequest) -> OpenRequest:
    """How that session is opened: of what was asked for, only what concerns decoding."""
    return replace(looking.request, elf=request.elf, rom_elf=request.rom_elf)
