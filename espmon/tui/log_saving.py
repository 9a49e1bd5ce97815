"""Getting things out of the log: into files, onto the clipboard, into the editor."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.session.file_system import write_atomically
from espmon.session.status import EventEntry
from espmon.session.store import LogStore
from espmon.text import counted
from espmon.tui.host import Host
from espmon.tui.interruptible_work import OwnWork
from espmon.tui.log.export import FORMATS, Exported, as_decoded, as_markdown, format_of, some
from espmon.tui.source_editor import open_in_editor
from espmon.tui.source_places import SourcePlace, place_said, places_in
from espmon.tui.user_input import path_of

if TYPE_CHECKING:
    from espmon.records.events.boot import Boot

MAX_COPIED = 4 << 20
"""Most characters that go to the clipboard."""

RANGES = {
    "selection": "the selection",
    "visible": "the visible lines",
    "shown": "what the filter shows",
    "boot": "this boot",
    "all": "everything in memory",
}
"""What can be saved -> in words."""


class LogSaving:
    """Saves, copies and opens what the monitor shows.

    Args:
        app: the app.
        copies: file that has what was copied last, since no terminal says whether it took it; None keeps none.
    """

    def __init__(self, app: Host, copies: Path | None) -> None:
        self._app = app
        self._copies = copies
        self._running: dict[Path, tuple[threading.Event, asyncio.Task[str]]] = {}
        """The files that are being written, with what ends that."""

    # -- which rows ---------------------------------------------------------------------------------------------

    def _rows(self, what: str) -> Iterable[int] | None:
        """The rows of a range; None when there is no such range. May be walked through in a thread."""
        monitor = self._app.monitor
        view = monitor.pane.view
        store = view.store
        if what == "selection":
            selection = monitor.selections.get(monitor.pane)
            if selection is None:
                return None
            begin = store.first if selection.start is None else selection.start.y
            end = len(store) if selection.end is None else selection.end.y
            if view.scan is not None or (view.live is not None and end >= view.live.row):
                return array("Q", view.taken(begin, end))
            if monitor.pane.drawing.names is not None and view.folds:
                # What is folded lies among lines of others, and the folds belong to this thread.
                return array("Q", view.taken(begin, end))
            heads = view.folds.heads(end)
            if heads and view.folds.closed(end):
                end = heads[-1].high - 1
            return _rows_between(store, max(begin, store.first), end + 1)
        if what == "visible":
            lines = monitor.pane.visible_lines
            return array("Q", view.taken(lines[0], lines[-1]) if lines else ())
        if what == "shown" and view.scan is not None:
            return array("Q", view.rows(0, len(store)))
        low, high = store.first, store.rows_end
        if what == "shown":
            low = max(low, view.base)
        elif what == "boot":
            boots = [line for _, lines in monitor.walking.landmarks()[1:] for line in lines]
            at = bisect_right(boots, monitor.walking.here) if boots else 0
            low = max(low, boots[at - 1]) if at else low
            high = boots[at] if at < len(boots) else high
        return _rows_between(store, low, high)

    def _exported(self, what: str) -> Exported | None:
        rows = self._rows(what)
        if rows is None:
            return None
        monitor = self._app.monitor
        name = self._app.status.name or "espmon"
        drawing = monitor.pane.drawing
        return Exported(monitor.pane.store, rows, monitor.link.decoration, drawing.painter, f"{name}: {RANGES[what]}")

    # -- files --------------------------------------------------------------------------------------------------

    def save(self, what: str) -> None:
        """Ask for a file's name, and save a range into it; "" is the selection, or else what is shown."""
        from espmon.tui.screens.prompt import TextPrompt

        what = what or ("selection" if self._rows("selection") is not None else "shown")
        exported = self._exported(what)
        if exported is None:
            self._app.notify("Nothing is selected: drag with the mouse, or Shift and the arrow keys", markup=False)
            return

        def check(text: str) -> str:
            path = path_of(text)
            if format_of(path.name) is None:
                return f"The name's end says the format: {' '.join(FORMATS)}"
            if os.path.lexists(path):
                return "There is a file of that name already: it stays as it is"
            return "" if os.path.isdir(path.parent) else f"There is no folder {path.parent}"

        def answered(text: str | None) -> None:
            if text:
                self._app.run_worker(self._save(exported, path_of(text).absolute()), group="save-log")

        prompt = TextPrompt(
            f"Save {RANGES[what]} as",
            time.strftime("log-%Y%m%d-%H%M%S.txt"),
            check=check,
            note=f"The end of the name says the format: {', '.join(FORMATS)}.",
            label="Save",
        )
        self._app.push_screen(prompt, answered)

    async def _save(self, exported: Exported, path: Path) -> None:
        ended = threading.Event()
        writing = asyncio.create_task(self._write(exported, path, ended), name="espmon-save")
        self._running[path] = ended, writing
        try:
            await asyncio.shield(writing)
        finally:
            self._running.pop(path, None)

    async def _write(self, exported: Exported, path: Path, ended: threading.Event) -> str:
        """Write it, and tell how that ended; returns why there is no file, "" where there is."""
        try:
            lines = await asyncio.to_thread(write_pieces, exported, path, ended)
        except SavingEnded:
            return f"Not saved, since you left: {path}"
        except OSError as error:
            why = f"Not saved: {path}: {error.strerror or error}"
            self._app.notify(why, severity="error", markup=False)
            return why
        self._app.notify(f"Saved {counted(lines, 'line')} in {path}", markup=False)
        return ""

    def own_work(self) -> list[OwnWork]:
        """The files that are being written."""
        return [
            OwnWork("A file is being saved: really leave?", f"{path.name} is not saved.", partial(self._end, path))
            for path in self._running
        ]

    async def _end(self, path: Path) -> str:
        ended, writing = self._running[path]
        ended.set()
        await asyncio.wait([writing])
        return writing.result()

    # -- the clipboard ------------------------------------------------------------------------------------------

    def copy(self, text: str, what: str) -> None:
        """To the terminal's clipboard, and into a file: no terminal says whether it took it."""
        self._app.copy_to_clipboard(text)
        self._app.run_worker(self._keep_copy(text, what), group="copy")

    async def _keep_copy(self, text: str, what: str) -> None:
        rest = "not every terminal takes it"
        try:
            if self._copies is not None:
                await asyncio.to_thread(_write, self._copies, text)
                rest = f"where that does not take it: {self._copies}"
        except OSError as error:
            rest += f", and {self._copies} cannot be written: {error.strerror or error}"
        self._app.notify(f"{what} sent to the terminal's clipboard; {rest}", markup=False)

    def copy_markdown(self) -> None:
        """A crash as the text of an issue; where there is none here, the selection or the visible lines as a block."""
        monitor = self._app.monitor
        entry = self.crash_here()
        if entry is not None:
            from espmon.session.archive.blanking import Secrets, SecretsError
            from espmon.tui.crash_issue import crash_markdown

            try:
                secrets = Secrets(self._app.settings.secrets)
                text = crash_markdown(entry, self._app.status, monitor.pane.store, self._boot_of(entry), secrets)
            except SecretsError as error:
                self._app.notify(str(error), severity="error", markup=False)
                return
            self.copy(text, "The crash as Markdown")
        else:
            self._copy_range(as_markdown, "as Markdown")

    def copy_decoded(self) -> None:
        """The selection or the visible lines with their locations."""
        self._copy_range(as_decoded, "with locations")

    def _copy_range(self, form: Callable[[Exported], Iterator[str]], how: str) -> None:
        what = "selection" if self._rows("selection") is not None else "visible"
        exported = self._exported(what)
        if exported is not None:
            self.copy(some(form(exported), MAX_COPIED), f"{RANGES[what].capitalize()} {how}")

    def crash_here(self) -> EventEntry | None:
        """The crash walked to, or whose row is lowest on the screen."""
        monitor = self._app.monitor
        fold = None if monitor.folding is None else monitor.folding.here(monitor.walking.last)
        if fold is None or fold.event is None:
            return None
        found = (entry for entry in monitor.entries if entry.id == fold.event and entry.record.type == "panic")
        return next(found, None)

    def _boot_of(self, crash: EventEntry) -> Boot | None:
        """The newest boot up to the crash that named its application, None where none did."""
        named = None
        for entry in self._app.monitor.entries:
            if entry.record.type == "boot" and entry.boot <= crash.boot:
                record: Boot = entry.record  # type: ignore[assignment]
                named = record if record.program or named is None else named
        return named

    # -- sources ------------------------------------------------------------------------------------------------

    def place_here(self) -> SourcePlace | None:
        """The source line of the crash or the line walked to, else the newest one on the screen."""
        monitor = self._app.monitor
        walked = monitor.walking.last
        lines = [walked] if walked is not None else list(reversed(monitor.pane.visible_lines))
        crash = self.crash_here()
        report = None if crash is None else crash.report
        place = getattr(report, "place", None)
        if place is not None and place.file and (walked is None or monitor.pane.view.folds.closed(walked)):
            from espmon.postmortem.source import map_path

            return SourcePlace(map_path(place.file, self._app.settings.path_map), place.line or 1)
        for line in lines:
            said = [found for text in monitor.link.decoration(line) if (found := place_said(text)) is not None]
            named = said or places_in(monitor.pane.drawing.line(line).text)
            if named:
                return named[0]
        return None

    def use_place(self, file: str, line: int, *, copied: bool) -> None:
        """Open a source line that the ELF names in the editor, or copy `file:line`."""
        from espmon.postmortem.source import map_path

        place = SourcePlace(map_path(file, self._app.settings.path_map), line)
        if copied:
            self.copy(place.text, place.text)
        else:
            open_in_editor(self._app, place)

    def copy_place(self) -> None:
        """`file:line` of the place here."""
        place = self.place_here()
        if place is None:
            self._app.notify("No source line stands here", markup=False)
        else:
            self.copy(place.text, place.text)

    def open_place(self) -> None:
        """The editor, at the place here."""
        app, place = self._app, self.place_here()
        if place is None:
            app.notify("No source line stands here", markup=False)
            return
        open_in_editor(app, place)


class SavingEnded(Exception):
    """A file is not wanted any more."""


def write_pieces(exported: Exported, path: Path, ended: threading.Event | None = None) -> int:
    """Write a range into a new file; returns its lines.

    Raises `SavingEnded` once `ended` is set, and OSError; then there is no file.
    """
    form = format_of(path.name)
    if form is None:
        raise OSError(f"{path.name} says no format")
    lines = 0
    with open(path, "x", encoding="utf-8", newline="\n") as file:
        try:
            for piece in form(exported):
                if ended is not None and ended.is_set():
                    raise SavingEnded
                file.write(piece)
                lines += piece.count("\n")
        except (OSError, SavingEnded):
            path.unlink(missing_ok=True)
            raise
    return lines


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text.encode("utf-8", "backslashreplace"))


def _rows_between(store: LogStore, low: int, high: int) -> Iterator[int]:
    """The rows of the lines from `low` up to `high` (excluded), in any thread."""
    row = store.rows.start(low)
    while row < high:
        yield row
        row = store.rows.stop(row)
