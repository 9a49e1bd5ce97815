"""Sends payloads to espmon from MicroPython: pictures, JSON, CBOR, files, and what the board can do.

`espmon formats` prints what goes over the wire. Use:

    import sys
    from espmon_emit import Emitter, RGB565
    emit = Emitter(sys.stdout.buffer.write)
    emit.caps(app="weather", frames="png json", screenshot="shot()")
    emit.json({"temperature": 21.5})
    emit.png(buffer, 240, 135, RGB565)      # the bytearray below a framebuf.FrameBuffer

Copy it to the board. Pictures are encoded piece by piece, without a second buffer. It runs under MicroPython 1.17 and
later by what its documentation says, and was run here under CPython only. Licence: Apache-2.0.
"""

import binascii
import json
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:  # MicroPython has no typing
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

RGB565, RGB565_SWAPPED, RGB888, GREY8, MONO1, PAGES1 = range(6)
"""Formats of pixels; `framebuf` calls them RGB565, -, -, GS8, MONO_HLSB and MONO_VLSB. SWAPPED: high byte first."""

BLOCK_BYTES = 256
"""Picture data of one IDAT chunk."""

ARMOUR_BYTES = 96
"""Bytes that become one piece of base64; a multiple of three."""

SELF_DELIMITING = ("png", "json", "cbor")
"""Kinds that can be streamed raw: they say themselves where they end."""

MAX_DEPTH = 32
"""Lists and dictionaries in one another that `cbor` takes."""


class Emitter:
    """Writes payloads.

    Args:
        write: takes bytes; may block.
        lock: a context manager (a lock of `_thread` or `asyncio` is none) that keeps others from writing meanwhile.
        base64: survives a console that changes bytes; False is a quarter less.
    """

    def __init__(self, write: "Callable[[bytes], object]", lock: "Any" = None, base64: bool = True) -> None:
        self._write = write
        self._lock = lock
        self._base64 = base64

    def frame(self, kind: str, payload: bytes, name: "str | None" = None) -> None:
        """Send one payload; `name` is for files."""
        self._measured(kind, name, lambda: iter((payload,)))

    def json(self, value: "Any") -> None:
        """Send a value as JSON."""
        self.frame("json", json.dumps(value).encode())

    def cbor(self, value: "Any") -> None:
        """Send a value as CBOR. Raises TypeError for what CBOR has no type for, ValueError for one nested too deep."""
        self.frame("cbor", b"".join(_cbor(value, 0)))

    def file(self, name: str, content: bytes) -> None:
        """Send a file under a name."""
        self.frame("file", content, name)

    def png(self, pixels: bytes, width: int, height: int, form: int = RGB565, streamed: bool = False) -> None:
        """Send a picture as `@ESPFRAME png`: twice encoded, for the length and the CRC; `streamed`: once, without."""
        if streamed:
            self.stream("png", _png(pixels, width, height, form))
        else:
            self._measured("png", None, lambda: _png(pixels, width, height, form))

    def stream(self, kind: str, pieces: "Iterable[bytes]") -> None:
        """Send a payload of unknown length, without a CRC. Raises ValueError where its end could not be known."""
        _check(kind, None)
        if not self._base64 and kind not in SELF_DELIMITING:
            raise ValueError("only base64 says where this kind ends")
        self._send(_header(kind, None, 0, self._base64, None), pieces)

    def caps(self, frames: str = "", commands: "dict[str, str] | None" = None, **fields: str) -> None:
        """Say what the board can do; `fields`: app, app_version, chip, console, transport, screenshot."""
        value: dict[str, Any] = {"version": 1}
        value.update(fields)
        if frames:
            value["frames"] = frames.split()
        if commands:
            value["commands"] = commands
        self._locked((b"@ESPCAPS ", json.dumps(value).encode(), b"\n"))

    def _measured(self, kind: str, name: "str | None", make: "Callable[[], Iterator[bytes]]") -> None:
        _check(kind, name)
        length = crc = 0
        for piece in self._armoured(make()):
            length += len(piece)
            crc = binascii.crc32(piece, crc)
        if not length:
            raise ValueError("an empty payload cannot be told from one of unknown length")
        self._send(_header(kind, name, length, self._base64, crc), make())

    def _send(self, header: bytes, pieces: "Iterable[bytes]") -> None:
        def whole() -> "Iterator[bytes]":
            yield header
            yield from self._armoured(pieces)
            yield b"\n@ESPFRAME_END\n"

        self._locked(whole())

    def _locked(self, pieces: "Iterable[bytes]") -> None:
        if self._lock is None:
            for piece in pieces:
                self._write(piece)
        else:
            with self._lock:
                for piece in pieces:
                    self._write(piece)

    def _armoured(self, pieces: "Iterable[bytes]") -> "Iterator[bytes]":
        if not self._base64:
            yield from pieces
            return
        rest = b""
        for piece in pieces:
            rest += piece
            while len(rest) >= ARMOUR_BYTES:
                yield binascii.b2a_base64(rest[:ARMOUR_BYTES])[:-1]
                rest = rest[ARMOUR_BYTES:]
        if rest:
            yield binascii.b2a_base64(rest)[:-1]


