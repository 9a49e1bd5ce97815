"""Settings: defaults without a file, problems in words, never an exception."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from espmon.session.settings import Settings, load_settings, settings_from


def test_without_a_file_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(tmp_path / "none.toml") == (Settings(), [])


def test_a_file_overrides_what_it_names(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('eol = "LF"\nidle_seconds = 1\n[keymap]\nsearch = "ctrl+f"\n')
    settings, problems = load_settings(path)
    assert (settings.eol, settings.idle_seconds, dict(settings.keymap)) == ("LF", 1.0, {"search": "ctrl+f"})
    assert problems == []


def test_unknown_and_wrong_values_are_named_and_ignored(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('colour = "red"\nstore_bytes = "big"\nframe_bytes = -1\nrecording = 1\n[path_map]\na = 1\n')
    settings, problems = load_settings(path)
    assert settings == Settings()
    assert [problem.split(": ", 1)[1].split(" ")[0] for problem in problems] == [
        "unknown",
        "store_bytes",
        "frame_bytes",
        "recording",
        "the",
    ]


def test_a_broken_file_is_reported_and_not_fatal(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff = [")
    settings, problems = load_settings(path)
    assert settings == Settings()
    assert len(problems) == 1


def test_a_source_folder_may_be_below_the_home_folder(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[path_map]\n"/builds/x" = "~/x"\n')
    assert dict(load_settings(path)[0].path_map) == {"/builds/x": str(Path.home() / "x")}


def test_the_home_folder_of_nobody_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text('[path_map]\n"/builds/x" = "~nobody-has-this-name/x"\n')
    assert dict(load_settings(path)[0].path_map) == {"/builds/x": "~nobody-has-this-name/x"}


def test_the_readme_s_settings_are_settings() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    blocks = re.findall(r"```toml\n(.*?)```", readme, re.DOTALL)
    (block,) = (one for one in blocks if "pyproject.toml" not in one)
    assert settings_from(tomllib.loads(block), "README.md")[1] == []


def test_what_a_setting_should_be_is_said_in_words() -> None:
    table = {"sessions_kept": "many", "idle_seconds": "short", "eol": 1, "reconnect": "yes", "keymap": 1}
    problems = settings_from(table, "c")[1]
    assert [problem.split("should be ")[1].split(";")[0] for problem in problems] == [
        "a whole number",
        "a number",
        "a text",
        "true or false",
        "a table",
    ]


def test_a_line_end_that_is_none_is_named() -> None:
    assert settings_from({"eol": "NL"}, "c") == (
        Settings(),
        ["c: eol = 'NL' should be one of CR, LF, CRLF; the default is used"],
    )
