"""Structured frames: `@ESPFRAME <type> <length> <encoding> <crc32>`, the payload, `@ESPFRAME_END`.

Length 0 is for payloads whose end can be known. A frame of the binary log becomes the lines it holds.

A frame that fails gives a record that covers its header line only, with `complete` false and the reason in `error`; the
bytes behind the header are parsed again as text.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any, ClassVar, NamedTuple

from espmon.model.rom_banners import BANNER_REACH, RESET_BANNER
from espmon.records.cbor import cbor_value
from espmon.records.lines import LineBlock
from espmon.records.record import JsonObject, PayloadRecord
from espmon.records.span import Bytes, Found, More, Outcome, Setup, Where
from espmon.records.spans.binlog import enclosed_lines
from espmon.records.spans.header_lines import end_line, header_line
from espmon.records.spans.payload_walks import behind_item, walk_for
from espmon.records.spans.png_chunks import PngWalk, picture_noun, png_size
from espmon.records.spans.wire_encodings import NOT_BASE64, Damaged, unpack
from espmon.records.values import json_value

HEADER = re.compile(
    rb"@ESPFRAME (?P<kind>(?=[a-z0-9_./-]{1,32}[ :])[a-z0-9_.-]+(?:/[a-z0-9_.-]+)?)(?::(?P<name>[^\r\n]{1,255}?))?"
    rb" (?P<size>\d{1,20})"
    rb" (?P<encoding>[A-Za-z0-9+_-]{1,16})(?: (?P<crc>[0-9a-fA-F]{8}|-))? *\r{0,2}\n"
)
LIKE_HEADER = re.compile(rb"@ESPFRAME \S+ \S+ \S+")
"""A line that wants to be a header. What is wrong with it is worth a record."""

END = b"@ESPFRAME_END"
ENCODINGS = ("raw", "base64", "zlib", "base64+zlib")


class Header(NamedTuple):
    """What a header line says."""

    length: int
    """Bytes of the line itself."""

    kind: str
    name: str | None
    """Base name that the device suggests; never a path."""

    size: int
    encoding: str
    crc: int | None


class Frame(PayloadRecord):
    """A structured payload. `payload` holds the decoded bytes."""

    __slots__ = ("_pixels", "crc", "encoding", "kind", "name", "picture", "value")

    type: ClassVar[str] = "frame"

    def __init__(
        self,
        offset: int,
        length: int,
        time: float | None,
        *,
        kind: str,
        encoding: str = "",
        crc: str = "none",
        name: str | None = None,
        payload: bytes = b"",
        value: Any = None,
        error: str | None = None,
        complete: bool = True,
    ) -> None:
        super().__init__(offset, length, time, payload=payload, complete=complete, error=error)
        self.kind = kind
        self.encoding = encoding
        self.crc = crc
        self.name = name
        self.value = value
        self._pixels = png_size(payload) if kind == "png" else None
        self.picture = b""
        """The PNG that a payload of another kind was decoded into."""

    def show_as(self, picture: bytes) -> None:
        """Take a PNG for what the payload says. Raises ValueError for anything else."""
        walk = PngWalk(len(picture))
        if not walk.scan(picture, 0, len(picture)) or walk.end is None:
            raise ValueError(f"not a PNG: {walk.error or 'it is cut'}")
        self.picture, self._pixels = picture, (walk.width, walk.height)

    @property
    def pixels(self) -> tuple[int, int] | None:
        """A `png` is a picture, like those between PNG_BEGIN and PNG_END."""
        return self._pixels

    @property
    def noun(self) -> str:
        """With its kind and the name that the device gave it."""
        if self._pixels is not None and not self.picture:
            return picture_noun(self._pixels)
        return f"Frame {self.kind} {self.name}" if self.name else f"Frame {self.kind}"

    def about(self) -> JsonObject:
        """The fields of a `frame` in JSON, without the digest."""
        return {
            "kind": self.kind,
            "encoding": self.encoding,
            "crc": self.crc,
            "value": self.value,
            "name": self.name,
            **({} if self._pixels is None else dict(zip(("width", "height"), self._pixels, strict=True))),
            **super().about(),
        }


def base_name(name: bytes) -> str | None:
    """The last part of a name that a device sent, without anything that leads elsewhere; None if nothing is left."""
    text = name.decode("utf-8", "backslashreplace").replace("\\", "/")
    base = PurePosixPath(text.rstrip("/")).name.strip()
    safe = re.sub(r'[\x00-\x1f\x7f-\x9f<>:"|?*]', "_", base)
    return None if safe in ("", ".", "..") else safe[:128]


class FrameCapture:
    """A frame in progress."""

    lines = 0

    def __init__(self, header: Header, where: Where, setup: Setup) -> None:
        self.kind = "png" if header.kind == "png" else "frame"
        self._header = header
        self._where = where
        self._setup = setup
        self._walk = None if header.size else walk_for(header.kind, header.encoding, setup.limits)
        self._searched = header.length
        self._whole = False

    @property
    def expected(self) -> int | None:
        """Bytes in all, without the end line; None when the payload delimits itself."""
        return self._header.length + self._header.size if self._header.size else None

    def scan(self, data: Bytes, start: int) -> Outcome | None:
        """Read on."""
        head = self._header
        body = start + head.length
        if not self._whole:
            stop = min(len(data), body + head.size) if self._walk is None else len(data)
            early = self._early(data, start, stop)
            if early is not None or not self._whole:
                return early
        return self._finish(data, start, idle=False)

    def _early(self, data: Bytes, start: int, stop: int) -> Outcome | None:
        """What ends the payload before its size is reached; sets `_whole` when nothing does and it is all here."""
        head = self._header
        body = start + head.length
        first = start + max(head.length, self._searched - BANNER_REACH)
        fresh = start + self._searched
        self._searched = max(head.length, stop - start)
        if self._walk is None and head.encoding.startswith("base64"):
            wrong = NOT_BASE64.search(data, fresh, stop)
            if wrong:
                have = wrong.start() - body
                return self._damaged(f"byte {have} is not base64", have)
        walk = self._walk
        decided = walk is not None and walk.scan(data, body, stop)
        if walk is not None and decided:
            # A banner decides if it stands before what the chunks decided: smaller reads would have shown it first.
            stop = body + (walk.seen if walk.error else walk.end or 0)
        banner = RESET_BANNER.search(data, first, stop)
        if banner:
            have = banner.start() - body
            return self._damaged(f"the board restarted after {have} bytes", have)
        if walk is not None and walk.error is not None:
            return self._damaged(walk.error, walk.seen)
        self._whole = decided if walk is not None else stop - body == head.size
        return None

    def idle(self, data: Bytes, start: int) -> Outcome | None:
        """End if only the end line's own line end is missing."""
        return self._finish(data, start, idle=True) if self._whole else None

    def end(self, data: Bytes, start: int, reason: str) -> Outcome:
        """End here: whole if the end line stands, else damaged."""
        done = self.idle(data, start)
        have = len(data) - start - self._header.length
        of = f" of {self._header.size}" if self._header.size else ""
        return done or self._damaged(f"{reason} after {have}{of} bytes", have)

    def _finish(self, data: Bytes, start: int, *, idle: bool) -> Outcome | None:
        head = self._header
        body = start + head.length
        size = head.size if self._walk is None else self._walk.end or 0
        found = end_line(data, body + size, END)
        if isinstance(found, More):
            return None
        if found is None:
            return self._damaged("the end line is missing", size)
        stop, final = found
        if not (final or idle):
            return None
        wire = bytes(data[body : body + size])
        crc = "none"
        if head.crc is not None:
            computed = zlib.crc32(wire)
            if computed != head.crc:
                return self._damaged(f"crc32 is {computed:08x}, the header says {head.crc:08x}", size, crc="bad")
            crc = "ok"
        try:
            record = self._record(bytes(data[start:stop]), wire, crc)
        except Damaged as error:
            return self._damaged(str(error), size, crc=crc)
        return Outcome(stop - start, record)

    def _record(self, whole: bytes, wire: bytes, crc: str) -> Frame | LineBlock:
        head = self._header
        limits = self._setup.limits
        length = len(whole)
        payload = unpack(wire, head.encoding, self._setup.room(self._where.offset + length))
        if head.encoding.endswith("zlib"):
            self._setup.unpacked += len(payload)
        value, error = None, None
        if head.kind in ("json", "cbor"):
            if len(payload) > limits.value:
                error = f"not decoded: larger than {limits.value} bytes"
            else:
                try:
                    value = json_value(payload) if head.kind == "json" else cbor_value(payload)
                    if crc == "none" and head.kind == "cbor" and (behind := behind_item(payload)):
                        error = f"{behind} bytes behind the CBOR item"
                except ValueError as wrong:
                    error = str(wrong)
        elif head.kind == "binlog":
            lines = enclosed_lines(payload, whole, self._setup.strings, self._where)
            if lines is not None:
                return lines
            error = "not frames of the binary log"
        elif head.kind == "png":
            walk = PngWalk(len(payload))
            walk.scan(payload, 0, len(payload))
            if walk.end != len(payload):
                error = f"not a whole PNG: {walk.error or 'it is cut'}"
        if error is not None and crc != "ok" and "not decoded" not in error:
            # Without a checksum nothing says that these bytes are what was sent: show them.
            raise Damaged(error)
        return Frame(
            self._where.offset, length, self._where.time, kind=head.kind, encoding=head.encoding, crc=crc,
            name=head.name, payload=payload, value=value, error=error,
        )  # fmt: skip

    def _damaged(self, error: str, rejected: int, crc: str = "none") -> Outcome:
        head = self._header
        record = Frame(
            self._where.offset, head.length, self._where.time, kind=head.kind, encoding=head.encoding, crc=crc,
            name=head.name, error=error, complete=False,
        )  # fmt: skip
        return Outcome(head.length, record, rejected)


