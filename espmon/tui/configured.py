"""What the settings file says that only the screen can judge: keys, theme, print filter."""

from __future__ import annotations

from dataclasses import replace

from textual.theme import BUILTIN_THEMES

from espmon.records.print_filter import PrintFilter, PrintFilterError
from espmon.session.settings import Settings
from espmon.tui import keymap
from espmon.tui.theme import DARK, THEMES


def checked(settings: Settings, source: str) -> tuple[Settings, list[str]]:
    """The settings without what means nothing, and one line a problem; `source` names where they were read."""
    settings, problems = keymap.checked(settings, source)
    if settings.theme not in BUILTIN_THEMES and settings.theme not in {theme.name for theme in THEMES}:
        problems.append(f"{source}: theme = {settings.theme!r} is no theme; espmon's own is used")
        settings = replace(settings, theme=DARK.name)
    try:
        PrintFilter(settings.print_filter)
    except PrintFilterError as error:
        problems.append(f"{source}: print_filter = {settings.print_filter!r}: {error}; ignored")
        settings = replace(settings, print_filter="")
    return settings, problems
