"""What the settings file says that only the screen can judge is named and ignored."""

from __future__ import annotations

import pytest

from espmon.session.settings import Settings
from espmon.tui.configured import checked


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
