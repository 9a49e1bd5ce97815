"""How a run without a screen ends: the first reason counts, whoever has it, a signal handler included."""

from __future__ import annotations

import threading
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import NamedTuple

from espmon.cli.command_runner import Exit


class End(NamedTuple):
    """Why a run is over."""

    code: int
    sentence: str
    """"" when nobody is there to read it."""

    hint: str = ""
    """What the user can do."""

    @property
    def told(self) -> str:
        """Both, as one line."""
        return f"{self.sentence}. {self.hint}" if self.hint else self.sentence


class RunEnd:
    """Waits for the end of a run.

    `come` takes no lock: a signal handler runs in the thread that waits, and would for ever wait for what that thread
    holds (`threading.Event` has such a lock).

    Attributes:
        over: for other threads to wait for; set by the one that calls `wait`.
    """

    def __init__(self) -> None:
        self.over = threading.Event()
        self._first: End | None = None
        self._bell: SimpleQueue[None] = SimpleQueue()  # its put may interrupt its get

    @property
    def reason(self) -> End:
        """The first one; a failure without words while there is none."""
        return self._first or End(Exit.FAILED, "")

    def come(self, end: End) -> None:
        """The run is over. From any thread, and from a signal handler."""
        if self._first is None:
            self._first = end
            self._bell.put(None)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; True when the run is over. For one thread alone."""
        if self._first is None:
            with suppress(Empty):
                self._bell.get(timeout=seconds)
        if self._first is None:
            return False
        self.over.set()
        return True
