"""Telnet and RFC 2217 (serial port control) as bytes: no sockets here.

RFC 854: IAC (255) begins a command and is doubled in data. RFC 2217: option 44, `IAC SB 44 command value IAC SE`; a
server answers a client's command `c` with `c + 100`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum

IAC, DONT, DO, WONT, WILL, SB, BREAK, SE = 255, 254, 253, 252, 251, 250, 243, 240
BINARY, ECHO, SUPPRESS_GO_AHEAD, COM_PORT = 0, 1, 3, 44

MAX_SUBNEGOTIATION = 1024
"""Bytes of one subnegotiation; a longer one is given up, so that a stray IAC SB cannot swallow the stream."""

BREAK_COMMAND = bytes((IAC, BREAK))
"""A break for a server without RFC 2217: it decides how long the break is."""

LONE_CR = re.compile(rb"\r(?!\n)")

_IAC = bytes((IAC,))
_DOUBLED = _IAC * 2


class Command(IntEnum):
    """What an RFC 2217 client can ask for."""

    SIGNATURE = 0
    SET_BAUDRATE = 1
    SET_DATASIZE = 2
    SET_PARITY = 3
    SET_STOPSIZE = 4
    SET_CONTROL = 5
    NOTIFY_LINESTATE = 6
    NOTIFY_MODEMSTATE = 7
    FLOW_SUSPEND = 8
    FLOW_RESUME = 9
    SET_LINESTATE_MASK = 10
    SET_MODEMSTATE_MASK = 11
    PURGE_DATA = 12


class Control(IntEnum):
    """Values of SET_CONTROL."""

    NO_FLOW_CONTROL = 1
    XON_XOFF = 2
    HARDWARE_FLOW_CONTROL = 3
    BREAK_ON = 5
    BREAK_OFF = 6
    DTR_QUERY = 7
    DTR_ON = 8
    DTR_OFF = 9
    RTS_QUERY = 10
    RTS_ON = 11
    RTS_OFF = 12


SERVER = 100
"""What a server adds to a command's number."""


@dataclass(frozen=True, slots=True)
class Negotiation:
    """DO, DONT, WILL or WONT."""

    verb: int
    option: int


@dataclass(frozen=True, slots=True)
class Subnegotiation:
    """The bytes between SB and SE, doubling removed: option first."""

    option: int
    payload: bytes


Event = Negotiation | Subnegotiation


def escape(data: bytes) -> bytes:
    """Data as it travels: IAC doubled."""
    return data.replace(_IAC, _DOUBLED) if IAC in data else data


def negotiation(verb: int, option: int) -> bytes:
    """One negotiation, encoded."""
    return bytes((IAC, verb, option))


def command(number: int, value: bytes) -> bytes:
    """One RFC 2217 command, encoded."""
    return bytes((IAC, SB, COM_PORT, number)) + escape(value) + bytes((IAC, SE))


class TelnetDecoder:
    """Takes received bytes apart; any cut of the stream gives the same data and events."""

    def __init__(self) -> None:
        self._held = b""
        self._inside: bytearray | None = None

    def feed(self, received: bytes) -> tuple[bytes, list[Event]]:
        """The data bytes in `received`, and the events between them."""
        stream = self._held + received if self._held else received
        self._held = b""
        if self._inside is None:
            count = stream.count(_IAC)
            if not count:
                return stream, []
            if count == 2 * stream.count(_DOUBLED):
                # Every run of IAC has even length: only doubled data, the common case in a binary stream.
                return stream.replace(_DOUBLED, _IAC), []
        return self._slow(stream)

    def _slow(self, stream: bytes) -> tuple[bytes, list[Event]]:
        data = bytearray()
        events: list[Event] = []
        position, end = 0, len(stream)
        while position < end:
            mark = stream.find(_IAC, position)
            plain = stream[position : end if mark < 0 else mark]
            self._take(plain, data)
            if mark < 0:
                break
            if mark + 1 >= end or (stream[mark + 1] in (DO, DONT, WILL, WONT) and mark + 2 >= end):
                self._held = stream[mark:]
                break
            code = stream[mark + 1]
            position = mark + 2
            if code == IAC:
                self._take(_IAC, data)
            elif code == SB:
                self._inside = bytearray()
            elif code == SE:
                if self._inside:
                    events.append(Subnegotiation(self._inside[0], bytes(self._inside[1:])))
                self._inside = None
            elif code in (DO, DONT, WILL, WONT):
                events.append(Negotiation(code, stream[mark + 2]))
                position = mark + 3
            # Other commands (NOP, break, go ahead, ...) carry nothing.
        return bytes(data), events

    def _take(self, plain: bytes, data: bytearray) -> None:
        if self._inside is None:
            data += plain
            return
        room = MAX_SUBNEGOTIATION - len(self._inside)
        self._inside += plain[:room]
        if len(plain) > room:
            self._inside = None
            data += plain[room:]


class Newlines:
    """CR as telnet has it between ends that do not send binary (RFC 854): one that ends no line is followed by NUL."""

    def __init__(self) -> None:
        self._after_cr = False

    def received(self, data: bytes) -> bytes:
        """What was meant by received data; any cut of the stream gives the same."""
        if self._after_cr and data.startswith(b"\0"):
            data = data[1:]
            self._after_cr = False
        if data:
            self._after_cr = data.endswith(b"\r")
        return data.replace(b"\r\0", b"\r")

    @staticmethod
    def to_send(data: bytes) -> bytes:
        """Data as it travels."""
        return LONE_CR.sub(b"\r\0", data)


class Negotiator:
    """The options of one telnet connection, as a client: agrees to what serial data needs, refuses the rest."""

    WANTED_OF_US = (BINARY, SUPPRESS_GO_AHEAD, COM_PORT)
    WANTED_OF_PEER = (BINARY, SUPPRESS_GO_AHEAD)

    def __init__(self) -> None:
        self._said_will = set(self.WANTED_OF_US)
        self._said_do = set(self.WANTED_OF_PEER)
        self.serial_control: bool | None = None
        """The peer speaks RFC 2217: True, False, or None while it has not said."""

        self.refused: set[tuple[int, int]] = set()
        """(verb, option) of what the peer said no to: DONT for what we offered, WONT for what it was asked for."""

    def hello(self) -> bytes:
        """What a client sends first."""
        return b"".join(negotiation(WILL, option) for option in self.WANTED_OF_US) + b"".join(
            negotiation(DO, option) for option in self.WANTED_OF_PEER
        )

    def answer(self, event: Negotiation) -> bytes:
        """The reply to the peer's negotiation, b"" when none is due (so that two ends never argue for ever)."""
        verb, option = event.verb, event.option
        if option == COM_PORT and self.serial_control is None and verb != WONT:
            # The first word counts (a peer that only echoes repeats ours). DO is what the RFC asks for; some say WILL.
            self.serial_control = verb != DONT
        if verb == DO:
            return self._agree(option, self._said_will, option in self.WANTED_OF_US, WILL, WONT)
        if verb == WILL:
            known = option in (*self.WANTED_OF_PEER, COM_PORT)
            return self._agree(option, self._said_do, known, DO, DONT)
        self.refused.add((verb, option))
        said, refusal = (self._said_will, WONT) if verb == DONT else (self._said_do, DONT)
        if option in said:
            said.discard(option)
            return negotiation(refusal, option)
        return b""

    @staticmethod
    def _agree(option: int, said: set[int], wanted: bool, yes: int, no: int) -> bytes:
        if not wanted:
            return negotiation(no, option)
        if option in said:
            return b""
        said.add(option)
        return negotiation(yes, option)
