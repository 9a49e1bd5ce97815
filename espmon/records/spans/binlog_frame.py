"""One frame of the ESP-IDF binary log: header, references, arguments, checksum.

Source: the ESP-IDF binary log format (`esp_log`, "Binary Log"): type, control word, format, tag, time, arguments,
CRC-8; all big-endian.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from espmon.records.printf import Arguments, Conversion, Short, compile_format, render
from espmon.records.span import StringSource

MIN_FRAME_BYTES = 15
"""Bytes of the smallest frame."""

BOOTLOADER, APPLICATION = 1, 2
"""Frame types: which ELF holds the strings."""

LEVELS = "NEWIDV"
EMBEDDED = 0xFC
"""Top bits of a reference that is the string itself."""

MEMORY = frozenset((0x00, *range(0x3C, 0x44), 0x48, 0x4F, 0x50))
"""Top bytes of addresses at which the chips of this family keep strings; 0 is the section that is not loaded."""

BUFFER_HEX = "__ESP_BUFFER_HEX_FORMAT__"
BUFFER_CHAR = "__ESP_BUFFER_CHAR_FORMAT__"
BUFFER_HEXDUMP = "__ESP_BUFFER_HEXDUMP_FORMAT__"
ROW = 16
"""Bytes a line of a buffer dump."""

Reader = Callable[[bytes, int], tuple[str, int]]

CACHE = 8192
"""Compiled formats and strings kept."""


def crc_table() -> tuple[int, ...]:
    """CRC-8, polynomial 0x07, not reflected."""
    table = []
    for value in range(256):
        for _ in range(8):
            value = (value << 1) ^ (0x07 if value & 0x80 else 0)
        table.append(value & 0xFF)
    return tuple(table)


CRC = crc_table()


def crc8(data: bytes) -> int:
    """The checksum of `data`; 0 for a whole frame."""
    crc = 0
    table = CRC
    for byte in data:
        crc = table[crc ^ byte]
    return crc


class Control(NamedTuple):
    """The control word of a frame."""

    length: int
    level: int
    wide_time: bool
    version: int

    @property
    def plausible(self) -> bool:
        """Everything in it has a meaning."""
        return self.length >= MIN_FRAME_BYTES and self.level < len(LEVELS) and self.version == 0


def control(high: int, low: int) -> Control:
    """Take a control word apart: bits 0-9 length, 10-12 level, 13 64-bit time, 14-15 version."""
    word = high << 8 | low
    return Control(word & 0x3FF, word >> 10 & 7, bool(word & 0x2000), word >> 14)


class Entry(NamedTuple):
    """What a frame says."""

    level: str | None
    tag: str
    time: int
    """Device milliseconds."""

    lines: tuple[str, ...]
    """The message, one text a line, each with its head (`I (123) tag: `)."""


class Decoder:
    """Turns frames into text. Damaged references and arguments are shown as what they are; nothing raises."""

    def __init__(self) -> None:
        self.strings: StringSource | None = None
        self._texts: dict[tuple[int, int], str] = {}
        self._formats: dict[str, list[str | Conversion]] = {}

    def use(self, strings: StringSource | None) -> None:
        """Read strings from here from now on."""
        self.strings = strings
        self._texts.clear()

    def decode(self, frame: bytes) -> Entry:
        """Decode one whole frame (its checksum is right)."""
        kind = frame[0]
        word = control(frame[1], frame[2])
        end = len(frame) - 1

        def string(data: bytes, at: int) -> tuple[str, int]:
            return self._string(kind, data, at)

        body = frame[:end]
        try:
            form, at = string(body, 3)
            tag, at = string(body, at)
            size = 8 if word.wide_time else 4
            if at + size > end:
                raise Short
            time = int.from_bytes(frame[at : at + size], "big")
            at += size
        except Short:
            return Entry(None, "", 0, (f"<damaged binary log frame {frame.hex()}>",))
        level = LEVELS[word.level] if word.level else None
        head = f"{level} ({time}) {tag}: " if level else f"({time}) {tag}: "
        message = self._message(kind, form, body[at:], string)
        return Entry(level, tag, time, tuple(head + line for line in message))

    def _message(self, kind: int, form: str, data: bytes, string: Reader) -> list[str]:
        try:
            if form.startswith((BUFFER_HEX, BUFFER_CHAR, BUFFER_HEXDUMP)):
                return self._buffer(kind, form, data)
            pieces = self._formats.get(form)
            if pieces is None:
                if len(self._formats) >= CACHE:
                    self._formats.clear()
                pieces = self._formats[form] = compile_format(form)
            text = render(pieces, Arguments(data, string))
        except Short:
            text = form
        if "\n" in text or "\r" in text:
            return text.rstrip("\r\n").replace("\r", "\n").split("\n")
        return [text]

    def _string(self, kind: int, data: bytes, at: int) -> tuple[str, int]:
        raw, end = self._reference(kind, data, at, None)
        return raw if isinstance(raw, str) else raw.decode("utf-8", "backslashreplace").rstrip("\0"), end

    def _reference(self, kind: int, data: bytes, at: int, size: int | None) -> tuple[str | bytes, int]:
        """What a reference at `at` points to, and the position behind it."""
        if at + 4 > len(data) and (at + 2 > len(data) or data[at] < EMBEDDED):
            raise Short
        if data[at] >= EMBEDDED:
            count = 1 - int.from_bytes(data[at : at + 2], "big", signed=True)
            end = at + 2 + count
            if end > len(data):
                raise Short
            return data[at + 2 : end], end
        address = int.from_bytes(data[at : at + 4], "big")
        if size is not None:
            found = self.strings.read(kind, address, size) if self.strings and self.strings.has(kind) else None
            return found if found is not None else self._missing(kind, address), at + 4
        key = (kind, address)
        text = self._texts.get(key)
        if text is None:
            if len(self._texts) >= CACHE:
                self._texts.clear()
            text = self._texts[key] = self._look_up(kind, address)
        return text, at + 4

    def _look_up(self, kind: int, address: int) -> str:
        found = self.strings.read(kind, address, None) if self.strings and self.strings.has(kind) else None
        return self._missing(kind, address) if found is None else found.decode("utf-8", "backslashreplace")

    def _missing(self, kind: int, address: int) -> str:
        known = self.strings is not None and self.strings.has(kind)
        return f"<not found {address:08X}>" if known else "<no ELF file>"

    def _buffer(self, kind: int, form: str, data: bytes) -> list[str]:
        """A buffer dump: length, data, address."""
        if len(data) < 4:
            raise Short
        count = int.from_bytes(data[:4], "big")
        content, at = self._reference(kind, data, 4, min(count, 1 << 16))
        if isinstance(content, str):
            return [content]
        content = content[:count]
        address = int.from_bytes(data[at : at + 4], "big") if at + 4 <= len(data) else 0
        rows = [content[first : first + ROW] for first in range(0, len(content), ROW)] or [b""]
        if form.startswith(BUFFER_HEXDUMP):
            return [hexdump(row, address + ROW * index) for index, row in enumerate(rows)]
        if form.startswith(BUFFER_CHAR):
            return ["".join(chr(byte) for byte in row if 32 <= byte < 127) for row in rows]
        return [row.hex(" ") for row in rows]


def hexdump(row: bytes, address: int) -> str:
    """One line of a hex dump."""
    left, right = row[: ROW // 2].hex(" "), row[ROW // 2 :].hex(" ")
    digits = f"{left:<{ROW // 2 * 3 - 1}}  {right}" if right else left
    shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
    return f"0x{address & 0xFFFFFFFF:08x}   {digits:<48}  |{shown}|"
