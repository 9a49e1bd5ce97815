"""A build that runs: a program without a shell, its output read in a thread, line by line, bounded and made safe."""

from __future__ import annotations

import os
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path

from espmon.programs import Program, end_with_children, find_program, start_reading
from espmon.text import plain

MAX_LINES = 20_000
"""Lines kept; of more, the oldest go, and are counted."""

MAX_LINE_BYTES = 8192
"""Bytes of a line; a longer one is broken."""

READ_BYTES = 65_536
END_SECONDS = 3.0
"""Longest wait for a build that was asked to end, before it is killed."""

_COLOURS = re.compile(rb"\x1b\[[0-9;:?]*[A-Za-z]")
_ENDS = re.compile(rb"\r\n|\n|\r")


class BuildRun:
    """One run of a build command.

    Args:
        words: its words; the first is looked up on PATH.
        folder: where it runs.
        ended: called once in another thread when it has ended.

    Attributes:
        dropped: lines that were printed before those kept.
    """

    def __init__(self, words: Sequence[str], folder: Path, ended: Callable[[], None] = lambda: None) -> None:
        self.words = tuple(words)
        self.folder = folder
        self.dropped = 0
        self._on_end = ended
        self._began = self._end = time.monotonic()
        self._program: Program | None = None
        self._lines: deque[str] = deque()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._stopped = False

    def start(self) -> None:
        """Start it. Raises OSError."""
        program = find_program(self.words[0])
        if program is None:
            raise FileNotFoundError(f"There is no program {self.words[0]} on PATH")
        # Python programs keep back what they print to a pipe unless they are told not to.
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        self._began = time.monotonic()
        self._program = start_reading([program, *self.words[1:]], self.folder, environment)
        threading.Thread(target=self._read, args=[self._program], name="espmon-build", daemon=True).start()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self._program is not None and not self._ended.is_set()

    @property
    def stopped(self) -> bool:
        """Whether it was stopped by the user."""
        return self._stopped

    @property
    def code(self) -> int | None:
        """Its exit code; None until it has ended."""
        return self._program.returncode if self._program is not None and self._ended.is_set() else None

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return (time.monotonic() if self.running else self._end) - self._began

    def lines(self, first: int = 0, most: int = MAX_LINES) -> tuple[list[str], int]:
        """The lines from number `first` on, as far as they are kept, safe to be shown; and the number of the next."""
        with self._lock:
            skipped = max(0, first - self.dropped)
            found = list(islice(self._lines, skipped, skipped + most))
            return found, self.dropped + skipped + len(found)

    def stop(self, seconds: float = END_SECONDS) -> None:
        """End it, and what it started; blocks for at most `seconds`, then kills."""
        program = self._program
        if program is None or self._ended.is_set():
            return
        self._stopped = True
        end_with_children(program, seconds)

    def _read(self, program: Program) -> None:
        assert program.stdout is not None
        rest = b""
        with program.stdout as output:
            while data := os.read(output.fileno(), READ_BYTES):
                *whole, rest = _ENDS.split(rest + data)
                while len(rest) > MAX_LINE_BYTES:
                    whole.append(rest[:MAX_LINE_BYTES])
                    rest = rest[MAX_LINE_BYTES:]
                self._add(whole)
        if rest:
            self._add([rest])
        program.wait()
        self._end = time.monotonic()
        self._ended.set()
        self._on_end()

    def _add(self, lines: Sequence[bytes]) -> None:
        shown = [
            plain(_COLOURS.sub(b"", line[start : start + MAX_LINE_BYTES]).decode("utf-8", "replace")).rstrip()
            for line in lines
            for start in range(0, max(1, len(line)), MAX_LINE_BYTES)
        ]
        with self._lock:
            self._lines.extend(shown)
            while len(self._lines) > MAX_LINES:
                self._lines.popleft()
                self.dropped += 1
