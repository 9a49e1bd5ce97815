"""A terminal that is slow, or reads nothing, stalls only the picture."""

from __future__ import annotations

import asyncio
import os
import select
import tty
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

pytest.importorskip("termios", reason="this system has no pseudo-terminals")

from espmon.time_limit import time_limit
from espmon.tui.terminal.screen_output import CANCEL, MAX_WAITING, ScreenOutput

LIMIT = 10.0


@dataclass
class Ends:
    """Both ends of a pseudo-terminal."""

    terminal: int
    program: int

    def read(self) -> bytes:
        """What the terminal has now."""
        parts = []
        while select.select([self.terminal], [], [], 0.05)[0]:
            parts.append(os.read(self.terminal, 1 << 16))
        return b"".join(parts)


@pytest.fixture
def ends() -> Iterator[Ends]:
    terminal, program = os.openpty()
    tty.setraw(program)
    os.set_blocking(program, False)
    yield Ends(terminal, program)
    os.close(program)
    os.close(terminal)


async def test_everything_arrives_in_order_at_a_terminal_that_reads(ends: Ends) -> None:
    output = ScreenOutput(ends.program, lambda: pytest.fail("nothing was left out"), lambda: pytest.fail("gone"))
    for number in range(100):
        output.write(f"<{number}>".encode())
    assert ends.read() == b"".join(f"<{number}>".encode() for number in range(100))
    assert output.waiting == 0


async def test_what_does_not_fit_is_left_out_and_the_picture_is_drawn_anew_when_there_is_room(ends: Ends) -> None:
    room = asyncio.Event()
    output = ScreenOutput(ends.program, room.set, lambda: pytest.fail("gone"))
    for _ in range(100):
        output.write(b"p" * 10_000)
    assert output.waiting <= MAX_WAITING + 10_000
    assert output.left_out > 0
    read = 0
    async with time_limit(LIMIT):
        while not room.is_set():
            read += len(await asyncio.to_thread(ends.read))
    read += len(ends.read())
    assert read + output.left_out == 1_000_000
    output.write(b"again")
    assert ends.read() == b"again"


async def test_a_terminal_that_reads_nothing_still_gets_the_last_words(ends: Ends) -> None:
    output = ScreenOutput(ends.program, lambda: None, lambda: pytest.fail("gone"))
    while not output.left_out:
        output.write(b"p" * 10_000)
    assert output.finish(b"the end", 0.05)
    output.stop()
    assert ends.read().endswith(CANCEL + b"the end")


async def test_a_terminal_that_is_gone_is_told_once(ends: Ends) -> None:
    times = 0
    told = asyncio.Event()

    def gone() -> None:
        nonlocal times
        times += 1
        told.set()

    output = ScreenOutput(ends.program, lambda: None, gone)
    os.close(ends.terminal)
    ends.terminal = os.open(os.devnull, os.O_RDONLY)
    output.write(b"x")
    output.write(b"y")
    async with time_limit(LIMIT):
        await told.wait()
    assert times == 1
    assert not output.finish(b"the end", 0.05)
