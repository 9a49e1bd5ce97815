"""Making hostile text safe to show: the one place that decides what reaches a terminal.

Below every room, knowing none: the screen, the commands and the session all call `plain`.
"""

from __future__ import annotations

import re

MAX_MARKS = 8
"""Marks in a row, one on top of the other, that are shown; no language needs more, and terminals choke on thousands."""

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\uffa0]"  # fillers and joiners without a picture
    "|[\U000e0000-\U000e01ef\U0001bca0-\U0001bca3\U0001d173-\U0001d17a]"
)
_MARKS = re.compile(rf"[^\x00-\u02ff]{{{MAX_MARKS + 1},}}")
"""Where there may be too many marks in a row."""


def _shown(character: str) -> str:
    code = ord(character)
    if character == "\t":
        return "    "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _fewer_marks(match: re.Match[str]) -> str:
    import unicodedata  # for hardly any text

    kept: list[str] = []
    marks = 0
    for character in match[0]:
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks <= MAX_MARKS:
            kept.append(character)
        elif marks == MAX_MARKS + 1:
            kept.append("\u2026")
    return "".join(kept)


def _inert(text: str) -> str:
    if _UNSAFE.search(text) is None:
        return text
    return text.translate({ord(one): _shown(one) for one in set(text) if _UNSAFE.match(one)})


def plain(text: str) -> str:
    """`text` on one line and without anything a terminal acts on or chokes on, everything else kept.

    C0 controls become their Unicode pictures (ESC is \u241b), tabs four spaces; C1 controls, bidirectional overrides,
    zero-width, filling and tag characters and lone surrogates become escapes. Of marks in a row, those beyond
    `MAX_MARKS` become one ellipsis; nothing else is dropped.
    """
    if text.isascii():
        return text if text.isprintable() else _inert(text)
    return _MARKS.sub(_fewer_marks, _inert(text))


def plain_lines(text: str) -> str:
    """`text` with its line ends, each line `plain`: for files that somebody will read in a terminal."""
    return "\n".join(plain(line) for line in text.split("\n"))


def counted(number: int, noun: str, plural: str = "") -> str:
    """`1 region`, `2 regions`; `plural` where it is not made with an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def size_text(count: int) -> str:
    """Bytes as people read them."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1e3:.1f} kB" if count < 1e6 else f"{count / 1e6:.2f} MB"
