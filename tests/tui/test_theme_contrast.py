"""The program's own themes can be read: WCAG AA for text, also on the row that is selected."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from rich.color import Color as RichColor
from rich.color import ColorSystem
from rich.style import Style
from textual.app import App
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from espmon.session.settings import Settings
from espmon.session.status import Severity
from espmon.tui.log.contrast import contrast
from espmon.tui.log.meaning import Meaning
from espmon.tui.log.painter import Painter
from espmon.tui.log_colours import board_colours, log_colours
from espmon.tui.theme import THEMES, few_colours, in_sixteen, own_themes
from tests.tui.running import running

AA = 4.5
SELECTED = 0.12
"""How much of the primary colour lies under a row whose texts keep their own colours."""


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("selected", [False, True])
@pytest.mark.parametrize("ground", ["background", "surface", "panel"])
@pytest.mark.parametrize("text", ["foreground", "primary", "secondary", "accent", "warning", "error", "success"])
def test_each_colour_can_be_read_on_each_ground(theme: Theme, ground: str, text: str, *, selected: bool) -> None:
    below = Color.parse(getattr(theme, ground))
    if selected:
        below = below.blend(Color.parse(theme.primary), SELECTED)
    assert contrast(Color.parse(getattr(theme, text)), below) >= AA


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_the_name_of_each_board_can_be_read_on_the_row_of_tabs_and_reversed(theme: Theme) -> None:
    ground, boost = (Color.parse(theme.to_color_system().generate()[name]) for name in ("background", "boost"))
    row = ground.blend(boost, boost.a).with_alpha(1.0)
    for colour in board_colours(theme):
        assert contrast(Color.parse(colour), row) >= AA


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_boards_have_different_colours_in_a_terminal_of_sixteen(theme: Theme) -> None:
    shown = {
        RichColor.parse(colour).downgrade(ColorSystem.STANDARD).number for colour in board_colours(theme, sixteen=True)
    }
    assert len(shown) == len(board_colours(theme, sixteen=True))


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_the_cursor_of_a_list_can_be_read(theme: Theme) -> None:
    colours = theme.to_color_system().generate()
    ground = Color.parse(colours["block-cursor-background"])
    assert contrast(Color.parse(colours["block-cursor-foreground"]), ground) >= AA


@pytest.mark.parametrize("theme", [theme.name for theme in THEMES])
async def test_the_event_under_the_cursor_can_be_read(theme: str) -> None:
    async with running(size=(120, 30), settings=Settings(theme=theme)) as case:
        case.session.add_event("panic", "LoadProhibited in gfx_loop", severity=Severity.ERROR)
        events = case.screen.inspector.events
        await case.until(lambda: len(events.entries) == 1)
        await case.press("e")
        await case.until(lambda: events.has_focus)
        row = next(strip for strip in map(events.render_line, range(4)) if "LoadProhibited" in strip.text)
        for segment in row:
            assert segment.style is not None
            assert segment.style.color is not None
            assert segment.style.bgcolor is not None
            text, below = (Color.from_rich_color(one) for one in (segment.style.color, segment.style.bgcolor))
            assert not segment.text.strip() or contrast(text, below) >= AA


@pytest.mark.parametrize("theme", ["ansi-dark", "ansi-light"])
async def test_in_the_terminal_s_own_colours_the_event_under_the_cursor_is_of_one_colour(theme: str) -> None:
    async with running(size=(120, 30), settings=Settings(theme=theme)) as case:
        case.session.add_event("panic", "LoadProhibited in gfx_loop", severity=Severity.ERROR)
        events = case.screen.inspector.events
        await case.press("e")
        await case.until(lambda: events.has_focus and len(events.entries) == 1)
        row = next(strip for strip in map(events.render_line, range(4)) if "LoadProhibited" in strip.text)
        styles = {
            (segment.style.color, segment.style.bgcolor, segment.style.reverse) for segment in row if segment.style
        }
        assert len(styles) == 1
        assert all(reverse for *_, reverse in styles)


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
@pytest.mark.parametrize("ground", ["primary", "error"])
def test_what_has_the_focus_in_a_dialog_can_be_read_and_is_the_brightest(theme: Theme, ground: str) -> None:
    """`espmon.tui.screens.control_styles`: the background's colour on the primary or the error colour."""
    focus, below = Color.parse(getattr(theme, ground)), Color.parse(theme.background or "")
    assert contrast(below, focus) >= AA
    quiet = below.blend(Color.parse(theme.foreground or ""), 0.12)
    assert contrast(focus, below) > contrast(quiet, below)


