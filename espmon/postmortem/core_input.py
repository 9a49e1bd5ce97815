"""The forms a core dump comes in: UART text, base64, hex, a raw image. All become the raw bytes."""

from __future__ import annotations

import binascii
import re
from dataclasses import dataclass, field

from espmon.model.chip_identity import chips_by_number
from espmon.model.dump_versions import VERSIONS
from espmon.model.rom_banners import RESET_BANNER
from espmon.postmortem.binary import u32
from espmon.postmortem.postmortem_error import PostmortemError

MAX_INPUT = 64 << 20
"""Logs and images larger than this are refused."""
MAX_DUMP = 32 << 20
LINE_BYTES = 48

MAX_DUMPS = 64
"""Of more dumps in one log only the last are looked at."""

START = b"= CORE DUMP START ="
END = b"= CORE DUMP END ="
DECODED_REPORT = re.compile(rb"ESP32 CORE DUMP (START|END)")
ANSI = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
HOST_PREFIX = re.compile(
    rb"^[\[(]?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.:,]\d+)?[\])]?\s*(?:->|\||INFO:)?\s*|^> ?"
)
BASE64_LINE = re.compile(rb"^[A-Za-z0-9+/]+={0,2}$")
HEX_TEXT = re.compile(rb"^[0-9a-fA-F\s]+$")


@dataclass(slots=True)
class CoreInput:
    """The raw bytes of one dump (header first, or an ELF core) and what was met while reading them."""

    data: bytes
    warnings: list[str] = field(default_factory=list)
    complete: bool = True


def plausible_header(data: bytes) -> bool:
    """Whether bytes begin with the header of a known version and chip."""
    if len(data) < 12:
        return False
    length, version = u32(data, 0), u32(data, 4)
    return version & 0xFFFF in VERSIONS and version >> 16 in chips_by_number() and 12 < length <= MAX_DUMP


def read_core(data: bytes) -> CoreInput:
    """Find the dump in what a user has; raises `PostmortemError` saying what was found instead."""
    if len(data) > MAX_INPUT:
        raise PostmortemError(f"the input has {len(data)} bytes; at most {MAX_INPUT} are read", limit=True)
    if not data.strip():
        raise PostmortemError("the input is empty")
    if data[:4] == b"\x7fELF" or plausible_header(data):
        return CoreInput(data)
    if not data.strip(b"\xff"):
        raise PostmortemError("the input is all 0xff: an erased core dump partition, no dump is stored in it")
    if b"\0" in data[:256] and START not in data:
        return _unknown_binary(data)
    if START in data:
        return _from_markers(data)
    found = _from_hex(data) or _from_lines(data)
    if found:
        return found
    if DECODED_REPORT.search(data):
        raise PostmortemError("this is a report that was decoded already, not a core dump")
    if END in data:
        raise PostmortemError("the end of a core dump is here but not its start")
    return _unknown_binary(data)


def _unknown_binary(data: bytes) -> CoreInput:
    if len(data) >= 8:
        length, version = u32(data, 0), u32(data, 4)
        chip = chips_by_number().get(version >> 16)
        if chip is not None and version & 0xFFFF < 0x1000:
            if version & 0xFFFF not in VERSIONS:
                raise PostmortemError(f"core dump of {chip.name}: format version 0x{version & 0xFFFF:04x} is not known")
            raise PostmortemError(f"core dump header: impossible length {length}")
        if version & 0xFFFF in VERSIONS and 12 < length <= MAX_DUMP:
            raise PostmortemError(f"core dump of an unknown chip (number {version >> 16})")
    raise PostmortemError("no core dump found: neither base64 text, hex, a core dump image nor an ELF core")


def _lines(data: bytes) -> list[bytes]:
    plain = ANSI.sub(b"", data)
    return [HOST_PREFIX.sub(b"", line.strip()).strip() for line in re.split(rb"[\r\n]+", plain)]


