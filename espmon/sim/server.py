"""The network in front of a simulated board: RFC 2217 with modem lines, or a plain socket without."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from types import TracebackType
from urllib.parse import urlsplit

from espmon.port.loopback import is_loopback
from espmon.port.rfc2217_server import Answer, Data, Line, Rate, Rfc2217Server
from espmon.port.telnet import escape
from espmon.sim.board import SimulatedBoard

READ_SIZE = 65536
SCHEMES = ("rfc2217", "socket")
DEFAULT_LISTEN = "rfc2217://127.0.0.1:0"
START_SECONDS = 30.0


class ListenError(Exception):
    """The address cannot be listened on; the message says why.

    Attributes:
        wrong_usage: the address is not one, rather than not to be had.
    """

    def __init__(self, message: str, *, wrong_usage: bool = False) -> None:
        super().__init__(message)
        self.wrong_usage = wrong_usage


def parse_listen(url: str) -> tuple[str, str, int]:
    """(scheme, host, port) of an address to listen on; raises `ListenError`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ListenError(f"{url}: {error}", wrong_usage=True) from error
    if parts.scheme not in SCHEMES or not parts.hostname or port is None:
        expected = "expected rfc2217://HOST:PORT or socket://HOST:PORT (port 0 picks one)"
        raise ListenError(f"{url}: {expected}", wrong_usage=True)
    if not is_loopback(parts.hostname):
        why = "the board answers whoever asks, so it listens on this computer alone: 127.0.0.1, ::1 or localhost"
        raise ListenError(f"{url}: {why}", wrong_usage=True)
    return parts.scheme, parts.hostname, port


class BoardServer:
    """One board behind one listening socket, one client at a time; a second one is turned away.

    Use as `async with BoardServer(SimulatedBoard()) as server:`.

    Attributes:
        url: what clients open; known once started.
    """

    def __init__(self, board: SimulatedBoard, listen: str = DEFAULT_LISTEN) -> None:
        self.board = board
        self.url = ""
        self._scheme, self._host, self._port = parse_listen(listen)
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._clients: set[asyncio.Task[None]] = set()

    async def start(self) -> BoardServer:
        """Listen; raises `ListenError`."""
        try:
            self._server = await asyncio.start_server(self._accept, self._host, self._port)
        except OSError as error:
            raise ListenError(f"cannot listen on {self._host}:{self._port}: {error.strerror or error}") from error
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"{self._scheme}://{self._host}:{port}"
        return self

    async def close(self) -> None:
        """Stop listening, drop the client, power the board off."""
        if self._server is not None:
            self._server.close()
        for client in list(self._clients):
            client.cancel()
        if self._clients:
            await asyncio.wait(list(self._clients))
        await self.board.close()

    async def __aenter__(self) -> BoardServer:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._writer is not None:
            writer.close()
            return
        task = asyncio.current_task()
        assert task is not None
        self._clients.add(task)
        self._writer = writer
        try:
            await self._serve(reader, writer)
        except (ConnectionError, asyncio.CancelledError):
            # The client went, or the server is being closed: either way this connection is over.
            pass
        finally:
            self._writer = None
            self._clients.discard(task)
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        telnet = Rfc2217Server(self.board.baud, "espmon simulated board") if self._scheme == "rfc2217" else None

        async def sink(data: bytes) -> None:
            if writer.is_closing():
                return
            writer.write(escape(data) if telnet else data)
            with contextlib.suppress(ConnectionError):
                await writer.drain()

        if telnet:
            writer.write(telnet.greeting() + telnet.modem_state())
        self.board.connect(sink)
        try:
            while data := await reader.read(READ_SIZE):
                if telnet:
                    await self._interpret(telnet, data, writer)
                else:
                    await self.board.receive(data)
        finally:
            self.board.disconnect()

    async def _interpret(self, telnet: Rfc2217Server, data: bytes, writer: asyncio.StreamWriter) -> None:
        for event in telnet.receive(data):
            match event:
                case Data(content):
                    await self.board.receive(content)
                case Line(name, asserted):
                    self.board.set_lines(**{name: asserted})
                case Rate(baud):
                    self.board.set_baud(baud)
                case Answer(content):
                    writer.write(content)


class BoardThread:
    """A board and its server on an event loop of their own, for callers that have none.

    Use as `with BoardThread(lambda: SimulatedBoard("esp32c3")) as server:`; `server.url` is what clients open.

    Attributes:
        board: the board; only its attributes may be read from outside.
    """

    def __init__(self, make: Callable[[], SimulatedBoard] = SimulatedBoard, listen: str = DEFAULT_LISTEN) -> None:
        self.url = ""
        self.board: SimulatedBoard
        self._make = make
        self._listen = listen
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), name="simulated-board", daemon=True)

    def start(self) -> BoardThread:
        """Start; raises `ListenError` when the address cannot be had."""
        self._thread.start()
        if not self._ready.wait(START_SECONDS):
            raise ListenError("the simulated board did not start")
        if self._failure is not None:
            raise self._failure
        return self

    def stop(self) -> None:
        """Power off and wait for the thread."""
        if self._loop is not None and self._stop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(START_SECONDS)

    def __enter__(self) -> BoardThread:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    async def _main(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        try:
            self.board = self._make()
            server = await BoardServer(self.board, self._listen).start()
        except (ListenError, OSError, KeyError) as error:
            self._failure = error
            self._ready.set()
            return
        self.url = server.url
        self._ready.set()
        await self._stop.wait()
        await server.close()
