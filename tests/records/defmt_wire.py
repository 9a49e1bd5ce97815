"""The firmware's side of defmt, written from the book: interned strings, values, encodings, and the ELF."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterable
from pathlib import Path

from espmon.records.defmt.defmt_table import DefmtSymbol, DefmtTable, read_table

SIZES = {"8": 1, "16": 2, "32": 4, "64": 8, "128": 16, "size": 4}


class Firmware:
    """Interns strings as a linker does, and writes frames."""

    def __init__(
        self, *, timestamp: str | None = "{=u64:us}", encoding: str = "rzcobs", crate: str = "app", version: str = "4"
    ) -> None:
        self.encoding = encoding
        self.crate = crate
        self.names: list[tuple[str, int, int]] = []
        """Name, address and size of the symbols."""

        self.section = bytearray(b"\0" * 16)
        self._next = 16
        self._known: dict[tuple[str, str], int] = {}
        self.names.append((f"_defmt_version_ = {version}", 0, 1))
        self.names.append((f"_defmt_encoding_ = {encoding}", 0, 1))
        self.timestamp = timestamp
        if timestamp is not None:
            self.intern("defmt_timestamp", timestamp)

    def intern(self, tag: str, text: str, value: int | None = None, disambiguator: str = "7") -> int:
        """The number of a string."""
        if (tag, text) not in self._known:
            size = 1 if value is None else 16
            fields = {"package": "pkg", "tag": tag, "data": text, "disambiguator": disambiguator}
            self.names.append((json.dumps(fields | {"crate_name": self.crate}), self._next, size))
            self.section += bytes(1) if value is None else value.to_bytes(16, "little")
            self._known[tag, text] = self._next
            self._next += size
        return self._known[tag, text]

    @property
    def table(self) -> DefmtTable:
        """What the decoder gets."""
        return read_table(
            DefmtSymbol(name, address, bytes(self.section[address : address + 16])) for name, address, _ in self.names
        )

    def value(self, kind: str, content: object) -> bytes:
        """A value on the wire. Nested ones are (tag, format, [variant], values)."""
        if kind[0] in "ui" and kind[1:] in SIZES:
            assert isinstance(content, int)
            return content.to_bytes(SIZES[kind[1:]], "little", signed=kind[0] == "i")
        if isinstance(content, float):
            return struct.pack("<f" if kind == "f32" else "<d", content)
        if isinstance(content, bool):
            return bytes([content])
        if isinstance(content, bytes):
            return (struct.pack("<I", len(content)) if kind == "[u8]" else b"") + content
        if isinstance(content, str):
            if kind == "char":
                return struct.pack("<I", ord(content))
            if kind == "istr":
                return struct.pack("<H", self.intern("defmt_str", content))
            if kind == "printed":
                return content.encode() + b"\xff"
            return struct.pack("<I", len(content.encode())) + content.encode()
        raise AssertionError(kind)

    def nested(self, text: str, body: bytes, tag: str = "defmt_derived") -> bytes:
        """A value with a format of its own."""
        return struct.pack("<H", self.intern(tag, text)) + body

    def message(self, text: str, body: bytes = b"", *, level: str = "info", time: int = 1_500_000) -> bytes:
        """A frame before it is encoded."""
        stamp = b"" if self.timestamp is None else time.to_bytes(8, "little")
        return struct.pack("<H", self.intern(f"defmt_{level}", text)) + stamp + body

    def frame(self, text: str, body: bytes = b"", *, level: str = "info", time: int = 1_500_000) -> bytes:
        """A frame as esp-println sends it."""
        message = self.message(text, body, level=level, time=time)
        return b"\xff\x00" + (message if self.encoding == "raw" else rzcobs(message) + b"\0")

    def elf(self, path: Path, others: Iterable[tuple[str, int]] = ()) -> Path:
        """Write an ELF for RISC-V with the section, and other symbols outside of it."""
        strings, rows = bytearray(b"\0"), bytearray(16)
        for name, address, size, index in (
            *((*row, 1) for row in self.names),
            *((name, address, 4, 0xFFF1) for name, address in others),
        ):
            rows += struct.pack("<IIIBBH", len(strings), address, size, 0x11, 0, index)
            strings += name.encode() + b"\0"
        names = b"\0.defmt\0.symtab\0.strtab\0.shstrtab\0"
        bodies = [(1, 1, 0, bytes(self.section)), (8, 2, 3, bytes(rows)), (16, 3, 0, bytes(strings)), (24, 3, 0, names)]
        at, content, headers = 52, b"", bytes(40)
        for place, kind, link, body in bodies:
            entry = 16 if kind == 2 else 0
            headers += struct.pack("<10I", place, kind, 0, 0, at + len(content), len(body), link, 0, 1, entry)
            content += body
        head = b"\x7fELF\x01\x01\x01".ljust(16, b"\0")
        head += struct.pack("<HHIIIIIHHHHHH", 2, 243, 1, 0, 0, at + len(content), 0, 52, 32, 0, 40, 5, 4)
        path.write_bytes(head + content + headers)
        return path


def rzcobs(message: bytes) -> bytes:
    """The streaming encoder: run and zeros of the group so far."""
    out = bytearray()
    run = zeros = 0
    for byte in message:
        if byte:
            out.append(byte)
        if run < 7:
            zeros |= (not byte) << run
            run += 1
            if run == 7 and zeros:
                out.append(zeros)
                run = zeros = 0
        elif not byte:
            out.append(run - 7 | 0x80)
            run = zeros = 0
        else:
            run += 1
            if run == 134:
                out.append(0xFF)
                run = zeros = 0
    if 0 < run < 7:
        out.append((zeros | 0xFF << run) & 0x7F)
    elif run >= 7:
        out.append(run - 7 | 0x80)
    return bytes(out)
