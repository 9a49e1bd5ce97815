"""A listener for one's own programs alone, on POSIX: a Unix socket in a private folder, and the peer's user asked."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import sys
from collections.abc import Awaitable, Callable

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

MAX_SOCKET_PATH = 100
"""Bytes that the path of a socket may have everywhere (104 on macOS, 108 on Linux, with the NUL)."""

LOCAL_PEERCRED = 1
"""Asks a Unix socket of macOS and the BSDs for the peer's user: a version, then the user's number."""


class PrivateListener:
    """Serves connections of the user who runs espmon, nobody else's.

    Attributes:
        address: what a debugger on this computer is told to connect to.
    """

    def __init__(self, server: asyncio.Server, folder: str, address: str) -> None:
        self._server = server
        self._folder = folder
        self.address = address

    def close(self) -> None:
        """Stop listening; nothing of it stays behind."""
        self._server.close()
        _remove(self._folder)


async def listen_privately(serve: Serve) -> PrivateListener:
    """Start listening. Raises `OSError`.

    The folder is new, has a name that cannot be guessed, and lets only its owner in.
    """

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if peer_user(writer.get_extra_info("socket")) in (os.getuid(), None):
            await serve(reader, writer)
        else:
            writer.close()

    import tempfile  # few sessions listen

    folder = tempfile.mkdtemp(prefix="espmon-", dir=socket_place("/espmon-12345678/gdb"))
    path = os.path.join(folder, "gdb")
    try:
        server = await asyncio.start_unix_server(accept, path)
    except OSError:
        _remove(folder)
        raise
    return PrivateListener(server, folder, path)


def peer_user(connection: socket.socket) -> int | None:
    """The number of the user at the other end of a Unix socket; None where the system does not tell."""
    try:
        if sys.platform == "linux":
            _, user, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        else:
            _, user = struct.unpack("2I", connection.getsockopt(0, LOCAL_PEERCRED, 76)[:8])
    except (OSError, struct.error):
        return None
    return int(user)


def _remove(folder: str) -> None:
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def socket_place(rest: str) -> str:
    """The folder for sockets: the first that has room for a path ending in `rest`, and that a debugger reads."""
    import tempfile

    places = (os.environ.get("XDG_RUNTIME_DIR", ""), tempfile.gettempdir(), "/tmp")
    for place in places:
        fits = len(os.fsencode(place)) <= MAX_SOCKET_PATH - len(rest)
        readable = place.isascii() and place.isprintable() and " " not in place
        if os.path.isabs(place) and fits and readable and os.access(place, os.W_OK | os.X_OK):
            return place
    return "/tmp"
