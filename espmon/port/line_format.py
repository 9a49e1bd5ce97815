"""Data bits, parity, stop bits and flow control of a serial line: the options, once, as data."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Parity(StrEnum):
    """The bit after the data bits."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"
    MARK = "mark"
    SPACE = "space"


class Flow(StrEnum):
    """Who may say stop, and how."""

    NONE = "none"
    RTS_CTS = "rts-cts"
    XON_XOFF = "xon-xoff"


DATA_BITS = (5, 6, 7, 8)
STOP_BITS = (1.0, 1.5, 2.0)

MAX_BREAK_SECONDS = 10.0
"""Longest break that is sent."""

LEVELS = {"on": True, "off": False}
"""The words for DTR and RTS -> whether the line is asserted. Where nothing is asked for, it is left as it is."""


def level_word(level: bool | None) -> str:
    """The word for it, "" for None."""
    return next((word for word, on in LEVELS.items() if on is level), "")


_SHORT = re.compile(r"([5-8])([NEOMS])(1\.5|1|2)")
"""`8N1` and its like."""


@dataclass(frozen=True, slots=True)
class LineFormat:
    """How a byte travels. Raises ValueError for what no line can be."""

    data_bits: int = 8
    parity: Parity = Parity.NONE
    stop_bits: float = 1.0
    flow: Flow = Flow.NONE

    def __post_init__(self) -> None:
        if self.data_bits not in DATA_BITS or self.stop_bits not in STOP_BITS:
            raise ValueError(f"{self.data_bits} data bits with {self.stop_bits:g} stop bits")

    def __str__(self) -> str:
        """As people write it: `8N1`, `7E1 rts-cts`."""
        short = f"{self.data_bits}{self.parity.value[0].upper()}{self.stop_bits:g}"
        return short if self.flow is Flow.NONE else f"{short} {self.flow.value}"

    @classmethod
    def parse(cls, text: str) -> LineFormat:
        """The format that `text` names, as `str` writes it. Raises ValueError with what it should be."""
        short, _, flow = text.strip().partition(" ")
        match = _SHORT.fullmatch(short.upper())
        words = [one.value for one in Flow]
        if match is None or (flow.strip() or "none") not in words:
            raise ValueError(
                f"Enter data, parity and stop bits, as in 8N1 or 7E1, and perhaps {' or '.join(words[1:])}"
            )
        parity = next(one for one in Parity if one.value[0].upper() == match[2])
        return cls(int(match[1]), parity, float(match[3]), Flow(flow.strip() or "none"))


USUAL = LineFormat()
"""8N1 without flow control: what every board speaks."""
