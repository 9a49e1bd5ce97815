"""How a probe reaches the loader, what it expects to find there, and how it leaves the board."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espmon.rom.channel import EntrySequence
    from espmon.rom.chips import Chip

MAX_ATTEMPTS = 100
"""Most attempts that may be asked for: with their SYNCs they take about a minute and a half."""


@dataclass(frozen=True, slots=True)
class ProbeOptions:
    """The defaults are what suits a board that nothing is known of."""

    reset_before: bool = True
    """False: only ask for a loader that runs already; no line is moved on the way in."""

    reset_after: bool = True
    """False: the board stays in its loader; no line is moved on the way out."""

    entries: Sequence[EntrySequence] | None = None
    """Sequences into the loader, in the order to try; None: the channel's own."""

    attempts: int | None = None
    """Resets into the loader before giving up, 1 to `MAX_ATTEMPTS`; None: `espmon.rom.loader.ATTEMPTS`."""

    chip: Chip | None = None
    """The chip that is expected; None: any."""


USUAL = ProbeOptions()
"""Reset into the loader, any chip, the application started again."""
