"""The program's own themes: calm, high contrast where it matters. Any Textual theme works too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rich.color import ColorSystem
from textual.app import App
from textual.theme import Theme

from espmon.tui.theme_names import DARK_NAME, LIGHT_NAME

DARK = Theme(
    name=DARK_NAME,
    primary="#5fafd7",
    secondary="#8fa3bf",
    accent="#5fd7c7",
    warning="#e0b567",
    error="#ff6b81",
    success="#8fbf7f",
    foreground="#c8d0dc",
    background="#11151c",
    surface="#171c26",
    panel="#1e2532",
    dark=True,
    variables={
        "footer-key-foreground": "#5fd7c7",
        "footer-description-foreground": "#8fa3bf",
        "footer-background": "#171c26",
        "input-cursor-background": "#5fd7c7",
        "scrollbar": "#2c3648",
        "scrollbar-hover": "#3f4d66",
        "scrollbar-active": "#5fafd7",
        "scrollbar-background": "#131822",
        "scrollbar-background-hover": "#131822",
        "scrollbar-background-active": "#131822",
        "block-cursor-background": "#26344a",
        "block-cursor-foreground": "#ffffff",
    },
)
"""The default."""

LIGHT = Theme(
    name=LIGHT_NAME,
    primary="#175f92",
    secondary="#4d5c70",
    accent="#096459",
    warning="#7a5000",
    error="#b80028",
    success="#25671c",
    foreground="#20262f",
    background="#fbfbf9",
    surface="#f1f2f0",
    panel="#e6e9ea",
    dark=False,
    variables={"block-cursor-background": "#d2dee6", "block-cursor-foreground": "#000000"},
)
"""The same for a light terminal."""

THEMES = (DARK, LIGHT)


def few_colours(app: App[int]) -> bool:
    """Whether its terminal has sixteen colours or fewer; where colours are not wanted that makes no difference."""
    few = app.console._color_system in (ColorSystem.STANDARD, ColorSystem.WINDOWS)
    return few and not app.no_color and not app.is_headless


def own_themes(others: Mapping[str, Theme], *, sixteen: bool) -> Sequence[Theme]:
    """The themes to register beside the toolkit's `others`, which a terminal of sixteen colours has otherwise, too."""
    return [in_sixteen(theme) for theme in (*others.values(), *THEMES)] if sixteen else THEMES


def in_sixteen(theme: Theme) -> Theme:
    """The theme for a terminal of sixteen colours, where the nearest to a soft yellow or green would be white."""
    if theme.name.startswith("ansi"):
        return theme
    if theme.dark:
        return replace(
            theme, primary="#55ffff", accent="#55ffff", warning="#ffff55", error="#ff5555", success="#55ff55",
            foreground="#ffffff", background="#000000",
        )  # fmt: skip
    return replace(
        theme, primary="#0000aa", accent="#0000aa", warning="#aa00aa", error="#aa0000", success="#00aa00",
        foreground="#000000", background="#ffffff",
    )  # fmt: skip
