"""Files that a board sends: told of, and saved where the user wants them, under a name that is only a name."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

from espmon.records.spans.frame import Frame
from espmon.session.status import EventEntry
from espmon.tui.host import Host

RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\.|$)")
"""Names that Windows takes for devices, whatever ends them."""

MAX_FILE_NAME = 80
"""Characters of the name that is proposed."""


def proposed_name(name: str | None) -> str:
    """A file name made of what the board suggests: no folder, nothing hidden, no device, nothing a shell acts on."""
    base = re.sub(r"[^A-Za-z0-9._-]+", "-", (name or "").replace("\\", "/").rsplit("/", 1)[-1]).lstrip("-.")
    base = base[-MAX_FILE_NAME:].lstrip("-.").rstrip(".") or "file.bin"
    return f"file-{base}" if RESERVED.match(base) else base


class FileOffers:
    """Offers the files of `file` frames.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app
        self._told: set[int] = set()

    def follow_entry(self, entry: EventEntry) -> None:
        """A file has come and is kept: say how it is saved, once."""
        record = entry.record
        if (
            isinstance(record, Frame)
            and record.kind == "file"
            and entry.path is not None
            and entry.id not in self._told
        ):
            self._told.add(entry.id)
            self._app.invite(f"{proposed_name(record.name)} has come: o on its row in the events (e) saves it")

    def ask(self, record: Frame, kept: Path) -> None:
        """Ask where to, and copy it there; nothing is overwritten."""
        from espmon.tui.screens.prompt import TextPrompt
        from espmon.tui.user_input import new_file_problem, path_of

        app = self._app

        def answered(text: str | None) -> None:
            if text:
                app.run_worker(self._copy(kept, path_of(text).absolute()), group="files")

        name = proposed_name(record.name)
        note = f"{record.size:,} bytes. They are kept in {kept} whatever you answer."
        app.push_screen(
            TextPrompt("Save the board's file as", name, check=new_file_problem, note=note, label="Save"), answered
        )

    async def _copy(self, kept: Path, to: Path) -> None:
        from espmon.regular_file import read_regular
        from espmon.session.file_system import write_atomically

        limit = self._app.settings.frame_bytes
        try:
            data = await asyncio.to_thread(read_regular, kept, limit)
            await asyncio.to_thread(write_atomically, to, data)
        except OSError as error:
            self._app.notify(f"Not saved: {to}: {error.strerror or error}", severity="error", markup=False)
        else:
            self._app.notify(f"Saved {to}", markup=False)
