"""What the settings files say that only the screen can judge: keys, theme, print filter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from espmon.records.print_filter import PrintFilter, PrintFilterError
from espmon.session.settings import Settings
from espmon.session.settings_sources import DEFAULT, EffectiveSettings, effective_settings
from espmon.tui.theme_names import DARK_NAME, theme_problem

DEFAULTS = Settings()

KEY_SETTINGS = ("menu_key", "exit_key", "keymap", "macros", "macro_keys")
"""Settings that say what keys do."""


def checked(settings: Settings, source: str) -> tuple[Settings, list[str]]:
    """The settings without what means nothing, and one line a problem; `source` names where they were read."""
    problems: list[str] = []
    if any(getattr(settings, name) != getattr(DEFAULTS, name) for name in KEY_SETTINGS):
        from espmon.tui import keymap  # knows every screen's keys, and needs the toolkit for that

        settings, problems = keymap.checked(settings, source)
    if problem := theme_problem(settings.theme):
        problems.append(f"{source}: {problem}")
        settings = replace(settings, theme=DARK_NAME)
    try:
        PrintFilter(settings.print_filter)
    except PrintFilterError as error:
        problems.append(f"{source}: print_filter = {settings.print_filter!r}: {error}; ignored")
        settings = replace(settings, print_filter="")
    return settings, problems


def in_folder(folder: Path | None = None) -> EffectiveSettings:
    """The settings that count in `folder` (the current one when None), all of them judged."""
    found = effective_settings(folder)
    problems = list(found.problems)
    settings, origins = found.settings, dict(found.origins)
    # What a setting says is told with the file that says it, so each file's settings are judged by themselves.
    for origin in dict.fromkeys(origins.values()):
        if origin == DEFAULT:
            continue
        own = {name: getattr(settings, name) for name, source in origins.items() if source == origin}
        judged, more = checked(replace(DEFAULTS, **own), origin)
        problems += more
        for name in own:
            if getattr(judged, name) != getattr(settings, name):
                settings = replace(settings, **{name: getattr(judged, name)})
                if getattr(judged, name) == getattr(DEFAULTS, name):
                    origins[name] = DEFAULT
    return EffectiveSettings(settings, origins, tuple(problems), found.files)
