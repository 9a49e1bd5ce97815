"""What is looked at before the full screen starts: each refusal is one line and exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.cli import demo, monitor
from espmon.cli.screen_checks import log_problem, screen_problem


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espmon.cli.screen_checks.at_terminal", lambda: True)
    monkeypatch.setenv("TERM", "xterm-256color")


@pytest.mark.usefixtures("terminal")
def test_a_terminal_that_cannot_move_its_cursor_gets_no_full_screen() -> None:
    assert "espmon decode" in screen_problem({"TERM": "dumb"})
    assert "espmon run PORT" in screen_problem({"TERM": "dumb"})


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("environment", [{"TERM": "vt220"}, {"TERM": ""}, {}])
def test_any_other_terminal_gets_it(environment: dict[str, str]) -> None:
    assert screen_problem(environment) == ""


@pytest.mark.usefixtures("terminal")
@pytest.mark.parametrize("main", [monitor.main, demo.main])
def test_a_dumb_terminal_is_refused_in_one_line(
    main: object, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    assert callable(main)
    assert main([]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "TERM=dumb" in error


@pytest.mark.usefixtures("terminal")
def test_a_log_that_cannot_be_written_is_refused_before_the_port_is_opened(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert monitor.main(["/dev/ttyUSB0", "--log", str(tmp_path / "missing" / "x.txt")]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "missing/x.txt: No such file or directory" in error


@pytest.mark.usefixtures("terminal")
def test_a_log_without_a_recording_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "espmon").mkdir()
    (tmp_path / "espmon" / "config.toml").write_text("recording = false\n")
    assert monitor.main(["/dev/ttyUSB0", "--log", str(tmp_path / "x.txt")]) == 2
    assert "recording" in capsys.readouterr().err


def test_a_folder_is_no_log_file(tmp_path: Path) -> None:
    assert "folder" in log_problem(tmp_path)


def test_looking_leaves_no_file_behind(tmp_path: Path) -> None:
    assert log_problem(tmp_path / "new.txt") == ""
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_is_there_is_kept(tmp_path: Path) -> None:
    old = tmp_path / "old.txt"
    old.write_text("before")
    assert log_problem(old) == ""
    assert old.read_text() == "before"
