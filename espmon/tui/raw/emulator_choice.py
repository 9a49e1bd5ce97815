"""Which emulator raw mode runs on."""

from __future__ import annotations

from espmon.tui.raw.emulator import Emulator


def make_emulator(columns: int, rows: int) -> Emulator:
    """Return libghostty's emulator where the extra `terminal` is installed, else the one in pure Python."""
    try:
        from espmon.tui.raw.ghostty_emulator import GhosttyEmulator
    except (ImportError, OSError):  # not installed, or its library does not load on this system
        from espmon.tui.raw.bittty_emulator import BitttyEmulator

        return BitttyEmulator(columns, rows)
    return GhosttyEmulator(columns, rows)
