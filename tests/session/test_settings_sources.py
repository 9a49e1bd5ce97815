"""Where settings come from: the user's file, then the project's, which may not set what acts."""

from __future__ import annotations

import os
from dataclasses import fields
from pathlib import Path

import pytest

from espmon.session.settings import Settings
from espmon.session.settings_sources import (
    DEFAULT,
    PROJECT_FILE,
    PROJECT_KEYS,
    EffectiveSettings,
    effective_settings,
    project_file,
)

EXAMPLES = {
    "start_in": '"raw"',
    "eol": '"LF"',
    "local_echo": '"off"',
    "line_prompt": '"ready"',
    "menu_key": '"ctrl+a"',
    "exit_key": '"ctrl+x"',
    "timestamp_format": '"%H:%M"',
    "theme": '"espmon-light"',
    "screenshot_trigger": '"evil\\n"',
    "print_filter": '"wifi:W"',
    "elf": '"build/app.elf"',
}
"""Texts that are not the defaults."""

TABLES = {
    "keymap": '"log.search" = "f5"',
    "macros": 'heap = "free"',
    "macro_keys": 'f5 = "heap"',
    "path_map": '"/build" = "src"',
    "otlp_numbers": '"free heap" = "heap.free"',
    "secrets": 'badge = "B[0-9]+"',
    "levels.mine": "regex = 'x'\nlevel = 'E'",
    "highlights.mine": "regex = 'x'\ncolor = 'red'",
    "replies.mine": "regex = 'x'\nsend = 'rm'",
}

ACTS = (
    *("eol", "line_delay", "char_delay", "line_prompt", "screenshot_trigger", "ask_capabilities", "start_in"),
    *("answer_coredump_prompt", "answer_queries", "gdb_init", "keymap", "macros", "macro_keys", "replies"),
    *("menu_key", "exit_key", "raw_escapes", "recording", "otlp", "otlp_numbers"),
)
"""What sends, starts programs, writes, or says which key does."""


def toml_of(name: str) -> str:
    """The setting `name` with another value than its default, as TOML."""
    for table, rows in TABLES.items():
        if table.partition(".")[0] == name:
            return f"[{table}]\n{rows}\n"
    default = getattr(Settings(), name)
    if isinstance(default, bool):
        return f"{name} = {'false' if default else 'true'}\n"
    return f"{name} = {EXAMPLES[name]}\n" if isinstance(default, str) else f"{name} = {default + 1}\n"


def in_project(folder: Path, text: str, user: str = "") -> EffectiveSettings:
    (folder / PROJECT_FILE).write_text(text)
    (folder / "user.toml").write_text(user)
    return effective_settings(folder, folder / "user.toml")


@pytest.mark.parametrize("name", [item.name for item in fields(Settings)])
def test_a_project_sets_what_the_table_allows_and_nothing_else(name: str, tmp_path: Path) -> None:
    found = in_project(tmp_path, toml_of(name))
    changed = getattr(found.settings, name) != getattr(Settings(), name)
    assert changed == (name in PROJECT_KEYS)
    if name in PROJECT_KEYS:
        assert found.problems == ()
        assert found.origins[name] == str(tmp_path / PROJECT_FILE)
    else:
        (problem,) = found.problems
        assert problem.startswith(f"{tmp_path / PROJECT_FILE}: {name} is for the user's own settings")
        assert found.settings == Settings()
        assert found.origins[name] == DEFAULT


@pytest.mark.parametrize("name", [item.name for item in fields(Settings)])
def test_the_user_sets_everything(name: str, tmp_path: Path) -> None:
    found = in_project(tmp_path, "", toml_of(name))
    assert getattr(found.settings, name) != getattr(Settings(), name)
    assert found.origins[name] == str(tmp_path / "user.toml")


def test_nothing_that_acts_is_a_projects_to_set() -> None:
    assert not PROJECT_KEYS.keys() & set(ACTS)
    assert PROJECT_KEYS.keys() <= {item.name for item in fields(Settings)}


def test_a_project_is_read_after_the_user_and_tables_are_joined(tmp_path: Path) -> None:
    user = (
        'theme = "nord"\nprint_filter = "*:I"\n[path_map]\n"/a" = "/x"\n"/b" = "/y"\n'
        '[levels.mine]\nregex = "a"\nlevel = "W"\n[levels.other]\nregex = "b"\nlevel = "W"\n'
    )
    found = in_project(
        tmp_path, 'print_filter = "wifi:W"\n[path_map]\n"/b" = "/z"\n[levels.mine]\nregex = "c"\nlevel = "E"\n', user
    )
    settings = found.settings
    assert (settings.theme, settings.print_filter) == ("nord", "wifi:W")
    assert dict(settings.path_map) == {"/a": "/x", "/b": "/z"}
    assert [(rule.name, rule.regex) for rule in settings.levels] == [("mine", "c"), ("other", "b")]
    assert found.origins["path_map"] == f"{tmp_path / 'user.toml'}, {tmp_path / PROJECT_FILE}"
    assert found.files == (tmp_path / "user.toml", tmp_path / PROJECT_FILE)


def test_unknown_keys_and_bad_values_are_one_line_each(tmp_path: Path) -> None:
    found = in_project(tmp_path, 'nonsense = 1\ntheme = """a\nb"""\nprint_filter = 7\n"a\\nb" = 2\n', "eol = 3\n")
    assert len(found.problems) == 4
    assert not any("\n" in problem for problem in found.problems)


def test_relative_paths_begin_where_the_file_is(tmp_path: Path) -> None:
    found = in_project(tmp_path, 'elf = "build/app.elf"\n[path_map]\n"/build" = "src"\n"/home" = "~/x"\n')
    assert found.settings.elf == str(tmp_path / "build" / "app.elf")
    assert dict(found.settings.path_map) == {
        "/build": str(tmp_path / "src"),
        "/home": os.path.expanduser("~/x"),
    }


def test_a_projects_file_is_found_from_below_within_its_repository(tmp_path: Path) -> None:
    deep = tmp_path / "repository" / "main" / "src"
    deep.mkdir(parents=True)
    (tmp_path / PROJECT_FILE).write_text("")
    assert project_file(deep) is None
    (tmp_path / "repository" / ".git").mkdir()
    assert project_file(deep) is None
    (tmp_path / "repository" / PROJECT_FILE).write_text("")
    assert project_file(deep) == tmp_path / "repository" / PROJECT_FILE
    assert project_file(tmp_path) == tmp_path / PROJECT_FILE
