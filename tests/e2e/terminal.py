"""The installed program in a real terminal: tmux holds the screen, the test reads it and presses keys."""

from __future__ import annotations

import itertools
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.user_settings import write_settings

ESPMON = str(Path(sys.executable).with_name("espmon"))

LIMIT = 30.0
"""Seconds that anything may take on a machine that is busy with something else."""

POLL = 0.05
"""Seconds between two looks at a screen that nobody announces changes of."""

_numbers = itertools.count()


def until(condition: Callable[[], Any], what: Callable[[], str], limit: float = LIMIT) -> None:
    """Look until `condition` holds. Raises AssertionError with `what()` when the limit passes first."""
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, what()
        time.sleep(POLL)


class Terminal:
    """A shell in a terminal of its own.

    Args:
        folder: where the program keeps its data and settings.
        columns: width.
        rows: height.
        settings: the program's settings file; keys go to the log first, unless a test is about where they go.
    """

    def __init__(
        self, folder: Path, columns: int = 120, rows: int = 40, *, settings: str = 'start_in = "log"\n'
    ) -> None:
        write_settings(folder / "config", settings)
        self._tmux = ["tmux", "-L", f"espmon-test-{os.getpid()}-{next(_numbers)}", "-f", os.devnull]
        self.data = folder / "data"
        self._pid_file = folder / "pid"
        environment = {
            "XDG_DATA_HOME": str(self.data),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "PS1": "shell$ ",
            "TERM": "tmux-256color",
            "HISTFILE": "",  # what a test types is none of the user's shell history
        }
        words = [f"{name}={value}" for name, value in environment.items()]
        # Exported sizes would freeze every program in the terminal at them.
        shell = shlex.join(["env", "-u", "COLUMNS", "-u", "LINES", *words, "bash", "--norc", "--noprofile"])
        self._run("new-session", "-d", "-x", str(columns), "-y", str(rows), shell)
        self._socket = Path(self.format("#{socket_path}"))
        self.shows("shell$")

    def _run(self, *words: str) -> str:
        done = subprocess.run([*self._tmux, *words], check=True, capture_output=True, text=True, timeout=LIMIT)
        return done.stdout

    def screen(self) -> str:
        """What is on the screen, row by row."""
        return self._run("capture-pane", "-p")

    def coloured(self) -> str:
        """The same with the sequences of its colours."""
        return self._run("capture-pane", "-p", "-e")

    def format(self, variables: str) -> str:
        """tmux's own variables, as in `#{alternate_on}`."""
        return self._run("display-message", "-p", variables).strip()

    def shows(self, *texts: str) -> str:
        """Wait until all `texts` are on the screen; returns it."""
        until(
            lambda: all(text in self.screen() for text in texts),
            lambda: f"{texts} never showed up on\n{self.screen()}",
        )
        return self.screen()

    def hides(self, text: str) -> None:
        """Wait until `text` is gone from the screen."""
        until(lambda: text not in self.screen(), lambda: f"{text!r} stayed on\n{self.screen()}")

    def press(self, *keys: str) -> None:
        """Press keys, in tmux's names."""
        self._run("send-keys", *keys)

    def type(self, text: str) -> None:
        """Type a text and Enter."""
        self._run("send-keys", "-l", text)
        self.press("Enter")

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, as a user drags the window."""
        self._run("resize-window", "-x", str(columns), "-y", str(rows))

    def start(self, *arguments: str) -> None:
        """Run espmon; its exit code is printed when it ends."""
        # The inner shell gives its process id to the program, so that signals find it.
        inner = f"echo $$ >{shlex.quote(str(self._pid_file))}; exec {shlex.join([ESPMON, *arguments])}"
        self.type(f'clear; bash -c {shlex.quote(inner)}; echo "left with $?"')
        until(lambda: self._pid_file.exists() and self._pid_file.read_text().strip(), lambda: self.screen())

    @property
    def pid(self) -> int:
        """The program's process id."""
        return int(self._pid_file.read_text())

    def stty(self) -> str:
        """The shell's terminal settings."""
        answer = self._pid_file.with_name("stty")
        answer.unlink(missing_ok=True)
        partial = answer.with_name("stty.part")
        # The file appears whole: the typed line itself is on the screen before the shell has run it.
        self.type(f"stty -a >{shlex.quote(str(partial))} && mv {shlex.quote(str(partial))} {shlex.quote(str(answer))}")
        until(answer.exists, lambda: self.screen())
        return answer.read_text()

    def session_folder(self) -> Path:
        """The one folder that the program recorded into."""
        (folder,) = (self.data / "espmon" / "sessions").iterdir()
        return folder

    def recorded(self) -> bytes:
        """The raw bytes on disk."""
        return (self.session_folder() / "stream.bin").read_bytes()

    def sidecar(self) -> list[dict[str, Any]]:
        """What the recording says of times and events."""
        lines = (self.session_folder() / "events.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines]

    def close(self) -> None:
        """End the terminal and everything in it."""
        subprocess.run([*self._tmux, "kill-server"], check=False, capture_output=True, timeout=LIMIT)
        self._socket.unlink(missing_ok=True)


class Board:
    """`espmon sim` as a process of its own, which can be unplugged."""

    def __init__(self, folder: Path, *options: str) -> None:
        self._events = folder / "board.jsonl"
        self._options = options
        self._process: subprocess.Popen[str] | None = None
        self.url = "rfc2217://127.0.0.1:0"
        self.plug()

    def plug(self) -> None:
        """Start it, from the second time on at the URL it had."""
        command = [ESPMON, "sim", "--listen", self.url, "--settle", "0", "--events", str(self._events), *self._options]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def unplug(self) -> None:
        """Kill it without a word."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.communicate()

    def events(self, kind: str) -> list[dict[str, Any]]:
        """What it saw of the lines and modes so far."""
        events = [json.loads(line) for line in self._events.read_text().splitlines()]
        return [event for event in events if event["event"] == kind]


@contextmanager
def terminal(folder: Path, columns: int = 120, rows: int = 40, **options: str) -> Iterator[Terminal]:
    """A terminal that ends with the block; `options` are those of `Terminal`."""
    made = Terminal(folder, columns, rows, **options)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def board(folder: Path, *options: str) -> Iterator[Board]:
    """A board that is unplugged with the block."""
    made = Board(folder, *options)
    try:
        yield made
    finally:
        made.unplug()


def have_tmux() -> bool:
    """Whether tmux is installed."""
    return shutil.which("tmux") is not None
