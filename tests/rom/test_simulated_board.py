"""The whole way: a real handle over RFC 2217, DTR and RTS, a board that boots, resets and answers."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from espmon.cli import probe as command
from espmon.port import open_handle
from espmon.rom import ProbeResult, RomError, load_chips, probe
from espmon.sim import BoardThread, SimulatedBoard
from espmon.sim.simulated_chips import CHIPS
from espmon.testing import Quirks

pytestmark = pytest.mark.e2e

ENTERS = [(False, True), (True, True), (True, False), (False, False)]
"""(DTR, RTS) of the documented classic sequence: EN low, IO0 low as well, EN high, IO0 high."""

LEAVES = [(False, True), (False, False)]
"""The documented hard reset: EN low, EN high."""


@contextmanager
def _board(chip: str = "esp32c3", scenario: str = "demo", quirks: Quirks | None = None) -> Iterator[BoardThread]:
    with BoardThread(lambda: SimulatedBoard(chip, scenario, quirks=quirks)) as thread:
        yield thread


async def _probe(url: str) -> ProbeResult:
    handle = await open_handle(url)
    try:
        return await probe(handle)
    finally:
        await handle.close()


def _modes(board: BoardThread) -> list[str]:
    return [event["mode"] for event in board.board.events.events if event["event"] == "mode"]


def _changes(board: BoardThread) -> list[tuple[bool, bool]]:
    """The states of (DTR, RTS) one after the other, without repeats."""
    states = [(event["dtr"], event["rts"]) for event in board.board.events.events if event["event"] == "lines"]
    return [state for index, state in enumerate(states) if index == 0 or state != states[index - 1]]


@pytest.mark.parametrize("key", list(CHIPS))
async def test_every_chip_is_known_and_runs_its_application_again(key: str) -> None:
    with _board(key) as board:
        result = await _probe(board.url)
    assert result.chip == load_chips().chips[key].name
    assert result.after == "application"
    assert _modes(board)[:3] == ["application", "loader", "application"]


async def test_the_port_is_opened_once_and_the_lines_move_as_documented() -> None:
    with _board() as board:
        await _probe(board.url)
    events = [event["event"] for event in board.board.events.events]
    assert events.count("connect") == 1
    changes = _changes(board)
    first = changes.index(ENTERS[0])
    assert changes[first : first + 6] == [*ENTERS, *LEAVES]


async def test_what_the_application_says_after_the_probe_is_complete() -> None:
    with _board() as board:
        handle = await open_handle(board.url)
        result = await probe(handle)
        text = result.pushback
        while b"esp>" not in text:
            more = await handle.read(5.0)
            assert more, "the application fell silent"
            text += more
        await handle.close()
    assert text.startswith(b"ESP-ROM:esp32c3")


async def test_a_board_that_misses_the_first_syncs_and_repeats_its_refusals_is_probed_all_the_same() -> None:
    with _board("esp32", quirks=Quirks(ignored_syncs=3, error_repeats=8, chunk=3)) as board:
        result = await _probe(board.url)
    assert (result.chip, result.after) == ("ESP32", "application")


async def test_cancelling_in_the_middle_brings_the_application_back() -> None:
    with _board(quirks=Quirks(silent_after=2)) as board:
        handle = await open_handle(board.url)
        asked = asyncio.Event()
        task = asyncio.create_task(
            probe(handle, on_progress=lambda text: asked.set() if "Asking which" in text else None)
        )
        await asked.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        text = b""
        while b"boot:" not in text:
            more = await handle.read(5.0)
            assert more, "the application did not start"
            text += more
        await handle.close()
    assert _modes(board)[-1] == "application"


async def test_a_chip_that_stays_silent_is_an_error_and_the_application_runs_again() -> None:
    with _board(quirks=Quirks(silent_after=3)) as board, pytest.raises(RomError) as caught:
        await _probe(board.url)
    assert caught.value.after == "application"
    assert b"ESP-ROM" in caught.value.pushback


def test_the_command_probes_the_board(capsys: pytest.CaptureFixture[str]) -> None:
    with _board("esp32c6") as board:
        assert command.main([board.url, "--yes", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["chip"], told["after"], told["warnings"]) == ("ESP32-C6", "application", [])
