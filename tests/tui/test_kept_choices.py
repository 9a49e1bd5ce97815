"""Theme, columns and layout are found again, apart from the settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espmon.session.settings import Settings
from espmon.tui.choices_file import read_choices
from espmon.tui.kept_choices import CHOICES
from espmon.tui.log.line_times import Timestamps
from tests.tui.running import running


def kept(**values: tuple[str, str]) -> str:
    return json.dumps({name: {"value": value, "over": over} for name, (value, over) in values.items()})


async def test_what_was_chosen_is_there_the_next_time(tmp_path: Path) -> None:
    path = tmp_path / "state" / "screen.json"
    async with running(size=(120, 30), choices=path) as case:
        await case.press("t", "w", "d", "e")
        case.app.theme = "espmon-light"
        case.app.exit(0)
    assert read_choices(path).keys() == {choice.name for choice in CHOICES}
    async with running(size=(120, 30), choices=path) as case:
        assert case.app.theme == "espmon-light"
        await case.until(lambda: case.screen.shows_events)
        assert case.pane.drawing.wrap
        assert case.pane.drawing.timestamps is Timestamps.HOST
        assert not case.screen.shows_locations
        assert case.app.focused is case.pane
        await case.press("w")
        case.app.exit(0)
    assert "wrap" not in read_choices(path)
    assert "times" in read_choices(path)


async def test_what_is_said_on_the_command_line_or_set_since_goes_before(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    path.write_text(kept(theme=("nord", "espmon"), times=("delta", "off"), wrap=("on", "off")))
    settings = Settings(theme="espmon-light")
    async with running(settings=settings, choices=path, timestamps=True) as case:
        await case.until(lambda: case.pane.drawing.wrap)
        assert case.app.theme == "espmon-light"
        assert case.pane.drawing.timestamps is Timestamps.HOST
        case.app.exit(0)
    assert read_choices(path).keys() == {"theme", "times", "wrap"}


async def test_in_a_narrow_terminal_the_events_stay_away_and_are_not_forgotten(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    path.write_text(kept(events=("on", "off"), wrap=("on", "off")))
    async with running(size=(80, 24), choices=path) as case:
        await case.until(lambda: case.pane.drawing.wrap)
        assert not case.screen.shows_events
        case.app.exit(0)
    assert read_choices(path)["events"]["value"] == "on"


@pytest.mark.parametrize(
    "content",
    ["", "[]", "{", "[" * 100_000, '{"theme": 1}', kept(theme=("no such", "espmon"), times=("x", "off"))],
    ids=["empty", "list", "cut", "deep", "number", "unknown"],
)
async def test_a_damaged_file_is_no_matter(tmp_path: Path, content: str) -> None:
    path = tmp_path / "screen.json"
    path.write_text(content)
    async with running(choices=path) as case:
        assert case.app.theme == "espmon"
        assert case.pane.drawing.timestamps is Timestamps.OFF


async def test_where_nothing_can_be_written_leaving_goes_on(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    async with running(choices=tmp_path / "file" / "screen.json") as case:
        await case.press("w")
        case.app.exit(0)
    assert case.app.kept.problem.startswith("What was chosen on the screen is not kept: ")


async def test_two_at_once_keep_what_each_chose(tmp_path: Path) -> None:
    path = tmp_path / "screen.json"
    path.write_text(kept(times=("host", "off"), wrap=("on", "off")))
    async with running(choices=path) as case:
        # Another one, that began with the same file, has ended meanwhile.
        path.write_text(kept(times=("device", "off"), wrap=("on", "off"), theme=("nord", "espmon")))
        await case.press("w")
        case.app.exit(0)
    now = read_choices(path)
    assert {name: entry["value"] for name, entry in now.items()} == {"times": "device", "theme": "nord"}


async def test_who_changes_nothing_leaves_no_file(tmp_path: Path) -> None:
    async with running(choices=tmp_path / "screen.json") as case:
        case.app.exit(0)
    assert not (tmp_path / "screen.json").exists()
