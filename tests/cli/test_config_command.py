"""`espmon config`: what counts, and where it came from."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from espmon.cli import main
from espmon.session.settings import Settings, user_file
from espmon.session.settings_sources import DEFAULT, PROJECT_FILE


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("espmon.session.settings.config_folder", lambda: tmp_path / "config")
    monkeypatch.setattr("espmon.tui.choices_file.state_folder", lambda: tmp_path / "state")
    return tmp_path


def test_without_files_everything_is_the_default(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["config"]) == 0
    out, err = capsys.readouterr()
    assert out
    assert all(line.endswith("  # default") for line in out.splitlines())
    table = tomllib.loads(out)
    assert table["screenshot_trigger"] == Settings().screenshot_trigger
    assert set(table) == set(Settings.__slots__)
    assert "Read: no file" in err
    assert main(["config", "--changed"]) == 0
    assert capsys.readouterr().out == ""


def test_each_setting_says_where_it_came_from(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / PROJECT_FILE).write_text('print_filter = "wifi:W"\neol = "LF"\n')
    user_file().parent.mkdir(parents=True, exist_ok=True)
    user_file().write_text('theme = "nope"\nstart_in = "log"\n[keymap]\n"log.nonsense" = "x"\n')
    assert main(["config", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    settings = found["settings"]
    assert settings["print_filter"] == {"value": "wifi:W", "from": str(project / PROJECT_FILE)}
    assert settings["start_in"] == {"value": "log", "from": str(user_file())}
    assert settings["theme"] == {"value": "espmon", "from": DEFAULT}
    assert settings["eol"] == {"value": "CR", "from": DEFAULT}
    assert found["files"] == [str(user_file()), str(project / PROJECT_FILE)]
    assert len(found["problems"]) == 3
    assert main(["config", "--changed"]) == 0
    out, err = capsys.readouterr()
    assert f'print_filter = "wifi:W"  # {project / PROJECT_FILE}' in out
    assert err.count("espmon: ") == 3


def test_a_theme_chosen_on_the_screen_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = project / "state" / "screen.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"theme": {"value": "nord", "over": "espmon"}}))
    assert main(["config", "--changed"]) == 0
    assert capsys.readouterr().out == f'theme = "nord"  # chosen on the screen, {path}\n'
    (project / PROJECT_FILE).write_text('theme = "espmon-light"\n')
    assert main(["config", "--changed"]) == 0
    assert capsys.readouterr().out == f'theme = "espmon-light"  # {project / PROJECT_FILE}\n'
