"""A limit for a wait holds in clean-up, too: both Python's own and the one for its first versions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from espmon.time_limit import careful_time_limit, time_limit

Limit = Callable[[float | None], AbstractAsyncContextManager[object]]


@pytest.fixture(params=[time_limit, careful_time_limit])
def limit(request: pytest.FixtureRequest) -> Limit:
    made: Limit = request.param
    return made


async def test_time_that_is_up_ends_the_wait(limit: Limit) -> None:
    with pytest.raises(TimeoutError):
        async with limit(0):
            await asyncio.Event().wait()
    task = asyncio.current_task()
    assert task is not None
    assert task.cancelling() == 0


async def test_what_ends_in_time_is_left_alone(limit: Limit) -> None:
    async with limit(30):
        await asyncio.sleep(0)
    async with limit(None):
        await asyncio.sleep(0)
    with pytest.raises(ValueError, match="its own"):
        async with limit(30):
            raise ValueError("its own")


async def test_a_cancellation_stays_one(limit: Limit) -> None:
    async def wait() -> None:
        async with limit(30):
            await asyncio.Event().wait()

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_the_inner_of_two_limits_ends_first(limit: Limit) -> None:
    async with limit(30):
        with pytest.raises(TimeoutError):
            async with limit(0):
                await asyncio.Event().wait()


async def test_clean_up_after_a_cancellation_has_limits_too(limit: Limit) -> None:
    seen: list[str] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            try:
                async with limit(0):
                    await asyncio.Event().wait()
            except TimeoutError:
                seen.append("the limit")
            seen.append("cleaned up")

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert seen == ["the limit", "cleaned up"]
