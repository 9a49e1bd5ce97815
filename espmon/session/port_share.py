"""Serves a session's port over RFC 2217 to other programs of this computer, which esptool and terminals speak.

The session keeps the port. What is received is recorded and shown as before, and goes to the client besides. What a
client writes is sent like what the user types, until it speaks to a ROM loader: from its first SLIP frame on it has the
port to itself, by a lease, so that what passes is recorded and never shown as log. The lease ends when the client moves
DTR or RTS, which ends the loader's talk, or leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from espmon.port import PortError
from espmon.port.loopback import is_loopback
from espmon.port.rfc2217_server import Answer, Data, Line, Rate, Rfc2217Server
from espmon.port.telnet import escape
from espmon.session.action import ActionError
from espmon.session.lease import Lease
from espmon.session.reporter import Reporter
from espmon.session.sent import SentBy
from espmon.session.session import Session
from espmon.session.state import State
from espmon.session.status import Change, Severity, StatusChanged

MAX_READ = 1 << 16
"""Most bytes taken from a client at once."""

MAX_UNREAD = 1 << 20
"""Bytes that wait for a client; one that reads slower than the board sends is let go."""

LEASE_SECONDS = 10.0
"""Longest wait for the port to be lent, or given back."""

SLIP_END = 0xC0
"""The first byte of a frame for a ROM loader."""

OPEN_STATES = (State.MONITORING, State.LEASED)
"""States in which a client may stay."""


class ShareError(ValueError):
    """An address cannot be listened on; the message says why."""


def share_address(text: str) -> tuple[str, int]:
    """`HOST:PORT` of this computer, or a port alone. Raises `ShareError`."""
    host, _, port = text.rpartition(":")
    host = host.strip("[]") or "127.0.0.1"
    if not (port.isascii() and port.isdigit() and int(port) < 1 << 16):
        raise ShareError(f"{text!r} is no address; as in 127.0.0.1:4000, where 0 picks a free port")
    if not is_loopback(host):
        raise ShareError(
            f"{host} can be reached from other computers, and whoever reaches it could flash the board; "
            f"listen on 127.0.0.1, and let others come by ssh -L {port}:127.0.0.1:{port}"
        )
    return host, int(port)


class _Loan:
    """The action by which a client has the port to itself, until `ended` is set."""

    name = "share"

    def __init__(self) -> None:
        self.lease: asyncio.Future[Lease] = asyncio.get_running_loop().create_future()
        self.ended = asyncio.Event()
        self.done: asyncio.Task[None] | None = None

    async def run(self, lease: Lease, reporter: Reporter) -> bytes:
        """See `Action.run`. What is read goes to the client by the way that all goes to it."""
        self.lease.set_result(lease)
        reading = asyncio.create_task(_read_on(lease), name="espmon-share-read")
        ending = asyncio.create_task(self.ended.wait(), name="espmon-share-end")
        try:
            await asyncio.wait([reading, ending], return_when=asyncio.FIRST_COMPLETED)
            if reading.done():
                reading.result()
            if lease.baud != reporter.status.baud:
                await lease.set_baud(reporter.status.baud)
        finally:
            for task in (reading, ending):
                task.cancel()
            await asyncio.gather(reading, ending, return_exceptions=True)
        return b""


async def _read_on(lease: Lease) -> None:
    while True:
        await lease.read()


class PortShare:
    """Lets one program at a time use the port of a session. Belongs to the session's loop.

    Args:
        session: whose port it is; the share ends when it is closed.
        address: host and TCP port to listen on, see `share_address`.
    """

    def __init__(self, session: Session, address: tuple[str, int]) -> None:
        self._session = session
        self._host, self._port = address
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._peer = ""
        self._telnet = Rfc2217Server()
        self._loan: _Loan | None = None
        self._from_client = self._to_client = 0
        self._unsubscribe: Callable[[], None] | None = None

    async def start(self) -> str:
        """Listen; returns the URL. Raises OSError."""
        self._server = await asyncio.start_server(self._accept, self._host, self._port)
        self._unsubscribe = self._session.subscribe(self._changed)
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"rfc2217://{host}:{self._server.sockets[0].getsockname()[1]}"

    def stop(self) -> None:
        """Listen no longer, and let the client go."""
        if self._server is not None:
            self._server.close()
        if self._unsubscribe is not None:
            self._unsubscribe()
        self._drop()

    def _changed(self, change: Change) -> None:
        if isinstance(change, StatusChanged):
            if change.status.state is State.CLOSED:
                self.stop()
            elif change.status.state not in OPEN_STATES:
                self._drop()  # who speaks to a port that is gone must notice

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()

    # -- one client ---------------------------------------------------------------------------------------------

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = "{}:{}".format(*writer.get_extra_info("peername")[:2])
        if why := self._refusal():
            self._session.notify(f"Share: {peer} was turned away: {why}", Severity.WARNING)
            writer.write(f"espmon: {why}\r\n".encode())
            writer.close()
            return
        self._writer, self._peer = writer, peer
        self._telnet = Rfc2217Server(self._session.status.baud, "espmon share")
        self._from_client = self._to_client = 0
        link, baud = self._session.connection.link, self._session.status.baud
        await self._session.mark(f"share: {peer} uses the port, too")
        link.taps.append(self._received)
        try:
            writer.write(self._telnet.greeting() + self._telnet.modem_state())
            while data := await reader.read(MAX_READ):
                for event in self._telnet.receive(data):
                    match event:
                        case Data(content):
                            await self._write(content)
                        case Line(name, asserted):
                            await self._end_loan()
                            await self._session.set_lines(**{name: asserted})
                        case Rate(rate):
                            await self._set_rate(rate)
                        case Answer(content):
                            writer.write(content)
                await writer.drain()
        except (OSError, PortError, ActionError, TimeoutError) as error:
            told = str(error)
            if told and not isinstance(error, ConnectionError):
                self._session.notify(f"Share: {told}", Severity.WARNING)
        finally:
            link.taps.remove(self._received)
            writer.transport.abort()
            self._writer = None
            await self._leave(baud)

    def _refusal(self) -> str:
        """Why a client cannot have the port now, "" where it can."""
        status = self._session.status
        if self._writer is not None:
            return f"{self._peer} has the port, which one program at a time can use"
        if status.state is State.LEASED:
            return f"the port is used for {status.lease}"
        return "" if status.state is State.MONITORING else f"the port is not open ({status.state.value})"

    def _received(self, owner: str, data: bytes) -> None:
        """What anybody reads goes to the client; one that does not take it is let go, the port waits for nobody."""
        writer = self._writer
        if writer is None or writer.is_closing():
            return
        if writer.transport.get_write_buffer_size() > MAX_UNREAD:
            self._session.notify(f"Share: {self._peer} reads too slowly, and was let go", Severity.WARNING)
            writer.transport.abort()
            return
        self._to_client += len(data)
        writer.write(escape(data))

    async def _leave(self, baud: int) -> None:
        """The client has gone: the port is as it was."""
        try:
            await self._end_loan()
        except (PortError, ActionError, TimeoutError) as error:
            self._session.notify(f"Share: {error}", Severity.WARNING)
        if self._session.state is not State.MONITORING:
            return
        if self._session.status.baud != baud:
            await self._session.set_baud(baud)
        counts = f"{self._from_client:,} bytes came from it, {self._to_client:,} went to it"
        await self._session.mark(f"share: {self._peer} has left; {counts}")

    # -- what a client does -------------------------------------------------------------------------------------

    async def _write(self, data: bytes) -> None:
        self._from_client += len(data)
        if self._loan is None and data[0] != SLIP_END:
            keys = len(data) == 1 or not data.endswith((b"\r", b"\n"))
            if error := await self._session.send(data, SentBy.KEYS if keys else SentBy.SHARE):
                raise error
            return
        loan = self._loan or await self._borrow()
        await (await loan.lease).write(data)

    async def _borrow(self) -> _Loan:
        """Take the port for a client that speaks to the loader."""
        if self._session.state is not State.MONITORING:
            raise ActionError(self._refusal_by_state())
        loan = self._loan = _Loan()
        await self._session.mark(f"share: {self._peer} speaks to the loader; what passes is recorded")
        loan.done = asyncio.create_task(self._session.run(loan), name="espmon-share")
        lent: list[asyncio.Future[Lease] | asyncio.Future[None]] = [loan.lease, loan.done]
        await asyncio.wait(lent, timeout=LEASE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        if not loan.lease.done():
            raise ActionError("the port was not lent")
        loan.done.add_done_callback(lambda task: self._loan_over(loan))
        lease = loan.lease.result()
        if lease.baud != self._telnet.baud:
            await lease.set_baud(self._telnet.baud)
        return loan

    def _refusal_by_state(self) -> str:
        status = self._session.status
        return f"the port is used for {status.lease}" if status.lease else f"the port is {status.state.value}"

    def _loan_over(self, loan: _Loan) -> None:
        """The lease has ended; where nobody here ended it (the port went, the user cancelled), the client goes, too."""
        if not loan.ended.is_set():
            self._loan = None
            self._drop()

    async def _end_loan(self) -> None:
        loan, self._loan = self._loan, None
        if loan is not None and loan.done is not None:
            loan.ended.set()
            await asyncio.wait([loan.done], timeout=LEASE_SECONDS)

    async def _set_rate(self, rate: int) -> None:
        if self._loan is not None:
            await (await self._loan.lease).set_baud(rate)
        elif rate != self._session.status.baud:
            await self._session.set_baud(rate)
