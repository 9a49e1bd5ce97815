"""Bad lines and bad boards: what is lost is sent again, what cannot be finished is named, and nothing is pretended."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from espmon.rom import RomError, RomErrorKind
from espmon.rom.flash_regions import Piece
from espmon.testing import Fault, Operation, WireLost
from tests.rom.flash_board import FlashBoard
from tests.rom.flash_boards import board_for, entered, noise, piece, run, stub_folder

DAMAGE = [Fault.LOSE, Fault.LOSE_BYTE, Fault.CORRUPT, Fault.DUPLICATE, Fault.TRUNCATE]
BOTH = pytest.mark.parametrize("stub", [False, True], ids=["rom", "stub"])
DATA = noise(150_000)


@pytest.fixture
def stubs(tmp_path: Path) -> Path:
    return stub_folder(tmp_path)


def holds(board: FlashBoard, pieces: list[Piece]) -> bool:
    return all(bytes(board.flash[item.address : item.address + len(item.data)]) == item.data for item in pieces)


@BOTH
@pytest.mark.parametrize("fault", DAMAGE)
def test_a_damaged_data_packet_is_sent_again(fault: Fault, stub: bool, stubs: Path) -> None:
    async def work(schedule: Mapping[int, Fault]) -> FlashBoard:
        board = board_for(request_faults=schedule)
        outcome = await (await entered(board, stubs if stub else None)).write([piece(0x10000, DATA)])
        assert outcome.ok
        assert holds(board, [piece(0x10000, DATA)])
        return board

    clean = run(work({}))
    data = [index for index, (op, _) in enumerate(clean.requests) if op == Operation.FLASH_DEFL_DATA]
    run(work({data[len(data) // 2]: fault, data[-1]: fault}))


@BOTH
@pytest.mark.parametrize("fault", DAMAGE)
def test_a_damaged_answer_is_asked_for_again(fault: Fault, stub: bool, stubs: Path) -> None:
    async def work(schedule: Mapping[int, Fault]) -> FlashBoard:
        board = board_for(reply_faults=schedule)
        outcome = await (await entered(board, stubs if stub else None)).write([piece(0x10000, DATA)])
        assert outcome.ok
        assert holds(board, [piece(0x10000, DATA)])
        return board

    clean = run(work({}))
    data = [index for index, (op, _) in enumerate(clean.requests) if op == Operation.FLASH_DEFL_DATA]
    run(work({data[len(data) // 2]: fault, len(clean.requests) - 1: fault}))


def test_a_damaged_digest_is_no_difference() -> None:
    async def work(schedule: Mapping[int, Fault]) -> FlashBoard:
        board = board_for(reply_faults=schedule)
        board.flash[0x10000 : 0x10000 + len(DATA)] = DATA
        assert (await (await entered(board)).verify([piece(0x10000, DATA)])).ok
        return board

    last = len(run(work({})).requests) - 1
    for fault in DAMAGE:
        run(work({last: fault}))


@BOTH
def test_a_chip_that_resets_in_the_middle_is_brought_back_and_finished(stub: bool, stubs: Path) -> None:
    async def work(reset_at: tuple[int, ...]) -> FlashBoard:
        board = board_for(reset_at=reset_at)
        outcome = await (await entered(board, stubs if stub else None)).write([piece(0x10000, DATA)])
        assert outcome.ok
        assert holds(board, [piece(0x10000, DATA)])
        assert outcome.loader == ("stub" if stub else "rom")
        said = [warning for warning in outcome.warnings if "rst:0x1 (POWERON)" in warning]
        assert len(said) == len(reset_at)
        return board

    data = [i for i, (op, _) in enumerate(run(work(())).requests) if op == Operation.FLASH_DEFL_DATA]
    run(work((data[3],)))


@BOTH
@pytest.mark.parametrize("at", range(30, 62))
def test_a_reset_at_any_moment_between_two_files_is_overcome(at: int, stub: bool, stubs: Path) -> None:
    async def work() -> None:
        board = board_for(reset_at=(at,))
        pieces = [piece(0x9000, noise(3000), "nvs.bin"), piece(0x10000, DATA[:40_000], "app.bin")]
        assert (await (await entered(board, stubs if stub else None)).write(pieces)).ok
        assert holds(board, pieces)

    run(work())


def test_a_chip_that_resets_while_it_is_asked_who_it_is_is_asked_again() -> None:
    async def work() -> None:
        board = board_for(reset_at=(1,))
        assert (await (await entered(board)).write([piece(0x10000, b"data")])).ok
        assert board.played == ["tight", "tight"]

    run(work())


def test_a_chip_that_resets_again_and_again_is_given_up_with_the_region_named() -> None:
    async def work() -> None:
        board = board_for(reset_at=range(40, 4000, 40))
        stay = await entered(board)
        with pytest.raises(RomError, match=r"app\.bin is unfinished.*left its loader 3 times") as caught:
            await stay.write([piece(0x10000, DATA, "app.bin")])
        assert caught.value.kind is RomErrorKind.FLASH
        assert stay.unfinished == "app.bin"

    run(work())


def test_a_chip_that_falls_silent_is_given_up_in_bounded_time() -> None:
    async def work() -> float:
        board = board_for()
        stay = await entered(board)
        board.silent = {Operation.FLASH_DEFL_DATA, Operation.SYNC}
        with pytest.raises(RomError, match="unfinished"):
            await stay.write([piece(0x10000, DATA)])
        return asyncio.get_running_loop().time()

    assert run(work()) < 60


def test_flash_that_does_not_take_the_bits_is_said_to_be_worn_out() -> None:
    class Worn(FlashBoard):
        def _program(self, payload: bytes) -> None:
            super()._program(payload)
            self.flash[0x20000] = 0x00

    async def work() -> None:
        board = Worn()
        data = b"\xff" * 0x18000
        stay = await entered(board)
        with pytest.raises(RomError, match=r"block at 0x20000.*worn out"):
            await stay.write([piece(0x10000, data, "app.bin")], force=True)

    run(work())


def test_a_rate_at_which_long_packets_get_lost_is_given_up(stubs: Path) -> None:
    class ShortOnly(FlashBoard):
        async def write(self, data: bytes, timeout: float = 5.0) -> None:
            if self.baud <= 115200 or len(data) < 3000:
                await super().write(data, timeout)

    async def work() -> None:
        board = ShortOnly()
        outcome = await (await entered(board, stubs)).write([piece(0x10000, DATA)])
        assert outcome.ok
        assert holds(board, [piece(0x10000, DATA)])
        assert any("going on at 115200 baud" in warning for warning in outcome.warnings)

    run(work())


def test_an_unfinished_board_is_not_reset_and_a_later_run_repairs_it() -> None:
    async def work() -> None:
        board = board_for()
        stay = await entered(board)
        board.silent = {Operation.FLASH_DEFL_DATA}
        pieces = [piece(0x10000, DATA, "app.bin"), piece(0x90000, b"more", "data.bin")]
        with pytest.raises(RomError, match="unfinished"):
            await stay.write(pieces)
        played = len(board.played)
        left = await stay.leave()
        assert board.played[played:] == []
        assert left.after == "download mode"
        assert "app.bin, data.bin" in left.warnings[0]
        board.silent = set()
        again = await entered(board)
        assert (await again.write(pieces)).ok
        assert holds(board, pieces)
        await again.leave()
        assert board.played[-1] == "hard"

    run(work())


def test_between_two_files_the_board_is_unfinished_too() -> None:
    async def work() -> None:
        board = board_for()
        stay = await entered(board)
        seen: list[str | None] = []
        stay.meter._report = lambda step, done, total: seen.append(stay.unfinished)
        await stay.write([piece(0x10000, noise(5000), "a.bin"), piece(0x20000, noise(5000), "b.bin")])
        assert "b.bin" in seen
        assert stay.unfinished is None

    run(work())


def test_an_unplugged_cable_passes_through_and_the_region_is_known() -> None:
    async def work() -> None:
        board = board_for(cut_at=1500)
        stay = await entered(board)
        with pytest.raises(WireLost):
            await stay.write([piece(0x10000, DATA, "app.bin")])
        assert stay.unfinished == "app.bin"
        await stay.leave()

    run(work())


def test_a_slow_flash_chip_is_waited_for(stubs: Path) -> None:
    async def work() -> None:
        board = board_for(write_seconds=15.0)
        outcome = await (await entered(board, stubs)).write([piece(0x10000, bytes(1 << 20) + DATA)])
        assert outcome.ok
        assert holds(board, [piece(0x10000, bytes(1 << 20) + DATA)])
        assert outcome.warnings == []

    run(work())


@BOTH
@pytest.mark.parametrize("fault", DAMAGE)
def test_what_is_read_over_a_bad_line_is_right(fault: Fault, stub: bool, stubs: Path) -> None:
    async def work() -> None:
        board = board_for(reply_faults=dict.fromkeys(range(60, 200, 23), fault))
        board.flash[0x10000 : 0x10000 + len(DATA)] = DATA
        size = 150_000 if stub else 6_000
        outcome = await (await entered(board, stubs if stub else None)).read(0x10000, size)
        assert outcome.data == DATA[:size]

    run(work())


@pytest.mark.parametrize("fault", DAMAGE)
@pytest.mark.parametrize("back", range(1, 25))
def test_a_stub_upload_survives_a_damaged_answer(fault: Fault, back: int, stubs: Path) -> None:
    async def work(schedule: Mapping[int, Fault]) -> int:
        board = board_for(reply_faults=schedule)
        stay = await entered(board, stubs, baud=115200)
        await stay.faster()
        assert stay.loader.is_stub
        return board._replies

    run(work({run(work({})) - back: fault}))


# -- the law --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Schedule:
    """What goes wrong, and when."""

    replies: dict[int, Fault]
    requests: dict[int, Fault]
    delays: dict[int, float]
    resets: list[int]
    cut: int | None
    stub: bool


DELAYS = [0.05, 0.2, 1.0, 4.0]
NUMBER = st.integers(0, 400)
SCHEDULES = st.builds(
    Schedule,
    st.dictionaries(NUMBER, st.sampled_from(DAMAGE), max_size=6),
    st.dictionaries(NUMBER, st.sampled_from(DAMAGE), max_size=6),
    st.dictionaries(NUMBER, st.sampled_from(DELAYS), max_size=4),
    st.lists(NUMBER, max_size=3),
    st.one_of(st.none(), st.integers(0, 12_000)),
    st.booleans(),
)
PIECES = [piece(0x9000, noise(3000, 2), "nvs.bin"), piece(0x10000, DATA[:90_000], "app.bin")]
LONGEST = 240.0
"""Seconds on the virtual clock that any schedule may take."""


async def _flash(schedule: Schedule, stubs: Path) -> tuple[FlashBoard, bool]:
    """Write under the schedule; the board, and whether it was said to be done."""
    board = board_for(
        reply_faults=schedule.replies,
        request_faults=schedule.requests,
        delays=schedule.delays,
        reset_at=schedule.resets,
        cut_at=schedule.cut,
    )
    before = bytes(board.flash)
    stay, told, done = None, "", False
    try:
        stay = await entered(board, stubs if schedule.stub else None)
        done = (await stay.write(PIECES)).ok
    except RomError as error:
        told = error.message
    except WireLost:
        told = "unfinished (the session says it, with the port's error)"
    if not done and bytes(board.flash) != before and not holds(board, PIECES):
        assert stay is not None
        assert stay.unfinished is not None
        assert "unfinished" in told
    if stay is not None:
        played = len(board.played)
        left = await stay.leave()
        if stay.unfinished is not None:
            assert "hard" not in board.played[played:]
            assert left.warnings
    assert not done or holds(board, PIECES)
    assert asyncio.get_running_loop().time() < LONGEST
    return board, done


async def _repair(board: FlashBoard) -> None:
    board._reply_faults, board._request_faults, board._delays, board._reset_at = {}, {}, {}, set()
    board._cut_at, board._lost, board.in_loader = None, False, False
    board.baud = 115200
    await asyncio.sleep(2 * max(DELAYS))  # what came late from before the power cycle is over
    stay = await entered(board)
    assert (await stay.write(PIECES)).ok
    assert holds(board, PIECES)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(SCHEDULES)
def test_any_fault_schedule_ends_in_verified_flash_or_a_truthful_error(schedule: Schedule) -> None:
    async def work(stubs: Path) -> None:
        board, done = await _flash(schedule, stubs)
        if not done:
            await _repair(board)

    with tempfile.TemporaryDirectory() as folder:
        run(work(stub_folder(Path(folder))))


@settings(max_examples=60, deadline=None)
@given(SCHEDULES, st.booleans())
def test_any_fault_schedule_leaves_verify_truthful(schedule: Schedule, right: bool) -> None:
    async def work(stubs: Path) -> None:
        board = board_for(
            reply_faults=schedule.replies,
            request_faults=schedule.requests,
            reset_at=schedule.resets,
            cut_at=schedule.cut,
        )
        board.flash[0x10000 : 0x10000 + len(DATA)] = DATA
        board.flash[0x18000] ^= 0 if right else 1
        try:
            stay = await entered(board, stubs if schedule.stub else None)
            assert (await stay.verify([piece(0x10000, DATA)])).ok is right
        except (RomError, WireLost):
            assert schedule.replies or schedule.requests or schedule.resets or schedule.cut is not None

    with tempfile.TemporaryDirectory() as folder:
        run(work(stub_folder(Path(folder))))
