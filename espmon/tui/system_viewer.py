"""Opening a picture or a text that a board sent in the system's viewer.

What a file is called may end as the board wished. Only kinds that are looked at are opened, none that runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from textual.app import App

from espmon.tui.sanitise import short_paths

Result = TypeVar("Result")

VIEWED = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".txt", ".log", ".csv", ".json"})
"""Ends of the names of files that are opened."""


def open_in_viewer(app: App[Result], path: Path | None) -> None:
    """Open a file in the system's viewer; says why where that cannot be done."""
    from espmon.port.platform import view_file

    if path is None:
        app.notify("This event has no file", markup=False)
    elif path.suffix.lower() not in VIEWED:
        said = f"{path.name}: only pictures and texts are opened in a viewer ({' '.join(sorted(VIEWED))})"
        app.notify(said, severity="warning", markup=False)
    elif not path.is_file():
        app.notify(short_paths(f"{path} is not there any more"), severity="warning", markup=False)
    else:
        try:
            view_file(path)
        except OSError as error:
            app.notify(f"{path.name} is not opened: {error.strerror or error}", severity="warning", markup=False)
        else:
            app.notify(f"{path.name} opens in the system's viewer", markup=False)
