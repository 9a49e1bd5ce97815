"""The other ends that the port tests talk to: PTY masters, TCP servers, an RFC 2217 server made with pyserial."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import serial.rfc2217

from espmon.port import Handle, PortError

READ_PATIENCE = 20.0


async def read_exactly(handle: Handle, count: int) -> bytes:
    """Read until `count` bytes are there; fails when they do not come."""
    data = bytearray()
    while len(data) < count:
        chunk = await handle.read(READ_PATIENCE)
        assert chunk, f"{len(data)} of {count} bytes came"
        data += chunk
    return bytes(data)


async def read_to_the_end(handle: Handle) -> tuple[bytes, PortError]:
    """Read until the handle raises; the bytes before, and the error."""
    data = bytearray()
    try:
        while True:
            chunk = await handle.read(READ_PATIENCE)
            assert chunk, "neither bytes nor an error came"
            data += chunk
    except PortError as error:
        return bytes(data), error


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until `condition` holds."""
    while not condition():  # noqa: ASYNC110 what is waited for has no event
        await asyncio.sleep(0.0005)


@contextmanager
def another_program(script: str, *arguments: str) -> Iterator[int]:
    """Run a Python script that prints a line when it is ready, until the block ends; yields its pid."""
    command = [sys.executable, "-c", script + ";print('ready',flush=True);sys.stdin.read()", *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        yield process.pid
        process.communicate()


class Pty:
    """A pseudo-terminal whose slave the code under test opens by name."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(slave)
        self.path = os.ttyname(slave)
        # The slave stays open until the handle is: a master without any slave reads as an error.
        self.slave: int | None = slave

    def release_slave(self) -> None:
        if self.slave is not None:
            os.close(self.slave)
            self.slave = None

    def send(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self.master, view[:65536]) :]

    def send_in_background(self, data: bytes) -> threading.Thread:
        thread = threading.Thread(target=self.send, args=(data,), daemon=True)
        thread.start()
        return thread

    def receive(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count:
            data += os.read(self.master, count - len(data))
        return bytes(data)

    def unplug(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def close(self) -> None:
        self.unplug()
        self.release_slave()


@contextmanager
def tcp_server(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Serve each connection with `serve` on a thread; yields the TCP port."""
    connections: list[socket.socket] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def accept() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                connections.append(connection)
                threading.Thread(target=run, args=(connection,), daemon=True).start()

        def run(connection: socket.socket) -> None:
            try:
                with connection:
                    serve(connection)
            except OSError:
                return  # the client went away, as many tests mean it to

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(5)
            for connection in connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # over already


class FakeSerial:
    """What pyserial's PortManager needs of a serial port; notes what is set."""

    def __init__(self) -> None:
        self.changes: list[tuple[str, Any]] = []
        self.cts = self.dsr = self.ri = self.cd = False

    def __setattr__(self, name: str, value: Any) -> None:
        if name in ("baudrate", "bytesize", "parity", "stopbits", "dtr", "rts"):
            self.changes.append((name, value))
        object.__setattr__(self, name, value)

    baudrate = 9600
    bytesize = 8
    parity = "N"
    stopbits = 1
    xonxoff = False
    rtscts = False
    break_condition = False
    dtr = False
    rts = False

    def reset_input_buffer(self) -> None:
        self.changes.append(("purge", "input"))

    def reset_output_buffer(self) -> None:
        self.changes.append(("purge", "output"))

    @property
    def moves(self) -> list[tuple[str, Any]]:
        return [change for change in self.changes if change[0] in ("dtr", "rts")]


class Rfc2217Peer:
    """An RFC 2217 server for one serial port that echoes, or says what it is told to say."""

    def __init__(self, say: bytes = b"", echo: bool = True, after: bytes = b"") -> None:
        self.port = FakeSerial()
        self.segments: list[bytes] = []
        self._say = say
        self._echo = echo
        self._after = after

    def serve(self, connection: socket.socket) -> None:
        lock = threading.Lock()

        class Writer:
            def write(self, data: bytes) -> None:
                with lock:
                    connection.sendall(data)

        manager = serial.rfc2217.PortManager(self.port, Writer())  # type: ignore[arg-type]
        said = False
        while data := connection.recv(1 << 16):
            self.segments.append(data)
            plain = b"".join(manager.filter(data))
            if self._say and not said and self._after in plain:
                said = True
                with lock:
                    connection.sendall(self._say.replace(b"\xff", b"\xff\xff"))
            if plain and self._echo:
                with lock:
                    connection.sendall(plain.replace(b"\xff", b"\xff\xff"))


def noise(count: int) -> bytes:
    """Reproducible bytes of every value, IAC and NUL among them."""
    import random

    return random.Random(count).randbytes(count)
