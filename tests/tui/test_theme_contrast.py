"""The program's own themes can be read: WCAG AA for text, also on the row that is selected."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from espmon.session.settings import Settings
from espmon.session.status import Severity
from espmon.tui.log.contrast import contrast
from espmon.tui.theme import THEMES
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
