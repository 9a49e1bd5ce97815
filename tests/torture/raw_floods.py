"""What a board can send to a terminal to keep it busy for ever. Each is repeated for as long as it is wanted."""

from __future__ import annotations

RAW_FLOODS: dict[str, bytes] = {
    "log lines": b"".join(b"\x1b[0;32mI (%d) flood: line %d of many\x1b[0m\r\n" % (n, n) for n in range(1000)),
    "no line end": b"0123456789abcdef" * 2048,
    "escapes": b"\x1b" * 20_000 + b"\x1b[" * 10_000 + b"\x1b[1;31m\x1b[0m" * 1000,
    "sequences without an end": (b"\x1b[" + b"1;" * 8000) * 2 + (b"\x1b]0;" + b"A" * 20_000) + (b"\x1bP" + b"q" * 9000),
    "moves outside": b"\x1b[9999;9999H.\x1b[999999999B\x1b[999999999D\x1b[99999L\x1b[99999@\x1b[99999b\x1b[5000;1r"
    * 300,
    "questions": b"\x1b[5n\x1b[6n\x1b[c\x1b[18t" * 2500,
    "screens": b"\x1b[?1049h\x1b[2J\x1b[Hfull\x1b[?1049l" * 800,
    "no text": bytes(range(256)) * 128,
}
"""Name -> bytes. 10,000 of the questions are one round."""

CALM = b"\x18\x1b\\\x1bc\x1b[?1049l\r\n"
"""Ends whatever was begun, as a board does that starts again."""
