"""Locations for the code addresses that stand in log lines."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Mapping

from espmon.postmortem import Frame
from espmon.postmortem.printed_backtrace import PrintedBacktrace, read_backtrace
from espmon.postmortem.source import map_path
from espmon.postmortem.symbolizer import CodeSource
from espmon.records.lines import LineBlock
from espmon.text import plain

ADDRESS = re.compile(rb"(?<![0-9A-Za-z_])0[xX]([0-9a-fA-F]{8})(?![0-9A-Za-z_])")
"""Eight hex digits behind 0x, standing alone: nine digits or a longer word are no address."""

VECTOR_REGISTER = re.compile(rb"[MU]TVEC\s*:\s*0[xX]")
"""The trap vector: always code, and never of interest."""

BACKTRACE = re.compile(rb"Backtrace: ?(.*)", re.IGNORECASE)
BARE_CHAIN = re.compile(rb"((?:(?<![0-9A-Za-z_])0[xX][0-9a-fA-F]{8}:0[xX][0-9a-fA-F]{8}[ \t]*){2,})")
"""A backtrace whose word in front is lost, or never was there; whether it is one, the code has to say."""

PRINTED_FRAME = re.compile(rb"(?<![0-9A-Za-z_])(?:0[xX])?([0-9a-fA-F]{8}):(?:0[xX])?[0-9a-fA-F]{8}")
DATA_DUMP = re.compile(
    rb"^\s*(?:\x1b\[[0-9;]*m)*(?:0[xX])?[0-9a-fA-F]{8}\s*:(?!0[xX])"
    rb"|(?<![0-9A-Za-z_])(?:0[xX])?[0-9a-fA-F]{8}:\s+(?:0[xX])?[0-9a-fA-F]{8}\s+(?:0[xX])?[0-9a-fA-F]{8}(?![0-9a-fA-F:])"
)
"""A row of a memory dump, also behind a host tool's prefix: what stands in it is data, whatever it looks like."""

RETURN_REGISTER = re.compile(
    rb"(?<![0-9A-Za-z_])(?:RA\s*:\s*0[xX]|A0\s*:\s*0[xX](?=[89a-cA-C]))([0-9a-fA-F]{8})(?![0-9A-Za-z_])"
)
"""The register that holds a return address: RA on RISC-V, A0 on Xtensa (there with the window size on top)."""

PLACES = re.compile(
    rb"load:0[xX][0-9a-fA-F]{8}, *len|(?:^|[>\s])entry 0[xX][0-9a-fA-F]{8}|\bpaddr=0[xX]|\bvaddr=0[xX]|heap_init: At "
)
"""Where the loaders put things, and where they start: regions of memory, and code of another program."""

DECODED = re.compile(rb"^\s*(?:---\s|#\d+\s|\(inlined by\)|0[xX][0-9a-fA-F]{8}: \S+ (?:at|in) )")
"""A line that another tool has decoded already."""

MAX_ADDRESSES = 64
"""Addresses decoded in one line at most."""


MAX_LOCATIONS = 50_000
"""Addresses whose location is kept."""


def code_addresses(line: bytes) -> list[tuple[int, bool]]:
    """Candidates in one line that is no backtrace: (address, True where it is a return address), each once."""
    if _is_data(line):
        return []
    returns = {match.start(1): _unwindowed(match[1]) for match in RETURN_REGISTER.finditer(line)}
    vectors = {match.end() for match in VECTOR_REGISTER.finditer(line)}
    rows = [
        (returns.get(match.start(1), int(match[1], 16)), match.start(1) in returns)
        for match in ADDRESS.finditer(line)
        if match.start(1) not in vectors
    ]
    return list(dict.fromkeys(rows))[:MAX_ADDRESSES]


def backtrace_addresses(line: bytes) -> tuple[list[int], bool]:
    """The program counters of a backtrace in one line, and whether its word stands in front of it."""
    if _is_data(line):
        return [], False
    named = BACKTRACE.search(line)
    found = named or BARE_CHAIN.search(line)
    values = [_unwindowed(match[1]) for match in PRINTED_FRAME.finditer(found[1])] if found else []
    return values[:MAX_ADDRESSES], named is not None


