"""What the two sides of a shared session say to each other: messages of a JSON header and bytes, both of bounded size.

Each message is two numbers of four bytes (the lengths of the header and of the bytes, most significant byte first),
the header as a JSON object with `kind`, and the bytes. Both sides begin with `hello`, which names the version. What a
peer sends is not trusted: headers are checked field by field, texts are made safe to show.
"""

from __future__ import annotations

import asyncio
import json
import struct
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from espmon.records.record import JsonObject
from espmon.text import plain

VERSION = 1
"""Of what is said. A side that hears another one says so and hangs up."""

MAX_HEADER = 256 << 10
"""Bytes of a header: an event of the sidecar fits in."""

MAX_PAYLOAD = 1 << 20
"""Bytes of a message besides its header."""

MAX_TEXT = 200
"""Characters of a text that is shown."""

MAX_NUMBER = 1 << 62

LENGTHS = struct.Struct(">II")


class Kind(StrEnum):
    """What a message is."""

    HELLO = "hello"
    """Both: `version`; the holder adds `pid`, `name`, `since`; the viewer `who`."""

    HISTORY = "history"
    """Holder: the stream from `begin` to `end` is in the recording called `folder`."""

    LOST = "lost"
    """Holder: `length` bytes cannot be had, since nothing recorded them."""

    TEXT = "text"
    """Holder: bytes of the log that came at `m`."""

    LEASED = "leased"
    """Holder: bytes that the lease `owner` read."""

    EVENT = "event"
    """Holder: `fields`, a line of the sidecar."""

    STATUS = "status"
    """Holder: what the header shows, whether this viewer `writes`, and the `reason` of a port that is not open."""

    NOTICE = "notice"
    """Holder: `text` for this viewer's user."""

    ASK = "ask"
    """Viewer: may I write?"""

    RELEASE = "release"
    """Viewer: I write no more."""

    SEND = "send"
    """Viewer who writes: bytes for the board, sent `by`."""

    DO = "do"
    """Viewer who writes: a `deed`, with what it takes."""

    BYE = "bye"
    """Holder: it ends, with its `reason`."""


class ShareError(Exception):
    """The other side cannot be spoken to, or speaks nonsense. The message is for people."""


class Position(NamedTuple):
    """A place in a session."""

    offset: int = 0
    """Bytes of the stream before it."""

    file: int = 0
    """Bytes of the recorded stream before it: fewer where some were not recorded."""

    sidecar: int = 0
    """Bytes of the sidecar before it."""


@dataclass(frozen=True, slots=True)
class Message:
    """One message."""

    kind: Kind
    fields: JsonObject
    data: bytes = b""

    def text(self, name: str, limit: int = MAX_TEXT) -> str:
        """A text of the header, safe to show; "" where there is none."""
        value = self.fields.get(name)
        return plain(value[:limit]) if isinstance(value, str) else ""

    def number(self, name: str) -> int:
        """A natural number of the header, 0 where there is none."""
        value = self.fields.get(name)
        return value if type(value) is int and 0 <= value < MAX_NUMBER else 0

    def seconds(self, name: str) -> float | None:
        """A time of the header, None where there is none."""
        value = self.fields.get(name)
        return float(value) if isinstance(value, int | float) and 0 <= value < 1e11 else None

    def position(self, name: str) -> Position:
        """A position of the header; its beginning where there is none."""
        value = self.fields.get(name)
        if not isinstance(value, list) or len(value) != len(Position._fields):
            return Position()
        return Position(*(part if type(part) is int and 0 <= part < MAX_NUMBER else 0 for part in value))


def encoded(kind: Kind, data: bytes = b"", **fields: object) -> bytes:
    """A message as it travels."""
    header = json.dumps({"kind": kind.value, **fields}, default=str).encode()
    return LENGTHS.pack(len(header), len(data)) + header + data


async def read_message(reader: asyncio.StreamReader) -> Message | None:
    """The next message, None when the other side has hung up between two. Raises `ShareError`."""
    try:
        head = await reader.readexactly(LENGTHS.size)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise ShareError("it ended in the middle of a message") from None
        return None
    except OSError:
        return None
    header, payload = LENGTHS.unpack(head)
    if not 2 <= header <= MAX_HEADER or payload > MAX_PAYLOAD:
        raise ShareError(f"a message of {header:,} and {payload:,} bytes is longer than any may be")
    try:
        body = await reader.readexactly(header + payload)
    except (asyncio.IncompleteReadError, OSError):
        raise ShareError("it ended in the middle of a message") from None
    return _decoded(body[:header], body[header:])


def _decoded(header: bytes, data: bytes) -> Message:
    try:
        fields = json.loads(header)
        kind = Kind(fields["kind"])
    except (ValueError, KeyError, TypeError, RecursionError):
        raise ShareError("it said something that means nothing") from None
    return Message(kind, fields, data)


def check_version(message: Message | None) -> Message:
    """The hello of the other side. Raises `ShareError` where it is none, or of another version."""
    if message is None or message.kind is not Kind.HELLO:
        raise ShareError("it did not say hello")
    if (version := message.number("version")) != VERSION:
        newer = "that" if version > VERSION else "this"
        raise ShareError(f"it speaks version {version}, not {VERSION}: {newer} espmon is the newer one")
    return message
