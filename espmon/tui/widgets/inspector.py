"""Events and what is known about the one under the cursor."""

from __future__ import annotations

import asyncio
import time

from textual import on, work
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.timer import Timer
from textual.widgets import Static

from espmon.session.status import EventEntry
from espmon.tui.sanitise import visible
from espmon.tui.system_viewer import VIEWED
from espmon.tui.widgets.event_list import EventList
from espmon.tui.widgets.text_row import TextRow

STORM_SECONDS = 0.2
"""Shortest time between two updates; the first of several is shown at once."""

DRAWN = frozenset({"frame", "png", "caps"})
"""Types whose payload is drawn above the details."""

MIN_DRAWN_CELLS = 30
"""Least cells for which a payload is drawn."""

MAX_DETAIL_LINES = 400
"""Most lines of details shown."""

MAX_LABEL_CELLS = 18
"""Most cells of the labels' column; a longer label pushes its value to the right."""

MIN_HANGING_CELLS = 16
"""Least cells beside the labels for which a long value hangs there."""


def details(entry: EventEntry, cells: int = 0, drawn: Content | None = None) -> Content:
    """Title, what it carries, and the rows of an entry, as text without markup.

    Args:
        entry: the entry.
        cells: width; a long value hangs under its beginning.
        drawn: what it carries: before the rows, since those are many and it is what is looked for.
    """
    parts: list[Content | str | tuple[str, str]] = [(visible(entry.title), "bold")]
    parts += [] if drawn is None else ["\n\n", drawn, "\n"]
    # A value that is drawn is not told twice.
    rows = [row for row in entry.details if row[0] != "value" or entry.record.type not in DRAWN]
    if entry.count > 1:
        rows.insert(0, ("times", str(entry.count)))
    if entry.path is not None:
        rows.append(("file", str(entry.path)))
        if entry.path.suffix.lower() in VIEWED:
            rows.append(("", "O opens it in the system's viewer"))
    if entry.line is not None:
        rows.append(("line", f"{entry.line + 1:,}"))
    lines = 0
    column = min(MAX_LABEL_CELLS, max((len(label) for label, _ in rows), default=0))
    for label, text in rows:
        parts.append(("\n" + visible(label).ljust(column) + "  ", "$secondary"))
        shown = text.splitlines() or [""]
        for number, line in enumerate(shown):
            lines += 1
            if lines > MAX_DETAIL_LINES:
                parts.append(("\n…", "$secondary"))
                return Content.assemble(*parts)
            room, below = cells - column - 2, "\n" + " " * (column + 2)
            if number:
                parts.append(below)
            if room < MIN_HANGING_CELLS:
                parts.append(visible(line))
            else:
                parts.append(below.join(row.plain for row in Content(visible(line)).wrap(room)))
    return Content.assemble(*parts)


def _drawn(entry: EventEntry, cells: int) -> Content | None:
    from espmon.tui.widgets.event_payload import payload_content  # before an event carries something, nobody waits

    return payload_content(entry, cells)


class Inspector(Vertical):
    """A title, the list, the details."""

    DEFAULT_CSS = """
    Inspector { width: 40%; min-width: 40; max-width: 72; background: $surface; border-left: vkey $panel;
                display: none; }
    Inspector.-on { display: block; }
    Inspector > TextRow { background: $panel; padding: 0 1; }
    Inspector > VerticalScroll { height: 40%; min-height: 5; background: $surface; border-top: solid $panel;
                                 padding: 0 1; scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    Inspector VerticalScroll > Static { height: auto; width: 100%; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._waiting: list[EventEntry] = []
        self._timer: Timer | None = None
        self._detailed: EventEntry | None = None
        self._cells = 0
        self._shown = float("-inf")

    def compose(self) -> ComposeResult:
        """Title, list, details."""
        yield TextRow(id="events-title")
        yield EventList(id="events")
        with VerticalScroll(can_focus=False, id="details-scroll"):
            yield Static("", markup=False, id="details")

    @property
    def events(self) -> EventList:
        """The list."""
        return self.query_one(EventList)

    def on_mount(self) -> None:
        """Begin with the title."""
        self._title()

    def update_entries(self, entries: list[EventEntry]) -> None:
        """Add or replace entries; in a storm of events not for each frame, since each of them is laid out anew."""
        self._waiting += entries
        if self._timer is None:
            wait = self._shown + STORM_SECONDS - time.monotonic()
            if wait <= 0:
                self._show_waiting()
            else:
                self._timer = self.set_timer(wait, self._show_waiting)

    def forget(self) -> None:
        """Show none: others come."""
        self._waiting = []
        self.events.forget()
        self._title()

    def _show_waiting(self) -> None:
        self._timer, self._shown = None, time.monotonic()
        waiting, self._waiting = self._waiting, []
        self.events.update_entries(waiting)
        self._title()

    def _title(self) -> None:
        events = self.events
        count = len(events.entries)
        kind = f" · {events.kind}" if events.kind else ""
        shown = len(events.shown)
        told = f" {count}" if shown == count else f" {shown} of {count}"
        hidden = "" if events.kind or shown == count else f" · v shows {count - shown} more"
        self.query_one("#events-title", TextRow).set_parts(
            [("Events", "bold"), (kind, "$accent"), (hidden, "$text-muted")], [(told, "")]
        )

    @on(EventList.Highlighted)
    def _highlighted(self, event: EventList.Highlighted) -> None:
        event.stop()
        self._title()
        self._show_details(event.entry)

    @on(EventList.DetailsScrolled)
    def _details_scrolled(self, event: EventList.DetailsScrolled) -> None:
        event.stop()
        pane = self.query_one("#details-scroll")
        pane.scroll_relative(y=event.pages * max(1, pane.size.height // 2), animate=False)

    def on_show(self) -> None:
        """It is looked at from now on."""
        self._show_details(self.events.highlighted)

    def on_resize(self) -> None:
        """Long values are broken elsewhere in another width."""
        self.call_after_refresh(lambda: self._show_details(self.events.highlighted))

    def _show_details(self, entry: EventEntry | None) -> None:
        cells = self.query_one("#details").content_size.width
        if not self.display or (entry is not None and (entry, cells) == (self._detailed, self._cells)):
            return
        self._detailed, self._cells = entry, cells
        text = details(entry, cells) if entry is not None else Content("Nothing has happened yet.")
        self.query_one("#details", Static).update(text)
        if entry is not None and entry.record.type in DRAWN:
            self._draw(entry, cells)

    @work(exclusive=True, group="event-payload")
    async def _draw(self, entry: EventEntry, cells: int) -> None:
        """Add what the event carries, unless the cursor has gone on by then."""
        drawn = await asyncio.to_thread(_drawn, entry, max(MIN_DRAWN_CELLS, cells))
        now = self.events.highlighted
        if drawn is not None and now is not None and now.id == entry.id:
            self.query_one("#details", Static).update(details(entry, cells, drawn))
