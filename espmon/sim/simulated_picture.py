"""Pictures of the board's screen: 240 x 135 pixels, another one each time, as the emitter sent them."""

from __future__ import annotations

from espmon.sim.emitted import PICTURES, emitted

TAIL = b"\nPNG_END\n"


def sent_screenshot(turn: int) -> bytes:
    """Picture number `turn` between `PNG_BEGIN <length>` and `PNG_END`."""
    return emitted(f"screenshot-{turn % PICTURES}")


def sent_frame(turn: int) -> bytes:
    """Picture number `turn` as an `@ESPFRAME`."""
    return emitted(f"frame-{turn % PICTURES}")


def screenshot(turn: int) -> bytes:
    """The PNG of picture number `turn`, a few kilobytes."""
    return sent_screenshot(turn).partition(b"\n")[2].removesuffix(TAIL)
