"""The session's thread: work goes in, results come out, and it ends."""

from __future__ import annotations

import asyncio
import threading

import pytest

from espmon.session import runner
from espmon.session.runner import LoopThread


def test_work_runs_on_the_thread_and_its_result_comes_back() -> None:
    async def name() -> str:
        return threading.current_thread().name

    with LoopThread("board") as thread:
        assert thread.submit(name()).result(10.0) == "board"
        assert thread.make(threading.current_thread).name == "board"


def test_stopping_cancels_what_runs() -> None:
    cancelled = threading.Event()

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    with LoopThread() as thread:
        future = thread.submit(wait())
        thread.make(lambda: None)
    assert cancelled.is_set()
    assert future.cancelled()


def test_a_task_that_will_not_end_does_not_keep_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "STOP_SECONDS", 0.05)
    refused = threading.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            refused.set()
            await asyncio.Event().wait()

    thread = LoopThread()
    thread.submit(stubborn())
    thread.make(lambda: None)
    thread.stop()
    assert refused.is_set()
    assert not thread._thread.is_alive()
