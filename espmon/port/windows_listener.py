"""A listener for one's own programs, on Windows: asyncio has no Unix sockets there, so the loopback interface it is."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class PrivateListener:
    """Serves connections from this computer. See `posix_listener`."""

    def __init__(self, server: asyncio.Server, address: str) -> None:
        self._server = server
        self.address = address

    def close(self) -> None:
        """Stop listening."""
        self._server.close()


async def listen_privately(serve: Serve) -> PrivateListener:
    """Start listening. Raises `OSError`."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    return PrivateListener(server, f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
