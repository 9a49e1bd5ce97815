"""Reaching the loader: what is tried, in which order, how often, and what is said when nothing helps."""

from __future__ import annotations

import pytest

from espmon.rom import Loader, RomError, RomErrorKind
from espmon.rom.command_link import SYNC_SECONDS
from espmon.rom.loader import ATTEMPTS, SYNCS
from tests.rom.virtual import ENTRY_SECONDS, SYNC, Board, now, run


async def _connect(board: Board, *, reset: bool = True) -> Loader:
    loader = Loader(board)
    await loader.connect(reset=reset)
    return loader


def _refused(board: Board, *, reset: bool = True) -> RomError:
    async def work() -> RomError:
        with pytest.raises(RomError) as caught:
            await _connect(board, reset=reset)
        return caught.value

    return run(work())


def _board(**options: object) -> Board:
    return Board(**options)  # type: ignore[arg-type]


def test_a_loader_that_runs_already_is_not_reset() -> None:
    board = _board(in_loader=True)
    loader = run(_connect(board))
    assert (board.played, loader.touched, loader.is_stub) == ([], False, False)


def test_a_stub_that_runs_already_is_recognised() -> None:
    board = _board(in_loader=True, status=bytes(2))
    board.stub = True
    loader = run(_connect(board))
    assert (board.played, loader.is_stub) == ([], True)


def test_the_first_sequence_that_works_ends_the_tries() -> None:
    board = _board()
    run(_connect(board))
    assert board.played == ["tight"]


def test_sequences_are_tried_in_the_ports_order_and_then_again() -> None:
    board = _board(enters=lambda number: number == 3, entries=("tight 50", "tight 550", "classic 50"))
    run(_connect(board))
    assert board.played == ["tight 50", "tight 550", "classic 50", "tight 50"]


def test_seven_resets_with_five_syncs_each_are_the_most() -> None:
    board = _board(enters=lambda number: False)
    error = _refused(board)
    assert error.kind is RomErrorKind.NO_ANSWER
    assert len(board.played) == ATTEMPTS == 7
    assert SYNCS == 5


def test_giving_up_takes_the_time_of_the_sequences_and_syncs_and_no_more() -> None:
    async def work() -> float:
        with pytest.raises(RomError):
            await _connect(_board(enters=lambda number: False, boot=b""))
        return now()

    assert run(work()) == pytest.approx(SYNC_SECONDS + ATTEMPTS * (ENTRY_SECONDS + SYNCS * SYNC_SECONDS))


def test_a_boot_log_and_garbage_before_the_answer_do_not_matter() -> None:
    board = _board(deliver=lambda data: (b"\xc0\x01\x08garbage\xdb\x00ets Jun  8 2016\r\n" + data,))
    run(_connect(board))
    assert board.played == ["tight"]


def test_syncs_lost_while_the_rom_starts_are_sent_again_without_another_reset() -> None:
    lost = iter([True, True, True])
    board = _board(deliver=lambda data: () if next(lost, False) else (data,))
    run(_connect(board))
    assert board.played == ["tight"]
    assert [op for op, _ in board.requests] == [SYNC] * 4


def test_without_lines_the_user_is_told_which_keys_to_press() -> None:
    error = _refused(_board(lines=False))
    assert "no DTR and RTS" in error.message
    assert "BOOT" in error.hint


def test_without_lines_a_board_put_into_the_loader_meanwhile_is_found() -> None:
    async def work() -> list[str]:
        board = _board(lines=False)
        told: list[str] = []

        def tell(text: str) -> None:
            told.append(text)
            board.in_loader = "hold BOOT" in text

        await Loader(board).connect(on_progress=tell)
        return told

    assert "hold BOOT" in run(work())[-1]


def test_without_consent_to_reset_no_line_moves() -> None:
    board = _board()
    error = _refused(board, reset=False)
    assert board.played == []
    assert "not to be reset" in error.message


@pytest.mark.parametrize(
    ("boot", "words"),
    [
        (b"", "does not answer at all"),
        (b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n", "started its application"),
        (b"rst:0x1,boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\nwaiting for download\r\n", "does not hear"),
        (b"\x80\xfe\x00\x12", "no ESP loader"),
    ],
)
def test_the_reason_given_follows_from_what_the_board_says(boot: bytes, words: str) -> None:
    error = _refused(_board(enters=lambda number: False, boot=boot))
    assert words in error.message
    assert error.hint


def test_what_was_said_before_the_reset_is_no_evidence_of_what_came_after() -> None:
    async def work() -> RomError:
        board = _board(enters=lambda number: False, boot=b"")
        board.say(b"I (100) app: still running\r\n")
        with pytest.raises(RomError) as caught:
            await _connect(board)
        return caught.value

    assert "does not answer at all" in run(work()).message
