"""What the settings file says that only the screen can judge is named and ignored."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.session.settings import Settings
from espmon.session.settings_sources import DEFAULT, PROJECT_FILE
from espmon.tui.configured import checked, in_folder


@pytest.mark.parametrize("theme", ["espmon", "espmon-light", "textual-dark", "nord"])
def test_a_theme_that_there_is_stays(theme: str) -> None:
    settings = Settings(theme=theme, print_filter="wifi:W *:I")
    assert checked(settings, "config.toml") == (settings, [])


def test_a_theme_that_there_is_not_is_named() -> None:
    settings, problems = checked(Settings(theme="nope"), "config.toml")
    assert settings.theme == "espmon"
    assert problems == ["config.toml: theme = 'nope' is no theme; espmon's own is used"]


def test_a_print_filter_that_is_none_is_named_with_its_file() -> None:
    settings, problems = checked(Settings(print_filter="wifi:Q"), "config.toml")
    assert settings.print_filter == ""
    (problem,) = problems
    assert problem.startswith("config.toml: print_filter = 'wifi:Q': ")


def test_keys_are_checked_too() -> None:
    _, problems = checked(Settings(keymap={"log.nonsense": "x"}, theme="nope"), "config.toml")
    assert len(problems) == 2


def test_what_a_project_says_wrongly_leaves_what_the_user_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    user = tmp_path / "config.toml"
    user.write_text('theme = "nord"\nprint_filter = "*:W"\ntimestamp_format = "%H"\n')
    project = tmp_path / PROJECT_FILE
    project.write_text('theme = "nope"\nprint_filter = "wifi:Q"\ntimestamp_format = 5\notlp = "x"\n[levels.a]\n')
    monkeypatch.setattr("espmon.session.settings_sources.user_file", lambda: user)
    found = in_folder(tmp_path)
    settings = found.settings
    assert (settings.theme, settings.print_filter, settings.timestamp_format) == ("nord", "*:W", "%H")
    assert found.origins["theme"] == str(user)
    assert found.origins["levels"] == DEFAULT
    assert len(found.problems) == 5
    assert any("otlp is for the user's own settings" in problem for problem in found.problems)
    assert not any("default" in problem or "espmon's own" in problem for problem in found.problems)


def test_a_projects_file_that_is_no_text_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espmon.session.settings_sources.user_file", lambda: tmp_path / "none.toml")
    (tmp_path / PROJECT_FILE).write_bytes(b'theme = "\xff"')
    assert in_folder(tmp_path).problems == (f"{tmp_path / PROJECT_FILE}: no UTF-8 text (at byte 9); it is ignored",)
