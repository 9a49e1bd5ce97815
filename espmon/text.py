"""Making hostile text safe to show: the one place that decides what reaches a terminal.

Below every room, knowing none: the screen, the commands and the session all call `plain`.
"""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
    "|[\U000e0000-\U000e007f]"
)


def _shown(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if character == "\t":
        return "    "
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "\u2421"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def plain(text: str) -> str:
    """`text` on one line and without anything a terminal acts on, everything else kept.

    C0 controls become their Unicode pictures (ESC is \u241b), tabs four spaces; C1 controls, bidirectional overrides,
    zero-width and tag characters and lone surrogates become escapes. Nothing is dropped.
    """
    return _UNSAFE.sub(_shown, text) if _UNSAFE.search(text) else text


def counted(number: int, noun: str) -> str:
    """`1 region`, `2 regions`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
