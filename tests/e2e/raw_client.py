"""A program for terminals as the board, behind a pseudo-terminal; a reference emulator sees its bytes too."""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from pyte.screens import Char

from tests.torture.window import PtyBoard, set_size
from tests.tui.raw.reference import XtermScreen, XtermStream

COLUMNS, ROWS = 120, 36
"""The board's screen in a window of 120x40."""

FOREIGN = re.compile(rb"\x1b\[(?:[<>=][\d;]*[a-z]|\?[\d;]*m)|\x1b[PX^_\]].*?(?:\x1b\\|\x07)", re.DOTALL)
"""Sequences that pyte prints or fails at instead of passing them over: keyboard protocols and control strings."""

BEGUN = re.compile(rb"\x1b(?:\[[<>=?\d;]*|[PX^_\]][^\x07\x1b]*)?\Z")


class Reference:
    """What a terminal shows that has got the same bytes."""

    def __init__(self, columns: int, rows: int) -> None:
        self._lock = threading.Lock()
        self.screen = XtermScreen(columns, rows)
        self._stream = XtermStream(self.screen)
        self._begun = b""

    def feed(self, data: bytes) -> None:
        """Take bytes, however they are cut."""
        data = self._begun + data
        begun = BEGUN.search(data)
        end = len(data) if begun is None else begun.start()
        self._begun = data[end:]
        with self._lock:
            self._stream.feed(FOREIGN.sub(b"", data[:end]))

    def rows(self) -> list[str]:
        """The cells, row by row, without blanks at the end."""
        with self._lock:
            return [row.rstrip() for row in self.screen.display]

    def cells(self) -> list[list[Char]]:
        """The cells with colours and attributes; that under the cursor is reversed, as a screen draws it."""
        with self._lock:
            screen = self.screen
            found = [[screen.buffer[y][x] for x in range(screen.columns)] for y in range(screen.lines)]
            if not screen.cursor.hidden:
                x, y = min(screen.cursor.x, screen.columns - 1), screen.cursor.y
                found[y][x] = found[y][x]._replace(reverse=not found[y][x].reverse)
            return found

    @property
    def cursor(self) -> tuple[int, int]:
        """Column and row, from 0."""
        with self._lock:
            return self.screen.cursor.x, self.screen.cursor.y


class ClientBoard(PtyBoard):
    """A board whose console is `command`.

    Args:
        command: what runs there.
        environment: beside TERM, PATH and the language.
        folder: its working folder, and its home.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], folder: Path) -> None:
        super().__init__()
        self.reference = Reference(COLUMNS, ROWS)
        self._client, slave = os.openpty()
        set_size(slave, COLUMNS, ROWS)
        self._process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={
                "TERM": "xterm-256color",
                "PATH": os.environ["PATH"],
                "LANG": "C.UTF-8",
                "HOME": str(folder),
                **environment,
            },
            start_new_session=True,
        )
        os.close(slave)
        self.output = bytearray()
        """What the console has printed so far."""

        self._typed = bytearray()
        self._closed = threading.Event()
        self._bridge = threading.Thread(target=self._pass_on, daemon=True)
        self._bridge.start()

    def _pass_on(self) -> None:
        with contextlib.suppress(OSError):  # the client has ended
            while not self._closed.is_set():
                ready, _, _ = select.select([self.master, self._client], [], [], 0.02)
                if self._client in ready:
                    data = os.read(self._client, 1 << 16)
                    self.output += data
                    self.reference.feed(data)
                    self.send(data)
                if self.master in ready:
                    data = os.read(self.master, 1 << 16)
                    self._typed += data
                    os.write(self._client, data)

    def close(self) -> None:
        """End it."""
        self._closed.set()
        self._bridge.join()
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        os.close(self._client)
        super().close()
