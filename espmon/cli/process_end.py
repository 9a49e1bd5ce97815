"""The first and the last steps of every command: its standard streams, and an end that nothing holds up."""

from __future__ import annotations

import _thread
import os
import sys
import time
from typing import TextIO

END_SECONDS = 1.0
"""For what Python does after the last line of the program: threads that hang are not waited for any longer."""


def end_soon(code: int) -> None:
    """Python is about to end the process with `code`: do not let threads that hang keep it."""

    begun = _thread.allocate_lock()
    begun.acquire()

    def watch() -> None:
        begun.release()
        time.sleep(END_SECONDS)
        os._exit(code)

    _thread.start_new_thread(watch, ())  # `threading` takes longer to import than some commands run
    # A thread that begins while the interpreter is being taken down ends the process with a signal.
    begun.acquire(timeout=END_SECONDS)


def open_standard_streams() -> None:
    """Put the null device where standard input, output or error is closed (`2>&-`).

    A port opened later would get the free number, and what a library writes to standard error would go to the board.
    """
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number: this one
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115 for as long as the process lives
            setattr(sys, name, stream)


def last_words(text: str, stream: TextIO) -> None:
    """Print a line after the screen has gone; the terminal may have gone with it."""
    try:
        print(text, file=stream, flush=True)
    except OSError:
        # What is left in the stream would fail once more when Python ends, and change the exit code.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
