"""A program in a pseudo-terminal and what stands on its screen, for benchmarks: times are those of the bytes' arrival.

A thread reads, so that the emulator, which is slower than most programs, makes no time longer.
"""

from __future__ import annotations

import os
import queue
import select
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pyte

from tests.benchmarks.tui_terminal import Terminal

PIECE = 4096
"""Bytes of a pseudo-terminal that are looked at together."""

SWITCH_SECONDS = 0.0005
"""The thread that reads does not wait longer for the emulator."""

Rows = Sequence[str]
"""The text of each row."""


class ShownTerminal(Terminal):
    """A child process in a terminal of its own, with an emulator behind it.

    Args:
        command: what to run.
        columns: width.
        rows: height.
        environment: added to the environment.
    """

    def __init__(
        self, command: Sequence[str], *, columns: int = 160, rows: int = 50, environment: dict[str, str] | None = None
    ) -> None:
        sys.setswitchinterval(SWITCH_SECONDS)
        super().__init__(command, columns=columns, rows=rows, environment=environment)
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._come: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        self._ended = threading.Event()
        self.rows = [""] * rows
        self.pressed = self.drawn = self.started
        self._reader = threading.Thread(target=self._read_all, daemon=True)
        self._reader.start()

    def _read_all(self) -> None:
        while not self._ended.is_set():
            if not select.select([self.master], [], [], 0.1)[0]:
                continue
            try:
                data = os.read(self.master, PIECE)
            except OSError:
                return
            self._come.put((time.perf_counter(), data))

    def press(self, keys: bytes) -> None:
        """Press keys; `until` counts from here."""
        self.pressed = time.perf_counter()
        super().press(keys)

    def until(self, condition: Callable[[Rows], bool], limit: float) -> float | None:
        """Seconds from the last press, or the start, until what makes the condition true came; None: not in time."""
        end = self.pressed + limit
        if condition(self.rows):
            return max(0.0, self.drawn - self.pressed)
        while (left := end - time.perf_counter()) > 0:
            at = self.look(left)
            if at is None:
                return None
            if condition(self.rows):
                return at - self.pressed
        return None

    def look(self, seconds: float) -> float | None:
        """Draw what comes next; returns when it came, None when nothing does within `seconds`."""
        try:
            at, data = self._come.get(timeout=seconds)
        except queue.Empty:
            return None
        self.drawn = at
        self._stream.feed(data)
        for y in self._screen.dirty:
            if y < len(self.rows):
                row = self._screen.buffer[y]
                self.rows[y] = "".join([row[x].data for x in range(self._screen.columns)])
        self._screen.dirty.clear()
        return at

    def rest(self, seconds: float, limit: float = 2.0) -> None:
        """Draw until nothing came for so long, or until the limit."""
        end = time.perf_counter() + limit
        while time.perf_counter() < end and self.look(seconds) is not None:
            pass

    def megabytes(self, field: str = "VmHWM") -> int:
        """The most memory that the program had, with the processes that it started."""
        processes = [self.process.pid]
        for process in processes:
            children = Path(f"/proc/{process}/task/{process}/children")
            processes += map(int, children.read_text().split() if children.exists() else ())
        total = 0
        for process in processes:
            try:
                status = Path(f"/proc/{process}/status").read_text()
            except OSError:  # it has ended
                continue
            total += next((int(line.split()[1]) for line in status.splitlines() if line.startswith(field)), 0)
        return total // 1024

    def close(self) -> None:
        """End the program."""
        self._ended.set()
        self._reader.join()
        super().close()
