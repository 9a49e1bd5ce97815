"""Tells a boot loop from restarts that only look alike: by the time between them, as far as anything says it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from espmon.records.events.log_clock import WallTime

LOOP_AT = 3
"""So many resets of one kind in a row are called a boot loop."""

LOOP_SECONDS = 60.0
"""A run that lasted longer is not part of a loop."""

KEY_SECONDS = 10.0
"""The same for a start that a person may have brought about, with the EN key or the plug: a supply that is too weak
fails within seconds."""

LOOP_BYTES = 20_000
"""Where nothing says how long a run lasted: one that printed more than this is not part of a loop."""


@dataclass(frozen=True, slots=True)
class Run:
    """A reset, and what is known of the run that it ended.

    Attributes:
        kind: class of the reset; all watchdogs are one class.
        name: the reset's name.
        offset: where it stands in the stream.
        time: host seconds, None offline.
        wall: time of day that the log says for it.
        uptime: seconds that the program had run, by its own log.
        spoke: the program said something in that run, and not only the ROM and the second stage.
        failure: nobody wanted it: a watchdog, a weak supply, a crash.
        by_hand: a key or a plug does the same.
    """

    kind: str
    name: str
    offset: int
    time: float | None
    wall: WallTime | None
    uptime: float | None
    spoke: bool
    failure: bool
    by_hand: bool


class LoopCounter:
    """Counts resets of one class that follow each other closely."""

    def __init__(self) -> None:
        self._last: Run | None = None
        self._names: list[str] = []
        self.count = 0

    def add(self, run: Run) -> int:
        """Returns how many resets of its class came in a row, this one included."""
        last, self._last = self._last, run
        if last is None or not _alike(last.kind, run.kind) or not _near(last, run):
            self.count, self._names = 0, []
        self.count += 1
        if run.name not in self._names:
            self._names.append(run.name)
        return self.count

    @property
    def names(self) -> Sequence[str]:
        """The names of these resets, each once."""
        return tuple(self._names)

    def forget(self) -> None:
        """The next reset is the first of its kind, whatever came before."""
        self._last = None


def _alike(last: str, kind: str) -> bool:
    # The crash before the first software reset may have been printed before anyone listened.
    return last == kind != "deep_sleep" or (last, kind) == ("software", "crash")


def _near(last: Run, run: Run) -> bool:
    elapsed = [run.uptime]
    if last.time is not None and run.time is not None:
        elapsed.append(run.time - last.time)
    elif last.wall is not None and run.wall is not None:
        elapsed.append(run.wall.since(last.wall))
    known = [seconds for seconds in elapsed if seconds is not None]
    if known:
        # A recording may be read much faster than it was made: the longest time that anything says is the true one.
        return max(known) <= (KEY_SECONDS if run.by_hand else LOOP_SECONDS)
    if run.spoke and not run.failure:
        return False
    return run.offset - last.offset <= LOOP_BYTES
