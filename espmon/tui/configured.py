"""What the settings file says that only the screen can judge: keys, theme, print filter."""

from __future__ import annotations

from dataclasses import replace

from espmon.records.print_filter import PrintFilter, PrintFilterError
from espmon.session.settings import Settings
from espmon.tui import keymap
from espmon.tui.theme import DARK, theme_problem


def checked(settings: Settings, source: str) -> tuple[Settings, list[str]]:
    """The settings without what means nothing, and one line a problem; `source` names where they were read."""
    settings, problems = keymap.checked(settings, source)
    if problem := theme_problem(settings.theme):
        problems.append(f"{source}: {problem}")
        settings = replace(settings, theme=DARK.name)
    try:
        PrintFilter(settings.print_filter)
    except PrintFilterError as error:
        problems.append(f"{source}: print_filter = {settings.print_filter!r}: {error}; ignored")
        settings = replace(settings, print_filter="")
    return settings, problems
