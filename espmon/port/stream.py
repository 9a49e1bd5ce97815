"""Handles over a TCP connection: connecting with a clear reason for failure, back-pressure, bounded closing."""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
import time
from typing import TypeVar
from urllib.parse import SplitResult, parse_qs, urlsplit

from espmon.port.base_handle import BaseHandle
from espmon.port.handle import CLOSE_SECONDS, PortWarningKind
from espmon.port.port_error import PortError, PortErrorKind
from espmon.time_limit import time_limit

CONNECT_SECONDS = 5.0
"""Seconds for finding the host and connecting, all its addresses together."""

MAX_UNWRITTEN = 1 << 16
"""Bytes waiting to be taken by the connection before `write` waits."""

DRAIN_SECONDS = 0.5
"""Seconds that close waits for written bytes to leave."""

DEAD_SECONDS = 8
"""A peer that lost power, or the network to it, is noticed after about so long."""

LOOK_SECONDS = 1.0
"""Pause between two looks at whether what was sent is acknowledged."""

KEEPALIVE = (
    ("TCP_KEEPIDLE", DEAD_SECONDS // 2),
    ("TCP_KEEPALIVE", DEAD_SECONDS // 2),
    ("TCP_KEEPINTVL", DEAD_SECONDS // 4),
    ("TCP_KEEPCNT", 2),
)
"""Options that make it so: half of the time of silence, then two questions. The second is macOS's name of the first."""


TCP_INFO_BYTES, UNACKNOWLEDGED_AT, LAST_ANSWER_AT = 60, 24, 56
"""Of Linux's `struct tcp_info` (linux/tcp.h): so much of it, tcpi_unacked, tcpi_last_ack_recv in milliseconds."""


READ_BUFFER_BYTES = 1 << 18
"""Bytes of one read from the connection. One buffer for all of them: to make one for each costs more than the read."""

PIECES_SECONDS = 0.004
"""A server sends what it read at once in pieces (ser2net: 64 bytes, and the others within 3 ms): so long a reader of a
stream waits behind the first piece for the others."""


class StreamHandle(BaseHandle, asyncio.BufferedProtocol):
    """A handle that is also the protocol of its connection; plain TCP as it stands."""

    has_rate = False

    def __init__(self, url: str, baud: int) -> None:
        super().__init__(url, baud)
        self.remote = True
        self._transport: asyncio.Transport | None = None
        self._ended = asyncio.Event()
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._turn = asyncio.Lock()
        self._read_buffer = memoryview(bytearray(READ_BUFFER_BYTES))

    # asyncio.BufferedProtocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take the transport."""
        assert isinstance(transport, asyncio.Transport)
        transport.set_write_buffer_limits(high=MAX_UNWRITTEN, low=MAX_UNWRITTEN // 4)
        self._transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next bytes go."""
        return self._read_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """So many bytes came."""
        self._received(bytes(self._read_buffer[:nbytes]))

    def _received(self, data: bytes) -> None:
        """Bytes for the reader."""
        self._receive.put(data)

    def connection_lost(self, error: Exception | None) -> None:
        """The peer closed, or the network did."""
        why = f"the connection broke ({error})" if error else "the other side closed the connection"
        self._receive.fail(self.lost(why))
        self._ended.set()
        self._can_write.set()

    def pause_writing(self) -> None:
        """The write buffer is full."""
        self._can_write.clear()

    def resume_writing(self) -> None:
        """The write buffer has room."""
        self._can_write.set()

    def watch_peer(self, connected: socket.socket) -> None:
        """End the connection when the other system answers no more."""
        if self._ended.is_set():
            return
        if unanswered_seconds(connected) > DEAD_SECONDS and self._transport is not None:
            self._receive.fail(self.lost(f"the other side did not answer for {DEAD_SECONDS} s"))
            self._transport.abort()
        else:
            asyncio.get_running_loop().call_later(LOOK_SECONDS, self.watch_peer, connected)

    # BaseHandle

    def _pause_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    async def gather(self, seconds: float) -> None:
        """See `Handle.gather`. The next read lets the pieces come together in which the network brings what it has."""
        self._receive.expect_pieces(PIECES_SECONDS)
        await asyncio.sleep(seconds)

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """See `Handle.write`."""
        await self._send(bytes(data), timeout)

    async def _send(self, data: bytes, timeout: float) -> None:
        assert self._transport is not None
        view = memoryview(data)
        async with self._turn:
            self._check_open()
            while view:
                await self._wait_room(timeout)
                self._check_open()
                self._transport.write(view[:MAX_UNWRITTEN])
                view = view[MAX_UNWRITTEN:]

    async def _wait_room(self, timeout: float) -> None:
        assert self._transport is not None
        before = self._transport.get_write_buffer_size()
        deadline = time.monotonic() + timeout
        while not self._can_write.is_set():
            try:
                async with time_limit(max(0.01, min(0.25, deadline - time.monotonic()))):
                    await self._can_write.wait()
            except TimeoutError:
                now = self._transport.get_write_buffer_size()
                if now < before:
                    before, deadline = now, time.monotonic() + timeout
                elif time.monotonic() >= deadline:
                    raise PortError(
                        PortErrorKind.STALLED,
                        f"{self.url}: the other side took nothing for {timeout:g} s",
                        "Is the board at the other end reading?",
                    ) from None

    async def _move_lines(self, dtr: bool | None, rts: bool | None) -> None:
        raise NotImplementedError  # has_modem_lines is False: set_lines has refused already

    async def set_baud(self, baud: int) -> None:
        """A plain socket has no rate; the other side keeps its own."""
        self._check_open()

    async def close(self) -> None:
        """See `Handle.close`."""
        if self._closed:
            return
        self._closed = True
        self._receive.fail(self.lost("the port was closed"))
        transport = self._transport
        if transport is None:
            return
        transport.close()
        try:
            if transport.get_write_buffer_size():
                async with time_limit(DRAIN_SECONDS):
                    await self._ended.wait()
        except TimeoutError:
            pass  # a stalled peer: what it did not take is dropped
        finally:
            transport.abort()
        try:
            async with time_limit(CLOSE_SECONDS - DRAIN_SECONDS):
                await self._ended.wait()
        except TimeoutError:
            self.warn(PortWarningKind.LATE_CLOSE, f"{self.url}: the connection did not end in time")


def address(url: str) -> tuple[str, int, SplitResult]:
    """Host and TCP port of a URL. Raises `PortError` UNSUPPORTED when they are not there."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise PortError(PortErrorKind.UNSUPPORTED, f"{url}: {error}") from None
    if not host or port is None:
        raise PortError(
            PortErrorKind.UNSUPPORTED, f"{url}: host and port are needed", f"As in {parts.scheme}://192.168.1.20:4000"
        )
    return host, port, parts


def options(parts: SplitResult) -> dict[str, str]:
    """The options after `?` in a URL; a bare name has the value ""."""
    return {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}


StreamKind = TypeVar("StreamKind", bound=StreamHandle)


async def connect(handle: StreamKind) -> StreamKind:
    """Connect `handle` to the address in its URL. Raises `PortError`: MISSING (host), REFUSED, OTHER."""
    host, port, _ = address(handle.url)
    try:
        async with time_limit(CONNECT_SECONDS):
            connected = await _first_that_answers(handle.url, host, port)
    except TimeoutError:
        raise PortError(
            PortErrorKind.MISSING,
            f"{handle.url}: {host} did not answer within {CONNECT_SECONDS:g} s",
            "Check the address, the network and the firewall",
        ) from None
    notice_dead_peer(connected)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    await asyncio.get_running_loop().create_connection(lambda: handle, sock=connected)
    handle.watch_peer(connected)
    return handle


def notice_dead_peer(connected: socket.socket) -> None:
    """Let the system ask a silent peer whether it is there, see `DEAD_SECONDS`. It does not while bytes wait for their
    acknowledgement, see `unanswered_seconds`.
    """
    for name, value in KEEPALIVE:
        if hasattr(socket, name):
            connected.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)


def unanswered_seconds(connected: socket.socket) -> float:
    """How long the other system has acknowledged nothing although bytes wait for that; 0 where nothing waits, and on
    systems that do not tell. A program there that reads nothing does not count: its system answers.
    """
    if sys.platform != "linux":
        return 0.0
    try:
        info = connected.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    except OSError:
        return 0.0  # closed
    (unacknowledged,) = struct.unpack_from("=I", info, UNACKNOWLEDGED_AT)
    (milliseconds,) = struct.unpack_from("=I", info, LAST_ANSWER_AT)
    return milliseconds / 1000 if unacknowledged else 0.0


async def _first_that_answers(url: str, host: str, port: int) -> socket.socket:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        raise PortError(
            PortErrorKind.MISSING, f"{url}: no such host ({error.strerror})", "Check the name and the network"
        ) from None
    errors: list[OSError] = []
    for family, kind, protocol, _, place in found:
        attempt = socket.socket(family, kind, protocol)
        attempt.setblocking(False)
        try:
            await loop.sock_connect(attempt, place)
        except OSError as error:
            attempt.close()
            errors.append(error)
        except BaseException:
            attempt.close()
            raise
        else:
            return attempt
    refused = next((error for error in errors if isinstance(error, ConnectionRefusedError)), None)
    if refused is not None:
        raise PortError(
            PortErrorKind.REFUSED,
            f"{url}: {host} refuses connections on port {port}",
            "Is the server running there, and is the port number right?",
        )
    why = errors[0].strerror if errors else "no address"
    raise PortError(PortErrorKind.OTHER, f"{url}: cannot connect ({why})", "Check the address and the network")


async def open_socket(
    url: str, *, baud: int, no_reset: bool = False, dtr: bool | None = None, rts: bool | None = None
) -> BaseHandle:
    """Open `socket://host:port`: plain TCP, no telnet; see `espmon.port.open_handle`."""
    handle = await connect(StreamHandle(url, baud))
    handle.warn(
        PortWarningKind.NO_LINES,
        "A plain socket has no DTR and RTS, so espmon cannot reset the board through it; rfc2217:// has them",
    )
    return handle
