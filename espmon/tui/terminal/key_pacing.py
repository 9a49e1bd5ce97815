"""Hands keys on one after the other: each acts on the screen that the one before has made.

Keys of one packet (ssh, key repeat, a script) would all be taken before the first of them has opened or closed
anything. What a key sets in motion goes from widget to widget through queues, each of which takes a turn of the event
loop; so the next key waits for some turns, which cost nothing where nothing happens, and then for what takes longer.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

TURNS = 48
"""Turns of the event loop that a key gets: a key in the deepest field takes 6 to reach the app, a message from there
to the screen and back 8; all of it is some 0.5 ms."""

SETTLE_SECONDS = 1.0
"""Longest wait for what a key has set in motion: a screen that opens, a search that reads history."""

START_SECONDS = 10.0
"""The same for the first screen: keys typed before it is there must not go to one that is half made."""

LOOK_SECONDS = 0.002
"""Time between two looks at it."""

MIN_LOOKS = 500
"""Looks before the wait is given up, however long they take: on a machine that has no time for this program a second
goes by while nothing that the key set in motion was carried out, and the next key went to the wrong place."""

MAX_SECONDS = 5.0
"""After so long it is given up there, too."""


class KeyPacing:
    """Says when the next key may be handed on.

    Args:
        settled: whether the screen is there that keys go to now, and has nothing left to do.
        go_on: called when it is.
    """

    def __init__(self, settled: Callable[[], bool], go_on: Callable[[], None]) -> None:
        self._settled = settled
        self._go_on = go_on
        self._handle: asyncio.Handle | None = None
        self._turns = 0
        self._since = 0.0
        self._seconds = SETTLE_SECONDS

    @property
    def busy(self) -> bool:
        """Whether the next key has to wait."""
        return self._handle is not None

    def begin(self, seconds: float = SETTLE_SECONDS) -> None:
        """A key was handed on; the next one waits for no longer than `seconds`."""
        loop = asyncio.get_running_loop()
        self.stop()
        self._turns, self._since, self._seconds = 0, loop.time(), seconds
        self._handle = loop.call_soon(self._look)

    def stop(self) -> None:
        """Wait no longer."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        self._turns += 1
        if self._turns < TURNS:
            self._handle = loop.call_soon(self._look)
        elif not self._settled() and not self._given_up(loop.time() - self._since):
            self._handle = loop.call_later(LOOK_SECONDS, self._look)
        else:
            self._handle = None
            self._go_on()

    def _given_up(self, waited: float) -> bool:
        looked = self._turns >= TURNS + MIN_LOOKS
        return waited >= (self._seconds if looked else max(MAX_SECONDS, self._seconds))
