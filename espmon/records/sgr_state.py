"""Which colour is still on where a line begins: a terminal keeps it over line ends, until it is reset."""

from __future__ import annotations

import re

from espmon.model.rom_banners import ROM_BANNER
from espmon.records.lines import SGR

MAX_SGR_STATE = 256
"""Bytes of sequences that are kept as a state; the oldest ones go first, since later ones override them."""

MAX_LOOKED_AT = 1024
"""Control sequences among which colours are looked for, from the newest on."""

_RESET = re.compile(rb"\x1b\[0*(?:;[0-9;:]*)?m")
"""A sequence that begins with 0, or has no number: what came before it counts no more."""

_PLAIN = re.compile(rb"\x1b\[0*m")

_BOOT = re.compile(rb"^ {0,1}(?:" + ROM_BANNER.pattern + rb")", re.MULTILINE)
"""A line with which a chip starts: colour that the program before it left on ends there."""


def boots(data: bytes, at: int) -> bool:
    """Whether the line at `at` is the first one of a chip that starts."""
    return _BOOT.match(data, at) is not None


def sgr_state(before: bytes, data: bytes, end: int | None = None) -> bytes:
    """The colour sequences in force behind `data[:end]`, when `before` are those in force at its beginning."""
    end = len(data) if end is None else end
    last = data.rfind(b"\x1b[", 0, end)
    if last < 0:
        return before if not before or _BOOT.search(data, 0, end) is None else b""
    if data.startswith((b"\x1b[0m", b"\x1b[m"), last):
        return b""
    start = 0
    for boot in _BOOT.finditer(data, 0, end):
        before, start = b"", boot.start()
    kept: list[bytes] = []
    size, at = 0, last
    for _ in range(MAX_LOOKED_AT):
        if at < start or size > MAX_SGR_STATE:
            break
        if (match := SGR.match(data, at, end)) is not None:
            if not _PLAIN.fullmatch(match[0]):
                kept.append(match[0])
                size += len(match[0])
            if _RESET.match(match[0]):
                before = b""
                break
        at = data.rfind(b"\x1b[", start, at)
    kept.append(before)
    return _newest(b"".join(reversed(kept)))


def _newest(state: bytes) -> bytes:
    """The sequences of `state` that are kept: the newest ones; of one that is too long, the beginning."""
    if len(state) <= MAX_SGR_STATE:
        return state
    at = state.find(b"\x1b", len(state) - MAX_SGR_STATE)
    if at >= 0:
        return state[at:]
    last = state[state.rindex(b"\x1b") :][: MAX_SGR_STATE - 1]
    return last[: max(last.rfind(b";"), last.rfind(b":"))] + b"m"
