"""Commands: a reply is matched, what is lost is sent again, what is stale is never taken for an answer."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

import pytest

from espmon.rom import Loader, RomError, RomErrorKind
from espmon.rom.command_link import MAX_NOISE
from espmon.rom.loader import REGISTER_ATTEMPTS, REGISTER_SECONDS
from espmon.rom.protocol import Op
from espmon.testing.slip_peer import reply
from espmon.time_limit import time_limit
from tests.rom.virtual import READ_REG, SPI_ATTACH, SYNC, WRITE_REG, Board, now, run

A, B = 0x1000, 0x2000
CONTENTS = {A: 0xAAAA, B: 0xBBBB}
Result = TypeVar("Result")


def _board(**options: object) -> Board:
    return Board(in_loader=True, registers=CONTENTS, **options)  # type: ignore[arg-type]


async def _both(board: Board) -> tuple[int, int]:
    loader = Loader(board)
    await loader.connect()
    return await loader.read_reg(A), await loader.read_reg(B)


def _faults(plan: dict[int, Callable[[bytes], Iterable[bytes]]]) -> Callable[[bytes], Iterable[bytes]]:
    """Do something else with the nth answer."""
    numbers: Iterator[int] = iter(range(1 << 30))
    return lambda data: plan.get(next(numbers), _whole)(data)


def _whole(answer: bytes) -> Iterable[bytes]:
    return (answer,)


def test_registers_read_what_they_hold() -> None:
    assert run(_both(_board())) == (0xAAAA, 0xBBBB)


def test_a_lost_reply_is_asked_for_again() -> None:
    assert run(_both(_board(deliver=_faults({1: lambda answer: ()})))) == (0xAAAA, 0xBBBB)


def test_a_byte_lost_in_a_reply_is_made_good() -> None:
    assert run(_both(_board(deliver=_faults({1: lambda answer: (answer[:6] + answer[7:],)})))) == (0xAAAA, 0xBBBB)


def test_a_reply_cut_in_single_bytes_is_read() -> None:
    single: Callable[[bytes], Iterable[bytes]] = lambda data: (data[i : i + 1] for i in range(len(data)))  # noqa: E731
    assert run(_both(_board(deliver=single))) == (0xAAAA, 0xBBBB)


@pytest.mark.parametrize("latency", [0.45, 0.6, 0.9])
def test_a_late_reply_is_never_taken_for_the_next_commands(latency: float) -> None:
    async def work() -> tuple[int, int]:
        loop = asyncio.get_running_loop()

        def slow(answer: bytes) -> Iterable[bytes]:
            loop.call_later(latency, board.say, answer)
            return ()

        board = _board(deliver=_faults(dict.fromkeys(range(1, 100), slow)))
        return await _both(board)

    assert run(work()) == (0xAAAA, 0xBBBB)


def test_a_refusal_repeated_eight_times_spoils_nothing_after_it() -> None:
    async def work() -> int:
        board = _board(refuses=[WRITE_REG], repeats=8)
        loader = Loader(board)
        await loader.connect()
        with pytest.raises(RomError) as caught:
            await loader.write_reg(A, 1)
        assert caught.value.kind is RomErrorKind.REFUSED
        with pytest.raises(RomError):
            await loader.write_reg(A, 2)
        return await loader.read_reg(B)

    assert run(work()) == 0xBBBB


def test_a_chip_that_falls_silent_is_reported_within_the_tries() -> None:
    async def work() -> tuple[RomError, float]:
        board = _board()
        loader = Loader(board)
        await loader.connect()
        board.silent = {READ_REG}
        start = now()
        with pytest.raises(RomError) as caught:
            await loader.read_reg(A)
        return caught.value, now() - start

    error, seconds = run(work())
    assert error.kind is RomErrorKind.SILENT
    assert seconds == pytest.approx(REGISTER_SECONDS * REGISTER_ATTEMPTS)


def test_a_board_that_floods_ends_the_wait_by_bytes() -> None:
    async def work() -> RomErrorKind:
        board = _board()
        loader = Loader(board)
        await loader.connect()
        board.silent = {READ_REG}

        class Flood:
            baud, usb, has_modem_lines = 115200, None, False

            async def read(self, timeout: float | None = None) -> bytes:
                return bytes(MAX_NOISE // 4)

        board.read = Flood().read  # type: ignore[method-assign]
        with pytest.raises(RomError) as caught:
            await loader.read_reg(A)
        return caught.value.kind

    assert run(work()) is RomErrorKind.SILENT


def test_a_cancelled_command_leaves_the_link_usable() -> None:
    async def work() -> int:
        loop = asyncio.get_running_loop()
        held: list[bytes] = []

        def hold(answer: bytes) -> Iterable[bytes]:
            held.append(answer)
            loop.call_later(0.2, board.say, answer)
            return ()

        board = _board(deliver=_faults({1: hold}))
        loader = Loader(board)
        await loader.connect()
        with pytest.raises(TimeoutError):
            async with time_limit(0.1):
                await loader.read_reg(A)
        assert held
        return await loader.read_reg(B)

    assert run(work()) == 0xBBBB


def test_getting_into_step_costs_one_sync_and_nothing_when_all_went_well() -> None:
    board = _board(refuses=[SPI_ATTACH], repeats=8)

    async def work() -> None:
        loader = Loader(board)
        await loader.connect()
        await loader.read_reg(A)
        await loader.read_reg(B)
        with pytest.raises(RomError):
            await loader.command(Op.SPI_ATTACH, bytes(8))
        await loader.read_reg(A)

    run(work())
    assert [op for op, _ in board.requests] == [SYNC, READ_REG, READ_REG, SPI_ATTACH, SYNC, READ_REG]


def test_a_register_refused_once_is_asked_for_again_in_step() -> None:
    refused = reply(READ_REG, 0, b"", b"\x01\x05\x00\x00") * 8
    assert run(_both(_board(deliver=_faults({1: lambda answer: (refused,)})))) == (0xAAAA, 0xBBBB)


def test_writing_a_register_sends_address_value_mask_and_delay() -> None:
    board = _board()

    async def work() -> None:
        loader = Loader(board)
        await loader.connect()
        await loader.write_reg(A, 0x12, mask=0xFF, delay_us=9)

    run(work())
    assert board.requests[-1] == (Op.WRITE_REG, struct.pack("<IIII", A, 0x12, 0xFF, 9))


def test_the_transcript_keeps_beginning_and_end_and_counts_the_middle() -> None:
    async def work() -> list[str]:
        loader = Loader(_board())
        await loader.connect()
        for _ in range(1000):
            await loader.read_reg(A)
        return loader.transcript.lines()

    lines = run(work())
    assert len(lines) < 700
    assert sum("entries left out" in line for line in lines) == 1
    assert "->" in lines[0]
