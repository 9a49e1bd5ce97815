"""C's printf for arguments that travel as bytes: what `esp_log` in binary mode leaves to the host.

Source: ISO C11, 7.21.6.1, for the conversions; the ESP-IDF binary log format for how arguments are laid out (32-bit
values in 4 bytes, `ll` and `j` in 8, floating point as 8-byte double, strings as a reference; all big-endian).
"""

from __future__ import annotations

import math
import re
import struct
from collections.abc import Callable
from typing import NamedTuple

MAX_WIDTH = 1024
"""Widths and precisions beyond this are taken as this: a damaged argument must not fill the memory."""

MAX_TEXT = 4096
"""Characters of one message: a frame of a few bytes may ask for widths without end."""

CONVERSION = re.compile(
    r"%(?:(?P<percent>%)|(?P<flags>[-+0# ']*+)(?P<width>\*|\d++)?+(?:\.(?P<precision>\*|-?\d*+))?+"
    r"(?P<length>hh|h|ll|l|q|j|z|t|L)?(?P<kind>[diouxXfFeEgGaAcCsSpn]))"
)
"""Nothing is given back: flags and width share the zero, and a format of zeros must not be tried at every split."""

WIDE = ("ll", "j", "q")
"""Length modifiers of 8-byte integers."""

INT, UNSIGNED, LONG, UNSIGNED_LONG, DOUBLE = (struct.Struct(form) for form in (">i", ">I", ">q", ">Q", ">d"))


class Short(Exception):
    """There are fewer argument bytes than the format asks for."""


class Conversion(NamedTuple):
    """One conversion of a format."""

    flags: str
    width: int | None
    """None: none given; STAR: from an argument."""

    precision: int | None
    length: str
    kind: str


STAR = -1


def compile_format(text: str) -> list[str | Conversion]:
    """A format as literal texts and conversions. What is no valid conversion stays literal."""
    pieces: list[str | Conversion] = []
    at = 0
    for match in CONVERSION.finditer(text):
        if match.start() > at:
            pieces.append(text[at : match.start()])
        at = match.end()
        if match["percent"]:
            pieces.append("%")
            continue
        pieces.append(
            Conversion(
                match["flags"], amount(match["width"]), amount(match["precision"]), match["length"] or "", match["kind"]
            )
        )
    if at < len(text):
        pieces.append(text[at:])
    return pieces


def amount(text: str | None) -> int | None:
    """A width or precision as written: None when absent (or negative, which counts as absent), STAR for `*`."""
    if text is None or text.startswith("-"):
        return None
    if text == "*":
        return STAR
    return min(int(text[:6] or 0), MAX_WIDTH)


class Arguments:
    """Reads arguments from a run of bytes.

    Args:
        data: the bytes.
        string: reads a string reference at a position; returns the text and the position behind it, or raises Short.
    """

    def __init__(self, data: bytes, string: Callable[[bytes, int], tuple[str, int]]) -> None:
        self._data = data
        self._string = string
        self._at = 0

    def number(self, form: struct.Struct) -> int:
        """The next integer."""
        return int(self._take(form))

    def double(self) -> float:
        """The next floating-point number."""
        return float(self._take(DOUBLE))

    def string(self) -> str:
        """The next string."""
        text, self._at = self._string(self._data, self._at)
        return text

    def _take(self, form: struct.Struct) -> int | float:
        end = self._at + form.size
        if end > len(self._data):
            raise Short
        (value,) = form.unpack_from(self._data, self._at)
        self._at = end
        return value  # type: ignore[no-any-return]


def render(pieces: list[str | Conversion], arguments: Arguments) -> str:
    """The text of a compiled format, `MAX_TEXT` of it. Surplus arguments are ignored.

    Raises:
        Short: there are too few.
    """
    parts: list[str] = []
    left = MAX_TEXT
    for piece in pieces:
        text = piece if isinstance(piece, str) else convert(piece, arguments)
        parts.append(text[:left])
        left -= len(text)
        if left <= 0:
            break
    return "".join(parts)