def _header(kind: str, name: "str | None", length: int, base64: bool, crc: "int | None") -> bytes:
    what = kind if name is None else "%s:%s" % (kind, name)  # noqa: UP031 f-strings came to MicroPython late
    check = "-" if crc is None else "%08x" % (crc & 0xFFFFFFFF)
    return ("@ESPFRAME %s %d %s %s\n" % (what, length, "base64" if base64 else "raw", check)).encode()  # noqa: UP031


def _check(kind: str, name: "str | None") -> None:
    parts = kind.split("/")
    signs = "abcdefghijklmnopqrstuvwxyz0123456789_.-"
    if len(kind) > 32 or len(parts) > 2 or not all(part and all(sign in signs for sign in part) for part in parts):
        raise ValueError("no kind: " + repr(kind))
    if name is not None and (not name or len(name.encode()) > 255 or min(name) < " " or "\x7f" in name):
        raise ValueError("no name: " + repr(name))


def _chunk(kind: bytes, content: bytes) -> bytes:
    crc = binascii.crc32(kind + content) & 0xFFFFFFFF
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", crc)


class _Deflate:
    """One block with the fixed codes of RFC 1951; runs of one byte are matches at distance 1."""

    def __init__(self) -> None:
        self.ready = bytearray(b"\x78\x01")
        self._bits = 3
        self._count = 3
        self._last = -1
        self._run = 0
        self._a = 1
        self._b = 0

    def _add(self, value: int, count: int) -> None:
        self._bits |= value << self._count
        self._count += count
        while self._count >= 8:
            self.ready.append(self._bits & 0xFF)
            self._bits >>= 8
            self._count -= 8

    def _code(self, symbol: int) -> None:
        if symbol < 144:
            code, count = 0x30 + symbol, 8
        elif symbol < 256:
            code, count = 0x190 + symbol - 144, 9
        elif symbol < 280:
            code, count = symbol - 256, 7
        else:
            code, count = 0xC0 + symbol - 280, 8
        turned = 0
        for _ in range(count):
            turned = turned << 1 | code & 1
            code >>= 1
        self._add(turned, count)

    def _end_run(self) -> None:
        if self._run >= 3:
            over, extra = self._run - 3, 0
            while over >> (extra + 3):
                extra += 1
            if self._run == 258:
                self._code(285)
            else:
                self._code(257 + 4 * extra + (over >> extra))
                self._add(over & ((1 << extra) - 1), extra)
            self._add(0, 5)
        else:
            for _ in range(self._run):
                self._code(self._last)
        self._run = 0

    def feed(self, data: bytes) -> None:
        """Take bytes; what they became is in `ready`."""
        a, b = self._a, self._b
        for byte in data:
            a = (a + byte) % 65521
            b = (b + a) % 65521
            if byte == self._last and self._run < 258:
                self._run += 1
            else:
                self._end_run()
                self._code(byte)
                self._last = byte
        self._a, self._b = a, b

    def end(self) -> bytes:
        """Finish the block; returns the checksum that stands behind it."""
        self._end_run()
        self._code(256)
        if self._count:
            self._add(0, 8 - self._count)
        return struct.pack(">HH", self._b, self._a)


