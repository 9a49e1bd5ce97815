"""What themes are called: known without the toolkit, which has themes of its own."""

from __future__ import annotations

DARK_NAME = "espmon"
"""The default."""

LIGHT_NAME = "espmon-light"
"""The same for a light terminal."""


def theme_problem(name: str, instead: str = "espmon's own is used") -> str:
    """What is wrong with the setting `theme = name`, and what counts `instead`; "" when there is such a theme."""
    if name in (DARK_NAME, LIGHT_NAME):
        return ""
    from textual.theme import BUILTIN_THEMES

    return "" if name in BUILTIN_THEMES else f"theme = {name!r} is no theme; {instead}"
