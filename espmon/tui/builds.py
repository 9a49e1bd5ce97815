"""Builds on disk: which project belongs to the ELF in use, and whether it was built anew."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from espmon.session.session_events import FlashEvent
from espmon.session.status import EventEntry, Status
from espmon.tui.host import Host

LOOK_SECONDS = 2.0
"""Seconds between looks at the ELF in use."""

LEVELS = 3
"""Folders above an ELF in which its build is looked for."""

MARKS = ("flasher_args.json", "flash_args", "build/flasher_args.json", "build/flash_args", "firmware.bin")
"""Files by which a build folder, or a project with one, is known."""

Stamp = tuple[int, int]
"""Time of change in nanoseconds, and size."""


def project_of(elf: Path | None, otherwise: Path) -> Path:
    """The folder of the build that `elf` belongs to, else `otherwise`. Reads folders: call it in a thread."""
    if elf is not None:
        for folder in list(elf.absolute().parents)[:LEVELS]:
            if any(os.path.isfile(folder / mark) for mark in MARKS) or any(folder.glob("*.ino.bin")):
                return folder
    return otherwise


def stamps(elf: Path) -> dict[Path, Stamp]:
    """The ELF and the image beside it, as they are on disk. Files that are being replaced are left out."""
    found = {}
    for path in (elf, elf.with_suffix(".bin")):
        try:
            status = path.stat()
        except OSError:
            continue
        found[path] = (status.st_mtime_ns, status.st_size)
    return found


class BuildWatch:
    """Looks at the ELF in use now and then; tells when it was built anew, and loads it when asked or flashed.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app
        self._elf: Path | None = None
        self._loaded: dict[Path, Stamp] = {}
        self._seen: dict[Path, Stamp] = {}
        self._announced: dict[Path, Stamp] = {}
        self._looking = False

    @property
    def changed(self) -> Path | None:
        """The file that is newer than what is loaded, None when there is none."""
        return next((path for path, stamp in self._announced.items() if self._loaded.get(path) != stamp), None)

    def follow_status(self, status: Status) -> None:
        """Another ELF is used: that one is looked at from now on."""
        if status.elf != self._elf:
            self._elf = status.elf
            self._loaded, self._seen, self._announced = {}, {}, {}

    def follow_entry(self, entry: EventEntry) -> None:
        """What was flashed is what the board runs: decode with it."""
        flashed = isinstance(entry.record, FlashEvent) and entry.record.failure is None
        if flashed and self.changed is not None:
            self.reload()

    async def look(self) -> None:
        """Compare; a file that still grows is left for the next time."""
        elf = self._elf
        if elf is None or self._looking:
            return
        self._looking = True
        try:
            now = await asyncio.to_thread(stamps, elf)
        finally:
            self._looking = False
        if elf != self._elf:
            return
        before, self._seen = self._seen, now
        if not self._loaded:
            self._loaded = now
        settled = {path: stamp for path, stamp in now.items() if before.get(path) == stamp}
        new = [path for path, stamp in settled.items() if self._announced.get(path, self._loaded.get(path)) != stamp]
        self._announced.update({path: settled[path] for path in new})
        if new:
            self._app.notify(
                f"{new[0].name} was built anew. L loads it for decoding, Ctrl-T F flashes the board",
                severity="warning",
                markup=False,
            )

    def reload(self) -> None:
        """Load the ELF in use again."""
        elf, app = self._elf, self._app
        if elf is None:
            app.notify("No ELF is loaded: E chooses one", markup=False)
            return
        self._loaded, self._announced = dict(self._seen), {}
        others = tuple(path for path in app.defaults.elf[1:] if path != elf)
        app.link.ask(app.link.session.set_elf((elf, *others)))
        app.notify(f"Loading {elf.name} again", markup=False)
