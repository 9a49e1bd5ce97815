"""Where programs of one user would meet over a port, on Windows: asyncio has no Unix sockets there, so they do not."""

from __future__ import annotations

import asyncio
import errno

from espmon.port.windows_listener import Serve

NOT_HERE = "looking on at another espmon's session needs Unix sockets, which Python has not on Windows"


class SharedListener:
    """There is none; see `posix_sharing`."""

    address = ""

    def close(self) -> None:
        """Nothing listens."""


def shared_address(key: str) -> str:
    """No address."""
    return ""


def there(address: str) -> bool:
    """Nobody listens."""
    return False


async def listen_shared(address: str, serve: Serve) -> SharedListener:
    """Raises `OSError`."""
    raise OSError(errno.EOPNOTSUPP, NOT_HERE)


async def connect_shared(address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises `OSError`."""
    raise OSError(errno.EOPNOTSUPP, NOT_HERE)
