"""The commands that show the screen, called as functions: what they open, with what, and how they end."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from espmon.cli import demo, main, monitor, open_command
from espmon.session.replay import opened_source
from espmon.session.replay.opened_source import open_source
from espmon.session.replay.replay_source import Source
from espmon.tui.app import EspmonApp
from tests.session.archive.recordings import BOOT, LINE, PANIC, made_session

Captured = pytest.CaptureFixture[str]
Shown = list[EspmonApp]


@pytest.fixture
def shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shown]:
    """The screens that were shown, each left at once by a user who changed nothing."""
    for name, folder in (("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config"), ("XDG_STATE_HOME", "state")):
        monkeypatch.setenv(name, str(tmp_path / folder))
    monkeypatch.chdir(tmp_path)
    apps: Shown = []

    def run(app: EspmonApp) -> int | None:
        apps.append(app)
        return None

    monkeypatch.setattr(EspmonApp, "run", run)
    for module in (demo, monitor, open_command):
        monkeypatch.setattr(module, "screen_problem", str)
    sources: list[Source] = []

    def opened(path: Path, *, follow: bool) -> Source:
        sources.append(open_source(path, follow=follow))
        return sources[-1]

    monkeypatch.setattr(opened_source, "open_source", opened)
    yield apps
    for source in sources:  # who shows a recording closes it
        source.close()


def test_a_session_is_opened_with_what_was_asked_for(shown: Shown, tmp_path: Path) -> None:
    folder = made_session(tmp_path / "data" / "espmon" / "sessions", BOOT + LINE * 3 + PANIC)
    assert main(["open", folder.name, "--speed", "8", "--timestamps", "--print-filter", "*:W"]) in (0, 3)
    [app] = shown
    assert app.request is not None
    assert app.request.print_filter == "*:W"


def test_a_file_that_does_not_say_when_its_bytes_came_has_no_speed(
    shown: Shown, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "x.log").write_bytes(LINE)
    assert main(["open", "x.log", "--speed", "2"]) == 2
    assert "there is no speed to it" in capsys.readouterr().err
    assert main(["open", "x.log", "--speed", "0"]) == 2
    assert not shown


def test_without_a_terminal_a_recording_is_not_shown(tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "x.log").write_bytes(LINE)
    assert main(["open", str(tmp_path / "x.log")]) == 2
    assert "`espmon decode FILE` needs none" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["--raw"], ["--timestamps", "--ws", "ws://127.0.0.1:1"]])
def test_without_a_port_the_list_of_ports_is_shown(shown: Shown, words: list[str]) -> None:
    assert main(words) in (0, 3)
    assert len(shown) == 1


def test_a_log_needs_a_recording(shown: Shown, tmp_path: Path, capsys: Captured) -> None:
    (tmp_path / "config" / "espmon").mkdir(parents=True)
    (tmp_path / "config" / "espmon" / "config.toml").write_text("recording = false\n")
    assert main(["socket://127.0.0.1:1", "--log", "x.log"]) == 2
    assert "no log is written while the setting `recording` is false" in capsys.readouterr().err
    assert not shown


def test_the_elf_of_the_settings_is_used_and_one_that_is_not_there_is_told(
    shown: Shown, tmp_path: Path, capsys: Captured
) -> None:
    (tmp_path / "config" / "espmon").mkdir(parents=True)
    (tmp_path / "config" / "espmon" / "config.toml").write_text('elf = "gone.elf"\n')
    assert main(["socket://127.0.0.1:1"]) in (0, 3)
    assert "gone.elf" in capsys.readouterr().err
    [app] = shown
    assert app.request is not None
    assert not app.request.elf


def test_the_demo_shows_a_board_of_the_chip(shown: Shown) -> None:
    pytest.importorskip("esp32_mock_bootloader")
    assert main(["demo", "--chip", "esp32"]) in (0, 3)
    [app] = shown
    assert app.request is not None
    assert app.request.url.startswith("rfc2217://")


@pytest.mark.parametrize("words", [["demo", "--chip", "z80"], ["open", "nothing"]])
def test_what_is_not_there_is_wrong_usage(shown: Shown, words: list[str], capsys: Captured) -> None:
    assert main(words) == 2
    assert capsys.readouterr().err.startswith("espmon: ")
    assert not shown
