"""Filters under names, in a file of the program's own. Everything here blocks: it runs in threads."""

from __future__ import annotations

import json
from pathlib import Path

from espmon.regular_file import read_regular
from espmon.session.file_system import write_atomically
from espmon.session.settings import state_folder
from espmon.tui.log.filter_form import FilterForm
from espmon.tui.log.query import QueryError

MAX_FILE = 256 << 10
"""Largest file that is read, in bytes."""

MAX_FILTERS = 200
"""Most filters kept; the oldest goes first."""

MAX_NAME = 64
"""Most characters of a name."""


def filters_file() -> Path:
    """Where they are kept."""
    return state_folder() / "filters.json"


def read_filters(path: Path) -> tuple[dict[str, FilterForm], str]:
    """The saved filters by name, and why some were left out ("" when none were)."""
    try:
        table = json.loads(read_regular(path, MAX_FILE))
    except FileNotFoundError:
        return {}, ""
    except (OSError, ValueError, RecursionError) as error:
        return {}, f"The saved filters cannot be read: {error}"
    found: dict[str, FilterForm] = {}
    problem = ""
    for name, data in table.items() if isinstance(table, dict) else ():
        try:
            found[str(name)[:MAX_NAME]] = FilterForm.from_json(data if isinstance(data, dict) else {"": data})
        except QueryError as error:
            problem = f"The saved filter {name!r} is left out: {error}"
    return found, problem


def save_filter(path: Path, name: str, form: FilterForm) -> None:
    """Keep a filter under a name, in place of one that has it. Raises OSError.

    A file of which not all can be read stays beside it as `.unread`, to be mended by hand.
    """
    found, problem = read_filters(path)
    if problem:
        path.replace(path.with_name(f"{path.name}.unread"))
    found.pop(name, None)
    found[name] = form
    table = {name: form.to_json() for name, form in list(found.items())[-MAX_FILTERS:]}
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, json.dumps(table, indent=1, ensure_ascii=False).encode())