def convert(conversion: Conversion, arguments: Arguments) -> str:
    """One argument as text."""
    flags, width, precision, kind = conversion.flags, conversion.width, conversion.precision, conversion.kind
    if width == STAR:
        width = arguments.number(INT)
        if width < 0:
            flags += "-"
            width = -width
        width = min(width, MAX_WIDTH)
    if precision == STAR:
        precision = arguments.number(INT)
        precision = None if precision < 0 else min(precision, MAX_WIDTH)
    if kind in "diouxX":
        text = integer(conversion, flags, precision, arguments)
        zeros = "0" in flags and precision is None
    elif kind in "fFeEgGaA":
        value = arguments.double()
        text = floating(kind, flags, precision, value)
        zeros = "0" in flags and math.isfinite(value)
    elif kind == "n":
        return ""
    else:
        text, zeros = other(kind, precision, arguments), False
    return pad(text, width or 0, left="-" in flags, zeros=zeros)


def other(kind: str, precision: int | None, arguments: Arguments) -> str:
    """A character, a string or a pointer."""
    if kind in "cC":
        return bytes([arguments.number(UNSIGNED) & 0xFF]).decode("utf-8", "backslashreplace")
    if kind == "p":
        return f"0x{arguments.number(UNSIGNED):x}"
    text = arguments.string()
    return text if precision is None else text[:precision]


def integer(conversion: Conversion, flags: str, precision: int | None, arguments: Arguments) -> str:
    """An integer with sign or prefix, not yet padded to its width."""
    wide = conversion.length in WIDE
    signed = conversion.kind in "di"
    form = (LONG if wide else INT) if signed else (UNSIGNED_LONG if wide else UNSIGNED)
    value = arguments.number(form)
    bits = {"h": 16, "hh": 8}.get(conversion.length)
    if bits is not None:
        value &= (1 << bits) - 1
        if signed and value >> (bits - 1):
            value -= 1 << bits
    kind = conversion.kind if conversion.kind in "oxX" else "d"
    digits = format(abs(value), kind)
    if precision is not None:
        digits = "" if precision == 0 and value == 0 else digits.rjust(precision, "0")
    if "#" in flags and kind == "o" and not digits.startswith("0"):
        digits = "0" + digits
    prefix = "0" + kind if "#" in flags and kind in "xX" and value else ""
    return sign(flags, negative=value < 0) * signed + prefix + digits


def sign(flags: str, *, negative: bool) -> str:
    """The sign as the flags want it."""
    return "-" if negative else "+" if "+" in flags else " " if " " in flags else ""


def floating(kind: str, flags: str, precision: int | None, value: float) -> str:
    """A floating-point number with its sign, not yet padded to its width."""
    negative = math.copysign(1.0, value) < 0 and not math.isnan(value)
    value = abs(value)
    if not math.isfinite(value):
        text = "nan" if math.isnan(value) else "inf"
        text = text.upper() if kind.isupper() else text
    elif kind in "aA":
        text = hexadecimal(value, precision, alternate="#" in flags)
        text = text.upper() if kind == "A" else text
    else:
        # Python's % follows C for these conversions.
        text = f"%{'#' if '#' in flags else ''}.{6 if precision is None else precision}{kind}" % value
    return sign(flags, negative=negative) + text


def hexadecimal(value: float, precision: int | None, *, alternate: bool) -> str:
    """`%a` of a finite number >= 0: one digit, the fraction without trailing zeros, a binary exponent."""
    if value == 0:
        mantissa, exponent = 0, 0
    else:
        fraction, exponent = math.frexp(value)
        mantissa, exponent = int(math.ldexp(fraction, 53)), exponent - 1
    digits = 13
    if precision is not None and precision < digits:
        drop = 4 * (digits - precision)
        half, rest = 1 << (drop - 1), mantissa & ((1 << drop) - 1)
        mantissa >>= drop
        if rest > half or (rest == half and mantissa & 1):
            mantissa += 1
        digits = precision
    whole, part = mantissa >> (4 * digits), mantissa & ((1 << (4 * digits)) - 1)
    text = format(part, f"0{digits}x") if digits else ""
    text = text.rstrip("0") if precision is None else text.ljust(precision, "0")
    return f"0x{whole:x}{'.' if text or alternate else ''}{text}p{exponent:+d}"


def pad(text: str, width: int, *, left: bool, zeros: bool) -> str:
    """The text at its width; zeros go between sign or prefix and digits."""
    if len(text) >= width:
        return text
    if left:
        return text.ljust(width)
    if not zeros:
        return text.rjust(width)
    head = re.match(r"[-+ ]?(?:0[xX])?", text)
    split = head.end() if head else 0
    return text[:split] + text[split:].rjust(width - split, "0")
