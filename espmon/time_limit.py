"""A limit for a wait, which also holds where a task cleans up after it was cancelled.

`asyncio.timeout` of Python 3.11.0 to 3.11.2, which is that of Debian 12, takes the end of its time for the cancellation
there: closing a port, of all things, ended half-way (python/cpython#102780).
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["careful_time_limit", "time_limit"]


@asynccontextmanager
async def careful_time_limit(seconds: float | None) -> AsyncIterator[None]:
    """What `asyncio.timeout` does since Python 3.11.3.

    Args:
        seconds: until the body is ended; None: never.

    Raises:
        TimeoutError: the time is up. A cancellation by others stays one, also when both come together.
    """
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a time limit needs a task")
    cancelled_before = task.cancelling()
    expired = False

    def expire() -> None:
        nonlocal expired
        expired = True
        task.cancel()

    timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, expire)
    ended_by: BaseException | None = None
    try:
        yield
    except asyncio.CancelledError as error:
        ended_by = error
        raise
    finally:
        if timer is not None:
            timer.cancel()
        if expired and task.uncancel() <= cancelled_before and ended_by is not None:
            raise TimeoutError from ended_by


time_limit = asyncio.timeout if sys.version_info >= (3, 11, 3) else careful_time_limit
