"""The terminal, taken over and drawn in before the toolkit is imported; the driver takes it from here.

Keys that come meanwhile are kept by the terminal, and are not echoed over the picture.
"""

from __future__ import annotations

import os
import select
import signal
import termios
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from types import FrameType, TracebackType

Attributes = list[object]
"""As `termios.tcgetattr` returns them."""

ENTER, LEAVE = "\x1b[?1049h", "\x1b[?1049l"
"""To the alternate screen, and back."""

HIDE_CURSOR, SHOW_CURSOR = "\x1b[?25l", "\x1b[?25h"

PAINT_SECONDS = 0.1
"""Longest wait for the terminal to take the first picture; the toolkit draws it once more."""

SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""What would end the process, and leave the terminal as it is."""

_IFLAG, _LFLAG = 0, 3
_INPUT = termios.IXON | termios.IXOFF | termios.ICRNL | termios.INLCR | termios.IGNCR
_LOCAL = termios.ECHO | termios.ICANON | termios.IEXTEN | termios.ISIG
"""What a terminal does to keys by itself."""


def own_descriptor(descriptor: int) -> int | None:
    """The terminal behind `descriptor`, opened once more and non-blocking.

    Non-blocking is a property of the open file, and that of standard input is shared with the shell and everything
    it has started. Where the terminal cannot be opened by name (it belongs to another user, or to another mount
    namespace) it is by its other name. Returns None where there is none.
    """
    names = []
    with suppress(OSError):
        names.append(os.ttyname(descriptor))
    for name in (*names, "/dev/tty"):
        try:
            return os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError:
            continue
    return None


def in_front(descriptor: int) -> bool:
    """Whether the terminal is ours now: in the background it is somebody else's."""
    try:
        return os.tcgetpgrp(descriptor) == os.getpgrp()
    except OSError:
        return True  # no terminal of this session's: nobody's job control is disturbed


class TakenTerminal:
    """While the block runs, the terminal shows a picture; without a driver that takes it over, it is as before then.

    Args:
        descriptor: of the terminal.
        picture: what is written, for so many columns and rows; None: the terminal is not taken.
    """

    def __init__(self, descriptor: int, picture: Callable[[int, int], str | None]) -> None:
        self._descriptor = descriptor
        self._picture = picture
        self._before: Attributes | None = None
        self._raw: Attributes | None = None
        self._handlers = {number: signal.getsignal(number) for number in SIGNALS}
        self._put_back: Callable[[], None] | None = None
        self._handed = False

    def __enter__(self) -> TakenTerminal | None:
        """Draw; None where that cannot be done, or is not ours to do: in the background, for instance."""
        picture = self._drawn()
        if picture is None:
            return None
        try:
            before = termios.tcgetattr(self._descriptor)
            changed = list(before)
            changed[_LFLAG] &= ~_LOCAL
            changed[_IFLAG] &= ~_INPUT
            for number in SIGNALS:
                signal.signal(number, _end)
            termios.tcsetattr(self._descriptor, termios.TCSANOW, changed)
            self._put_back = partial(termios.tcsetattr, self._descriptor, termios.TCSANOW, before)
            self._before, self._raw = before, termios.tcgetattr(self._descriptor)
        except termios.error:
            self._give_back()
            return None
        self._write(ENTER + HIDE_CURSOR + picture)
        return self

    def hand_over(self) -> tuple[Attributes | None, Attributes | None]:
        """The driver has it now; returns the terminal's attributes before, and as they are now."""
        self._handed = True
        return self._before, self._raw

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Put the terminal back, unless the driver does."""
        self._give_back()

    def _drawn(self) -> str | None:
        if not in_front(self._descriptor):
            return None
        try:
            width, height = os.get_terminal_size(self._descriptor)
        except OSError:
            return None
        return self._picture(width, height)

    def _give_back(self) -> None:
        if self._put_back is not None and not self._handed:
            self._write(LEAVE + SHOW_CURSOR)
            with suppress(termios.error):
                self._put_back()
        for number, handler in self._handlers.items():
            if signal.getsignal(number) is _end:
                signal.signal(number, handler)

    def _write(self, text: str) -> None:
        """Write what the terminal takes in time."""
        terminal = own_descriptor(self._descriptor)
        if terminal is None:
            return
        data = text.encode()
        end = time.monotonic() + PAINT_SECONDS
        try:
            while data and (left := end - time.monotonic()) > 0:
                if select.select([], [terminal], [], left)[1]:
                    data = data[os.write(terminal, data) :]
        except OSError:
            return  # it has gone: the driver finds that out, too
        finally:
            os.close(terminal)


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
