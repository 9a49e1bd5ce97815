"""`espmon probe` with `--before`, `--after`, `--attempts`, `--chip`: esptool's names, on a simulated board."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from espmon.cli import probe
from espmon.rom.loader import ATTEMPTS
from espmon.sim import BoardThread, SimulatedBoard
from tests.rom.server import silent_listener, terminal

NOWHERE = "/dev/does-not-exist"


@pytest.fixture
def board() -> Iterator[BoardThread]:
    with BoardThread(lambda: SimulatedBoard("esp32c6")) as thread:
        yield thread


def _events(board: BoardThread, kind: str) -> list[dict[str, Any]]:
    return [event for event in board.board.events.events if event["event"] == kind]


def _answer(capsys: pytest.CaptureFixture[str]) -> tuple[dict[str, Any], str]:
    out, err = capsys.readouterr()
    return json.loads(out), err


@pytest.mark.e2e
def test_a_board_left_in_its_loader_is_said_to_be_there_and_found_without_a_line_moving(
    board: BoardThread, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe.main([board.url, "--yes", "--json", "--after", "no-reset"]) == 0
    told, err = _answer(capsys)
    assert told["after"] == "download mode"
    assert "press its EN (RST) key" in err
    assert _events(board, "mode")[-1]["mode"] == "loader"
    moves = len(_events(board, "lines"))
    assert moves

    assert probe.main([board.url, "--yes", "--json", "--before", "no-reset", "--after", "no-reset"]) == 0
    told, err = _answer(capsys)
    assert (told["chip"], told["after"]) == ("ESP32-C6", "download mode")
    assert "may have restarted the board" in err
    assert len(_events(board, "lines")) == moves

    assert probe.main([board.url, "--yes", "--json", "--before", "no_reset"]) == 0
    told, _ = _answer(capsys)
    assert told["after"] == "application"
    assert _events(board, "mode")[-1]["mode"] == "application"


@pytest.mark.e2e
def test_without_a_reset_a_running_application_keeps_running(
    board: BoardThread, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--yes", "--before", "no-reset", "--after", "no-reset", "--attempts", "1"]
    assert probe.main([board.url, *words]) == 4
    assert "it was not to be reset" in capsys.readouterr().err
    assert _events(board, "lines") == []
    assert {event["mode"] for event in _events(board, "mode")} <= {"application"}


@pytest.mark.e2e
def test_usb_reset_plays_that_sequence_as_often_as_asked_for_whatever_the_port_is(
    board: BoardThread, capsys: pytest.CaptureFixture[str]
) -> None:
    # The board has the usual two transistors, which that sequence cannot bring into the loader.
    words = ["--yes", "--transcript", "--before", "usb-reset", "--attempts", "2"]
    assert probe.main([board.url, *words]) == 4
    entries = [line for line in capsys.readouterr().err.splitlines() if "-- reset into the loader" in line]
    assert [line.rpartition(": ")[2] for line in entries] == ["usb-jtag-serial"] * 2
    assert _events(board, "mode")[-1]["mode"] == "application"


def test_the_help_names_the_number_of_attempts_that_is_used(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["--help"]) == 0
    assert f"1 to 100 (default: {ATTEMPTS})" in " ".join(capsys.readouterr().out.split())


@pytest.mark.e2e
@pytest.mark.parametrize("name", ["esp32c6", "ESP32-C6", "auto"])
def test_the_chip_that_was_asked_for_is_probed(
    name: str, board: BoardThread, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe.main([board.url, "--yes", "--json", "--chip", name]) == 0
    told, _ = _answer(capsys)
    assert (told["chip"], told["after"], told["warnings"]) == ("ESP32-C6", "application", [])


@pytest.mark.e2e
def test_another_chip_is_exit_code_4_and_names_both(board: BoardThread, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main([board.url, "--yes", "--json", "--chip", "esp32s3"]) == 4
    told, _ = _answer(capsys)
    assert told["error"]["kind"] == "chip"
    assert "ESP32-C6" in told["error"]["message"]
    assert "ESP32-S3" in told["error"]["message"]
    assert _events(board, "mode")[-1]["mode"] == "application"


def test_one_attempt_is_enough_where_one_was_asked_for(capsys: pytest.CaptureFixture[str]) -> None:
    with silent_listener() as url:
        assert probe.main([url, "--yes", "--attempts", "1"]) == 4
    assert "No loader answered" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--before", "soon"], "'soon' is not known; there are default-reset, usb-reset, no-reset"),
        (["--before", "no-reset-no-sync"], "'no-reset-no-sync' is esptool's alone; there are default-reset"),
        (["--after", "watchdog-reset"], "'watchdog-reset' is esptool's alone; there are hard-reset, no-reset"),
        (["--after", "soft_reset"], "'soft_reset' is esptool's alone"),
        (["--attempts", "0"], "'0' is no number of attempts; 1 to 100 are possible"),
        (["--attempts", "101"], "'101' is no number"),
        (["--attempts", "0000000001234"], "'0000000001234' is no number"),
        (["--attempts", "often"], "'often' is no number"),
        (["--chip", "esp33"], "'esp33' is no chip; there are auto, esp8266, esp32,"),
    ],
)
def test_a_value_that_is_none_is_wrong_usage_and_names_those_that_are(
    words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert probe.main([NOWHERE, "--yes", *words]) == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ([], "resets the board on"),
        (["--after", "no-reset"], "leaves it there"),
        (["--before", "no-reset"], "sends bytes to"),
        (["--before", "no-reset", "--after", "no-reset"], "moves no line"),
    ],
)
def test_every_way_is_asked_for_first(
    words: list[str], asked: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with terminal() as (ours, theirs):
        os.write(ours, b"n\n")
        with os.fdopen(os.dup(theirs)) as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            assert probe.main([NOWHERE, *words]) == 1
    err = capsys.readouterr().err
    assert asked in err
    assert "Nothing was touched" in err
