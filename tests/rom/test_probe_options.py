"""A probe as it was asked for: which way in, how often, which chip, and which way out."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from espmon.rom import ProbeOptions, ProbeResult, RomError, RomErrorKind, load_chips, probe
from espmon.rom.departure import BoardLeft
from espmon.rom.loader import SYNCS
from espmon.testing import LineSequence
from tests.rom.virtual import SYNC, Board, run

CHIPS = load_chips().chips


def _probe(options: ProbeOptions, **board_options: Any) -> tuple[Board, ProbeResult]:
    async def work() -> tuple[Board, ProbeResult]:
        board = Board(**board_options)
        return board, await probe(board, options=options)

    return run(work())


def _refused(options: ProbeOptions, **board_options: Any) -> tuple[Board, RomError]:
    async def work() -> tuple[Board, RomError]:
        board = Board(**board_options)
        with pytest.raises(RomError) as caught:
            await probe(board, options=options)
        return board, caught.value

    return run(work())


@pytest.mark.parametrize("attempts", [1, 3, 9])
def test_the_loader_is_tried_as_often_as_was_asked_for(attempts: int) -> None:
    board, error = _refused(ProbeOptions(attempts=attempts), enters=lambda number: False)
    assert error.kind is RomErrorKind.NO_ANSWER
    assert board.played == [*(("tight", "classic") * attempts)[:attempts], "hard"]


def test_another_sequence_takes_the_place_of_the_ports_own() -> None:
    board, result = _probe(ProbeOptions(entries=(LineSequence("usb-jtag-serial"),)))
    assert (board.played, result.after) == (["usb-jtag-serial", "hard"], "application")


def test_another_sequence_moves_nothing_where_there_are_no_lines() -> None:
    options = ProbeOptions(entries=(LineSequence("usb-jtag-serial"),), attempts=1)
    board, error = _refused(options, lines=False)
    assert board.played == []
    assert "no DTR and RTS" in error.message


def test_without_a_reset_before_a_loader_that_runs_is_asked_and_then_left() -> None:
    board, result = _probe(ProbeOptions(reset_before=False), in_loader=True)
    assert (board.played, result.after) == (["hard"], "application")


def test_without_a_reset_before_an_application_is_not_disturbed() -> None:
    board, error = _refused(ProbeOptions(reset_before=False, attempts=2))
    assert board.played == []
    assert (error.kind, error.after, error.warnings) == (RomErrorKind.NO_ANSWER, "unknown", [])
    assert "not to be reset" in error.message


def test_attempts_without_a_reset_are_syncs_alone() -> None:
    async def work(attempts: int) -> int:
        board = Board(in_loader=True)
        board.silent.add(SYNC)
        with pytest.raises(RomError):
            await probe(board, options=ProbeOptions(reset_before=False, reset_after=False, attempts=attempts))
        assert {op for op, _ in board.requests} == {SYNC}
        return len(board.requests)

    assert run(work(3)) - run(work(1)) == 2 * SYNCS


def test_without_a_reset_after_the_board_stays_in_its_loader_and_that_is_said() -> None:
    board, result = _probe(ProbeOptions(reset_after=False))
    assert (board.played, result.after, board.in_loader) == (["tight"], "download mode", True)
    assert result.to_json()["after"] == "download mode"
    assert any("press its EN (RST) key" in warning for warning in result.warnings)


def test_without_a_reset_after_a_board_that_never_answered_may_be_anywhere() -> None:
    board, error = _refused(ProbeOptions(reset_after=False, attempts=1), enters=lambda number: False)
    assert (board.played, error.after) == (["tight"], "unknown")
    assert any("may wait in download mode" in warning for warning in error.warnings)


def test_the_expected_chip_is_probed_as_any_other() -> None:
    _, result = _probe(ProbeOptions(chip=CHIPS["esp32c3"]))
    assert (result.key, result.after, result.warnings[1:]) == ("esp32c3", "application", [])


def test_another_chip_is_named_beside_the_expected_one_and_is_brought_back() -> None:
    board, error = _refused(ProbeOptions(chip=CHIPS["esp32s3"]))
    assert error.kind is RomErrorKind.WRONG_CHIP
    assert "ESP32-C3" in error.message
    assert "ESP32-S3" in error.message
    assert (board.played, error.after) == (["tight", "hard"], "application")


def test_another_chip_is_left_in_its_loader_where_that_was_asked_for() -> None:
    board, error = _refused(ProbeOptions(chip=CHIPS["esp32s3"], reset_after=False))
    assert (board.played, error.after) == (["tight"], "download mode")
    assert any("press its EN (RST) key" in warning for warning in error.warnings)


def test_cancelled_without_a_reset_after_no_line_moves_and_where_the_board_is_is_said() -> None:
    async def work() -> tuple[Board, list[BoardLeft]]:
        board, told = Board(), list[BoardLeft]()
        asked = asyncio.Event()
        task = asyncio.create_task(
            probe(
                board,
                options=ProbeOptions(reset_after=False),
                on_progress=lambda text: asked.set() if "Asking which" in text else None,
                on_interrupted=told.append,
            )
        )
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return board, told

    board, (left,) = run(work())
    assert (board.played, left.after) == (["tight"], "download mode")
    assert "press its EN (RST) key" in left.sentence