@pytest.mark.parametrize(("theme", "kept"), [("ansi-dark", True), ("ansi-light", True), ("espmon", False)])
async def test_without_colours_everything_can_be_read(
    theme: str, monkeypatch: pytest.MonkeyPatch, *, kept: bool
) -> None:
    """The terminal's own colours stay its own; a theme of other colours is black, white and grey."""
    monkeypatch.setenv("NO_COLOR", "1")
    async with running(size=(100, 24), settings=Settings(theme=theme)) as case:
        await case.feed(b"I (12) app: fine\nD (13) app: detail\nE (14) app: broken\n")
        strips = case.pane.render_lines(case.pane.size.region)
        parts = {segment.text.strip(): segment.style for strip in strips for segment in strip if segment.text.strip()}
        for style in parts.values():
            assert style is not None
            if kept:
                assert style.color is None or style.color.is_default
                assert style.bgcolor is None or style.bgcolor.is_default
            else:
                assert style.color != style.bgcolor
        if kept:
            error, detail = parts["E (14) app: broken"], parts["D (13) app: detail"]
            assert error is not None
            assert error.bold
            assert detail is not None
            assert detail.dim
            case.session.add_event("panic", "LoadProhibited in gfx_loop", severity=Severity.ERROR)
            await case.press("e")
            events = case.screen.inspector.events
            await case.until(lambda: events.has_focus and len(events.entries) == 1)
            row = next(strip for strip in map(events.render_line, range(4)) if "LoadProhibited" in strip.text)
            assert all(segment.style is not None and segment.style.underline for segment in row if segment.text.strip())


ALL = {**BUILTIN_THEMES, **{theme.name: theme for theme in THEMES}}


@pytest.mark.parametrize("name", [name for name in ALL if not name.startswith("ansi")])
@pytest.mark.parametrize("kind", ["match", "current", "selected"])
def test_what_is_found_or_selected_can_be_read_whatever_colour_it_had(name: str, kind: str) -> None:
    theme = ALL[name]
    painter = Painter(Style(color="#808080", bgcolor="#7f7f7f"), dark=theme.dark, colours=log_colours(theme))
    for style in (painter.base, painter.alert, painter.style((Meaning.ERROR, None, 0)), painter.gutter):
        shown = painter.highlight(style, kind)
        assert shown.color is not None
        assert shown.bgcolor is not None
        assert contrast(Color.from_rich_color(shown.color), Color.from_rich_color(shown.bgcolor)) >= AA


@pytest.mark.parametrize("theme", THEMES, ids=lambda theme: theme.name)
def test_sixteen_colours_tell_the_levels_apart(theme: Theme) -> None:
    colours = log_colours(theme, sixteen=True)
    told = [
        Meaning.ERROR,
        Meaning.WARNING,
        Meaning.INFORMATION,
        Meaning.TAG,
        Meaning.TIME,
    ]
    numbers = {meaning: RichColor.parse(colours[meaning]).number for meaning in told}
    assert len(set(numbers.values())) == len(told)
    assert not {0, 7, 15} & set(numbers.values()), "that is the text's own"
    few = in_sixteen(theme)
    standing = [few.warning, few.error, few.success, few.primary]
    shown = [RichColor.parse(colour or "").downgrade(ColorSystem.STANDARD).number for colour in standing]
    assert len(set(shown)) == len(standing)
    assert not {0, 7, 8, 15} & set(shown)


def test_a_terminal_with_more_colours_has_the_themes_as_they_are() -> None:
    assert own_themes(BUILTIN_THEMES, sixteen=False) == THEMES
    assert {theme.name for theme in own_themes(BUILTIN_THEMES, sixteen=True)} == ALL.keys()


@pytest.mark.parametrize(
    ("system", "changes", "few"),
    [
        (ColorSystem.STANDARD, {}, True),
        (ColorSystem.EIGHT_BIT, {}, False),
        (ColorSystem.TRUECOLOR, {}, False),
        (None, {}, False),
        (ColorSystem.STANDARD, {"no_color": True}, False),
        (ColorSystem.STANDARD, {"is_headless": True}, False),
    ],
)
def test_sixteen_colours_are_what_the_terminal_says(
    system: ColorSystem | None, changes: dict[str, bool], *, few: bool
) -> None:
    console = SimpleNamespace(_color_system=system)
    app = SimpleNamespace(**{"console": console, "no_color": False, "is_headless": False, **changes})
    assert few_colours(cast("App[int]", app)) is few
