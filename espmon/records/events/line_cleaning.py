"""What other tools put around a device's lines, taken off again before the line is read."""

from __future__ import annotations

import re

_WRAPPING = re.compile(
    r"""\s+
    | >(?=\ )                                                    # quoted in a mail or an issue
    | \[?\d{4}[-/]\d\d?[-/]\d\d?[T\ ]\d\d?:\d\d:\d\d(?:[.,:]\d+)*(?:Z|[+-]\d\d:?\d\d)?\]?(?:\ *->)?
    | \[?\d\d?:\d\d:\d\d(?:[.,:]\d+)*\]?(?:\ *->)?               # 12:34:56.789 ->  [12:34:56] [12:34:56:789]
    | \[(?:[A-Z][a-z]{2}\ +){1,2}\d{1,2}\ \d\d:\d\d:\d\d(?:\.\d+)?(?:\ \d{4})?\]    # [Apr 29 10:29:50.746]
    | (?:INFO|DEBUG|WARNING|ERROR)\ *:(?=\ )                     # logging of a host program
    | -+>(?=\ )
    """,
    re.VERBOSE,
)
_ESCAPED_SGR = re.compile(r"(?:<27>|<0?x?1[bB]>|<ESC>|\\x1[bB]|\\033|\\e|\x1b|ESC)\[[0-9;]*m")
_ESCAPED_ENDS = (r"<\r>", r"<\n>", "<r>", "<n>", "<CR>", "<LF>", r"\r", r"\n", "␍", "␊")
_MAX_WRAPPINGS = 6


def number(digits: str | None) -> int | None:
    """The value of decimal digits; None when they are none, too many, or digits of another script."""
    return int(digits) if digits and digits.isascii() and digits.isdigit() and len(digits) <= 10 else None


def clean(text: str) -> str:
    """The line as the device printed it: no host time, quote mark, indentation or written-out control characters.

    Only for reading; what is shown and stored is never changed.
    """
    if "[" in text:
        text = _ESCAPED_SGR.sub("", text)
    if "\\" in text or "<" in text or "␍" in text or "␊" in text:
        text = _without_ends(text)
    start = 0
    for _ in range(_MAX_WRAPPINGS):
        match = _WRAPPING.match(text, start)
        if match is None:
            break
        start = match.end()
    return text[start:].rstrip()


def _without_ends(text: str) -> str:
    """The text less the written-out line ends behind it."""
    end = len(text.rstrip())
    if not text.endswith(_ESCAPED_ENDS, 0, end):
        return text
    while text.endswith(_ESCAPED_ENDS, 0, end):
        end -= next(len(one) for one in _ESCAPED_ENDS if text.endswith(one, 0, end))
    return text[:end]


_ROM_BANNER = re.compile(
    r"rst:0x[0-9a-fA-F]|-ROM:esp|\bets [A-Z][a-z]{2} +\d{1,2} \d{4}|ets J[a-z]{2} +\d{1,2} 201[369]|rst cause:? *\d"
    r"|\*\*\* Booting |2nd stage bootloader"
)


def is_boot_banner(text: str) -> bool:
    """True when the line shows that the chip has started over."""
    return _ROM_BANNER.search(text) is not None


def is_decoded(text: str) -> bool:
    """True for a line that a decoder on the host wrote (or that was pasted from one): never a crash of its own."""
    return _DECODED.match(text) is not None


_DECODED = re.compile(
    r"--- |#\d+ +\S|\(inlined by\)|WARNING Decoded|WARNING Found stack trace|INFO (?:Need|Running)"
    r"|0x[0-9a-fA-F]{8}(?::0x[0-9a-fA-F]{8})?: \S.* (?:at \S+|in ROM)|0x[0-9a-fA-F]{8} - \S|at \S+:[\d?]+$|at \?\?:"
    r"|[\w:~<>]+ \(.*\) at \S+:\d+$"  # what a debugger says of the innermost frame
)
