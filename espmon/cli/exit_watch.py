"""Leaving by a signal: asked first, helped then, and always over within a second, whatever hangs.

What may hang is unbounded: a terminal that takes nothing, a disk that does not answer, a thread in a driver. So the
signal is heard by a thread of its own (`signal.set_wakeup_fd`: it needs no answer from the main thread), and what
does not end in time is ended, after what can be saved is saved.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

LEAVING = ("SIGTERM", "SIGHUP", "SIGINT")
"""Signals that ask the program to leave; a name that a platform does not have is passed over."""

JOB_CONTROL = ("SIGTTOU", "SIGTTIN", "SIGTSTP")
"""Signals that would stop a program on its way out, in the background or by its terminal."""

LEAVE_SECONDS = 0.85
"""From the signal to the end of the process, at most."""

ORDERLY_SECONDS = 0.5
"""Of these, for leaving as by a key; then what is not saved is saved from outside."""


class ExitWatch:
    """While the block runs, a signal that asks the program to leave ends it within `LEAVE_SECONDS`.

    Args:
        leave: asks the program to leave with this exit code (the shell's: 128 + the signal's number). Called on the
            watch's thread.
        salvage: saves what can be saved, when the program has not left by itself; a thread of its own runs it.
        end: ends the process.
    """

    def __init__(
        self, leave: Callable[[int], object], salvage: Callable[[], object], end: Callable[[int], object] = os._exit
    ) -> None:
        self._leave = leave
        self._salvage = salvage
        self._end = end
        self._left = threading.Event()
        self._leaving = False
        self._meant: set[int] = set()
        self._numbers = [getattr(signal, name) for name in LEAVING if hasattr(signal, name)]
        self._heard, self._hears = socket.socketpair()
        for side in (self._heard, self._hears):
            side.set_inheritable(False)
        self._hears.setblocking(False)

    def __enter__(self) -> ExitWatch:
        self._wakeup = signal.set_wakeup_fd(self._hears.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._received) for number in self._numbers}
        threading.Thread(target=self._watch, name="espmon-exit", daemon=True).start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._left.set()
        for number, handler in self._before.items():
            # Who is leaving by a signal leaves by that one, whatever else comes now.
            signal.signal(number, signal.SIG_IGN if self._leaving else handler)
        signal.set_wakeup_fd(self._wakeup)
        self._hears.close()

    def hang_up(self) -> None:
        """The terminal is gone and no signal says so. May be called from any thread, more than once."""
        with suppress(OSError):  # it is over already, or the pipe is full of such calls
            self._hears.send(bytes([getattr(signal, "SIGHUP", signal.SIGTERM)]))

    def _received(self, number: int, frame: FrameType | None) -> None:
        self._meant.add(number)
        for name in JOB_CONTROL:
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_IGN)
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # before the screen or after it: there is no loop that could be asked
            raise SystemExit(128 + number) from None

    def _watch(self) -> None:
        with self._heard:
            while heard := self._heard.recv(64):
                for number in heard:
                    # Somebody else's while a debugger has the terminal: its Ctrl-C is not meant for us.
                    ours = number in self._meant or signal.getsignal(number) == self._received
                    if number in self._numbers and ours:
                        self._see_out(128 + number)
                        return

    def _see_out(self, code: int) -> None:
        self._leaving = True
        end = time.monotonic() + LEAVE_SECONDS
        arm_last_resort(LEAVE_SECONDS + 0.1)
        self._leave(code)
        if not self._left.wait(ORDERLY_SECONDS):
            saving = threading.Thread(target=self._salvage, name="espmon-salvage", daemon=True)
            saving.start()
            saving.join(max(0.0, end - time.monotonic()))
        else:
            time.sleep(max(0.0, end - time.monotonic()))  # the main thread ends the process; we, if it cannot
        self._end(code)


def arm_last_resort(seconds: float) -> None:
    """End the process after `seconds` even where no Python code can run any more; its exit code is 1 then."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=open(os.devnull, "wb"))  # noqa: SIM115 until the end
