"""A session on a thread of its own, so that a slow terminal never delays reading the port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")

STOP_SECONDS = 5.0
"""Seconds to wait for the tasks, and then for the thread, when stopping; and for an object to be made."""


class LoopThread:
    """Owns one thread that runs one event loop. Use as a context manager, or call `stop`."""

    def __init__(self, name: str = "espmon-session") -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def _main(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_forever()
        finally:
            self._loop.close()

    def submit(self, work: Coroutine[object, None, Result]) -> Future[Result]:
        """Start `work` on the thread's loop; the future may be waited for from any thread."""
        return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def run(self, work: Coroutine[object, None, Result]) -> Result:
        """Run `work` on the thread's loop and await its result from another loop."""
        return await asyncio.wrap_future(self.submit(work))

    def make(self, factory: Callable[[], Result]) -> Result:
        """Call `factory` on the thread, where its loop runs, and return what it made.

        Blocks. Raises what `factory` raises, and TimeoutError after `STOP_SECONDS`.
        """

        async def work() -> Result:
            return factory()

        return self.submit(work()).result(STOP_SECONDS)

    def call(self, function: Callable[[], object]) -> None:
        """Call `function` soon on the thread's loop."""
        self._loop.call_soon_threadsafe(function)

    def stop(self) -> None:
        """Cancel what still runs, end the loop and join the thread; what will not end is left behind."""
        if not self._thread.is_alive():
            return

        async def drain() -> None:
            tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        with suppress(TimeoutError):  # leaving always works
            self.submit(drain()).result(STOP_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)

    def __enter__(self) -> LoopThread:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()
