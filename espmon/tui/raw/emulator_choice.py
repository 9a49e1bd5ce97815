"""Which emulator raw mode runs on."""

from __future__ import annotations

from collections.abc import Callable

from espmon.tui.raw.emulator import Emulator

MakeEmulator = Callable[[int, int, Callable[[], None]], Emulator]
"""Makes an emulator of so many columns and rows; it calls the function now and then while it reads many rows."""


def load_emulator() -> MakeEmulator:
    """Return libghostty's emulator where the extra `terminal` is installed, else the one in pure Python.

    The first call imports it, which takes a tenth of a second and more.
    """
    try:
        from espmon.tui.raw.ghostty_emulator import GhosttyEmulator
    except (ImportError, OSError):  # not installed, or its library does not load on this system
        from espmon.tui.raw.bittty_emulator import BitttyEmulator

        return lambda columns, rows, poll: BitttyEmulator(columns, rows)
    return GhosttyEmulator
