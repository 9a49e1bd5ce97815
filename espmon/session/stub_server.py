"""Serves a board that halted in its debug stub to a debugger of this computer, over the port that is open anyway.

The debugger speaks to the same target that serves core dumps; what that asks goes to the board's stub under the
session's debug lease. When the debugger lets the board go on, the lease ends and the log goes on; when the board halts
again, the debugger is told. One debugger at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

from espmon.port import PortError
from espmon.port.platform import listen_privately
from espmon.postmortem.remote_target import INTERRUPT, RemoteTarget
from espmon.postmortem.rsp import RspError
from espmon.session.debug_lease import OWNER, DebugError
from espmon.session.dump_server import LOCAL, READ_BYTES
from espmon.session.sent import SentBy
from espmon.session.session import Session
from espmon.session.state import ForbiddenTransition, State
from espmon.session.status import Activity, Change, Severity, StatusChanged
from espmon.session.stub_source import StubSource
from espmon.session.tasks import stop_tasks
from espmon.time_limit import time_limit

FIRST_SECONDS = 10.0
"""Longest wait for the first packet of who connects: the port is not taken before."""

WRITE_SECONDS = 10.0
"""Longest wait for a debugger that does not read what it asked for."""

BEGINNINGS = (b"+", b"$")
"""How a debugger begins; a web page that was made to post here begins otherwise, and is not listened to."""

PRIVATE = "a debugger of this user"


class StubServer:
    """Lets one debugger at a time have the board of a session. Belongs to the session's loop.

    Args:
        session: whose board it is.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._writer: asyncio.StreamWriter | None = None
        self._source: StubSource | None = None
        self._target: RemoteTarget | None = None
        self._telling: asyncio.Task[None] | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._close: Callable[[], None] = lambda: None

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[int]:
        """Listen on a TCP port of this computer alone (0: any that is free); gives its number. Raises `OSError`."""
        server = await asyncio.start_server(self._accept, LOCAL, port)
        self._close = server.close
        async with self._following():
            yield int(server.sockets[0].getsockname()[1])

    @asynccontextmanager
    async def listening_privately(self) -> AsyncIterator[str]:
        """Listen where only this user's programs reach it; gives what gdb is told to connect to. Raises `OSError`."""
        listener = await listen_privately(self._accept)
        self._close = listener.close
        async with self._following():
            yield listener.address

    @asynccontextmanager
    async def _following(self) -> AsyncIterator[None]:
        unsubscribe = self._session.subscribe(self._changed)
        try:
            yield
        finally:
            unsubscribe()
            self._close()
            for task in list(self._connections):
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    # -- one debugger -------------------------------------------------------------------------------------------

    def _refusal(self) -> str:
        """Why a debugger cannot have the board now, "" where it can."""
        status = self._session.status
        if self._writer is not None:
            return "one debugger at a time, and there is one"
        if status.state is State.LEASED:
            return f"the port is used for {status.lease}"
        return "" if status.state is State.MONITORING else f"the port is not open ({status.state.value})"

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        name = writer.get_extra_info("peername")
        peer = "{}:{}".format(*name[:2]) if isinstance(name, tuple) else PRIVATE
        try:
            why = self._refusal() or await self._serve(reader, writer, peer)
            if why:
                self._session.notify(f"gdb: {peer} was turned away: {why}", Severity.WARNING)
        except asyncio.CancelledError:
            pass  # the server ends: the task is its own
        finally:
            self._connections.discard(task)
            writer.transport.abort() if self._unread(writer) else writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    @staticmethod
    def _unread(writer: asyncio.StreamWriter) -> bool:
        return writer.transport.get_write_buffer_size() > 0

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, peer: str) -> str:
        """Serve one debugger until it leaves; returns why it was not served, "" where it was."""
        self._writer = writer
        try:
            try:
                async with time_limit(FIRST_SECONDS):
                    first = await reader.read(READ_BYTES)
            except TimeoutError:
                return "it said nothing"
            if not first.startswith(BEGINNINGS):
                return "it is no debugger"
            source = StubSource(self._session.debugging, self._interrupt)
            await source.begin()
            await self._converse(reader, writer, RemoteTarget(source), source, first, peer)
        except (DebugError, PortError, ForbiddenTransition) as error:
            return str(error)
        except (OSError, TimeoutError):
            return ""  # it left without a word, or does not read what it asked for
        finally:
            self._writer = None
        return ""

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, target: RemoteTarget,
        source: StubSource, data: bytes, peer: str,
    ) -> None:  # fmt: skip
        session = self._session
        self._target, self._source = target, source
        session.publish(replace(session.status, debugger=peer))
        await session.mark(f"gdb: {peer} has the board")
        try:
            while data and not target.ended:
                writer.write(await target.feed(data))
                async with time_limit(WRITE_SECONDS):
                    await writer.drain()
                self._look()
                data = b"" if target.ended else await reader.read(READ_BYTES)
        finally:
            self._target = self._source = None
            await stop_tasks(self._telling)
            self._telling = None
            held, source.holds = source.holds, False
            if held and session.debugging.active:
                await session.debugging.abandon()
            session.publish(replace(session.status, debugger=""))
            left = "the board still waits in its debug stub" if held else "the board goes on"
            await session.mark(f"gdb: {peer} has left; {left}")

    async def _interrupt(self) -> None:
        await self._session.send(INTERRUPT, SentBy.BYTES)

    # -- what the board does ------------------------------------------------------------------------------------

    def _changed(self, change: Change) -> None:
        if isinstance(change, StatusChanged) and change.status.state is State.CLOSED:
            self._close()  # nobody can come any more
        if not isinstance(change, StatusChanged) or self._target is None or self._source is None:
            return
        status, writer = change.status, self._writer
        gone = status.state is not State.MONITORING and status.state is not State.LEASED
        taken = self._source.holds and status.lease != OWNER  # reset by hand, or taken back by the user
        if (gone or taken) and writer is not None:
            self._source.holds = False
            writer.transport.abort()
        self._look()

    def _look(self) -> None:
        """Tell a debugger that waits for it that the board has halted again."""
        status, target = self._session.status, self._target
        if target is None or not target.running or (self._telling is not None and not self._telling.done()):
            return
        if status.activity is Activity.HALTED and status.state is State.MONITORING:
            self._telling = asyncio.create_task(self._tell(target), name="espmon-stub-stop")

    async def _tell(self, target: RemoteTarget) -> None:
        source, writer = self._source, self._writer
        if source is None or writer is None:
            return
        try:
            await source.begin()
            writer.write(await target.stopped())
        except (DebugError, PortError, RspError, ForbiddenTransition) as error:
            self._session.notify(f"gdb: {error}", Severity.WARNING)
            writer.transport.abort()
