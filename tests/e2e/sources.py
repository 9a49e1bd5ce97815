"""Where bytes come from."""

from __future__ import annotations

import asyncio
import os
import threading
import tty
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

WRITER_LIMIT = 10.0
"""Seconds for the last bytes to be taken."""


@asynccontextmanager
async def pty_source(data: bytes) -> AsyncIterator[str]:
    """The path of a pseudo-terminal that says `data`, as fast as it is taken."""
    master, slave = os.openpty()
    tty.setraw(slave)

    def write() -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(master, view) :]

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    yield os.ttyname(slave)
    await asyncio.to_thread(writer.join, WRITER_LIMIT)
    os.close(slave)
    os.close(master)
