"""Opening a source line in the user's editor, in a window of its own or in this terminal."""

from __future__ import annotations

from pathlib import Path

from textual.app import SuspendNotSupported

from espmon.programs import start_beside
from espmon.tui.host import Host
from espmon.tui.source_places import SourcePlace, editor_command


def open_in_editor(app: Host, place: SourcePlace) -> None:
    """Open a file at its line; says why where that cannot be done."""
    command = editor_command(place)
    if isinstance(command, str):
        app.notify(command, severity="warning", markup=False)
        return
    try:
        if command.windowed:
            start_beside(command.words)
            app.notify(f"{place.text} opens in {Path(command.words[0]).stem}", markup=False)
            return
        from espmon.tui.debug_dialogs import run_in_terminal

        with app.suspend():
            run_in_terminal(command.words, app.lend_terminal)
    except SuspendNotSupported:
        app.notify("This terminal cannot be handed over to an editor", severity="warning", markup=False)
    except OSError as error:
        said = f"{command.words[0]} did not start: {error.strerror or error}"
        app.notify(said, severity="error", markup=False)
