"""A session that looks on at another program's: the same records and log, with its own search, filters and ELF."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from espmon.port import Handle, PortError, PortErrorKind, PortIdentity
from espmon.records.demux import Demultiplexer
from espmon.session.connection import PortAccess
from espmon.session.replay.moment import Moment
from espmon.session.replay.replay import passive
from espmon.session.replay.replay_clock import ReplayClock
from espmon.session.replay.replayed_events import replay_event
from espmon.session.replayed import Replayed
from espmon.session.sent import SentBy
from espmon.session.session import Session
from espmon.session.settings import Settings, data_folder, limits_of
from espmon.session.share_state import Looking
from espmon.session.sharing.share_protocol import Message
from espmon.session.status import OpenRequest, ReplayState, Severity
from espmon.session.store import LogStore
from espmon.session.viewing.share_link import ShareLink
from espmon.session.viewing.shared_handle import SharedHandle, SharedSource

KIND = "another espmon's session"


class LookingOn:
    """Makes the session, and keeps what it shows of the holder up to date. Belongs to the session's loop.

    Args:
        link: the connection to the holder; looking on begins when the session is opened.
        settings: the user's.
        sessions: where recordings are; the platform's data folder when None.

    Attributes:
        session: to be opened with any request.
    """

    def __init__(self, link: ShareLink, settings: Settings, sessions: Path | None = None) -> None:
        self._link = link
        self._sessions = sessions or data_folder() / "sessions"
        settings = passive(settings)
        source = SharedSource(link.holder.name)
        clock = ReplayClock(link.holder.since)
        limits = limits_of(settings)
        store = LogStore(settings.store_bytes, clock.wall, cr_overwrites=settings.cr_overwrites)
        access = PortAccess(
            opener=self._open,
            identifier=PortIdentity,
            resolver=lambda name: name,
            remember=lambda identity, chip, mac: None,
        )
        parts = Replayed(store, Demultiplexer(limits), told=True, send=self._send)
        self.session = Session(settings=settings, access=access, clock=clock, replayed=parts)
        self.session.answers.on = False
        self.session.turn = self
        self.session.pipeline.watches_rate = False
        self.session.pipeline.quiet = True
        self._handle = SharedHandle(link, self._sessions, source, clock, self._happened)
        link.on_status = self._told
        link.on_notice = lambda text: self.session.notify(text, Severity.WARNING)

    @property
    def request(self) -> OpenRequest:
        """How the session is opened."""
        return OpenRequest(self._link.holder.name, name=self._link.holder.name)

    async def _open(self, url: str, *, baud: int, no_reset: bool) -> Handle:
        self._show(Looking(str(self._link.holder)))
        self._link.begin()
        return self._handle

    def _show(self, looking: Looking) -> None:
        session = self.session
        replay = ReplayState(KIND, finished=not session.pipeline.quiet, following=not looking.gone)
        session.publish(replace(session.status, replay=replay, looking=looking))

    def _happened(self, moment: Moment) -> None:
        pipeline, now = self.session.pipeline, self.session.clock()
        if moment.lease:
            pipeline.raw(moment.data, moment.lease, now)
        elif moment.event is not None:
            replay_event(moment.event, pipeline, now)
            looking = self.session.status.looking
            if self._link.gone and looking is not None and not looking.gone:
                pipeline.flush(now)
                self._show(replace(looking, gone=self._link.gone, writes=False, asked=False))
                self.session.notify(f"Nothing more comes: {self._link.gone}", Severity.WARNING)
        elif pipeline.quiet:  # all that there is was read: what comes now is news
            pipeline.quiet = False
            self._show(self.session.status.looking or Looking(str(self._link.holder)))

    def _told(self, message: Message) -> None:
        """The holder's status."""
        session, fields = self.session, message.fields
        before = session.status.looking or Looking(str(self._link.holder))
        looking = replace(before, writes=self._link.writes, asked=fields.get("asked") is True)
        status = session.status
        name, lines = message.text("name") or status.name, self._link.has_modem_lines
        session.publish(replace(status, name=name, baud=message.number("baud"), has_modem_lines=lines))
        self._show(looking)
        if looking.writes != before.writes:
            who = "You write" if looking.writes else "You write no more; the other side does"
            session.notify(f"{who} to the board" if looking.writes else who, Severity.WARNING)

    async def _send(self, data: bytes, by: SentBy) -> PortError | None:
        looking = self.session.status.looking
        if looking is None or not looking.writes:
            error = PortError(PortErrorKind.BUSY, "Not sent: you look on", "Ask to write first")
            self.session.notify(str(error), Severity.WARNING)
            return error
        self._link.send(data, by)
        return None

    def answer(self, agreed: bool) -> None:
        """Nobody asks at this side."""

    def change(self) -> None:
        """Ask to write, or write no more."""
        looking = self.session.status.looking
        if looking is None or looking.gone:
            return
        if looking.writes:
            self._link.release()
        elif not looking.asked:
            self._link.ask()
