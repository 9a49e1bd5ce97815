"""Where programs of one user meet over a port that one of them holds, on POSIX: a Unix socket in a folder of theirs.

The folder has mode 0700 and the socket 0600, and both ends ask the system whose program is at the other end.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import stat
from contextlib import suppress

from espmon.port.posix_listener import Serve, peer_user, socket_place
from espmon.time_limit import time_limit

NOT_HERE = ""
"""Why programs cannot meet here."""

NAME_DIGITS = 32
"""Hex digits of the socket's name."""

KNOCK_SECONDS = 1.0
"""Longest wait for a listener that may be left over from a program that has ended."""


class SharedListener:
    """Accepts the user's own programs.

    Attributes:
        address: the socket's path.
    """

    def __init__(self, server: asyncio.Server, address: str) -> None:
        self._server = server
        self.address = address
        self._made = os.lstat(address)

    def close(self) -> None:
        """Stop listening, and take the socket away, unless another program has put its own there."""
        self._server.close()
        with suppress(OSError):
            if os.path.samestat(os.lstat(self.address), self._made):
                os.unlink(self.address)


def shared_address(key: str) -> str:
    """The path of the socket at which who holds `key` is found. It need not be there."""
    import hashlib  # only where a session is shared

    name = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:NAME_DIGITS]
    rest = f"/espmon-{os.getuid()}/{name}"
    return socket_place(rest) + rest


async def listen_shared(address: str, serve: Serve) -> SharedListener:
    """Start listening. Raises `OSError`: EADDRINUSE where another program does already."""
    folder = os.path.dirname(address)
    with suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    _check(folder)
    if there(address):
        try:
            _, writer = await connect_shared(address)
        except OSError:
            os.unlink(address)  # left over
        else:
            writer.close()
            raise OSError(errno.EADDRINUSE, "another program is there already", address)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if _ours(writer):
            await serve(reader, writer)
        else:
            writer.close()

    server = await asyncio.start_unix_server(accept, address, start_serving=False)
    listener = SharedListener(server, address)
    try:
        os.chmod(address, 0o600)
        await server.start_serving()
    except BaseException:  # cancelled: nobody has it yet who would close it
        listener.close()
        raise
    return listener


async def connect_shared(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Connect to the program that listens there. Raises `OSError`: nobody does, or it is another user's."""
    _check(os.path.dirname(address))
    try:
        async with time_limit(KNOCK_SECONDS):
            reader, writer = await asyncio.open_unix_connection(address)
    except TimeoutError:
        raise OSError(errno.ETIMEDOUT, "nobody answers", address) from None
    if not _ours(writer):
        writer.close()
        raise OSError(errno.EACCES, "it is another user's", address)
    return reader, writer


def there(address: str) -> bool:
    """Whether somebody listens there, or has."""
    return os.path.lexists(address)


def _ours(writer: asyncio.StreamWriter) -> bool:
    connection: socket.socket = writer.get_extra_info("socket")
    return peer_user(connection) in (os.getuid(), None)


def _check(folder: str) -> None:
    """Raise `OSError` unless the folder is one that only this user can enter."""
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise OSError(errno.EACCES, "it is not this user's alone", folder)
