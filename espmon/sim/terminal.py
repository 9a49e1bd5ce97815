"""A pseudo-terminal in front of a simulated board: for programs that serve a local port to the network.

It has no DTR and RTS. The board has power at once; what nobody reads waits in the terminal, and the board with it. The
rate that a client sets on the terminal is the rate at which the board's bytes are read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from types import TracebackType

from espmon.sim.board import SimulatedBoard
from espmon.sim.server import ListenError

READ_SIZE = 4096


class BoardTerminal:
    """One board behind one pseudo-terminal.

    Attributes:
        url: the device that clients open; known once started.
    """

    def __init__(self, board: SimulatedBoard) -> None:
        self.board = board
        self.url = ""
        self._master = self._slave = -1
        self._relay: asyncio.Task[None] | None = None
        self._read_rate: Callable[[int], int]

    async def start(self) -> BoardTerminal:
        """Make the terminal; raises `ListenError` where there are none."""
        try:
            import tty

            from espmon.port.posix_termios import read_rate

            self._master, self._slave = os.openpty()
            tty.setraw(self._slave)
        except (ImportError, AttributeError, OSError) as error:
            raise ListenError(f"no pseudo-terminal here: {error}") from error
        self._read_rate = read_rate
        os.set_blocking(self._master, False)
        self.url = os.ttyname(self._slave)
        self._relay = asyncio.get_running_loop().create_task(self._forward())
        self.board.connect(self._send)
        return self

    async def close(self) -> None:
        """Power the board off and remove the terminal."""
        if self._relay is not None:
            self._relay.cancel()
            await asyncio.wait([self._relay])
        self.board.disconnect()
        await self.board.close()
        os.close(self._master)
        os.close(self._slave)

    async def __aenter__(self) -> BoardTerminal:
        return await self.start()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def _forward(self) -> None:
        while True:
            await self._wait(writing=False)
            with contextlib.suppress(BlockingIOError):
                data = os.read(self._master, READ_SIZE)
                self._follow_rate()
                await self.board.receive(data)

    def _follow_rate(self) -> None:
        """What the client has set is looked at with each byte: nothing tells of a change."""
        rate = self._read_rate(self._master)
        if rate and rate != self.board.baud:
            self.board.set_baud(rate)

    async def _send(self, data: bytes) -> None:
        self._follow_rate()
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._master, view) :]
            except BlockingIOError:
                await self._wait(writing=True)

    async def _wait(self, *, writing: bool) -> None:
        loop = asyncio.get_running_loop()
        ready = asyncio.Event()
        add, remove = (loop.add_writer, loop.remove_writer) if writing else (loop.add_reader, loop.remove_reader)
        add(self._master, ready.set)
        try:
            await ready.wait()
        finally:
            remove(self._master)
