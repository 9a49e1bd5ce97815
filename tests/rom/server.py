"""esp32-mock-bootloader behind a TCP port and behind a PTY, as a process of its own, for what needs a real port."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

START_SECONDS = 30.0
"""Seconds until a loader's port must be there; most of them go into importing esptool."""


@contextmanager
def _loader(*options: str) -> Iterator[str]:
    """What `esp32-mock-bootloader run` writes as its port, until the context ends."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "port"
        run = [sys.executable, "-m", "esp32_mock_bootloader.cli", "run", *options, "--port-file", str(place)]
        with subprocess.Popen(run, stdout=subprocess.DEVNULL) as process:
            try:
                end = time.monotonic() + START_SECONDS
                while not (place.exists() and place.read_text()):
                    assert process.poll() is None, "the loader ended"
                    assert time.monotonic() < end, "the loader opened no port"
                    time.sleep(0.02)
                yield place.read_text()
            finally:
                process.terminate()


@contextmanager
def tcp_loader(chip: str = "esp32c3") -> Iterator[str]:
    """The URL of a loader that serves one client after the other, all on one flash, until the context ends."""
    with _loader("--port", "0", "--chip", chip) as port:
        yield f"socket://127.0.0.1:{port}"


@contextmanager
def pty_loader(chip: str = "esp32c3") -> Iterator[str]:
    """The device path of a loader behind a PTY; it keeps its state from one client to the next."""
    with _loader("--pty", "--chip", chip) as path:
        yield path


@contextmanager
def silent_listener() -> Iterator[str]:
    """The URL of something that accepts a connection and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """(our end, the program's end) of a pseudo-terminal."""
    ours, theirs = os.openpty()
    try:
        yield ours, theirs
    finally:
        for end in (ours, theirs):
            with suppress(OSError):
                os.close(end)
