"""A flash job over a channel: entered, done, left, and every end named."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from espmon.port import PortError, PortErrorKind
from espmon.rom import RomErrorKind
from espmon.rom.restart import RESTART_SECONDS
from espmon.session.flash_job import FlashCancelled, FlashEnd, FlashError, FlashJob, run_flash
from espmon.session.flash_plan import FlashPlan, Region
from espmon.testing import Operation, WireLost
from tests.rom.flash_board import BOOT, FlashBoard
from tests.rom.flash_boards import application, board_for, noise, run
from tests.rom.test_image import description, table

DATA = noise(60_000)


def plan(*regions: tuple[int, bytes, str], chip: str | None = None, role: str = "") -> FlashPlan:
    return FlashPlan(tuple(Region(at, data, Path(name), role) for at, data, name in regions), chip, "test")


def write_job(**options: Any) -> FlashJob:
    return FlashJob(
        "write", plan((0x10000, DATA, "app.bin"), (0x80000, b"more", "data.bin")), use_stub=False, **options
    )


def silent(step: str, done: int, total: int) -> None:
    """Nobody listens."""


def done(board: FlashBoard, job: FlashJob) -> FlashEnd:
    return run(run_flash(board, job, silent))


def failed(board: FlashBoard, job: FlashJob) -> FlashError:
    with pytest.raises(FlashError) as caught:
        done(board, job)
    return caught.value


def test_after_a_job_the_application_runs_and_its_first_words_are_kept() -> None:
    board = board_for()
    end = done(board, write_job())
    assert end.outcome.ok
    assert end.outcome.after == "application"
    assert end.pushback == BOOT
    assert board.played[-1] == "hard"
    assert end.outcome.elapsed > 0


def test_no_reset_leaves_the_board_in_its_loader() -> None:
    board = board_for()
    assert done(board, write_job(reset=False)).outcome.after == "download mode"
    assert "hard" not in board.played


def test_the_json_has_the_contracts_fields() -> None:
    told = done(board_for(), write_job()).outcome.to_json()
    assert {"action", "chip", "loader", "regions", "after", "elapsed"} <= set(told)
    first = told["regions"][0]
    assert {"address", "size", "file", "ok", "md5_file", "md5_flash", "written", "skipped"} <= set(first)
    assert (first["address"], first["size"], first["written"]) == ("0x00010000", 60_000, 60_000)


def test_a_region_that_is_right_already_is_skipped_the_second_time() -> None:
    async def twice() -> FlashEnd:
        board = board_for()
        await run_flash(board, write_job(), silent)
        return await run_flash(board, write_job(), silent)

    regions = run(twice()).outcome.regions
    assert [(region.written, region.skipped) for region in regions] == [(0, 60_000), (0, 4)]


def test_a_wrong_verify_is_an_outcome_and_no_error() -> None:
    end = done(board_for(), FlashJob("verify", plan((0, b"x", "a.bin"))))
    assert not end.outcome.ok
    assert end.outcome.after == "application"


def test_reading_puts_the_bytes_into_a_file(tmp_path: Path) -> None:
    board = board_for()
    board.flash[0x100:0x105] = b"hello"
    end = done(board, FlashJob("read", address=0x100, size=5, output=tmp_path / "out.bin", use_stub=False))
    assert (tmp_path / "out.bin").read_bytes() == b"hello"
    assert end.outcome.regions[0].file == str(tmp_path / "out.bin")


@pytest.mark.parametrize("moved", [None, 0x10000])
def test_info_reads_partitions_and_descriptors(moved: int | None) -> None:
    board = board_for()
    at = moved or 0x8000
    board.flash[at : at + 0xC00] = table()
    app = application(32) + description()
    if moved is None:
        board.flash[0x10000 : 0x10000 + len(app)] = app
    told = done(board, FlashJob("info", address=moved)).outcome.to_json()
    assert [row["name"] for row in told["partitions"]] == ["nvs", "factory"]
    assert told["partitions"][1] == {
        "name": "factory",
        "type": "app",
        "subtype": "factory",
        "offset": 0x10000,
        "size": 0x100000,
        "encrypted": True,
        "readonly": False,
    }
    names = [(row["partition"], row["project"], row["version"], row["idf"]) for row in told["applications"]]
    assert names == ([("factory", "blink", "1.2.3", "v5.5")] if moved is None else [])


def test_info_of_an_empty_flash_says_that_there_is_no_table() -> None:
    outcome = done(board_for(), FlashJob("info")).outcome
    assert outcome.ok
    assert outcome.warnings == ["There is no partition table at 0x8000"]


def test_erasing_first_leaves_nothing_of_the_old_flash() -> None:
    board = board_for()
    board.flash[:] = bytes(len(board.flash))
    assert done(board, write_job(erase_first=True)).outcome.ok
    assert set(board.flash[0x90000:]) == {0xFF}


def test_an_application_region_must_have_an_image_header() -> None:
    job = FlashJob("write", plan((0x20000, b"text", "app.bin"), role="application"), use_stub=False)
    error = failed(board_for(), job)
    assert "0xe9" in error.message
    assert error.job_failed


def test_a_region_that_must_be_encrypted_is_refused() -> None:
    region = Region(0x20000, b"text", Path("app.bin"), "data", encrypted=True)
    error = failed(board_for(), FlashJob("write", FlashPlan((region,)), use_stub=False))
    assert "encrypted" in error.message


def test_a_board_that_does_not_answer_is_the_chips_failure() -> None:
    board = board_for()
    board.silent = {Operation.SYNC}
    error = failed(board, write_job())
    assert not error.job_failed
    assert error.transcript


def test_a_failed_write_names_the_region_and_where_the_board_was_left() -> None:
    board = board_for()
    board.silent = {Operation.FLASH_DEFL_DATA}
    error = failed(board, write_job())
    assert error.job_failed
    assert "app.bin is unfinished" in error.message
    assert "left in download mode" in error.hint
    assert error.after == "download mode"
    assert "hard" not in board.played


def test_a_refused_job_brings_the_application_back() -> None:
    error = failed(board_for(), FlashJob("write", plan((1, b"x", "a.bin"))))
    assert error.after == "application"
    assert error.pushback == BOOT


class Unplugged(FlashBoard):
    """The port room's error instead of the test kit's."""

    async def read(self, timeout: float | None = None) -> bytes:
        try:
            return await super().read(timeout)
        except WireLost:
            raise PortError(PortErrorKind.LOST, "/dev/ttyUSB0 was unplugged") from None

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        try:
            await super().write(data, timeout)
        except WireLost:
            raise PortError(PortErrorKind.LOST, "/dev/ttyUSB0 was unplugged") from None


@pytest.mark.parametrize("cut", [0, 100, 300, 600, 1000, 1150])
def test_an_unplugged_cable_is_the_ports_error_in_every_phase(cut: int) -> None:
    board = Unplugged(cut_at=cut)
    with pytest.raises(PortError) as caught:
        done(board, write_job())
    assert caught.value.kind is PortErrorKind.LOST
    begun = bytes(board.flash) != b"\xff" * len(board.flash)
    assert ("unfinished: app.bin, data.bin" in caught.value.message) is begun


class Stalled(FlashBoard):
    """The port is there and takes no more bytes after the flash was attached."""

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        if self.counts[Operation.SPI_SET_PARAMS]:
            raise PortError(PortErrorKind.STALLED, "/dev/ttyUSB0 takes nothing")
        await super().write(data, timeout)


def test_a_port_that_stalls_is_still_used_to_reset_the_board() -> None:
    board = Stalled()
    with pytest.raises(PortError, match="takes nothing"):
        done(board, FlashJob("verify", plan((0, DATA, "a.bin"))))
    assert board.played[-1] == "hard"


async def _cancelled_after(board: FlashBoard, job: FlashJob, seconds: float) -> tuple[FlashCancelled, float]:
    task = asyncio.ensure_future(run_flash(board, job, silent))
    await asyncio.sleep(seconds)
    task.cancel()
    began = asyncio.get_running_loop().time()
    with pytest.raises(asyncio.CancelledError) as caught:
        await task
    assert task.cancelled()
    assert isinstance(caught.value, FlashCancelled)
    return caught.value, asyncio.get_running_loop().time() - began


@pytest.mark.parametrize("seconds", [0.0, 0.05, 0.15, 0.5, 1.0, 2.0, 4.0])
def test_cancelling_takes_effect_at_once_and_names_the_state(seconds: float) -> None:
    board = board_for(write_seconds=60.0)
    cancelled, took = run(_cancelled_after(board, write_job(), seconds))
    assert took <= 0.2 + RESTART_SECONDS
    if board.erased:
        assert cancelled.after == "download mode"
        assert "Unfinished: app.bin, data.bin" in cancelled.message
        assert "hard" not in board.played
    elif board.requests:
        assert (cancelled.after, cancelled.message) == ("application", "Cancelled. The board was reset")
        assert board.played[-1] == "hard"
    elif board.played:
        assert cancelled.after == "unknown"
        assert "nothing shows that it reaches the board" in cancelled.message
        assert board.played[-1] == "hard"
    else:
        assert (cancelled.after, cancelled.message) == ("unknown", "Cancelled. The board was not touched")


def test_cancelling_a_verify_resets_the_board_within_the_time_of_a_reset() -> None:
    board = board_for()
    board.silent = {Operation.SPI_FLASH_MD5}
    job = FlashJob("verify", plan((0, DATA, "a.bin")))
    cancelled, took = run(_cancelled_after(board, job, 1.0))
    assert took <= 0.2
    assert cancelled.message == "Cancelled. The board was reset"


def test_cancelling_without_lines_says_where_the_board_is() -> None:
    board = board_for(lines=False, write_seconds=60.0)
    cancelled, _ = run(_cancelled_after(board, FlashJob("verify", plan((0, DATA, "a.bin"))), 0.0))
    assert "Cancelled" in cancelled.message
    assert cancelled.after in ("download mode", "unknown")


def test_job_kinds_that_are_no_chip_failure_are_known() -> None:
    from espmon.session.flash_job import JOB_FAILED

    assert {RomErrorKind.FLASH, RomErrorKind.IMAGE} == JOB_FAILED
