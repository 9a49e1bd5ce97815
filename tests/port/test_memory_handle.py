"""The handles in memory behave as real ones do, so that tests may trust them."""

from __future__ import annotations

import asyncio

import pytest

from espmon.port import MAX_READ, PortError, PortErrorKind
from espmon.testing.handles import MemoryHandle, pair
from tests.port.peers import read_exactly, read_to_the_end


async def test_a_scripted_peer_answers_each_write() -> None:
    handle = MemoryHandle(respond=lambda data: b"> " + data)
    await handle.write(b"help")
    assert await handle.read() == b"> help"
    assert handle.written == b"help"


async def test_what_one_end_writes_the_other_reads_until_one_closes() -> None:
    ours, board = pair()
    await board.write(b"hello")
    await ours.write(b"world")
    assert await board.read() == b"world"
    await board.close()
    data, error = await read_to_the_end(ours)
    assert data == b"hello"
    assert error.kind is PortErrorKind.LOST


async def test_one_read_returns_at_most_the_limit() -> None:
    handle = MemoryHandle()
    handle.inject(b"a" * (MAX_READ + 5))
    assert len(await handle.read()) == MAX_READ
    assert len(await handle.read()) == 5


async def test_lost_comes_after_the_last_byte_and_again_and_again() -> None:
    handle = MemoryHandle()
    handle.inject(b"tail")
    handle.lose("unplugged")
    assert await handle.read() == b"tail"
    for _ in range(2):
        with pytest.raises(PortError) as caught:
            await handle.read()
        assert caught.value.kind is PortErrorKind.LOST
    with pytest.raises(PortError):
        await handle.write(b"x")


async def test_a_stalled_peer_is_stalled_at_once() -> None:
    handle = MemoryHandle()
    handle.stall()
    with pytest.raises(PortError) as caught:
        await handle.write(b"x")
    assert caught.value.kind is PortErrorKind.STALLED


async def test_a_second_reader_is_a_programming_error() -> None:
    handle = MemoryHandle()
    first = asyncio.ensure_future(handle.read())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError):
        await handle.read()
    handle.inject(b"x")
    assert await first == b"x"


async def test_bytes_in_pieces_keep_their_order() -> None:
    handle = MemoryHandle()
    for number in range(300):
        handle.inject(b"%05d" % number * 100)
    assert await read_exactly(handle, 150_000) == b"".join(b"%05d" % number * 100 for number in range(300))
