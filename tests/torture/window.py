"""A pseudo-terminal that the installed program runs in, and everything that can happen to a window."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tests.user_settings import write_settings

ESPMON = str(Path(sys.executable).with_name("espmon"))

LIMIT = 30.0
"""Seconds that anything but leaving may take on a busy machine."""

KEYS_TO_LOG = 'start_in = "log"\n'
"""Settings under which all else is as a new user has it."""

WHOLE_WORDS = KEYS_TO_LOG + "terminal_diff = false\n"
"""Settings under which each changed row is written whole: who looks for a word among bytes needs it in one piece."""

MAX_SEEN = 1 << 20
"""Bytes of what the program wrote that are kept."""


def set_size(terminal: int, columns: int, rows: int) -> None:
    """Set the size of a pseudo-terminal."""
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


class Window:
    """espmon in a terminal of its own. The program leads a session, as in a window of a terminal emulator.

    Args:
        folder: where it keeps data and settings.
        arguments: of the command line.
        controlling: the terminal is the program's controlling one: its end is a signal.
        closed: standard streams that the program starts without.
        before_start: called in the child before the program starts.
        settings: the program's settings file; keys go to the log first and words come whole, unless a test is about
            just that.
    """

    def __init__(
        self,
        folder: Path,
        arguments: Sequence[str],
        *,
        controlling: bool = True,
        closed: Sequence[int] = (),
        before_start: Callable[[], None] = lambda: None,
        settings: str = WHOLE_WORDS,
    ) -> None:
        write_settings(folder / "config", settings)
        self.data = folder / "data"
        self.master, self.slave = os.openpty()
        self.resize(120, 40)
        self.attributes = termios.tcgetattr(self.slave)
        environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        environment |= {
            "XDG_DATA_HOME": str(self.data),
            "XDG_CONFIG_HOME": str(folder / "config"),
            "XDG_STATE_HOME": str(folder / "state"),
            "TERM": "xterm-256color",
        }

        def prepare() -> None:
            os.setsid()
            if controlling:
                fcntl.ioctl(0, termios.TIOCSCTTY, 0)
            for descriptor in closed:
                os.close(descriptor)
            before_start()

        self.process = subprocess.Popen(
            [ESPMON, *arguments],
            stdin=self.slave,
            stdout=self.slave,
            stderr=self.slave,
            env=environment,
            preexec_fn=prepare,
            close_fds=True,
        )
        self.seen = bytearray()
        self.reading = threading.Event()
        self.reading.set()
        self._closed = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while not self._closed.is_set():
            if not self.reading.wait(0.02):
                continue
            ready, _, _ = select.select([self.master], [], [], 0.02)
            if ready:
                try:
                    self.took(os.read(self.master, 1 << 16))
                except OSError:
                    return

    def took(self, data: bytes) -> None:
        """The program wrote this; called in the reader's thread."""
        self.seen += data
        del self.seen[:-MAX_SEEN]

    def until(self, condition: Callable[[], Any], what: str, limit: float = LIMIT) -> None:
        """Wait for a condition. Raises AssertionError."""
        end = time.monotonic() + limit
        while not condition():
            assert time.monotonic() < end, f"{what}: never, in {limit:g} s; the screen ends {bytes(self.seen[-300:])!r}"
            time.sleep(0.005)

    def shows(self, text: bytes) -> None:
        """Wait for bytes among what was drawn last."""
        self.until(lambda: text in self.seen, f"{text!r} on the screen")

    def type(self, data: bytes) -> None:
        """Send keys, however little the program takes at a time."""
        end = time.monotonic() + LIMIT
        while data:
            _, ready, _ = select.select([], [self.master], [], 0.1)
            assert time.monotonic() < end, f"{len(data)} bytes of keys were never taken"
            if ready:
                data = data[os.write(self.master, data[:1024]) :]

    def resize(self, columns: int, rows: int) -> None:
        """Drag the window's corner."""
        set_size(self.slave, columns, rows)

    def close(self) -> None:
        """The window is gone, with whatever was in it."""
        if not self._closed.is_set():
            self._closed.set()
            self._reader.join()
            os.close(self.slave)
            os.close(self.master)

    def ended(self, limit: float) -> int | None:
        """The exit code, None while it still runs after `limit` seconds."""
        try:
            return self.process.wait(limit)
        except subprocess.TimeoutExpired:
            return None

    def peak_memory(self) -> float:
        """Most memory that the program had resident so far, in MB; 0 where the system does not tell."""
        try:
            text = Path(f"/proc/{self.process.pid}/status").read_text()
        except OSError:
            return 0.0
        return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0.0)

    def given_back(self) -> bool:
        """Whether the terminal is as it was before (call while the window is open)."""
        self.reading.set()
        self.until(lambda: b"\x1b[?1049l" in self.seen[-2000:], "the way back", 5.0)
        return termios.tcgetattr(self.slave) == self.attributes

    def session_folder(self) -> Path:
        """The one folder that was recorded into."""
        (folder,) = (self.data / "espmon" / "sessions").iterdir()
        return folder

    def recorded(self) -> bytes:
        """The raw bytes on disk."""
        return (self.session_folder() / "stream.bin").read_bytes()

    def sidecar(self) -> list[dict[str, Any]]:
        """What the recording says."""
        return [json.loads(line) for line in (self.session_folder() / "events.jsonl").read_text().splitlines()]

    def end(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
        self.close()


class PtyBoard:
    """A board on a pseudo-terminal that can be made to send."""

    def __init__(self) -> None:
        import tty

        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        self.sent = 0

    def send(self, data: bytes) -> None:
        """Send all of it; the program reads."""
        while data:
            count = os.write(self.master, data)
            self.sent += count
            data = data[count:]

    def received(self) -> bytes:
        """What the program has sent since the last call."""
        data = bytearray()
        while select.select([self.master], [], [], 0)[0]:
            data += os.read(self.master, 1 << 16)
        return bytes(data)

    def taken(self) -> int:
        """Bytes sent that the program has read; call when it has ended and nothing is sent any more."""
        left = 0
        os.set_blocking(self.slave, False)
        while select.select([self.slave], [], [], 0.05)[0]:
            left += len(os.read(self.slave, 1 << 16))
        return self.sent - left

    def free(self) -> bool:
        """Whether nobody holds the port: it can be opened and locked."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_NOCTTY)
        except OSError as error:
            # A pseudo-terminal stays exclusive behind a holder that was killed while its other end is open.
            return error.errno == errno.EBUSY and not self._held()
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        return True

    def _held(self) -> bool:
        """Whether another process has the port open: this one is the board."""
        own = f"/proc/{os.getpid()}/"
        for descriptor in Path("/proc").glob("[0-9]*/fd/*"):
            try:
                if os.readlink(descriptor) == self.path and not str(descriptor).startswith(own):
                    return True
            except OSError:
                continue  # the process has ended, or is somebody else's
        return False

    def close(self) -> None:
        """Unplug it."""
        os.close(self.master)
        os.close(self.slave)
