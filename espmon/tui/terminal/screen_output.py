"""What goes to the terminal, written without ever waiting for it: a terminal that is slow stalls only the picture."""

from __future__ import annotations

import asyncio
import os
import select
import time
from collections import deque
from collections.abc import Callable

MAX_WAITING = 64 << 10
"""Bytes waiting for the terminal from which on new ones are left out: a picture that old is not worth sending."""

CANCEL = b"\x18"
"""Ends a control sequence in the middle (CAN)."""


class ScreenOutput:
    """Writes to a terminal from one event loop.

    Args:
        descriptor: of the terminal, non-blocking.
        on_room: called on the loop when everything that was kept is written, after something had to be left out: what
            the terminal shows is not what was drawn, so draw it again.
        on_gone: called on the loop, once, when the terminal does not exist any longer.
    """

    def __init__(self, descriptor: int, on_room: Callable[[], None], on_gone: Callable[[], None]) -> None:
        self._descriptor = descriptor
        self._loop = asyncio.get_running_loop()
        self._on_room = on_room
        self._on_gone = on_gone
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._cut = False
        self._watching = False
        self.gone = False
        """Nothing written will be seen by anybody."""

        self.left_out = 0
        """Bytes that were not sent, because too many were waiting."""

    @property
    def waiting(self) -> int:
        """Bytes that the terminal has not taken yet."""
        return self._size

    def write(self, data: bytes) -> bool:
        """Write what the terminal takes now; the rest follows when it takes more. Returns False when it is left out."""
        if self.gone:
            return False
        if self._size > MAX_WAITING or self._cut:
            self._cut = True
            self.left_out += len(data)
            return False
        self._waiting.append(data)
        self._size += len(data)
        if len(self._waiting) == 1:
            self._offer()
        return True

    def _offer(self) -> None:
        while self._waiting:
            head = self._waiting[0]
            count = self._put(head)
            self._size -= count
            if count < len(head):
                self._waiting[0] = head[count:]
                break
            self._waiting.popleft()
        self._watch(bool(self._waiting) and not self.gone)
        if self._cut and not self._waiting:
            self._cut = False
            self._on_room()

    def _put(self, data: bytes) -> int:
        try:
            return os.write(self._descriptor, data)
        except BlockingIOError:
            return 0
        except OSError:
            self._lose()
            return 0

    def _lose(self) -> None:
        if not self.gone:
            self.gone = True
            self._loop.call_soon(self._on_gone)

    def _watch(self, wanted: bool) -> None:
        if wanted != self._watching:
            self._watching = wanted
            if wanted:
                self._loop.add_writer(self._descriptor, self._offer)
            else:
                self._loop.remove_writer(self._descriptor)

    def finish(self, last: bytes, seconds: float) -> bool:
        """End with `last`, within about `seconds`; pictures that wait are left out. May be called from any thread.

        Returns:
            Whether the terminal took `last`. Where it reads nothing, what the system still holds for it is thrown
            away to make room, so that it is at least left in order when somebody looks at it again.
        """
        head = self._waiting[0] if self._waiting else b""
        self._waiting.clear()
        self._size = 0
        end = time.monotonic() + seconds
        rest = self._push(head + last, end)
        if rest and not self.gone:
            _forget_output(self._descriptor)
            rest = self._push(CANCEL + last, end)
        return not rest and not self.gone

    def _push(self, data: bytes, end: float) -> bytes:
        """Write until `end`; returns what the terminal did not take."""
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while data and not self.gone:
            try:
                count = os.write(self._descriptor, data)
            except BlockingIOError:
                count = 0
            except OSError:
                self.gone = True
                break
            data = data[count:]
            left = end - time.monotonic()
            if data and not count and (left <= 0 or not poll.poll(left * 1000)):
                break
        return data

    def stop(self) -> None:
        """Let go of what waits."""
        self._watch(False)
        self._waiting.clear()
        self._size = 0
        self._cut = False


def _forget_output(descriptor: int) -> None:
    import termios

    try:
        termios.tcflush(descriptor, termios.TCOFLUSH)
    except termios.error:
        return  # it is gone; the next write says so