def _is_data(line: bytes) -> bool:
    return bool(DATA_DUMP.search(line) or DECODED.match(line) or PLACES.search(line))


def _unwindowed(digits: bytes) -> int:
    """A return address; those of a windowed call carry the window size in their top bits."""
    value = int(digits, 16)
    return value & 0x3FFFFFFF | 0x40000000 if value & 0x80000000 else value


def location(address: int, frames: list[Frame], path_map: Mapping[str, str] | None = None) -> list[str]:
    """Readable lines for the frames at an address, innermost first; safe to show."""
    rows = []
    for number, frame in enumerate(frames):
        where = frame.function or "??"
        if frame.file:
            where += f" at {map_path(frame.file, path_map)}:{frame.line if frame.line is not None else '?'}"
        rows.append(plain(f"0x{address:08x}: {where}" if number == 0 else f"  (inlined by) {where}"))
    return rows


class Decorator:
    """Decorates lines; what an address means is looked up once.

    Args:
        locator: the symbols.
        path_map: prefix of a source path in the ELF -> local folder.
    """

    def __init__(self, locator: CodeSource, path_map: Mapping[str, str] | None = None) -> None:
        self._locator = locator
        self._path_map = path_map
        self._known: dict[tuple[int, bool], tuple[str, ...]] = {}

    def rows(self, line: bytes) -> tuple[str, ...]:
        """Decorations of one line: the locations of the code addresses in it."""
        printed, named = backtrace_addresses(line)
        if printed:
            backtrace = read_backtrace(printed, self._locator)
            if named or backtrace.convincing:
                return self._chain(backtrace)
        found: tuple[str, ...] = ()
        for key in code_addresses(line):
            rows = self._known.get(key)
            if rows is None:
                if len(self._known) >= MAX_LOCATIONS:
                    self._known.clear()
                rows = self._known[key] = self._locate(*key)
            found += rows
        return found

    def _chain(self, backtrace: PrintedBacktrace) -> tuple[str, ...]:
        rows: list[str] = []
        for address, frames in backtrace.frames_at(self._locator):
            if frames:
                rows += location(address, frames, self._path_map)
        return tuple(rows)

    def _locate(self, address: int, returns: bool) -> tuple[str, ...]:
        if not self._locator.is_code(address):
            return ()
        frames = self._locator.lookup_caller(address) if returns else self._locator.lookup(address)
        return tuple(location(address, frames, self._path_map))


def decorate(line: bytes, locator: CodeSource, path_map: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """Decorations of one line; see `Decorator` for many."""
    return Decorator(locator, path_map).rows(line)


def candidate_lines(block: LineBlock) -> Iterator[tuple[int, bytes]]:
    """The lines of a block that may hold an address: (index, bytes), found with searches over the whole block."""
    if block.source == "mark":
        return
    if block.decoded:
        for index in range(len(block)):
            line = block.text(index).encode("utf-8", "backslashreplace")
            if CANDIDATE.search(line):
                yield index, line
        return
    data, starts = block.data, block.starts
    hits = [data.find(needle) for needle in NEEDLES]
    while True:
        at = min((hit for hit in hits if hit >= 0), default=-1)
        if at < 0:
            return
        index = bisect_right(starts, at) - 1
        if index >= len(block):
            return
        end = starts[index + 1]
        line = data[starts[index] : end]
        if CANDIDATE.search(line):
            yield index, line
        hits = [data.find(needle, end) if 0 <= hit < end else hit for needle, hit in zip(NEEDLES, hits, strict=True)]


NEEDLES = (b"0x", b"0X", b"acktrace:", b"ACKTRACE:")
"""Strings of which every candidate line holds one."""

CANDIDATE = re.compile(rb"0[xX][0-9a-fA-F]{8}|(?i:backtrace:)")
