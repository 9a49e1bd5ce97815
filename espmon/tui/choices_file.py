"""The file of what the user chose on the screen and finds again the next time. Apart from the settings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from espmon.regular_file import read_regular
from espmon.session.settings import state_folder
from espmon.tui.theme_names import theme_problem

MAX_FILE = 64 << 10
"""Bytes of the file that are read."""


def choices_file() -> Path:
    """Where choices are kept."""
    return state_folder() / "screen.json"


Entries = Mapping[str, Mapping[str, str]]
"""Name -> {"value": what was chosen, "over": what it would have been}."""


def read_choices(path: Path) -> Entries:
    """What was chosen before; nothing where the file is missing or damaged: it only keeps comfort. Blocks."""
    try:
        table = json.loads(read_regular(path, MAX_FILE))
    except (OSError, ValueError, RecursionError):
        return {}
    entries = table.items() if isinstance(table, dict) else ()
    return {
        name: {key: entry[key] for key in ("value", "over")}
        for name, entry in entries
        if isinstance(entry, dict) and all(isinstance(entry.get(key), str) for key in ("value", "over"))
    }


def chosen(entries: Entries, name: str, otherwise: str, problem: Callable[[str], str]) -> str:
    """What was chosen in place of `otherwise`; that itself where nothing was, or something else is set by now."""
    entry = entries.get(name)
    if entry is None or entry["over"] != otherwise or problem(entry["value"]):
        return otherwise
    return entry["value"]


def chosen_theme(entries: Entries, setting: str) -> str:
    """The theme that counts while the settings say `setting`."""
    return chosen(entries, "theme", setting, theme_problem)
