"""The palette: one row a command with its key, the best match first, what was used last before the rest."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme
from textual.widgets import OptionList

from espmon.session.settings import Settings
from espmon.tui import actions
from espmon.tui.log.contrast import contrast
from espmon.tui.palette_commands import PaletteCommand, ranked
from espmon.tui.screens.help import HelpScreen
from espmon.tui.screens.palette_screen import PaletteScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.theme import THEMES
from tests.tui.running import Running, running
from tests.tui.test_theme_contrast import AA


async def nothing() -> None:
    """Do nothing."""


COMMANDS = [PaletteCommand(action.title, nothing, action.label, action.help) for action in actions.ACTIONS]
COMMANDS.append(PaletteCommand("Save this screen as an SVG file", nothing, "SVG", "A screenshot of the terminal"))


def first(query: str, recent: tuple[str, ...] = ()) -> str:
    return ranked(query, COMMANDS, recent)[0].title


def test_the_best_match_comes_first() -> None:
    assert first("screenshot") == "Take a screenshot of the board"
    assert first("filter") == "Filter by level, tag and text"
    assert first("reset") == "Reset the board"
    assert first("flash pan").startswith("Flash panel")
    assert first("quit") == "Quit"
    assert first("wrap long") == "Wrap long lines"
    assert first("baud") == "Set baud rate"
    assert first("prtlst") != ""
    assert ranked("xyzzyq", COMMANDS) == []


def test_letters_with_others_between_count_and_come_last() -> None:
    found = ranked("srchlog", COMMANDS)
    assert [command.title for command in found] == ["Search the log"]


def test_what_was_used_last_is_first_among_equals() -> None:
    assert first("", ("Set baud rate", "Quit")) == "Set baud rate"
    assert first("flash", ("Flash the application only",)) == "Flash the project"
    assert [command.title for command in ranked("", COMMANDS)][:2] == [COMMANDS[0].title, COMMANDS[1].title]


async def palette(case: Running) -> PaletteScreen:
    await case.press("ctrl+p")
    await case.until(lambda: isinstance(case.app.screen, PaletteScreen), "the palette")
    await case.pilot.pause()
    screen = case.app.screen
    assert isinstance(screen, PaletteScreen)
    return screen


async def test_a_row_has_its_key_and_what_was_used_stands_first_the_next_time() -> None:
    async with running(size=(80, 24)) as case:
        await palette(case)
        await case.press(*"wrap")
        await case.until(lambda: "Wrap long lines" in case.text())
        row = next(line for line in case.text().splitlines() if "Wrap long lines" in line)
        assert row.rstrip("│ ").endswith(" w")
        await case.press("enter")
        await case.until(lambda: case.pane.drawing.wrap)
        screen = await palette(case)
        await case.until(lambda: screen._found, "the rows")
        assert screen._found[0].title == "Wrap long lines"
        await case.press("ctrl+p")
        await case.until(lambda: case.app.screen is case.screen, "the log")


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
async def test_no_row_is_empty_and_the_chosen_row_s_key_can_be_read(theme: Theme) -> None:
    async with running(size=(80, 24), settings=Settings(theme=theme.name)) as case:
        screen = await palette(case)
        listed = screen.query_one(OptionList)
        await case.until(lambda: listed.size.height > 10, "the commands")
        frame = screen.query_one(".dialog").region
        said = screen.query_one("#said").region
        assert said.bottom == frame.bottom - 1 < 24
        assert said.y == listed.region.bottom
        row = [segment for segment in listed.render_line(0) if segment.text.strip()]
        assert [segment.text.strip() for segment in row] == ["Type to the board", "i"]
        for segment in row:
            assert segment.style is not None
            assert segment.style.color is not None
            assert segment.style.bgcolor is not None
            text, below = (Color.from_rich_color(one) for one in (segment.style.color, segment.style.bgcolor))
            assert contrast(text, below) >= AA
        await case.pilot.press(*"screenshot")
        await case.until(lambda: listed.option_count == 3)
        await case.until(
            lambda: listed.region.height == 3 and screen.query_one("#said").region.y == listed.region.bottom
        )


async def test_over_another_screen_its_own_keys_and_all_the_others_are_reached() -> None:
    async with running(size=(100, 30)) as case:
        await case.press("question_mark")
        await case.until(lambda: isinstance(case.app.screen, HelpScreen))
        screen = await palette(case)
        await case.until(lambda: screen._found, "the rows")
        titles = [command.title for command in screen._found]
        assert "Search the log" in titles
        assert titles.index("Search the log") > 0, "what the help can do stands first"
        await case.press(*"search the log", "enter")
        await case.until(lambda: case.screen.mode == "FIND", "the search")
        assert case.app.screen is case.screen


async def test_what_waits_for_an_answer_is_not_closed() -> None:
    async with running(size=(100, 30)) as case:
        await case.app.run_action("app.baud")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt))
        await palette(case)
        await case.press(*"wrap long", "enter")
        await case.until(lambda: any("Leave this first" in note.message for note in case.app._notifications))
        assert isinstance(case.app.screen, TextPrompt)
        assert not case.pane.drawing.wrap
