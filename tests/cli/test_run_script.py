"""`espmon run --script`: every command on a simulated board, what asks, what fails, and how the run ends."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from espmon.cli import main
from espmon.rom.app_image import IMAGE_MAGIC
from espmon.sim import BoardThread, SimulatedBoard
from espmon.sim import flash_contents as flash
from espmon.sim.firmware_image import Image
from espmon.sim.simulated_chips import CHIPS
from tests.cli.test_run import Talker

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def board() -> Iterator[BoardThread]:
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet")) as server:
        yield server


def run(url: str, script: str, *more: str) -> int:
    Path("x.txt").write_text(script)
    return main(["run", url, "--script", "x.txt", "--timeout", "90", *more])


def last(capfd: Captured) -> str:
    return capfd.readouterr().err.splitlines()[-1]


def test_a_script_talks_to_the_board_and_ends_the_run(board: BoardThread, capfd: Captured) -> None:
    assert run(board.url, "expect --timeout 60 esp> \nsend help\nexpect null pointer\nsleep 0\n") == 0
    shown = capfd.readouterr()
    assert "x.txt:2: send help" in shown.err
    assert shown.err.splitlines()[-1] == "The script x.txt has ended"


def test_an_expectation_that_is_not_met_in_time_is_5_and_names_the_line(board: BoardThread, capfd: Captured) -> None:
    assert run(board.url, "# nothing says so\nexpect --timeout 0.2 never\nsend panic\n") == 5
    assert last(capfd) == "espmon: x.txt:2: expect: 0.2 s are over, and `never` did not come"


def test_exit_ends_it_and_what_the_command_line_still_expects_is_missing(board: BoardThread, capfd: Captured) -> None:
    assert run(board.url, "exit\nsend panic\n", "--expect", "never") == 5
    assert "x.txt:1: exit; still expected: `never`" in last(capfd)


def test_what_exit_says_is_said_once(board: BoardThread, capfd: Captured) -> None:
    assert run(board.url, "mark here\nexit\n") == 0
    assert capfd.readouterr().err.splitlines() == ["x.txt:1: mark here", "x.txt:2: exit"]


def test_a_run_that_expects_more_goes_on_behind_the_script(board: BoardThread, capfd: Captured) -> None:
    assert run(board.url, "expect esp>\nsend help\n", "--expect", "store to a null pointer") == 0
    assert last(capfd).startswith("Seen what was expected")


def test_output_and_timestamps_change_what_is_printed_from_there_on(board: BoardThread, capfd: Captured) -> None:
    script = (
        "expect esp>\noutput\nsend flood 5\nexpect line 0000004\nexpect esp>\noutput\ntimestamps\nsend flood 2\n"
        "expect line 0000001\n"
    )
    assert run(board.url, script) == 0
    shown = capfd.readouterr().out
    assert "line 0000004" not in shown
    assert re.search(r"^\d\d:\d\d:\d\d\.\d{3} I \(\d+\) flood: line 0000001", shown, re.MULTILINE)


def test_a_log_file_and_a_mark_in_it(board: BoardThread, capfd: Captured) -> None:
    script = "expect esp>\nlog out.txt\nmark the test begins\nsend flood 1\nexpect line 0000000\nexpect esp>\nlog\n"
    assert run(board.url, script) == 0
    text = Path("out.txt").read_text()
    assert "the test begins" in text
    assert text.index("the test begins") < text.index("line 0000000")
    assert "the test begins" in capfd.readouterr().out


def test_a_port_that_is_lost_comes_back_and_the_script_goes_on(capfd: Captured) -> None:
    with Talker(b"before\n", b"after\n") as talker:
        assert run(talker.url, "expect before\nexpect --timeout 60 after\nsend x\nmark sent\n") == 0
        talker.wait_for(b"x\r")
    assert talker.connections == 2
    assert last(capfd) == "The script x.txt has ended"


def test_probe_screenshot_and_core_dump(board: BoardThread, capfd: Captured) -> None:
    script = (
        "expect esp>\nscreenshot x.png\nsend panic\nexpect Rebooting\nexpect esp>\nprobe\ncoredump d.bin\n"
        "reset\nexpect --timeout 60 esp>\n"
    )
    assert run(board.url, script, "--yes") == 0, capfd.readouterr().err
    assert Path("x.png").read_bytes().startswith(b"\x89PNG")
    capfd.readouterr()
    assert main(["coredump", "d.bin", "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["crashed"]["task"] == "main"


def test_a_build_is_flashed(board: BoardThread, tmp_path: Path, capfd: Captured) -> None:
    chip = CHIPS["esp32c3"]
    build = tmp_path / "build"
    build.mkdir()
    (build / "app.bin").write_bytes(flash.application(chip, Image()))
    (build / "flasher_args.json").write_text(
        json.dumps({"flash_files": {"0x10000": "app.bin"}, "app": {"offset": "0x10000", "file": "app.bin"}})
    )
    assert run(board.url, "app-flash build\nflash\nexpect --timeout 60 esp>\n", "--yes") == 0, capfd.readouterr().err
    assert board.board._flash.data[0x10000] == IMAGE_MAGIC
    assert run(board.url, "flash /nonexistent/build\n", "--yes") == 2
    assert "x.txt:1: flash: /nonexistent" in last(capfd)


def test_a_step_that_fails_names_its_line_and_ends_the_run(board: BoardThread, capfd: Captured) -> None:
    assert run(board.url, "sleep 0\ncoredump\nsend panic\n", "--yes") == 4
    assert "x.txt:2: coredump: " in last(capfd)


def test_what_resets_is_asked_for_and_nothing_is_opened_without_consent(capfd: Captured) -> None:
    assert run("socket://127.0.0.1:1", "send a\nreset\nflash\n") == 2
    assert "the script resets the board and writes its flash (reset, flash)" in last(capfd)


def test_check_reads_without_running(capfd: Captured) -> None:
    Path("x.txt").write_text("reset\nexpect --timeout 5 ready\n")
    assert main(["run", "--script", "x.txt", "--check", "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == {
        "ok": True,
        "script": "x.txt",
        "consent": ["resets the board"],
        "steps": [
            {"line": 1, "command": "reset", "argument": ""},
            {"line": 2, "command": "expect", "argument": "--timeout 5 ready"},
        ],
    }
    Path("x.txt").write_text("reset\nsleep x\nwhat\n")
    assert main(["run", "--script", "x.txt", "--check"]) == 2
    assert [line.partition(" ")[0] for line in capfd.readouterr().err.splitlines()] == ["x.txt:2:", "espmon:"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--check"], "--check needs --script"),
        (["--script", "missing.txt", "--check"], "missing.txt: No such file"),
        (["a", "b", "--script", "missing.txt"], "one port"),
        ([], "no PORT"),
    ],
)
def test_wrong_usage(arguments: list[str], words: str, capfd: Captured) -> None:
    assert main(["run", *arguments]) == 2
    assert words in last(capfd)
