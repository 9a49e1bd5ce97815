"""In place of a port: what the holder's pipeline was fed, first from its recording, then as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from espmon.port import LineFormat, PortError, PortErrorKind, ResetSequence
from espmon.session.replay.moment import Moment
from espmon.session.replay.replay_clock import ReplayClock
from espmon.session.replay.replay_handle import BATCH, NOTHING_NOW, ReplayHandle
from espmon.session.replay.replay_source import Source
from espmon.session.session_folder import is_session
from espmon.session.sharing.deeds import Deed
from espmon.session.sharing.share_protocol import Kind, Message
from espmon.session.viewing.history_window import window_moments
from espmon.session.viewing.share_link import ShareLink
from espmon.time_limit import time_limit

RESET = ResetSequence(Deed.RESET, ())
LOADER = ResetSequence(Deed.LOADER, ())
"""What the holder is asked to play on its lines."""


class SharedSource(Source):
    """Nothing but a name: what comes is asked of the connection.

    Args:
        name: of the board.
    """

    kind = "session"
    timed = True

    def __init__(self, name: str) -> None:
        super().__init__(Path(name))
        self.name = name

    def moments(self) -> Iterator[Moment]:
        """Nothing is read from a file."""
        return iter(())


class SharedHandle(ReplayHandle):
    """Reads another program's session.

    Args:
        link: the connection.
        sessions: the folder of the sessions, where the holder's recording is.
        source: what it is called.
        clock: is moved as the session goes on.
        happened: see `ReplayHandle`.
    """

    def __init__(
        self,
        link: ShareLink,
        sessions: Path,
        source: SharedSource,
        clock: ReplayClock,
        happened: Callable[[Moment], None],
    ) -> None:
        super().__init__(source, clock, happened)
        self._link = link
        self._sessions = sessions
        self._history: Iterator[Moment] | None = None
        self._dated = False
        self._begun = False

    async def _refill(self) -> None:
        if self._history is not None:
            try:
                batch = await self._in_thread(self._next_of_history)
            except OSError as error:
                batch, self._history = [_damaged(f"what came before cannot be read: {error}")], None
            if batch:
                self._queue.extend(batch)
                return
            self._history = None
        message = self._link.take()
        if message is None and not self._begun:  # the first one says where what came before is: until then, all is old
            await self._link.arrived.wait()
            message = self._link.take()
        self._begun = True
        if message is not None:
            self._queue.append(self._moment(message))
        elif self._link.gone:
            self._queue.append(_damaged(f"nothing more comes: {self._link.gone}; what came is kept"))
            self._ended = True
        else:
            self._queue.append(NOTHING_NOW)

    def _next_of_history(self) -> list[Moment]:
        assert self._history is not None
        return [moment for moment, _ in zip(self._history, range(BATCH), strict=False)]

    def _moment(self, message: Message) -> Moment:
        m = message.seconds("m")
        match message.kind:
            case Kind.TEXT:
                return Moment(m, message.data)
            case Kind.LEASED:
                return Moment(m, message.data, message.text("owner", 40) or "a lease")
            case Kind.EVENT if isinstance(fields := message.fields.get("fields"), dict):
                wall = message.seconds("t") if fields.get("event") == "clock" or not self._dated else None
                self._dated = True
                return Moment(m, event=fields, wall=wall)
            case Kind.LOST:
                wall, self._dated = None if self._dated else message.seconds("t"), True
                length = message.number("length")
                text = f"{length:,} bytes that came before are not here: that session is not recorded"
                return Moment(m, event={"event": "damaged", "text": text} if length else {}, wall=wall)
            case Kind.HISTORY:
                return self._read_history(message)
        return Moment(event={})

    def _read_history(self, message: Message) -> Moment:
        """Go on with the recording that the holder names: by its name alone, which is no path."""
        name = str(message.fields.get("folder"))
        folder = self._sessions / name
        if name in (".", "..") or Path(name).name != name or not is_session(folder):
            return _damaged("what came before is not here: there is no such recording")
        self._dated = True
        begin, end = message.position("begin"), message.position("end")
        self._history = window_moments(folder, begin, end)
        return Moment(event={})

    async def _caught_up(self, timeout: float | None) -> bytes:
        self._happened(Moment())
        self.finished.set()
        try:
            async with time_limit(timeout):
                await self._link.arrived.wait()
        except TimeoutError:
            self._pass(timeout or 0.0)
        return b""

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """What is sent goes another way; see `LookingOn`."""
        raise PortError(PortErrorKind.UNSUPPORTED, "The port is another espmon's: nothing can be sent past it")

    # -- what its writer does to the board, by way of the holder ------------------------------------------------

    def loader_entries(self) -> Sequence[ResetSequence]:
        """The holder knows how."""
        return (LOADER,)

    def hard_reset_sequence(self) -> ResetSequence | None:
        """The holder knows how."""
        return RESET

    async def run_sequence(self, sequence: ResetSequence) -> None:
        """Ask the holder for it."""
        self._link.do(Deed(sequence.name))

    async def set_lines(self, *, dtr: bool | None = None, rts: bool | None = None) -> None:
        """Ask the holder for it."""
        self._link.do(Deed.LINES, dtr=dtr, rts=rts)

    async def send_break(self, seconds: float) -> None:
        """Ask the holder for it."""
        self._link.do(Deed.BREAK, seconds=seconds)

    async def set_baud(self, baud: int) -> None:
        """Ask the holder for it."""
        self._link.do(Deed.BAUD, baud=baud)

    async def set_format(self, line: LineFormat) -> None:
        """Ask the holder for it."""
        self._link.do(Deed.FORMAT, line=str(line))

    async def close(self) -> None:
        """Hang up."""
        await self._link.close()
        await super().close()


def _damaged(text: str) -> Moment:
    return Moment(event={"event": "damaged", "text": text})
