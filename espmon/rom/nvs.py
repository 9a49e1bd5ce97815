"""Non-volatile storage: namespaces, keys and values of an NVS partition, and what state its pages are in.

Layout: ESP-IDF programmer's guide, "Non-Volatile Storage Library", internals; versions 1 and 2. Pure functions over
bytes, whatever they are: what cannot be read is named, and the rest is read.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

PAGE_BYTES = 4096
ENTRY_BYTES = 32
ENTRIES = 126
"""Entries of a page; before them stand its header and two bits of state for each."""

BITMAP_AT, ENTRIES_AT = 32, 64
HEADER = struct.Struct("<IIB19sI")
"""State, sequence number, version, unused, CRC32 of what lies between state and CRC."""

ENTRY = struct.Struct("<BBBBI16s8s")
"""Namespace, type, span in entries, chunk, CRC32 of the rest, key, data."""

CRC_START = 0xFFFFFFFF
ERASED_STATE = 0xFFFFFFFF

PAGE_STATES: Mapping[int, str] = {
    0xFFFFFFFF: "empty",
    0xFFFFFFFE: "active",
    0xFFFFFFFC: "full",
    0xFFFFFFF8: "freeing",
    0xFFFFFFF0: "corrupt",
    0x00000000: "invalid",
}
VERSIONS: Mapping[int, int] = {0xFF: 1, 0xFE: 2}

WRITTEN, ERASED, EMPTY = 2, 0, 3
"""States of an entry."""

NUMBERS: Mapping[int, tuple[str, str]] = {
    0x01: ("u8", "<B"),
    0x11: ("i8", "<b"),
    0x02: ("u16", "<H"),
    0x12: ("i16", "<h"),
    0x04: ("u32", "<I"),
    0x14: ("i32", "<i"),
    0x08: ("u64", "<Q"),
    0x18: ("i64", "<q"),
}
"""Type -> name, and how it is stored."""

STRING, BLOB_V1, BLOB_DATA, BLOB_INDEX = 0x21, 0x41, 0x42, 0x48
BLOB_SIZE = struct.Struct("<IBB")
"""Bytes in all, number of chunks, number of the first one."""

DATA_SIZE = struct.Struct("<HHI")
"""Bytes, unused, their CRC32."""

MAX_PAGES = 4096
"""Of 16 MB of storage; what comes after is not read."""

MIN_NOISE = 256
"""Bytes from which on noise can be told from data."""

NOISE = 0.95
"""What noise is compressed to at best; storage is far below."""


@dataclass(slots=True)
class NvsPage:
    """One page, and what was found in it."""

    index: int
    state: str
    """ "empty", "active", "full", "freeing", "corrupt", "invalid" or the number."""

    sequence: int | None = None
    version: int | None = None
    written: int = 0
    erased: int = 0
    free: int = 0
    """Entries in each state."""

    damaged: int = 0
    """Written entries whose CRC is wrong."""

    problem: str = ""
    """Why the page, or a part of it, was not read."""


class NvsItem(NamedTuple):
    """One key and its value."""

    namespace: str
    key: str
    kind: str
    """ "u8" to "i64", "string" or "blob"."""

    value: int | bytes
    page: int
    problem: str = ""
    """What is wrong with it: a chunk is missing, a CRC is wrong."""

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return len(self.value) if isinstance(self.value, bytes) else int(self.kind[1:]) // 8


@dataclass(slots=True)
class NvsContents:
    """An NVS partition."""

    pages: list[NvsPage] = field(default_factory=list)
    items: list[NvsItem] = field(default_factory=list)
    """By namespace, then by key."""

    namespaces: dict[int, str] = field(default_factory=dict)

    @property
    def used(self) -> int:
        """Entries in use."""
        return sum(page.written for page in self.pages)

    @property
    def problems(self) -> list[str]:
        """What was not read, one line each."""
        return [f"page {page.index}: {page.problem}" for page in self.pages if page.problem]


class _Entry(NamedTuple):
    namespace: int
    type: int
    chunk: int
    key: str
    data: bytes
    """The eight bytes of the entry itself."""

    content: bytes
    """What the entries of its span hold; as many bytes as it says."""

    page: int
    problem: str


def crc(data: bytes) -> int:
    """CRC32 as the ROM computes it from all ones."""
    return zlib.crc32(data, CRC_START)


def looks_encrypted(data: bytes) -> bool:
    """Whether bytes are noise, as ciphertext is; never of few bytes, which can look like anything."""
    return len(data) >= MIN_NOISE and len(zlib.compress(data, 1)) > NOISE * len(data)


def parse_nvs(data: bytes) -> NvsContents:
    """What an NVS partition holds. The newest value of a key counts, as the application would read it."""
    contents = NvsContents()
    entries: list[_Entry] = []
    found: list[tuple[NvsPage, list[_Entry]]] = []
    for index in range(min(len(data) // PAGE_BYTES, MAX_PAGES)):
        page = data[index * PAGE_BYTES : (index + 1) * PAGE_BYTES]
        found.append(_page(index, page))
        contents.pages.append(found[-1][0])
    # Items are moved to a page with a higher number, and the old ones erased afterwards.
    for _, listed in sorted(found, key=lambda each: each[0].sequence if each[0].sequence is not None else -1):
        entries += listed
    contents.namespaces = {
        entry.data[0]: entry.key for entry in entries if entry.namespace == 0 and entry.type in NUMBERS
    }
    contents.items = sorted(_items(entries, contents.namespaces), key=lambda item: item[:3])
    return contents


def _page(index: int, data: bytes) -> tuple[NvsPage, list[_Entry]]:
    state, sequence, version, _, stored = HEADER.unpack_from(data)
    page = NvsPage(index, PAGE_STATES.get(state, f"0x{state:08x}"))
    if state == ERASED_STATE:
        if data.strip(b"\xff"):
            page.problem = "not empty, and its header is not written"
        return page, []
    if stored != crc(data[4:28]):
        noise = looks_encrypted(data)
        page.problem = "encrypted" if noise else "its header's CRC is wrong: damaged, or no page of NVS"
        return page, []
    page.sequence, page.version = sequence, VERSIONS.get(version)
    if page.version is None:
        page.problem = f"of a version that is not known (0x{version:02x})"
        return page, []
    return page, _entries(page, data)


def _entries(page: NvsPage, data: bytes) -> list[_Entry]:
    states = [data[BITMAP_AT + at // 4] >> at % 4 * 2 & 3 for at in range(ENTRIES)]
    page.written, page.erased, page.free = states.count(WRITTEN), states.count(ERASED), states.count(EMPTY)
    found: list[_Entry] = []
    bad: list[int] = []
    at = 0
    while at < ENTRIES:
        if states[at] != WRITTEN:
            at += 1
            continue
        entry, span = _entry(page.index, data, at)
        if entry is None:
            bad.append(at)
        else:
            found.append(entry)
        at += span
    page.damaged = len(bad)
    if bad:
        page.problem = _why_bad(page, found, b"".join(_raw(data, at) for at in bad))
    return found


def _why_bad(page: NvsPage, found: list[_Entry], raw: bytes) -> str:
    if found:
        return f"{page.damaged} of {page.written} entries are damaged"
    if looks_encrypted(raw):
        return "encrypted"
    return "no entry can be read: encrypted, or damaged"


def _raw(data: bytes, at: int, count: int = 1) -> bytes:
    start = ENTRIES_AT + at * ENTRY_BYTES
    return data[start : start + count * ENTRY_BYTES]


def _entry(page: int, data: bytes, at: int) -> tuple[_Entry | None, int]:
    """The entry at a place, None when it is damaged, and how many entries it takes."""
    raw = _raw(data, at)
    namespace, kind, span, chunk, stored, key, inner = ENTRY.unpack(raw)
    if stored != crc(raw[:4] + raw[8:]) or not 1 <= span <= ENTRIES - at:
        return None, 1
    content, problem = b"", ""
    if kind in (STRING, BLOB_V1, BLOB_DATA):
        size, _, sum_ = DATA_SIZE.unpack(inner)
        content = _raw(data, at + 1, span - 1)[:size]
        if len(content) < size:
            problem = f"{size} bytes are said, and {len(content)} are there"
        elif sum_ != crc(content):
            problem = "its CRC is wrong"
    name = key.split(b"\0", 1)[0].decode("utf-8", "backslashreplace")
    return _Entry(namespace, kind, chunk, name, inner, content, page, problem), span


def _items(entries: list[_Entry], namespaces: Mapping[int, str]) -> Iterator[NvsItem]:
    newest: dict[tuple[int, str, int], _Entry] = {}
    chunks: dict[tuple[int, str, int], _Entry] = {}
    for entry in entries:
        if entry.namespace == 0:
            continue
        if entry.type == BLOB_DATA:
            chunks[entry.namespace, entry.key, entry.chunk] = entry
        else:
            newest[entry.namespace, entry.key, entry.type] = entry
    for (number, key, kind), entry in newest.items():
        name = namespaces.get(number, f"namespace {number}")
        if kind in NUMBERS:
            word, layout = NUMBERS[kind]
            [value] = struct.unpack_from(layout, entry.data)
            yield NvsItem(name, key, word, value, entry.page)
        elif kind == STRING:
            yield NvsItem(name, key, "string", entry.content.split(b"\0", 1)[0], entry.page, entry.problem)
        elif kind == BLOB_V1:
            yield NvsItem(name, key, "blob", entry.content, entry.page, entry.problem)
        elif kind == BLOB_INDEX:
            yield _blob(name, entry, chunks)
        else:
            yield NvsItem(name, key, f"0x{kind:02x}", entry.data, entry.page, "of a type that is not known")


def _blob(name: str, index: _Entry, chunks: Mapping[tuple[int, str, int], _Entry]) -> NvsItem:
    size, count, first = BLOB_SIZE.unpack_from(index.data)
    parts = [chunks.get((index.namespace, index.key, first + number)) for number in range(count)]
    there = [part for part in parts if part is not None]
    value = b"".join(part.content for part in there)
    problem = next((part.problem for part in there if part.problem), "")
    if len(there) < count:
        problem = f"{count - len(there)} of {count} chunks are missing"
    elif len(value) != size and not problem:
        problem = f"{size} bytes are said, and {len(value)} are there"
    return NvsItem(name, index.key, "blob", value, index.page, problem)
