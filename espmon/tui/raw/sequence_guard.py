"""Bounds what an emulator gets to see of one escape sequence: a board's unfinished sequence must cost nothing.

Neither does a board set the size of the screen: DECCOLM and the mode that allows it, and the window operations that
resize, are left out, as in an xterm that does not allow them (terminfo's reset string has a DECCOLM).

Control strings (OSC, DCS, SOS, PM, APC) and CSI sequences are passed on whole or not at all: not when they are longer
than their caps, and not when something else begins before they end. Eight-bit controls in UTF-8 (U+0080 to U+009F)
become their seven-bit forms, so that one form is left to bound. Source: ECMA-48 sections 5.3 to 5.6, xterm's ctlseqs.
"""

from __future__ import annotations

import re

MAX_STRING = 4096
"""Bytes of a control string that is passed on; longer ones carry pictures or clipboards, which are not shown here."""

MAX_CSI = 256
"""Bytes of a CSI sequence that is passed on; xterm reads at most 30 parameters."""

MAX_REPEATS = 4096
"""Times that a character is repeated at most (REP, 7 bytes): it fills a screen."""

ESCAPE, BACKSLASH, CAN, SUB = 0x1B, 0x5C, 0x18, 0x1A
CSI, OSC, REPEAT = ord("["), ord("]"), ord("b")

SIZE_MODES = frozenset((b"3", b"40"))
"""Private modes of 80 and 132 columns."""

MIN_LINES = 24
"""Window operations from this number on set the lines (DECSLPP)."""

_FEW = re.compile(rb"[1-9]\d{4,}")
_C1 = re.compile(b"\xc2([\x80-\x9f])")

ENDS: dict[int, re.Pattern[bytes]] = {
    CSI: re.compile(b"[\x40-\x7e\x18\x1a\x1b\x80-\xff]"),
    OSC: re.compile(b"[\x07\x18\x1a\x1b]"),
    **dict.fromkeys(b"PX^_", re.compile(b"[\x18\x1a\x1b]")),
}
"""Byte after ESC -> what ends the sequence that it introduces, in a proper way or not."""

CAPS = {CSI: MAX_CSI}
"""Byte after ESC -> most bytes of such a sequence; `MAX_STRING` for the others."""


def _seven_bit(match: re.Match[bytes]) -> bytes:
    return bytes((ESCAPE, match[1][0] - 0x40))


def _few_repeats(sequence: bytes) -> bytes:
    return _FEW.sub(b"%d" % MAX_REPEATS, sequence)


def _without_size_modes(sequence: bytes) -> bytes:
    if not sequence.startswith(b"\x1b[?"):
        return sequence
    modes = [mode for mode in sequence[3:-1].split(b";") if mode.lstrip(b"0") not in SIZE_MODES]
    return b"\x1b[?" + b";".join(modes) + sequence[-1:] if modes else b""


def _without_resizing(sequence: bytes) -> bytes:
    operation = sequence[2:-1].partition(b";")[0].lstrip(b"0")
    sets = operation in (b"4", b"8", b"9", b"10") or (operation.isdigit() and int(operation) >= MIN_LINES)
    return b"" if sets else sequence


_CHANGED = {
    REPEAT: _few_repeats,
    **dict.fromkeys(b"hl", _without_size_modes),
    ord("t"): _without_resizing,
}
"""Last byte of a CSI sequence -> what is passed on instead."""


class SequenceGuard:
    """Passes on what is bounded. The cost is linear in the bytes given, however they are cut."""

    def __init__(self) -> None:
        self._held = b""
        """Bytes from the beginning of an unfinished sequence on, or half a character that may be a control."""

        self._searched = 0
        """Bytes of `_held` in which the end of the sequence was looked for already."""

        self._dropping = 0
        """Introducer of the sequence that is too long and being dropped; 0 when there is none."""

        self.dropped = 0
        """Bytes dropped so far."""

    def feed(self, data: bytes) -> bytes:
        """Return what an emulator may see of `data` and of what was held before it."""
        data = self._held + data
        searched, self._held, self._searched = self._searched, b"", 0
        half = b"\xc2" if data.endswith(b"\xc2") else b""
        if half:
            data = data[:-1]
        if b"\xc2" in data:
            data = _C1.sub(_seven_bit, data)
        parts: list[bytes] = []
        at = 0
        if self._dropping:
            # The first bytes are inside the sequence, as if its introducer stood before them.
            at = self._sequence(data, 0, self._dropping, searched, parts)
        while at < len(data):
            begin = data.find(b"\x1b", at)
            if begin < 0:
                parts.append(data[at:])
                break
            parts.append(data[at:begin])
            introducer = data[begin + 1] if begin + 1 < len(data) else 0
            at = self._sequence(data, begin, introducer, max(begin + 2, searched), parts)
        self._held += half
        return b"".join(parts)

    def _sequence(self, data: bytes, begin: int, introducer: int, search: int, parts: list[bytes]) -> int:
        """Take the sequence at `begin`, or the rest of one that is dropped; returns where the text goes on."""
        ends, cap = ENDS.get(introducer), CAPS.get(introducer, MAX_STRING)
        if not introducer:
            self._hold(data, begin)
            return len(data)
        if introducer == ESCAPE:
            self.dropped += 1
            return begin + 1
        if ends is None:
            parts.append(data[begin : begin + 2])
            return begin + 2
        end = ends.search(data, search)
        if end is None:
            if self._dropping or len(data) - begin > cap:
                self._dropping = introducer
                self.dropped += len(data) - begin
            else:
                self._hold(data, begin)
            return len(data)
        stop, last = end.start(), data[end.start()]
        whole = True
        if last == ESCAPE and introducer != CSI:
            if stop + 1 >= len(data):
                # It may be the first half of what ends a string.
                self._hold(data, stop if self._dropping else begin, stop)
                return len(data)
            whole = data[stop + 1] == BACKSLASH
            stop += 2 if whole else 0
        elif last == ESCAPE or (introducer == CSI and last >= 0x80):
            whole = False
        else:
            stop += 1
        if self._dropping or not whole or stop - begin > cap:
            self.dropped += stop - begin
        elif introducer == CSI and last in _CHANGED:
            parts.append(_CHANGED[last](data[begin:stop]))
        else:
            parts.append(data[begin:stop])
        self._dropping = 0
        return stop

    def _hold(self, data: bytes, begin: int, searched: int | None = None) -> None:
        self._held = data[begin:]
        self._searched = (len(data) if searched is None else searched) - begin
