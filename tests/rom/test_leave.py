"""After the probe: the application runs again, or the user is told that it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

import pytest

from espmon.rom import Loader, ProbeOptions, ProbeResult, RomError, probe
from espmon.rom.boot_text import says
from espmon.rom.restart import LOOK_SECONDS, RESTART_SECONDS, leave
from tests.rom.virtual import BOOT, DOWNLOAD, HARD_RESET_SECONDS, READ_REG, SYNC, WRITE_REG, Board, now, run

OTG = (0x303A, 0x0002)
S2_MAGIC = {0x40001000: 0x7C6}
FORCE_DOWNLOAD_REGISTER = 0x3F408128


def _probe(**options: Any) -> tuple[Board, ProbeResult]:
    async def work() -> tuple[Board, ProbeResult]:
        keywords = {name: options.pop(name) for name in ("options", "flash_id") if name in options}
        board = Board(**options)
        return board, await probe(board, **keywords)

    return run(work())


def test_the_board_is_reset_back_and_seen_to_run_its_application() -> None:
    board, result = _probe(flash_id=False)
    assert board.played == ["tight", "hard"]
    assert result.after == "application"
    assert result.warnings == []


def test_what_the_application_said_meanwhile_is_handed_back() -> None:
    _, result = _probe()
    assert result.pushback == BOOT


def test_a_board_stuck_in_download_mode_is_named_with_the_key_that_helps() -> None:
    _, result = _probe(boot=DOWNLOAD)
    assert result.after == "download mode"
    assert any("press its EN (RST) key" in warning for warning in result.warnings)


def test_a_board_that_says_nothing_is_unknown_after_a_bounded_wait() -> None:
    async def work() -> tuple[str, float, float]:
        board = Board(boot=b"")
        result = await probe(board)
        return result.after, now(), result.elapsed

    after, seconds, elapsed = run(work())
    assert after == "unknown"
    assert seconds == elapsed < LOOK_SECONDS + HARD_RESET_SECONDS + 0.4


def test_without_lines_the_board_is_known_to_stay_in_its_loader() -> None:
    board, result = _probe(lines=False, in_loader=True)
    assert (board.played, result.after) == ([], "download mode")
    assert any("cannot reset" in warning for warning in result.warnings)


def test_without_consent_to_reset_the_board_is_left_where_it_was() -> None:
    board, result = _probe(in_loader=True, options=ProbeOptions(reset_before=False, reset_after=False))
    assert (board.played, result.after) == ([], "download mode")


def test_a_board_found_in_its_loader_is_started_too() -> None:
    board, result = _probe(in_loader=True)
    assert (board.played, result.after) == (["hard"], "application")


def test_a_failed_probe_brings_the_board_back_and_hands_over_what_it_said() -> None:
    async def work() -> tuple[Board, RomError]:
        board = Board(chip_id=0x7777)
        with pytest.raises(RomError) as caught:
            await probe(board)
        return board, caught.value

    board, error = run(work())
    assert board.played == ["tight", "hard"]
    assert (error.after, error.pushback) == ("application", BOOT)
    assert "reset into the loader" in error.transcript


def test_the_rate_is_put_back_before_the_board_is_looked_at() -> None:
    async def work() -> Board:
        board = Board()
        loader = Loader(board)
        await loader.connect()
        await loader.detect()
        await loader.change_baud(921600)
        await leave(loader)
        return board

    assert run(work()).bauds == [921600, 115200]


def test_over_usb_otg_the_flag_that_keeps_the_loader_is_cleared_first() -> None:
    board, _ = _probe(chip_id=None, registers=S2_MAGIC, usb=OTG)
    written = [int.from_bytes(data[:4], "little") for op, data in board.requests if op == WRITE_REG]
    assert FORCE_DOWNLOAD_REGISTER in written


def test_a_silent_loader_over_usb_otg_is_reset_by_the_lines_all_the_same() -> None:
    async def work() -> tuple[Board, float]:
        board = Board(chip_id=None, registers=S2_MAGIC, usb=OTG)
        loader = Loader(board)
        await loader.connect()
        await loader.detect()
        board.silent = {WRITE_REG, READ_REG, SYNC}
        start = now()
        await leave(loader)
        return board, now() - start

    board, seconds = run(work())
    assert board.played[-1] == "hard"
    assert seconds <= RESTART_SECONDS


def test_a_port_that_hangs_while_the_board_is_brought_back_is_given_up_in_time() -> None:
    class Hanging(Board):
        async def run_sequence(self, sequence: Any) -> None:
            await asyncio.sleep(3600 if sequence.name == "hard" else 0)
            await super().run_sequence(sequence)

    async def work() -> tuple[ProbeResult, float]:
        return await probe(Hanging()), now()

    result, seconds = run(work())
    assert (result.chip, result.after) == ("ESP32-C3", "unknown")
    assert any("did not bring the board back" in warning for warning in result.warnings)
    assert seconds < RESTART_SECONDS + 1


def test_a_port_that_goes_away_during_the_reset_costs_a_warning_not_the_result() -> None:
    class Vanishing(Board):
        async def run_sequence(self, sequence: Any) -> None:
            if sequence.name == "hard":
                raise OSError("the device was unplugged")
            await super().run_sequence(sequence)

    result = run(_result(Vanishing))
    assert (result.chip, result.after) == ("ESP32-C3", "unknown")
    assert any("unplugged" in warning for warning in result.warnings)


async def _result(make: type[Board]) -> ProbeResult:
    return await probe(make())


@pytest.mark.parametrize("step", range(0, 30, 3))
def test_cancelling_at_any_command_resets_the_board_back_within_a_fifth_of_a_second(step: int) -> None:
    async def work() -> tuple[Board, float]:
        board = Board()
        reached = asyncio.Event()
        write = board.write

        async def counting(data: bytes, timeout: float = 5.0) -> None:
            if len(board.requests) >= step and board.played:
                reached.set()
                await asyncio.sleep(3600)
            await write(data)

        board.write = counting  # type: ignore[method-assign]
        task = asyncio.create_task(probe(board))
        done = asyncio.create_task(reached.wait())
        await asyncio.wait({task, done}, return_when=asyncio.FIRST_COMPLETED)
        done.cancel()
        if task.done():
            return board, 0.0
        start = now()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return board, now() - start

    board, seconds = run(work())
    assert board.played[-1] == "hard"
    assert seconds <= 0.2


def test_cancelling_twice_does_not_leave_the_board_held_in_reset() -> None:
    async def work() -> tuple[Board, bool]:
        board = Board()
        board.silent = {READ_REG}
        task = asyncio.create_task(probe(board))
        await asyncio.sleep(0.5)
        task.cancel()
        await asyncio.sleep(HARD_RESET_SECONDS / 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return board, board.in_loader

    board, in_loader = run(work())
    assert board.played == ["tight", "hard"]
    assert not in_loader
    assert board._waiting == BOOT


def test_a_reply_that_nobody_waited_for_does_not_become_log() -> None:
    async def work() -> Board:
        def deliver(answer: bytes) -> Iterable[bytes]:
            if board.requests[-1][0] != READ_REG:
                return (answer,)
            task.cancel()
            asyncio.get_running_loop().call_later(0.01, board.say, answer)
            return ()

        board = Board(deliver=deliver)
        task = asyncio.create_task(probe(board))
        with pytest.raises(asyncio.CancelledError):
            await task
        return board

    assert run(work())._waiting == BOOT


def test_cancelling_before_the_board_was_touched_touches_nothing() -> None:
    async def work() -> Board:
        board = Board()
        task = asyncio.create_task(probe(board))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return board

    assert run(work()).played == []


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (b"", None),
        (b"ets Jun  8 2016 00:22:57\r\n\r\n", None),
        (b"ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\n", None),
        (b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n", "application"),
        (b"rst:0x15 (USB_UART_CHIP_RESET),boot:0x23 (DOWNLOAD(USB/UART0))\r\n", "download mode"),
        (b"boot:0x3 (DOWNLOAD_BOOT(UART0/UART1/SDIO_REI_REO_V2))\r\nwaiting for download\r\n", "download mode"),
        (b"ets Jan  8 2013,rst cause:2, boot mode:(3,6)\r\n", "application"),
        (b"ets Jan  8 2013,rst cause:2, boot mode:(1,6)\r\n", "download mode"),
        (b"\x1b[0;32mI (29) boot: ESP-IDF v5.3\x1b[0m\r\n", "application"),
        (b"waiting for download\r\nboot:0x13 (SPI_FAST_FLASH_BOOT)\r\n", "application"),
        (b"\x80\xfe\x00\xf8garbage\xff", None),
    ],
)
def test_what_a_board_says_tells_where_it_is(text: bytes, told: str | None) -> None:
    assert says(text) == told


RESTART = b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"


@pytest.mark.parametrize(
    "line", [b"invalid header: 0xffffffff", b"flash read err, 1000", b"csum err:0x99!=0x5f", b"ets_main.c 371"]
)
def test_a_board_with_nothing_to_start_is_not_called_an_application(line: bytes) -> None:
    said = RESTART + (line + b"\r\n") * 3
    _, result = _probe(boot=said)
    assert result.after == "unknown"
    assert any(line.decode() in warning for warning in result.warnings)
    assert result.pushback == said


def test_a_board_that_tells_no_more_than_how_it_starts_is_taken_at_its_word() -> None:
    async def work() -> tuple[ProbeResult, float]:
        result = await probe(Board(boot=RESTART))
        return result, result.elapsed

    result, seconds = run(work())
    assert result.after == "application"
    assert seconds < LOOK_SECONDS + HARD_RESET_SECONDS
