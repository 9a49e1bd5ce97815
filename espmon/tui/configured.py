"""What the settings files say that only the screen can judge: keys, theme, print filter."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from espmon.records.print_filter import PrintFilter, PrintFilterError
from espmon.records.record import JsonObject
from espmon.session.settings import Settings
from espmon.session.settings_sources import IGNORED, PROJECT_FILE, EffectiveSettings, effective_settings
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
    instead = (IGNORED,) if Path(source).name == PROJECT_FILE else ()
    if problem := theme_problem(settings.theme, *instead):
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
    return effective_settings(folder, judge=judged)


def judged(layer: JsonObject, source: str) -> tuple[JsonObject, list[str]]:
    """Of one file's settings those that mean something, so that what another file says counts for the rest."""
    settings, problems = checked(replace(DEFAULTS, **layer), source)
    kept = {name: getattr(settings, name) for name in layer}
    return {
        name: value for name, value in kept.items() if value == layer[name] or value != getattr(DEFAULTS, name)
    }, problems
