"""Leaving by a signal as by a key: the port is let go, the recording is finished, the terminal is given back."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

LEAVING = ("SIGTERM", "SIGHUP")
"""Signals that ask the program to leave; a name that a platform does not have is passed over."""


@contextmanager
def leaving_on_signals(leave: Callable[[int], object]) -> Iterator[None]:
    """While the block runs, a signal that asks the program to leave calls `leave` with the shell's exit code for it.

    Args:
        leave: called on the event loop that the main thread runs, with 128 + the signal's number.
    """

    def received(number: int, frame: FrameType | None) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:  # before the screen or after it: there is no terminal to give back
            raise SystemExit(128 + number) from None
        loop.call_soon_threadsafe(leave, 128 + number)

    numbers = [getattr(signal, name) for name in LEAVING if hasattr(signal, name)]
    before = {number: signal.signal(number, received) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
