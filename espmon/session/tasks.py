"""The session's own tasks: each has an owner, ends in bounded time, and none fails in silence."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Generic, TypeVar

from espmon.session.publisher import Publisher
from espmon.session.status import Severity

Wish = TypeVar("Wish")

STOP_SECONDS = 5.0
"""Longest wait for a task that was cancelled."""


async def stop_tasks(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks and wait for their end, bounded by `STOP_SECONDS`. The current task is left alone."""
    running = [task for task in tasks if task and not task.done() and task is not asyncio.current_task()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running, timeout=STOP_SECONDS)


class BackgroundTasks:
    """Work that nobody waits for. What fails is a defect of espmon's: the user and the loop's handler are told.

    Args:
        publisher: who tells the user.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher
        self._running: set[asyncio.Task[None]] = set()

    def spawn(self, work: Coroutine[object, None, None], name: str | None = None) -> asyncio.Task[None]:
        """Start `work`."""
        task = asyncio.create_task(work, name=name)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._running.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._publisher.notify(f"Internal error: {error!r}", Severity.ERROR)
            asyncio.get_running_loop().call_exception_handler({"message": "session task failed", "exception": error})

    async def stop(self) -> None:
        """Cancel what runs, and wait for its end."""
        await stop_tasks(*self._running)


class Newest(Generic[Wish]):
    """Work of one kind, one piece at a time: of what is asked for meanwhile, the newest is done next, the rest never.

    Args:
        tasks: where it runs.
        work: does one piece.
    """

    def __init__(self, tasks: BackgroundTasks, work: Callable[[Wish], Awaitable[None]]) -> None:
        self._tasks = tasks
        self._work = work
        self._next: list[Wish] = []
        self._running = False

    def ask(self, wish: Wish) -> None:
        """Do this soon."""
        self._next = [wish]
        if not self._running:
            self._running = True
            self._tasks.spawn(self._run())

    async def _run(self) -> None:
        try:
            while self._next:
                await self._work(self._next.pop())
        finally:
            self._running = False
