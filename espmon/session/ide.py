"""The hook that IDEs know from idf.py monitor: a WebSocket that is told of debug stubs and core dumps.

Messages: `{"type": "event", "event": "gdb_stub", "port": ..., "prog": ...}` and `{"type": "event", "event": "coredump",
"file": ..., "prog": ...}`; the IDE answers `{"event": "debug_finished"}` when it is done. A crash that was decoded is
`{"type": "error", "file": ..., "line": ..., "message": ..., "suggestion": ...}`, which needs no answer; nor does a
payload that the board sent: `{"type": "frame", "path": ..., ...}` with the fields of the record `frame` or `png`.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.records.record import JsonObject
from espmon.time_limit import time_limit

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

CONNECT_SECONDS = 3.0
"""Longest wait for a connection, and for sending a message."""

WAIT_SECONDS = 3600.0
"""Longest wait for an IDE; the user can end it before."""

MAX_MESSAGES = 1000
"""Messages read while waiting; an IDE that says more is not talking about this."""


class IdeError(Exception):
    """The IDE cannot be reached, or left; the message is a warning, never fatal."""


class Ide:
    """Speaks to one IDE.

    Args:
        url: `ws://` or `wss://`.
        wait: seconds to wait for `debug_finished`.
    """

    def __init__(self, url: str, *, wait: float = WAIT_SECONDS) -> None:
        self.url = url
        self._wait = wait
        self._stop = asyncio.Event()

    def stop_waiting(self) -> None:
        """The user does not want to wait any longer."""
        self._stop.set()

    async def gdb_stub(
        self, port: str, program: Path | None, before: Callable[[], Awaitable[None]] | None = None
    ) -> bool:
        """Tell that the board waits in its debug stub; `before` runs once the IDE is reached (to let go of the port).

        See `_tell` for the result and the errors.
        """
        return await self._tell({"event": "gdb_stub", "port": port, "prog": str(program or "")}, before)

    async def core_dump(self, file: Path, program: Path | None) -> bool:
        """Tell that a core dump was saved; see `_tell`."""
        return await self._tell({"event": "coredump", "file": str(file), "prog": str(program or "")})

    async def crash(self, message: str, file: str | None, line: int | None, suggestion: str = "") -> None:
        """Tell of a crash and its place in the source. Raises `IdeError` when the IDE cannot be reached."""
        place: JsonObject = {"file": file or "", "line": line or 0}
        await self._say({"type": "error", **place, "message": message, "suggestion": suggestion})

    async def frame(self, fields: JsonObject) -> None:
        """Tell of a payload that the board sent. Raises `IdeError` when the IDE cannot be reached."""
        await self._say({"kind": "png", **fields, "type": "frame"})

    async def _say(self, message: JsonObject) -> None:
        """Send a message that needs no answer."""
        from websockets.exceptions import WebSocketException

        socket = await self._connected()
        try:
            async with time_limit(CONNECT_SECONDS):
                await socket.send(json.dumps(message))
        except (WebSocketException, TimeoutError) as error:
            raise IdeError(f"The IDE at {self.url} closed the connection") from error
        finally:
            await socket.close()

    async def _connected(self) -> ClientConnection:
        from websockets.asyncio.client import connect
        from websockets.exceptions import WebSocketException

        try:
            async with time_limit(CONNECT_SECONDS):
                return await connect(self.url, open_timeout=CONNECT_SECONDS)
        except (OSError, TimeoutError, ValueError, WebSocketException) as error:
            raise IdeError(f"The IDE at {self.url} cannot be reached: {error or 'no answer'}") from error

    async def _tell(self, fields: JsonObject, before: Callable[[], Awaitable[None]] | None = None) -> bool:
        """Send an event and wait for the IDE.

        Returns:
            True when the IDE said that it is done, False when the user or the limit ended the wait.

        Raises:
            IdeError: it could not be reached, or closed the connection before it was done.
        """
        from websockets.exceptions import WebSocketException

        self._stop.clear()
        socket = await self._connected()
        try:
            if before is not None:
                await before()
            await socket.send(json.dumps({"type": "event", **fields}))
            return await self._finished(socket)
        except WebSocketException as error:
            raise IdeError(f"The IDE at {self.url} closed the connection") from error
        finally:
            await socket.close()

    async def _finished(self, socket: ClientConnection) -> bool:
        async def listen() -> bool:
            for _ in range(MAX_MESSAGES):
                try:
                    message = json.loads(await socket.recv())
                except (ValueError, RecursionError):
                    continue  # no JSON, or lists in lists in lists: it costs this message
                if isinstance(message, dict) and message.get("event") == "debug_finished":
                    return True
            return False

        listening = asyncio.create_task(listen())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait({listening, stopping}, timeout=self._wait, return_when=asyncio.FIRST_COMPLETED)
            return listening.result() if listening.done() else False
        finally:
            for task in (listening, stopping):
                task.cancel()
            await asyncio.gather(listening, stopping, return_exceptions=True)
