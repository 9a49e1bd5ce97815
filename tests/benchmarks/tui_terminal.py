"""A terminal for benchmarks: starts a program in a real pseudo-terminal, reads what it paints, and times it."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self


class Terminal:
    """A child process in a terminal of its own.

    Args:
        command: what to run.
        columns: width.
        rows: height.
        environment: added to the environment.
    """

    def __init__(
        self, command: Sequence[str], *, columns: int = 160, rows: int = 50, environment: dict[str, str] | None = None
    ) -> None:
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", **(environment or {})}
        # An installed program has its bytecode cached; one from a source tree may not be allowed to.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.started = time.perf_counter()
        self.process = subprocess.Popen(
            list(command), stdin=slave, stdout=slave, stderr=slave, env=env, start_new_session=True
        )
        os.close(slave)
        self.master = master
        self.output = bytearray()

    def read(self, seconds: float) -> bytes:
        """What is painted within `seconds`, b"" when nothing is."""
        if not select.select([self.master], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self.master, 1 << 16)
        except OSError:
            return b""
        self.output += data
        return data

    def wait_for(self, text: bytes, limit: float = 20.0) -> float:
        """Seconds from the start until `text` was painted. Raises TimeoutError."""
        end = time.perf_counter() + limit
        while time.perf_counter() < end:
            if text in self.output or (self.read(0.05) and text in self.output):
                return time.perf_counter() - self.started
        raise TimeoutError(f"{text!r} was never painted, but {bytes(self.output[-2000:])!r}")

    def drain(self, seconds: float) -> int:
        """Read for so long; returns the bytes painted."""
        end, count = time.perf_counter() + seconds, 0
        while (left := end - time.perf_counter()) > 0:
            count += len(self.read(left))
            del self.output[:-65536]
        return count

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self.master, keys)

    def cpu(self) -> float:
        """Seconds of processor time that the program has used, all threads, user and system."""
        with open(f"/proc/{self.process.pid}/stat") as file:
            fields = file.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def worked(self) -> float:
        """The same, finer, of the threads that live."""
        total = 0
        for path in Path(f"/proc/{self.process.pid}/task").glob("*/schedstat"):
            with contextlib.suppress(OSError):  # it has ended
                total += int(path.read_text().split()[0])
        return total / 1e9

    def close(self) -> None:
        """End the program."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        os.close(self.master)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
