"""The server side of RFC 2217 (telnet with the serial port option), without I/O.

`receive` takes bytes from the client and returns what they mean; `escape` prepares bytes for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from espmon.port.telnet import (
    BINARY,
    COM_PORT,
    DO,
    DONT,
    ECHO,
    IAC,
    SB,
    SE,
    SERVER,
    SUPPRESS_GO_AHEAD,
    WILL,
    WONT,
    Command,
    Control,
    command,
)

OFFERED = frozenset({BINARY, ECHO, SUPPRESS_GO_AHEAD, COM_PORT})

LINES = {
    Control.DTR_ON: ("dtr", True),
    Control.DTR_OFF: ("dtr", False),
    Control.RTS_ON: ("rts", True),
    Control.RTS_OFF: ("rts", False),
}
MODEM_STATE = 0xB0
"""CD, DSR and CTS asserted, nothing changed."""

MAX_SUBNEGOTIATION = 256


@dataclass(frozen=True)
class Data:
    """Bytes for the serial port."""

    content: bytes


@dataclass(frozen=True)
class Line:
    """DTR or RTS moves."""

    name: str
    asserted: bool


@dataclass(frozen=True)
class Rate:
    """A new baud rate."""

    baud: int


@dataclass(frozen=True)
class Answer:
    """Bytes to send back at once, already escaped."""

    content: bytes


Event = Data | Line | Rate | Answer


class Rfc2217Server:
    """One connection. Call `greeting` first.

    Args:
        baud: the port's rate.
        signature: what the server calls itself.
    """

    def __init__(self, baud: int = 115200, signature: str = "espmon") -> None:
        self.baud = baud
        self._signature = signature.encode()
        self.dtr = False
        self.rts = False
        self._held = bytearray()
        self._agreed: set[tuple[int, int]] = set()

    def greeting(self) -> bytes:
        """What the server offers first."""
        self._agreed |= {(WILL, option) for option in OFFERED} | {(DO, BINARY), (DO, SUPPRESS_GO_AHEAD), (DO, COM_PORT)}
        return b"".join(bytes((IAC, verb, option)) for verb, option in sorted(self._agreed))

    def receive(self, data: bytes) -> Iterator[Event]:
        """What the bytes mean, in order; an unfinished command is kept for the next call."""
        stream = bytes(self._held) + data
        self._held.clear()
        position = 0
        while position < len(stream):
            mark = stream.find(IAC, position)
            if mark < 0:
                yield Data(stream[position:])
                return
            if mark > position:
                yield Data(stream[position:mark])
            size, events = self._command(stream, mark)
            if size == 0:
                self._held += stream[mark:]
                return
            yield from events
            position = mark + size

    def _command(self, stream: bytes, start: int) -> tuple[int, list[Event]]:
        """(length, events) of the command at `start`; length 0 when it is not all there."""
        if len(stream) < start + 2:
            return 0, []
        verb = stream[start + 1]
        if verb == IAC:
            return 2, [Data(b"\xff")]
        if verb in (WILL, WONT, DO, DONT):
            if len(stream) < start + 3:
                return 0, []
            return 3, self._negotiate(verb, stream[start + 2])
        if verb == SB:
            position = start + 2
            while (position := stream.find(IAC, position)) >= 0 and position + 1 < len(stream):
                if stream[position + 1] == SE:
                    body = stream[start + 2 : position].replace(b"\xff\xff", b"\xff")
                    return position + 2 - start, self._subnegotiate(body)
                position += 2
            # A subnegotiation without an end is given up, or it would swallow the stream.
            return (2, []) if len(stream) - start > MAX_SUBNEGOTIATION else (0, [])
        return 2, []

    def _negotiate(self, verb: int, option: int) -> list[Event]:
        wanted, refused = {WILL: (DO, DONT), WONT: (DONT, DONT), DO: (WILL, WONT), DONT: (WONT, WONT)}[verb]
        answer = wanted if option in OFFERED else refused
        if verb in (WONT, DONT):
            self._agreed.discard(({WONT: DO, DONT: WILL}[verb], option))
            return []
        if (answer, option) in self._agreed:
            return []
        if answer in (DO, WILL):
            self._agreed.add((answer, option))
        return [Answer(bytes((IAC, answer, option)))]

    def _subnegotiate(self, body: bytes) -> list[Event]:
        if len(body) < 2 or body[0] != COM_PORT:
            return []
        number, value = body[1], body[2:]
        events: list[Event] = []
        if number == Command.SIGNATURE:
            return [] if value else [_answer(number, self._signature)]
        if number == Command.SET_BAUDRATE and len(value) == 4:
            requested = int.from_bytes(value, "big")
            if requested:
                self.baud = requested
                events.append(Rate(requested))
            value = self.baud.to_bytes(4, "big")
        elif number == Command.SET_CONTROL and value:
            if value[0] in LINES:
                name, asserted = LINES[Control(value[0])]
                setattr(self, name, asserted)
                events.append(Line(name, asserted))
            elif value[0] == Control.DTR_QUERY:
                value = bytes([Control.DTR_ON if self.dtr else Control.DTR_OFF])
            elif value[0] == Control.RTS_QUERY:
                value = bytes([Control.RTS_ON if self.rts else Control.RTS_OFF])
        events.append(_answer(number, value))
        return events

    def modem_state(self) -> bytes:
        """The notification of DSR, CTS and CD that clients ask for."""
        return command(SERVER + Command.NOTIFY_MODEMSTATE, bytes((MODEM_STATE,)))


def _answer(number: int, value: bytes) -> Answer:
    return Answer(command(number + SERVER, value))
