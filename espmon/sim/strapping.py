"""EN and IO0 behind the two transistors of a development board: when does the chip reset, and into what?

EN is low while RTS is asserted and DTR is not; IO0 is low while DTR is asserted and RTS is not. A capacitor holds EN
low for a while after it is released; the chip looks at IO0 when EN rises. Host software relies on that: it releases EN
first and pulls IO0 low a moment later, and over a network each step takes its time (pyserial's RFC 2217 client: 50 ms).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

RESET_DELAY_SECONDS = 0.12
"""Seconds that the capacitor holds EN when IO0 stays high: more than two steps of the slowest client apart."""

LOW_SETTLE_SECONDS = 0.005
"""Seconds from IO0 going low, within that time, to the chip's look at it."""


class Mode(Enum):
    """What the chip does."""

    RESET = "reset"
    APPLICATION = "application"
    LOADER = "loader"


@dataclass
class Strapping:
    """The circuit, with the time given by the caller (seconds, any zero).

    Attributes:
        dtr: asserted.
        rts: asserted.
        delay: see `RESET_DELAY_SECONDS`.
        due: when the chip will look at IO0 and start; None while it runs or EN is held low.
    """

    dtr: bool = False
    rts: bool = False
    delay: float = RESET_DELAY_SECONDS
    due: float | None = None
    _held: bool = False

    @property
    def enabled(self) -> bool:
        """EN is not pulled low by the transistors."""
        return not (self.rts and not self.dtr)

    @property
    def io0(self) -> bool:
        """Level of IO0."""
        return not (self.dtr and not self.rts)

    def move(self, now: float, *, dtr: bool | None = None, rts: bool | None = None) -> bool:
        """Move lines; None leaves one as it is. True when this put the chip into reset."""
        self.dtr = self.dtr if dtr is None else dtr
        self.rts = self.rts if rts is None else rts
        entered = False
        if not self.enabled:
            entered = not self._held and self.due is None
            self._held, self.due = True, None
        elif self._held:
            self._held = False
            self.due = now + (self.delay if self.io0 else LOW_SETTLE_SECONDS)
        elif self.due is not None and not self.io0:
            self.due = min(self.due, now + LOW_SETTLE_SECONDS)
        return entered

    def start(self) -> Mode:
        """EN rises now: what the chip starts."""
        self.due = None
        return Mode.APPLICATION if self.io0 else Mode.LOADER
