"""The banner of a chip's ROM in the middle of a line: the board was reset before it ended the line."""

from __future__ import annotations

import re
from collections.abc import Sequence

from espmon.model.rom_banners import ROM_BANNER
from espmon.records.columns import HEADER
from espmon.records.span import CUT, MORE, Cut, More, Setup, Where

BANNER_BYTES = 20
"""Bytes after which every banner is decided."""

HOST_TIME = re.compile(
    rb"\s*(?:\x1b\[[0-9;:]*m)*(?:\[?(?:\d{4}-\d\d-\d\d[T ])?\d\d:\d\d:\d\d(?:[.,:]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?\]?)?"
    rb"\s*(?:-?>)? ?(?:\x1b\[[0-9;:]*m)*"
)
"""A host tool's time before the line, or a mark that quotes it: the banner begins the board's line."""

QUOTING = b" :<>|\"'-"
"""What may stand between a log header and a banner that it reports: this board prints what another one said."""


class ResetBannerRecognizer:
    """Ends an unfinished line where a reset begins: no line end comes before the banner of a board at its prompt."""

    kind = "reset"
    triggers: Sequence[bytes] = (b"ESP-ROM:esp", b"ets J")

    def __init__(self, setup: Setup) -> None:
        """It takes no bytes, so no limit concerns it."""

    def probe(self, data: bytes, at: int, where: Where) -> Cut | More | None:
        """Decide about a hit: never a payload, only whether a line begins here."""
        prefix = where.prefix
        if prefix is not None and HOST_TIME.fullmatch(prefix):
            return None
        if ROM_BANNER.match(data, at) is None:
            rest = data[at : at + BANNER_BYTES]
            undecided = len(rest) < BANNER_BYTES and b"\n" not in rest and b"\r" not in rest
            return MORE if undecided else None
        head = HEADER.match(prefix) if prefix is not None else None
        if prefix is not None and head is not None and not prefix[head.end() :].strip(QUOTING):
            return None
        return CUT
