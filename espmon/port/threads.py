"""Calls that may block, on a thread of their own, with a limit."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import TypeVar

from espmon.time_limit import time_limit

Result = TypeVar("Result")


async def run_bounded(
    work: Callable[[], Result], limit: float, *, name: str, discard: Callable[[Result], object] | None = None
) -> Result:
    """Run `work` on a daemon thread and wait at most `limit` seconds for it.

    A driver can hold a thread in the kernel for as long as it likes (an unplugged adapter, a drain); a daemon thread
    does not keep the program from ending, which a pool's thread would.

    Args:
        work: the call.
        limit: seconds. TimeoutError is raised after them; the thread ends when the kernel lets it go.
        name: the thread's name.
        discard: gets the result that came after the caller stopped waiting (to close what was opened).
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def deliver(result: Result | None, error: BaseException | None) -> None:
        if future.done():
            if error is None and discard is not None:
                discard(result)  # type: ignore[arg-type]  # without an error there is a result
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def main() -> None:
        result: Result | None = None
        error: BaseException | None = None
        try:
            result = work()
        except BaseException as caught:  # noqa: BLE001 handed to the waiting task
            error = caught
        try:
            loop.call_soon_threadsafe(deliver, result, error)
        except RuntimeError:
            # The loop is closed: nobody waits any more.
            if error is None and discard is not None:
                discard(result)  # type: ignore[arg-type]

    threading.Thread(target=main, name=f"espmon-{name}", daemon=True).start()
    # Not `wait_for`: it can swallow a cancellation that comes with the result.
    async with time_limit(limit):
        try:
            return await future
        except asyncio.CancelledError:
            if discard is not None and future.done() and not future.cancelled() and future.exception() is None:
                discard(future.result())
            raise
