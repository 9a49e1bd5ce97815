"""What this room needs of a port: a shape, not an import. Any handle or lease that has it will do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol


class EntrySequence(Protocol):
    """One way of moving DTR and RTS; opaque to this room but for its name."""

    @property
    def name(self) -> str:
        """The sequence's name, for the transcript."""


class Channel(Protocol):
    """Bytes in and out, and the modem lines where there are any."""

    @property
    def baud(self) -> int:
        """The current rate."""

    @property
    def usb(self) -> tuple[int, int] | None:
        """(VID, PID) of a local USB port, else None."""

    @property
    def has_modem_lines(self) -> bool:
        """False: the board must be put into the loader by hand (or is there already)."""

    async def read(self, timeout: float | None = None) -> bytes:
        """All bytes that are there; b"" after `timeout` seconds without any."""

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        """Send, bounded in time."""

    async def set_baud(self, baud: int) -> None:
        """Change the host's rate."""

    def loader_entries(self) -> Sequence[EntrySequence]:
        """Sequences that enter the loader, in the order to try."""

    def hard_reset_sequence(self) -> EntrySequence | None:
        """The sequence that restarts the application."""

    async def run_sequence(self, sequence: Any) -> None:
        """Play a sequence that this channel gave."""
