"""The program's own themes can be read: WCAG AA for text, also on the row that is selected."""

from __future__ import annotations

import pytest
from textual.color import Color
from textual.theme import Theme

from espmon.tui.log.contrast import contrast
from espmon.tui.theme import THEMES

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
