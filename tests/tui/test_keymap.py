"""The user's own keys: what means nothing is named, and what is on one key twice."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

import espmon.tui
from espmon.session.settings import Settings
from espmon.tui import actions, keymap
from tests.tui.running import running


def problems(**settings: object) -> list[str]:
    return keymap.checked(Settings(**settings), "config.toml")[1]  # type: ignore[arg-type]


def test_the_defaults_are_no_problem() -> None:
    assert keymap.checked(Settings(), "config.toml") == (Settings(), [])


@pytest.mark.parametrize("name", ["log.nonsense", "nonsense", "events.nonsense", ""])
def test_an_unknown_action_is_named_and_ignored(name: str) -> None:
    settings, said = keymap.checked(Settings(keymap={name: "ctrl+g", "log.follow": "f9"}), "config.toml")
    assert said == [f"config.toml: [keymap] {name!r} is no action; ignored"]
    assert settings.keymap == {"log.follow": "f9"}


@pytest.mark.parametrize("key", ["notakey", "ctrl+", "foo+x", "", "space,notakey", "F2"])
def test_an_unknown_key_is_named_and_ignored(key: str) -> None:
    settings, said = keymap.checked(Settings(keymap={"log.follow": key}), "config.toml")
    assert len(said) == 1
    assert "log.follow" in said[0]
    assert "is no key; ignored" in said[0]
    assert settings.keymap == {}


def test_a_menu_key_that_is_none_is_named_and_the_default_is_used() -> None:
    settings, said = keymap.checked(Settings(menu_key="notakey", exit_key="ctrl+g"), "config.toml")
    assert said == ["config.toml: menu_key = 'notakey' is no key; the default is used"]
    assert (settings.menu_key, settings.exit_key) == (Settings().menu_key, "ctrl+g")


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"log.search": "ctrl+f"}, "log.search = 'ctrl+f': Ctrl-F is the key of log.page_down too"),
        (
            {"log.search": "ctrl+g", "log.filter": "ctrl+g"},
            "log.search = 'ctrl+g': Ctrl-G is the key of log.filter too",
        ),
        ({"events.kind": "o"}, "events.kind = 'o': o is the key of events.open too"),
        ({"picker.demo": "p"}, "picker.demo = 'p': p is the key of picker.probe too"),
        ({"log.wrap": "ctrl+t"}, "log.wrap = 'ctrl+t': Ctrl-T is the key of app.menu too"),
    ],
)
def test_two_actions_on_one_key_in_one_place_are_named(chosen: dict[str, str], words: str) -> None:
    assert problems(keymap=chosen) == [f"config.toml: [keymap] {words}"]


@pytest.mark.parametrize(
    "chosen", [{"log.search": "slash,ctrl+g"}, {"events.kind": "f"}, {"log.search": "f", "log.filter": "slash"}]
)
def test_a_key_that_is_free_in_its_place_is_no_problem(chosen: dict[str, str]) -> None:
    assert problems(keymap=chosen) == []


def test_every_id_in_the_program_is_known() -> None:
    root = Path(espmon.tui.__file__).parent
    written = {
        name
        for path in root.rglob("*.py")
        for name in re.findall(r'\bid=f?"([a-z_]+\.[a-z_]+)(?=["{])', path.read_text("utf-8"))
    }
    assert len(written) > 80
    known = {name for context in {name.partition(".")[0] for name in written} for name in keymap.ids(context)}
    assert {name for name in written if name not in known and not name.endswith("level_")} == set()


def test_the_readme_s_keys_are_free() -> None:
    readme = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    (block,) = [block for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) if "[keymap]" in block]
    assert problems(keymap=tomllib.loads(block)["keymap"]) == []


def test_every_action_of_the_help_has_a_way_to_it() -> None:
    assert all(keys for keys, *_ in keymap.help_rows({}))


def test_what_only_repeats_the_title_is_not_said() -> None:
    assert [row for row in keymap.help_rows({}) if row[2].rstrip(".") == row[1]] == []


@pytest.mark.parametrize(
    ("title", "keys"),
    [
        ("Quit", "Ctrl-], Ctrl-Q, Ctrl-T X"),
        ("Help: all keys", "?, F1, Ctrl-T H"),
        ("Times: none, host, device, between lines", "t, Ctrl-T I"),
        ("Names of known boards", "palette"),
        ("Every action by its name", "Ctrl-P"),
        ("Search the log", "/"),
        ("One page down", "PageDown, Ctrl-F"),
        ("Regular expression", "Alt-R"),
    ],
)
def test_the_help_lists_every_key_of_an_action(title: str, keys: str) -> None:
    assert {row[1]: row[0] for row in keymap.help_rows({})}[title] == keys


def test_every_key_of_the_menu_is_in_the_help() -> None:
    listed = " ".join(row[0] for row in keymap.help_rows({}))
    assert [entry.shown for entry in actions.MENU if f"Ctrl-T {entry.shown}" not in listed] == []


def test_the_help_follows_the_key_map_and_what_it_takes_away() -> None:
    rows = {row[1]: row[0] for row in keymap.help_rows({"log.search": "ctrl+f", "search.regex": "f8"})}
    assert (rows["Search the log"], rows["One page down"], rows["Regular expression"]) == ("Ctrl-F", "PageDown", "F8")


async def test_the_palette_is_in_the_footer_where_there_is_room() -> None:
    async with running(size=(120, 24)) as case:
        assert "Ctrl-P Palette" in case.text().split("\n")[-1]


async def test_the_palette_is_not_offered_where_its_key_means_something_else() -> None:
    async with running(size=(120, 24)) as case:
        await case.press("ctrl+t")
        assert "Palette" not in case.text()
        await case.press("escape", "r")
        assert "Palette" not in case.text()


async def test_of_several_notices_the_first_is_shown_and_the_others_are_counted() -> None:
    async with running(size=(120, 24), notices=("one is wrong", "two is wrong", "three is wrong")) as case:
        await case.until(lambda: "one is wrong (and 2 more, printed when you leave)" in " ".join(case.text().split()))


async def test_a_raw_ctrl_p_goes_to_the_board() -> None:
    async with running() as case:
        await case.press("r", "ctrl+p")
        await case.until(lambda: case.session.sent == [b"\x10"])
        assert case.app.screen is case.screen


@pytest.mark.parametrize("keys", [(), ("i",), ("slash",), ("f",), ("e",), ("r",)])
@pytest.mark.parametrize("width", [40, 60, 80, 120])
async def test_nothing_in_the_footer_is_cut_and_the_way_out_is_there(keys: tuple[str, ...], width: int) -> None:
    async with running(size=(width, 10)) as case:
        await case.press(*keys)
        assert case.text().split("\n")[-1].endswith("Ctrl-] Quit")


@pytest.mark.parametrize(("theme", "used"), [("espmon", "espmon"), ("textual-dark", "textual-dark"), ("no", "espmon")])
async def test_the_theme_is_the_one_that_was_named(theme: str, used: str) -> None:
    async with running(settings=Settings(theme=theme)) as case:
        assert case.app.theme == used
        assert ("is no theme" in case.text()) == (theme == "no")
