"""Two sessions beside each other, boot by boot: what the board said, without what differs every time."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from espmon.records.demux import Demultiplexer
from espmon.records.events.boot import Boot
from espmon.records.events.reset_record import Reset
from espmon.records.lines import LineBlock
from espmon.records.record import JsonObject
from espmon.session.archive.session_export import stream_of
from espmon.text import plain

MAX_BOOTS = 200
"""Boots of a session that are compared."""

MAX_LINES = 2000
"""Lines of a boot that are compared; comparing more takes long and is read by nobody."""

CHANGING = re.compile(r"(?<=[EWIDV] )\([\d:. -]+\)|0x[0-9a-fA-F]+|\b\d+(?:\.\d+)?\b")
"""What differs from run to run: times, addresses, numbers."""


BANNER = re.compile(r"\s*$|ets [A-Z]|ESP-ROM:|Build:|rst:")
"""How the lines begin that the ROM prints around a reset."""


@dataclass(slots=True)
class BootText:
    """What a board said in one boot."""

    number: int
    """0: before the first reset that was seen."""

    reason: str = ""
    app: str = ""
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class BootDiff:
    """One boot in both sessions."""

    number: int
    left: BootText | None
    right: BootText | None
    rows: tuple[str, ...]
    """As `diff -u` has them, without its head."""

    @property
    def changed(self) -> bool:
        """Whether they differ."""
        return bool(self.rows) or self.left is None or self.right is None

    def to_json(self) -> JsonObject:
        """The boot as `--json` prints it."""
        sides = {
            name: None if side is None else {"reason": side.reason, "app": side.app, "lines": len(side.lines)}
            for name, side in (("left", self.left), ("right", self.right))
        }
        return {"boot": self.number, **sides, "changed": self.changed, "diff": list(self.rows)}


def boots_of(folder: Path) -> list[BootText]:
    """What the board said in each boot. Raises OSError."""
    boots = [BootText(0)]
    for part in _parts(folder):
        boot = boots[-1]
        if isinstance(part, LineBlock):
            room = MAX_LINES - len(boot.lines)
            boot.lines += [plain(part.text(index)) for index in range(min(room, len(part)))]
        elif isinstance(part, Reset) and len(boots) <= MAX_BOOTS:
            # The lines that tell of a reset are there before it is told: they belong to the new boot.
            first = len(boot.lines)
            while first and BANNER.match(boot.lines[first - 1]):
                first -= 1
            boots.append(BootText(len(boots), part.reason, lines=boot.lines[first:]))
            del boot.lines[first:]
        elif isinstance(part, Boot):
            boot.app = " ".join(filter(None, (part.app, part.app_version)))
    return boots if boots[0].lines else boots[1:]


def _parts(folder: Path) -> Iterator[object]:
    demux = Demultiplexer()
    for data in stream_of(folder):
        for place in range(0, len(data), 256):  # a reset behind its own lines, not behind those of a whole portion
            yield from demux.feed(data[place : place + 256]).parts
    yield from demux.flush().parts


def diff_boots(left: list[BootText], right: list[BootText]) -> list[BootDiff]:
    """The boots of two sessions, first with first."""
    known = {boot.number: boot for boot in left}, {boot.number: boot for boot in right}
    return [
        BootDiff(number, known[0].get(number), known[1].get(number), _rows(known[0].get(number), known[1].get(number)))
        for number in sorted(known[0].keys() | known[1].keys())
    ]


def _rows(left: BootText | None, right: BootText | None) -> tuple[str, ...]:
    """What differs, with the lines as they are; lines that only differ in numbers do not."""
    if left is None or right is None:
        return ()
    a, b = ([CHANGING.sub("#", line).rstrip() for line in boot.lines] for boot in (left, right))
    rows: list[str] = []
    for tag, low, high, start, stop in difflib.SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        if tag != "equal":
            rows += [f"@@ line {low + 1} and line {start + 1} @@"]
            rows += [f"-{line}" for line in left.lines[low:high]] + [f"+{line}" for line in right.lines[start:stop]]
    return tuple(rows)
