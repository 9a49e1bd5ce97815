"""A mock loader with one flash for all its clients, in a process of its own: it prints its port and ends with stdin.

python -m tests.benchmarks.flash_server tcp|pty CHIP

`esp32-mock-bootloader run` (`tests/rom/server.py`) cannot do this: it waits only 50 ms for an acknowledgement while
flash is read, holds small replies back (Nagle), and ends the session a while after the first of several files.
"""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import AbstractContextManager, suppress
from pathlib import Path

CLOSE_SECONDS = 10.0


PATIENCE = 5.0
"""Seconds that the mock waits for an acknowledgement while flash is read; its own 50 ms are too few for esptool."""


def _tcp(chip: str) -> None:
    from esp32_mock_bootloader.server import BootloaderConnection, FlashImage, handle_client

    class Patient(BootloaderConnection):  # type: ignore[misc]  # the mock has no types
        def set_timeout(self, timeout: float) -> None:
            super().set_timeout(max(timeout, PATIENCE))

    flash = FlashImage()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"socket://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with suppress(OSError):
                wire = Patient(sock=connection)
                handle_client(wire, threading.Event(), chip, flash=flash, exit_on_disconnect=True)


def _pty(chip: str) -> None:
    from esp32_mock_bootloader.server import BootloaderConnection, FlashImage, PtyMasterTransport, handle_client

    transport = PtyMasterTransport.create()
    print(transport.client_path, flush=True)
    handle_client(
        BootloaderConnection(pty=transport), threading.Event(), chip, flash=FlashImage(), exit_on_disconnect=True
    )


class FlashServer(AbstractContextManager[str]):
    """The port of a loader in another process, which shares no interpreter lock with what is measured."""

    def __init__(self, kind: str, chip: str) -> None:
        command = [sys.executable, "-m", "tests.benchmarks.flash_server", kind, chip]
        root = Path(__file__).resolve().parents[2]
        self._process = subprocess.Popen(
            command, cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )

    def __enter__(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __exit__(self, *exc_info: object) -> None:
        self._process.communicate("\n", timeout=CLOSE_SECONDS)


def main() -> int:
    """Serve until stdin ends."""
    kind, chip = sys.argv[1:3]
    threading.Thread(target={"tcp": _tcp, "pty": _pty}[kind], args=(chip,), daemon=True).start()
    sys.stdin.readline()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
