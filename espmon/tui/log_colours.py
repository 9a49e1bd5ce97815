"""What the log's meanings look like in a theme: colours of the theme, brought to where they can be read.

Text reaches WCAG 2.1's level AA (contrast 4.5 : 1) on the theme's background, whatever the theme.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from textual.color import Color
from textual.theme import Theme

from espmon.tui.log.contrast import black_or_white, contrast
from espmon.tui.log.meaning import Meaning

CONTRAST = 4.5
"""Of text to what lies under it: WCAG 2.1, 1.4.3."""

STEPS = 20
"""Shades tried between a colour and white or black."""

FAINT = 0.55
"""Share of the foreground in what steps back."""

NATIVE: Mapping[Meaning, str] = {
    Meaning.ERROR: "bright_red",
    Meaning.WARNING: "yellow",
    Meaning.INFORMATION: "green",
    Meaning.DEBUG: "bright_black",
    Meaning.VERBOSE: "bright_black",
    Meaning.TAG: "cyan",
    Meaning.TIME: "bright_black",
    Meaning.MARK: "cyan",
    Meaning.CRASH: "red",
    Meaning.MATCH: "yellow",
    Meaning.CURRENT: "bright_yellow",
}
"""In the themes that keep the terminal's own sixteen colours, and in dark ones where it has no more."""

ON_LIGHT: Mapping[Meaning, str] = {
    Meaning.ERROR: "red",
    Meaning.WARNING: "magenta",
    Meaning.INFORMATION: "green",
    Meaning.DEBUG: "bright_black",
    Meaning.VERBOSE: "bright_black",
    Meaning.TAG: "blue",
    Meaning.TIME: "bright_black",
    Meaning.MARK: "blue",
    Meaning.CRASH: "bright_red",
    Meaning.MATCH: "yellow",
    Meaning.CURRENT: "bright_yellow",
}
"""In light themes where the terminal has sixteen colours: yellow and cyan cannot be read on white."""

BOARDS = ("#6f9fd8", "#e0b567", "#8fbf7f", "#d08fd0", "#6fb7bf", "#e0897a", "#a99cf0", "#c9c96a")
NATIVE_BOARDS = ("bright_blue", "yellow", "green", "magenta", "cyan", "bright_red", "bright_magenta", "bright_green")
"""What tells boards apart beside each other, in any theme and in the terminal's own sixteen colours."""

SIXTEEN_BOARDS = ("#55ffff", "#ffff55", "#55ff55", "#ff55ff", "#00aaaa", "#ff5555", "#5555ff", "#aa5500")
SIXTEEN_BOARDS_ON_LIGHT = ("#0000aa", "#aa00aa", "#aa5500", "#00aa00", "#aa0000", "#5555ff", "#00aaaa", "#555555")
"""The same in a dark and in a light theme where the terminal has sixteen colours: all those above would be white."""


def readable(colour: Color, ground: Color) -> Color:
    """The colour, or the nearest shade of it towards white or black that can be read on `ground`."""
    end = Color.parse(black_or_white(ground))
    shades = (colour.blend(end, step / STEPS) for step in range(STEPS + 1))
    return next((shade for shade in shades if contrast(shade, ground) >= CONTRAST), end)


def log_colours(theme: Theme, *, sixteen: bool = False) -> Mapping[Meaning, str]:
    """Meaning -> colour in this theme, by name or as `#rrggbb`.

    Args:
        theme: the theme.
        sixteen: the terminal has no more colours than that: the nearest to a shade of yellow would be white.
    """
    if theme.name.startswith("ansi"):
        return NATIVE
    if sixteen:
        return NATIVE if theme.dark else ON_LIGHT
    ground = Color.parse(theme.background or ("#121212" if theme.dark else "#efefef"))
    text = readable(Color.parse(theme.foreground or ("#e0e0e0" if theme.dark else "#101010")), ground)
    accent = theme.accent or theme.primary
    faint = ground.blend(text, FAINT)
    wanted = {
        Meaning.ERROR: Color.parse(theme.error or "#ff6b81"),
        Meaning.WARNING: Color.parse(theme.warning or "#e0b567"),
        Meaning.INFORMATION: Color.parse(theme.success or "#8fbf7f"),
        Meaning.DEBUG: faint,
        Meaning.VERBOSE: faint,
        Meaning.TAG: Color.parse(theme.primary),
        Meaning.TIME: faint,
        Meaning.MARK: Color.parse(accent),
    }
    colours = {meaning: readable(colour, ground).hex for meaning, colour in wanted.items()}
    # These lie under text.
    return colours | {
        Meaning.CRASH: Color.parse(theme.error or "#ff6b81").hex,
        Meaning.MATCH: "#c9a94e",
        Meaning.CURRENT: "#ffd75f",
    }


def board_colours(theme: Theme, *, sixteen: bool = False) -> Sequence[str]:
    """The boards' colours in this theme, by name or as `#rrggbb`; after the last one they begin anew.

    Args:
        theme: the theme.
        sixteen: the terminal has no more colours than that.
    """
    if theme.name.startswith("ansi"):
        return NATIVE_BOARDS
    if sixteen:
        return SIXTEEN_BOARDS if theme.dark else SIXTEEN_BOARDS_ON_LIGHT
    ground = Color.parse(theme.background or ("#121212" if theme.dark else "#efefef"))
    return [readable(Color.parse(colour), ground).hex for colour in BOARDS]


def text_colour(colour: str) -> str:
    """The same as widgets name it: those of the terminal's own sixteen have other names there."""
    return colour if colour.startswith("#") else f"ansi_{colour}"
