"""The viewer's end of the socket: says hello, reads no more than it has room for, and hands on what was read."""

from __future__ import annotations

import asyncio
import os
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from espmon.port.platform import connect_shared, shared_there
from espmon.port.port_error import PortError, PortErrorKind
from espmon.session.sent import SentBy
from espmon.session.sharing.deeds import Deed
from espmon.session.sharing.share_place import share_address
from espmon.session.sharing.share_protocol import (
    VERSION,
    Kind,
    Message,
    ShareError,
    check_version,
    encoded,
    read_message,
)
from espmon.time_limit import time_limit

MAX_MESSAGES = 256
"""Messages that wait to be looked at; while there are more, the socket is not read."""

HELLO_SECONDS = 2.0
"""Longest wait for the holder to say who it is."""

GONE = "the espmon that holds the port has ended, or was killed"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a port, and says so."""

    pid: int
    name: str
    """Of the board, as the holder calls it."""

    since: float
    """When its session began, in seconds since the epoch."""

    def __str__(self) -> str:
        return f"espmon (pid {self.pid})"


class ShareLink:
    """A connection to the holder of a port. Made by `find_holder`; belongs to the session's loop.

    Attributes:
        holder: who it is.
        writes: what is sent goes to the board.
        has_modem_lines: the holder's port has DTR and RTS.
        gone: why nothing comes any more, "" while something may.
        arrived: set when there is something to take, or nothing will come.
        on_status: called with each status message.
        on_notice: called with each text for the user.
    """

    def __init__(self, holder: Holder, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.holder = holder
        self.gone = ""
        self.writes = self.has_modem_lines = False
        self.arrived = asyncio.Event()
        self.on_status: Callable[[Message], None] = lambda message: None
        self.on_notice: Callable[[str], None] = lambda text: None
        self._reader, self._writer = reader, writer
        self._messages: deque[Message] = deque()
        self._room = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Look on."""
        self._write(encoded(Kind.HELLO, version=VERSION, who=who_looks()))
        self._task = asyncio.create_task(self._read(), name="espmon-looking-on")

    def take(self) -> Message | None:
        """The next message of the stream, None when there is none now."""
        if not self._messages:
            if not self.gone:
                self.arrived.clear()
            return None
        self._room.set()
        return self._messages.popleft()

    def ask(self) -> None:
        """Ask to write."""
        self._write(encoded(Kind.ASK))

    def release(self) -> None:
        """Write no more."""
        self._write(encoded(Kind.RELEASE))

    def send(self, data: bytes, by: SentBy) -> None:
        """Send to the board, by way of the holder."""
        self._write(encoded(Kind.SEND, data, by=by.value))

    def do(self, deed: Deed, **how: bool | float | str | None) -> None:
        """Have the holder do something to the board. Raises `PortError` where this side only looks on."""
        if not self.writes or self.gone:
            raise PortError(PortErrorKind.BUSY, self.gone or "you look on", "Ask to write first")
        self._write(encoded(Kind.DO, b"", deed=deed.value, **how))

    def _write(self, message: bytes) -> None:
        with suppress(OSError, RuntimeError):
            self._writer.write(message)

    async def _read(self) -> None:
        reason = GONE
        try:
            while (message := await read_message(self._reader)) is not None:
                if message.kind is Kind.BYE:
                    reason = message.text("reason") or GONE
                    break
                if message.kind is Kind.STATUS:
                    self.writes = message.fields.get("writes") is True
                    self.has_modem_lines = message.fields.get("lines") is True
                    self.on_status(message)
                    continue
                if message.kind is Kind.NOTICE:
                    self.on_notice(message.text("text"))
                    continue
                self._messages.append(message)
                self.arrived.set()
                while len(self._messages) >= MAX_MESSAGES:
                    self._room.clear()
                    await self._room.wait()
        except ShareError as error:
            reason = str(error)
        self._writer.close()
        self.gone = reason
        self.arrived.set()

    async def close(self) -> None:
        """Hang up."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._writer.close()


def who_looks() -> str:
    """Who this program is to the other side's user."""
    if os.environ.get("TEXTUAL_DRIVER"):
        return f"a browser's tab (pid {os.getpid()})"
    try:
        place = os.ttyname(sys.stdin.fileno())
    except (AttributeError, OSError, ValueError):
        return f"pid {os.getpid()}"
    return f"pid {os.getpid()} on {place}"


async def find_holder(url: str) -> ShareLink | None:
    """The espmon of this user that holds a port and lets others look on, None where there is none.

    Raises `ShareError`: there is one, and it cannot be spoken to.
    """
    address = await asyncio.to_thread(share_address, url)
    if not shared_there(address):
        return None
    try:
        reader, writer = await connect_shared(address)
    except OSError:
        return None
    try:
        async with time_limit(HELLO_SECONDS):
            message = await read_message(reader)
        if message is not None and message.kind is Kind.BYE:
            raise ShareError(message.text("reason"))
        hello = check_version(message)
    except (TimeoutError, ShareError) as error:
        writer.close()
        raise ShareError(f"another espmon holds {url}: {error or 'it does not answer'}") from error
    holder = Holder(hello.number("pid"), hello.text("name") or url, hello.seconds("since") or 0.0)
    return ShareLink(holder, reader, writer)