class FrameRecognizer:
    """Finds frame headers at the start of a line or straight behind a prompt."""

    kind = "frame"
    triggers: Sequence[bytes] = (b"@ESPFRAME ",)

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._limits = setup.limits

    def probe(self, data: bytes, at: int, where: Where) -> Found | FrameCapture | More | None:
        """Decide about a hit."""
        if not where.opens_line:
            return None
        line = header_line(data, at)
        if line is None or isinstance(line, More):
            return line
        match = HEADER.fullmatch(line)
        if match is None:
            return self._malformed(line, where, "the header is malformed") if LIKE_HEADER.match(line) else None
        header = Header(
            len(line), match["kind"].decode(), base_name(match["name"]) if match["name"] else None,
            int(match["size"]), match["encoding"].decode(),
            int(match["crc"], 16) if match["crc"] not in (None, b"-") else None,
        )  # fmt: skip
        error = self._objection(header)
        return self._malformed(line, where, error, header) if error else FrameCapture(header, where, self._setup)

    def _objection(self, header: Header) -> str | None:
        if header.encoding not in ENCODINGS:
            return f"unknown encoding {header.encoding!r}"
        if header.size > self._limits.frame:
            return f"length {header.size} is above the cap of {self._limits.frame} bytes"
        if not header.size and walk_for(header.kind, header.encoding, self._limits) is None:
            return f"length 0 is for payloads that say where they end (see `espmon formats`), not for raw {header.kind}"
        return None

    def _malformed(self, line: bytes, where: Where, error: str, header: Header | None = None) -> Found:
        kind = header.kind if header else line.split(b" ")[1].decode("utf-8", "backslashreplace")[:32]
        record = Frame(
            where.offset, len(line), where.time, kind=kind, encoding=header.encoding if header else "",
            name=header.name if header else None, error=error, complete=False,
        )  # fmt: skip
        return Found(len(line), record)
