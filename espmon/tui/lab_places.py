"""The places of a labgrid coordinator as rows of the picker, asked for beside the list of ports and never before it."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espmon.port.labgrid import Place
    from espmon.tui.screens.ports import PortRow

ASK_SECONDS = 10.0
"""Pause between two questions: each starts a program, which takes a third of a second."""

COORDINATOR = "LG_COORDINATOR"
"""Variable that names the coordinator; without it none is asked."""

MAX_PLACES = 200
"""Places listed at most."""


class LabPlaces:
    """Rows for the places, as they were when last asked. `rows` returns at once.

    Args:
        ask: lists the places; blocks, and runs on a thread of its own. The coordinator of `LG_COORDINATOR` when None.
    """

    def __init__(self, ask: Callable[[], Sequence[Place]] | None = None) -> None:
        self._ask = ask
        self._rows: list[PortRow] = []
        self._asked = float("-inf")
        self._asking: threading.Thread | None = None

    def rows(self) -> list[PortRow]:
        """What is known; asks anew, on a thread, where that is old."""
        if self._ask is None and not os.environ.get(COORDINATOR):
            return []
        running = self._asking is not None and self._asking.is_alive()
        if not running and time.monotonic() - self._asked > ASK_SECONDS:
            self._asking = threading.Thread(target=self._look, name="espmon-places", daemon=True)
            self._asking.start()
        return self._rows

    def _look(self) -> None:
        from espmon.port import PortError
        from espmon.port.labgrid import LabgridClient
        from espmon.tui.screens.ports import PortRow

        try:
            found = (self._ask or LabgridClient().places)()
            self._rows = [row_of(place) for place in found[:MAX_PLACES]]
        except PortError as error:
            self._rows = [PortRow("labgrid:", product="labgrid", reason=str(error), online=False)]
        self._asked = time.monotonic()


def row_of(place: Place) -> PortRow:
    """One place as the picker shows it."""
    from espmon.tui.screens.ports import PortRow  # the first frame needs none

    return PortRow(place.url, product=place.comment or "labgrid place", busy=place.holder, reason=place.state)