def _from_markers(data: bytes) -> CoreInput:
    candidates: list[CoreInput] = []
    count = data.count(START)
    stop = len(data)
    for _ in range(min(count, MAX_DUMPS)):  # from the last one backwards
        start = data.rfind(START, 0, stop)
        body = data[start + len(START) : stop].lstrip(b"=")
        stop = start
        end = body.find(END)
        body = body[: end if end >= 0 else None]
        banner = RESET_BANNER.search(body)
        core = _decode_lines(_lines(body[: banner.start()] if banner else body))
        core.complete = end >= 0 and banner is None
        if not core.complete:
            core.warnings.append("the dump has no end marker: the device was reset or the capture was cut")
        candidates.insert(0, core)
    usable = [core for core in candidates if plausible_header(core.data) or core.data[:4] == b"\x7fELF"]
    if not usable:
        if candidates and len(candidates[-1].data) >= 8:
            return _unknown_binary(candidates[-1].data)
        raise PostmortemError("nothing that can be decoded follows the core dump's start marker")
    whole = [core for core in usable if core.complete and u32(core.data, 0) <= len(core.data)]
    chosen = (whole or usable)[-1]
    if len(usable) > 1:
        chosen.warnings.append(
            f"the input holds {len(usable)} core dumps; the last {'whole ' if whole else ''}one is shown"
        )
    return chosen


def _decode_lines(lines: list[bytes]) -> CoreInput:
    """Decode line by line: each line is padded on its own, so joining them first would lose nearly everything."""
    core = CoreInput(b"")
    pieces: list[bytes] = []
    skipped = damaged = 0
    wanted = MAX_DUMP
    size = 0
    for line in lines:
        if not line:
            continue
        piece: bytes | None = None
        if BASE64_LINE.match(line) and len(line) % 4 == 0:
            try:
                piece = binascii.a2b_base64(line)
            except binascii.Error:
                piece = None
        if piece is None:
            usable = re.match(rb"[A-Za-z0-9+/]*", line)
            kept = usable.group() if usable else b""
            if b" " in line or len(line) > 2 * LINE_BYTES or len(kept) < 40:
                skipped += 1
                continue
            piece = binascii.a2b_base64(kept[: len(kept) // 4 * 4]).ljust(LINE_BYTES, b"\0")[:LINE_BYTES]
            damaged += 1
        pieces.append(piece)
        size += len(piece)
        if len(pieces) == 1 and len(piece) >= 4 and not piece.startswith(b"\x7fELF"):
            wanted = min(u32(piece, 0), MAX_DUMP)
        if size >= wanted:
            break
    core.data = b"".join(pieces)
    if damaged:
        core.warnings.append(f"{damaged} damaged line(s) of base64; their missing bytes are read as zeros")
    if skipped:
        core.warnings.append(f"{skipped} line(s) of other output inside the dump were left out")
    return core


def uart_text(data: bytes) -> bytes:
    """Return a dump as boards print it, without markers: base64 of 48 bytes a line, each line padded on its own."""
    return b"".join(binascii.b2a_base64(data[at : at + LINE_BYTES]) for at in range(0, len(data), LINE_BYTES))


def _from_hex(data: bytes) -> CoreInput | None:
    if not HEX_TEXT.match(data):
        return None
    digits = data.translate(None, b" \t\r\n\v\f")
    raw = binascii.unhexlify(digits[: len(digits) // 2 * 2])
    return CoreInput(raw) if plausible_header(raw) or raw[:4] == b"\x7fELF" else None


def _from_lines(data: bytes) -> CoreInput | None:
    """Base64 without markers: from the first line that decodes to a header, until the length it gives."""
    lines = _lines(data)
    for at, line in enumerate(lines):
        # A header takes 12 bytes at least, and no header needs more than a line.
        if len(line) < 16 or not BASE64_LINE.match(line[:16]):
            continue
        try:
            head = binascii.a2b_base64(line[:16])
        except binascii.Error:
            continue
        if plausible_header(head) or head[:4] == b"\x7fELF":
            return _decode_lines(lines[at:])
    return None
