"""A core dump for a debugger: gdb started on it, or a local port that gdb and IDEs connect to."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from espmon.model.architecture import Architecture
from espmon.port.platform import listen_privately
from espmon.postmortem.dump_target import DumpSource
from espmon.postmortem.remote_target import RemoteTarget
from espmon.programs import command_line, start
from espmon.session.debug_lease import NO_STARTUP_FILES, find_gdb

LOCAL = "127.0.0.1"
"""Where the port is reached from: this computer alone, for a dump holds what the program held."""
READ_BYTES = 4_096


class DumpServer:
    """Serves a dump to any number of debuggers, each for itself."""

    def __init__(self, source: DumpSource) -> None:
        self._source = source
        self._connections: set[asyncio.Task[None]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Speak to one debugger until it leaves."""
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        target = RemoteTarget(self._source)
        try:
            while not target.ended and (data := await reader.read(READ_BYTES)):
                writer.write(await target.feed(data))
                await writer.drain()
        except ConnectionError:
            pass  # it left without a word
        finally:
            self._connections.discard(task)
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[int]:
        """Listen on a TCP port of this computer alone (0: any that is free); gives its number. Raises `OSError`."""
        server = await asyncio.start_server(self.serve, LOCAL, port)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for task in list(self._connections):
                task.cancel()
            await asyncio.gather(*self._connections, return_exceptions=True)

    async def debug(self, machine: int, elf: str | None, commands: Sequence[str] = ()) -> int:
        """Run the gdb of this computer on the dump, in this terminal; returns its exit code.

        Raises `DebugError` where none is installed, `OSError` where it does not start.
        """
        program = find_gdb(machine, self._source.chip)
        listener = await listen_privately(self.serve)
        try:
            command = gdb_command(program, self._source.architecture, listener.address, elf, commands)
            # Ctrl-C is gdb's while it has the terminal.
            loop = asyncio.get_running_loop()
            with contextlib.suppress(NotImplementedError):
                loop.add_signal_handler(signal.SIGINT, lambda: None)
            process = start(command, terminal=True)
            try:
                return await asyncio.to_thread(process.wait)
            finally:
                if process.poll() is None:
                    process.kill()
                with contextlib.suppress(NotImplementedError):
                    loop.remove_signal_handler(signal.SIGINT)
        finally:
            listener.close()


def gdb_command(
    program: str, architecture: Architecture, address: str, elf: str | None, commands: Sequence[str] = ()
) -> list[str]:
    """Return the words that start a gdb on an address; `commands` run behind the connection."""
    told = ["set pagination off", "set remotetimeout 10"]
    if elf is None and "multiarch" in program:
        told.append(f"set architecture {architecture.gdb_name}")
    told += [f"target remote {address}", "set pagination on", *commands]
    options = ["-q", *NO_STARTUP_FILES]
    for text in told:
        options += ["-ex", text]
    return command_line(program, options, [elf] if elf else [])