def _pixel_row(pixels: bytes, y: int, width: int, form: int) -> bytearray:
    """One row as PNG has it, its filter byte in front."""
    if form in (MONO1, PAGES1):
        row = bytearray(1 + (width + 7) // 8)
        for x in range(width):
            if form == MONO1:
                on = pixels[y * ((width + 7) // 8) + x // 8] >> (7 - x % 8) & 1
            else:
                on = pixels[y // 8 * width + x] >> (y % 8) & 1
            row[1 + x // 8] |= on << (7 - x % 8)
        return row
    row = bytearray(b"\x01")
    red = green = blue = 0
    for x in range(y * width, (y + 1) * width):
        if form == GREY8:
            row.append((pixels[x] - red) & 0xFF)
            red = pixels[x]
            continue
        if form == RGB888:
            r, g, b = pixels[3 * x], pixels[3 * x + 1], pixels[3 * x + 2]
        else:
            low, high = (pixels[2 * x], pixels[2 * x + 1]) if form == RGB565 else (pixels[2 * x + 1], pixels[2 * x])
            r, g, b = (
                high & 0xF8 | high >> 5,
                (high << 5 | low >> 3) & 0xFC | high >> 1 & 3,
                low << 3 & 0xF8 | low >> 2 & 7,
            )
        row.append((r - red) & 0xFF)
        row.append((g - green) & 0xFF)
        row.append((b - blue) & 0xFF)
        red, green, blue = r, g, b
    return row


def _png(pixels: bytes, width: int, height: int, form: int) -> "Iterator[bytes]":
    bits = form in (MONO1, PAGES1)
    grey = bits or form == GREY8
    yield b"\x89PNG\r\n\x1a\n"
    yield _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1 if bits else 8, 0 if grey else 2, 0, 0, 0))
    deflate = _Deflate()
    for y in range(height):
        deflate.feed(bytes(_pixel_row(pixels, y, width, form)))
        while len(deflate.ready) >= BLOCK_BYTES:
            yield _chunk(b"IDAT", bytes(deflate.ready[:BLOCK_BYTES]))
            deflate.ready = deflate.ready[BLOCK_BYTES:]
    checksum = deflate.end()
    while deflate.ready:
        yield _chunk(b"IDAT", bytes(deflate.ready[:BLOCK_BYTES]))
        deflate.ready = deflate.ready[BLOCK_BYTES:]
    yield _chunk(b"IDAT", checksum)
    yield _chunk(b"IEND", b"")


def _head(kind: int, size: int) -> bytes:
    if size < 24:
        return bytes((kind << 5 | size,))
    for info, limit, form in ((24, 1 << 8, ">B"), (25, 1 << 16, ">H"), (26, 1 << 32, ">I"), (27, 1 << 64, ">Q")):
        if size < limit:
            return bytes((kind << 5 | info,)) + struct.pack(form, size)
    raise ValueError("an integer of more than 64 bits")


def _cbor(value: "Any", depth: int) -> "Iterator[bytes]":
    if depth > MAX_DEPTH:
        raise ValueError("nested deeper than %d" % MAX_DEPTH)  # noqa: UP031
    if value is None or isinstance(value, bool):
        yield b"\xf6" if value is None else b"\xf5" if value else b"\xf4"
    elif isinstance(value, int):
        yield _head(1, -1 - value) if value < 0 else _head(0, value)
    elif isinstance(value, float):
        yield b"\xfb" + struct.pack(">d", value)
    elif isinstance(value, str):
        text = value.encode()
        yield _head(3, len(text)) + text
    elif isinstance(value, (bytes, bytearray)):
        yield _head(2, len(value)) + bytes(value)
    elif isinstance(value, (list, tuple)):
        yield _head(4, len(value))
        for item in value:
            yield from _cbor(item, depth + 1)
    elif isinstance(value, dict):
        yield _head(5, len(value))
        for key in value:
            yield from _cbor(key, depth + 1)
            yield from _cbor(value[key], depth + 1)
    else:
        raise TypeError("CBOR has no " + type(value).__name__)
