"""How the board was left, in one sentence that also says how to bring it back. Nothing is claimed that nobody saw.

A reset line that is wired to nothing can be moved all the same: a board counts as reset only where its loader has
answered after the lines were moved, or where the board itself said so.
"""

from __future__ import annotations

from dataclasses import dataclass

from espmon.rom.loader import Loader
from espmon.rom.restart import APPLICATION, DOWNLOAD_MODE, UNKNOWN, ResetResult

PRESS = "press its EN (RST) key to start the application"


@dataclass(frozen=True, slots=True)
class BoardLeft:
    """Where a probe or a flash left the board."""

    after: str
    """"application", "download mode" or "unknown"."""

    sentence: str
    """The same for people, with the way back."""

    unfinished: tuple[str, ...] = ()
    """Files that are half written."""


class Departure:
    """What is known when a loader is about to be left; leaving forgets it.

    Args:
        loader: connected, or on the way there.
        unfinished: files that are half written.
    """

    def __init__(self, loader: Loader, unfinished: tuple[str, ...] = ()) -> None:
        self._touched = loader.touched or loader.in_loader
        self._in_loader = loader.in_loader
        self._reaches = loader.lines_reach_board
        self.unfinished = unfinished

    def left(self, result: ResetResult, *, reset: bool) -> BoardLeft:
        """How the board was left when leaving ended with `result`; `reset`: it was to be reset."""
        if not self._touched:
            return BoardLeft(UNKNOWN, "The board was not touched")
        if result.warnings:
            return BoardLeft(result.after, " ".join(result.warnings), self.unfinished)
        if result.after == DOWNLOAD_MODE:
            return BoardLeft(DOWNLOAD_MODE, f"The board was left in {DOWNLOAD_MODE}: {PRESS}", self.unfinished)
        if reset and (self._reaches or result.after == APPLICATION):
            return BoardLeft(APPLICATION, "The board was reset", self.unfinished)
        if reset:
            moved = "The reset line was moved, and nothing shows that it reaches the board"
            return BoardLeft(UNKNOWN, f"{moved}: if the board stays silent, {PRESS}", self.unfinished)
        return BoardLeft(UNKNOWN, f"The board may wait in {DOWNLOAD_MODE}: {PRESS}", self.unfinished)

    def deserted(self) -> BoardLeft:
        """How the board was left where the port is gone."""
        if not self._touched:
            return BoardLeft(UNKNOWN, "The board was not touched")
        if self.unfinished:
            return BoardLeft(
                DOWNLOAD_MODE, f"The board was left in {DOWNLOAD_MODE}: flash it again to repair it", self.unfinished
            )
        if self._in_loader:
            return BoardLeft(DOWNLOAD_MODE, f"The board was left in {DOWNLOAD_MODE}: {PRESS}")
        return BoardLeft(UNKNOWN, f"The board was being reset and may wait in {DOWNLOAD_MODE}: {PRESS}")
