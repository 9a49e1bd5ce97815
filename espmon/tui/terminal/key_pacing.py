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

LOOK_SECONDS = 0.002
"""Time between two looks at it."""


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
        self._until = 0.0

    @property
    def busy(self) -> bool:
        """Whether the next key has to wait."""
        return self._handle is not None

    def begin(self) -> None:
        """A key was handed on."""
        loop = asyncio.get_running_loop()
        self.stop()
        self._turns, self._until = 0, loop.time() + SETTLE_SECONDS
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
        elif not self._settled() and loop.time() < self._until:
            self._handle = loop.call_later(LOOK_SECONDS, self._look)
        else:
            self._handle = None
            self._go_on()
