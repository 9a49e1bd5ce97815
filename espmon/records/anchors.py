"""Looks for many byte strings at once, at one pass over the data.

A regular expression that lists the strings tries them wherever one of their first bytes stands, and first bytes are
mostly common letters. Here each string is anchored at its rarest byte instead: the search stops some ten times less
often. What stands behind the anchor is compared first, since that costs a tenth of looking back; most stops end there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

COMMON = b" et0sa1im2nrp3:o9()4685[7Idlfch_u.;-b,TkEv/CgxwRyG=>SWFPMDOANLzHBVU'*#Kq!J<+Y^?`jX&]"
"""Bytes of log text, the most frequent first, counted over boot logs and ESP-IDF application logs."""

RANK = {byte: index for index, byte in enumerate(COMMON)}


def anchor(literal: bytes) -> int:
    """Index of the rarest byte of a string."""
    return max(range(len(literal)), key=lambda index: RANK.get(literal[index], len(COMMON)))


def anchored(literals: Iterable[bytes]) -> re.Pattern[bytes]:
    """A pattern that finds any of the strings. A match stands at the `anchor` of the string, not at its beginning."""
    kept = set(literals)
    # A string that holds another one is found by that one.
    kept = {one for one in kept if not any(other != one and other in one for other in kept)}
    groups: dict[bytes, list[bytes]] = {}
    for literal in sorted(kept):
        at = anchor(literal)
        before = b"(?<=" + re.escape(literal) + b")" if at else b""
        groups.setdefault(literal[at : at + 1], []).append(re.escape(literal[at + 1 :]) + before)
    branches = [re.escape(byte) + b"(?:" + b"|".join(rest) + b")" for byte, rest in groups.items()]
    return re.compile(b"|".join(branches) or rb"(?!)", re.DOTALL)
