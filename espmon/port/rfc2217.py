"""A serial port behind a telnet server, with RFC 2217 (ser2net, esp_rfc2217_server, PortManager) or without."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from espmon.port import telnet
from espmon.port.base_handle import BaseHandle
from espmon.port.handle import PortWarningKind
from espmon.port.line_format import USUAL, Flow, LineFormat, Parity
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.stream import StreamHandle, address, connect, options
from espmon.port.telnet import SERVER, Command, Control
from espmon.text import plain
from espmon.time_limit import time_limit

NEGOTIATE_SECONDS = 3.0
"""Seconds for the server to agree to RFC 2217 and to acknowledge the settings."""

TELNET_SECONDS = 1.0
"""The same for a server that need not speak RFC 2217, and may not speak telnet either."""

ACKNOWLEDGE_SECONDS = 1.0
"""Seconds for one later command to be acknowledged."""

NO_CONTROL = "The telnet server does not speak RFC 2217"

MAX_REASON = 200
"""Most characters of a reason that a server gives for closing the connection."""

MAX_REPLY = 4096
"""Most bytes of negotiation answers to one read; a server that asks for more is broken."""

_PARITIES = {Parity.NONE: 1, Parity.ODD: 2, Parity.EVEN: 3, Parity.MARK: 4, Parity.SPACE: 5}
_STOP_SIZES = {1.0: 1, 2.0: 2, 1.5: 3}
_FLOWS = {
    Flow.NONE: Control.NO_FLOW_CONTROL,
    Flow.XON_XOFF: Control.XON_XOFF,
    Flow.RTS_CTS: Control.HARDWARE_FLOW_CONTROL,
}
"""Values of the commands, from RFC 2217."""


NO_LINES = (
    "The server cannot read DTR and RTS, so the port behind it seems to have none (a pseudo-terminal, a console): "
    "then espmon cannot reset the board"
)

LINE_QUERIES = tuple(
    telnet.command(Command.SET_CONTROL, bytes((query,))) for query in (Control.DTR_QUERY, Control.RTS_QUERY)
)
"""How the lines stand. A server answers with one of their states, with the question where it cannot tell (ser2net), or
not at all (esp_rfc2217_server, which moves them all the same)."""

CONTROL_GROUPS = (Control.BREAK_ON - 1, Control.DTR_QUERY, Control.RTS_QUERY, Control.RTS_OFF + 1)
"""First values of the groups of SET_CONTROL: flow control, break, DTR, RTS, flow control of the other direction."""


def _awaited(number: int, value: bytes) -> tuple[int, int]:
    """What an answer is waited for by: a command, and of SET_CONTROL the group of its value."""
    return number, bisect_right(CONTROL_GROUPS, value[0]) if number == Command.SET_CONTROL and value else 0


def _format_commands(line: LineFormat) -> list[tuple[int, bytes]]:
    return [
        (Command.SET_DATASIZE, bytes((line.data_bits,))),
        (Command.SET_PARITY, bytes((_PARITIES[line.parity],))),
        (Command.SET_STOPSIZE, bytes((_STOP_SIZES[line.stop_bits],))),
        (Command.SET_CONTROL, bytes((_FLOWS[line.flow],))),
    ]


class Rfc2217Handle(StreamHandle):
    """A remote serial port with modem lines and a rate; after `negotiate_any` maybe without them.

    Options in the URL, as pyserial has them: `timeout=SECONDS` for the negotiation, `ign_set_control` for servers that
    do not acknowledge.
    """

    def __init__(self, url: str, baud: int) -> None:
        super().__init__(url, baud)
        self.has_modem_lines = self.has_rate = True
        self._decoder = telnet.TelnetDecoder()
        self._negotiator = telnet.Negotiator()
        self._newlines: telnet.Newlines | None = None
        self._agreed = asyncio.Event()
        self._waiting: dict[tuple[int, int], deque[asyncio.Future[bytes]]] = {}
        self._acknowledged = True
        self._lines_acknowledged = True
        self._held_back = False
        self._echoed = False

    # Receiving

    def _received(self, data: bytes) -> None:
        """Take telnet apart: data for the reader, answers for the server."""
        plain, events = self._decoder.feed(data)
        replies = bytearray()
        for event in events:
            if isinstance(event, telnet.Negotiation):
                replies += self._negotiator.answer(event)
                if self._negotiator.serial_control is not None:
                    self._agreed.set()
            elif event.option == telnet.COM_PORT and event.payload:
                self._answered(event.payload[0] - SERVER, event.payload[1:])
        if replies and self._transport is not None and not self._transport.is_closing():
            self._transport.write(bytes(replies[:MAX_REPLY]))
        if plain:
            refused = (telnet.WONT, telnet.BINARY) in self._negotiator.refused
            if refused and self._newlines is None:
                self._newlines = telnet.Newlines()
            self._receive.put(plain if self._newlines is None else self._newlines.received(plain))

    def _answered(self, number: int, value: bytes) -> None:
        if number < 0:
            self._echoed = True  # a client's command, and we are the client
        if number == Command.SET_CONTROL and value[:1] in (bytes((Control.DTR_QUERY,)), bytes((Control.RTS_QUERY,))):
            self.warn(PortWarningKind.NO_LINES, NO_LINES)
        queue = self._waiting.get(_awaited(number, value))
        while queue:
            future = queue.popleft()
            if not future.done():
                future.set_result(value)
                return

    def connection_lost(self, error: Exception | None) -> None:
        """Also ends whoever waits for an answer."""
        super().connection_lost(error)
        self._agreed.set()
        for queue in self._waiting.values():
            for future in queue:
                future.cancel()

    def _pause_reading(self) -> None:
        if any(self._waiting.values()):
            self._held_back = True  # the answer comes after the data: go on until it is here
            return
        super()._pause_reading()

    # Commands

    async def _ask(
        self, commands: Sequence[tuple[int, bytes]], limit: float, wait: bool, before: bytes = b""
    ) -> list[bytes | None]:
        """Send commands in one segment and wait for their answers; None for one that did not come in time.

        Answers to what stands `before` them come before theirs, if they come at all.
        """
        loop = asyncio.get_running_loop()
        futures: list[asyncio.Future[bytes]] = [loop.create_future() for _ in commands]
        if wait:
            for (number, value), future in zip(commands, futures, strict=True):
                self._waiting.setdefault(_awaited(number, value), deque()).append(future)
            if self._receive.paused:
                self._held_back = True
                self._resume_reading()
        try:
            async with self._turn:
                self._check_open()
                await self._wait_room(limit)
                self._check_open()
                assert self._transport is not None
                self._transport.write(before + b"".join(telnet.command(number, value) for number, value in commands))
            if not wait:
                return [None] * len(commands)
            await asyncio.wait(futures, timeout=limit)
        finally:
            for (number, value), future in zip(commands, futures, strict=True):
                queue = self._waiting.get(_awaited(number, value))
                if queue and future in queue:
                    queue.remove(future)
            if self._held_back and not any(self._waiting.values()):
                self._held_back = False
                if self._receive.paused:
                    super()._pause_reading()
        self._check_open()
        return [future.result() if future.done() and not future.cancelled() else None for future in futures]

    async def negotiate(self) -> None:
        """Agree on RFC 2217 and set the port up. Raises `PortError` UNSUPPORTED for a server that does not speak it."""
        if not await self._agree(NEGOTIATE_SECONDS):
            raise self._not_rfc2217()

    async def negotiate_any(self) -> None:
        """The same, but a server that does not speak RFC 2217 is used without modem lines and rate."""
        if not await self._agree(TELNET_SECONDS):
            self.has_modem_lines = self.has_rate = False
            self.warn(PortWarningKind.NO_LINES, f"{NO_CONTROL}, so espmon cannot reset the board or set the rate")

    async def _agree(self, seconds: float) -> bool:
        assert self._transport is not None
        chosen = options(address(self.url)[2])
        try:
            limit = min(60.0, float(chosen.get("timeout") or seconds))
        except ValueError:
            raise PortError(PortErrorKind.UNSUPPORTED, f"{self.url}: timeout takes a number of seconds") from None
        self._acknowledged = "ign_set_control" not in chosen
        self._transport.write(self._negotiator.hello())
        try:
            async with time_limit(limit):
                await self._agreed.wait()
        except TimeoutError:
            self._negotiator.serial_control = False
        await self._check_served()
        if not self._negotiator.serial_control:
            return False
        answers = await self._ask(
            [(Command.SET_BAUDRATE, self.baud.to_bytes(4, "big")), *_format_commands(USUAL)],
            min(limit, NEGOTIATE_SECONDS),
            self._acknowledged,
            before=b"".join(LINE_QUERIES),
        )
        if self._echoed and answers[0] is None:
            return False
        self._check_rate(answers[0])
        if self._acknowledged and answers[0] is None:
            self._acknowledged = self._lines_acknowledged = False
            self.warn(
                PortWarningKind.UNCONFIRMED,
                "The server does not acknowledge commands: changes of rate and lines are sent, not confirmed",
            )
        return True

    async def _check_served(self) -> None:
        """Raise `PortError` where the server has closed the connection, with its reason where it gave one."""
        try:
            self._check_open()
        except PortError:
            words = (await self.read(0)).decode("utf-8", "replace")[:MAX_REASON] if self._receive else ""
            if reason := plain(words.strip()):
                raise PortError(PortErrorKind.BUSY, f"{self.url}: the server says: {reason}") from None
            raise

    def _not_rfc2217(self) -> PortError:
        place = self.url.partition("://")[2].partition("?")[0]
        return PortError(
            PortErrorKind.UNSUPPORTED,
            f"{self.url}: the server does not speak RFC 2217",
            f"For a plain TCP port use socket://{place}, for a telnet server telnet://{place}",
        )

    def _check_rate(self, answer: bytes | None) -> None:
        if answer is None:
            return
        actual = int.from_bytes(answer[:4], "big")
        if actual and abs(actual - self.baud) > self.baud * 0.03:
            self.warn(PortWarningKind.OTHER_RATE, f"The server runs the port at {actual} baud, not at {self.baud}")

    async def _move_lines(self, dtr: bool | None, rts: bool | None) -> None:
        commands: list[tuple[int, bytes]] = []
        if dtr is not None:
            commands.append((Command.SET_CONTROL, bytes((Control.DTR_ON if dtr else Control.DTR_OFF,))))
        if rts is not None:
            commands.append((Command.SET_CONTROL, bytes((Control.RTS_ON if rts else Control.RTS_OFF,))))
        answers = await self._ask(commands, ACKNOWLEDGE_SECONDS, self._acknowledged and self._lines_acknowledged)
        if self._acknowledged and self._lines_acknowledged and None in answers:
            # Waiting for each later change would stretch every reset sequence. esp_rfc2217_server never answers these.
            self._lines_acknowledged = False
            self.warn(
                PortWarningKind.UNCONFIRMED,
                "The server does not confirm changes of DTR and RTS (the port behind it may have no such lines)",
            )

    async def set_baud(self, baud: int) -> None:
        """See `Handle.set_baud`."""
        if not 0 < baud < 1 << 32:
            raise PortError(PortErrorKind.UNSUPPORTED, f"{self.url}: {baud} is not a rate")
        if not self.has_rate:
            return await super().set_baud(baud)
        self._check_open()
        answers = await self._ask(
            [(Command.SET_BAUDRATE, baud.to_bytes(4, "big"))], ACKNOWLEDGE_SECONDS, self._acknowledged
        )
        self.baud = baud
        self._check_rate(answers[0])

    async def set_format(self, line: LineFormat) -> None:
        """See `Handle.set_format`. A server answers with what it does: anything else than asked for is UNSUPPORTED."""
        if not self.has_rate:
            return await super().set_format(line)
        self._check_open()
        commands = _format_commands(line)
        answers = await self._ask(commands, ACKNOWLEDGE_SECONDS, self._acknowledged)
        if any(
            answer is not None and answer[:1] != value for (_, value), answer in zip(commands, answers, strict=True)
        ):
            raise PortError(PortErrorKind.UNSUPPORTED, f"{self.url}: the server does not take {line}")
        if self._acknowledged and None in answers:
            self.warn(PortWarningKind.UNCONFIRMED, f"The server does not confirm {line}")

    async def send_break(self, seconds: float) -> None:
        """See `Handle.send_break`. Without RFC 2217 the server decides how long it is."""
        if not self.has_rate:
            return await self._send(telnet.BREAK_COMMAND, ACKNOWLEDGE_SECONDS)
        self._check_open()
        await self._ask([(Command.SET_CONTROL, bytes((Control.BREAK_ON,)))], ACKNOWLEDGE_SECONDS, False)
        try:
            await asyncio.sleep(seconds)
        finally:
            await self._ask([(Command.SET_CONTROL, bytes((Control.BREAK_OFF,)))], ACKNOWLEDGE_SECONDS, False)

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """See `Handle.write`."""
        data = bytes(data)
        if (telnet.DONT, telnet.BINARY) in self._negotiator.refused:
            data = telnet.Newlines.to_send(data)
        await self._send(telnet.escape(data), timeout)


async def open_rfc2217(
    url: str, *, baud: int, no_reset: bool = False, dtr: bool | None = None, rts: bool | None = None
) -> BaseHandle:
    """Open `rfc2217://host:port`; see `espmon.port.open_handle`."""
    return await _opened(url, baud, Rfc2217Handle.negotiate, no_reset=no_reset, dtr=dtr, rts=rts)


async def open_telnet(
    url: str, *, baud: int, no_reset: bool = False, dtr: bool | None = None, rts: bool | None = None
) -> BaseHandle:
    """Open `telnet://host:port`, with RFC 2217 where the server speaks it; see `espmon.port.open_handle`."""
    return await _opened(url, baud, Rfc2217Handle.negotiate_any, no_reset=no_reset, dtr=dtr, rts=rts)


async def _opened(
    url: str,
    baud: int,
    negotiate: Callable[[Rfc2217Handle], Awaitable[None]],
    *,
    no_reset: bool,
    dtr: bool | None,
    rts: bool | None,
) -> BaseHandle:
    handle = await connect(Rfc2217Handle(url, baud))
    try:
        await negotiate(handle)
        if no_reset:
            handle.warn(
                PortWarningKind.MAY_RESET,
                "The server opens the serial port at its end, which may have restarted the board",
            )
        if handle.has_modem_lines:
            await handle.set_lines(dtr=dtr, rts=rts)
    except BaseException:
        await handle.close()
        raise
    return handle
