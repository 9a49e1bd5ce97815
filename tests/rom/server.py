"""esp32-mock-bootloader behind a TCP port and behind a PTY, for what needs a real port."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from esp32_mock_bootloader.server import BootloaderConnection, FlashImage, PtyMasterTransport, handle_client


@contextmanager
def tcp_loader(chip: str = "esp32c3") -> Iterator[str]:
    """The URL of a loader that serves one client after the other, until the context ends."""
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)

    def serve() -> None:
        while not stop.is_set():
            with suppress(TimeoutError):
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                wire = BootloaderConnection(sock=connection)
                handle_client(wire, stop, chip, flash=FlashImage(), exit_on_disconnect=True)

    thread = threading.Thread(target=serve, name="tcp-loader")
    thread.start()
    try:
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(5.0)
        listener.close()


@contextmanager
def pty_loader(chip: str = "esp32c3") -> Iterator[str]:
    """The device path of a loader behind a PTY; it keeps its state from one client to the next."""
    stop = threading.Event()
    transport = PtyMasterTransport.create()
    path = transport.client_path

    def serve() -> None:
        handle_client(BootloaderConnection(pty=transport), stop, chip, flash=FlashImage(), exit_on_disconnect=True)

    thread = threading.Thread(target=serve, name="pty-loader")
    thread.start()
    try:
        yield path
    finally:
        stop.set()
        thread.join(5.0)
        with suppress(OSError):
            transport.close()


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
