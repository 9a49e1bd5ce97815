"""The monitor as far as it looks at the log: moving, how lines look, folds, copying, the events beside it."""

from __future__ import annotations

from dataclasses import dataclass

from textual import on
from textual.message import Message

from espmon.session.status import EventEntry
from espmon.text import counted
from espmon.tui.log.layout import Shape
from espmon.tui.log.line_times import Timestamps
from espmon.tui.log.log_view import LogView
from espmon.tui.log.row_selection import RowSelection
from espmon.tui.monitor.monitor_view import MonitorView
from espmon.tui.widgets.event_list import EventList
from espmon.tui.widgets.log_pane import MAX_COPIED_LINES, LogPane
from espmon.tui.widgets.log_scroll import SIDE_CELLS
from espmon.tui.widgets.status_bar import StatusBar


class LookingView(MonitorView):
    """What is seen of one log."""

    @dataclass
    class Copied(Message):
        """This goes to the clipboard."""

        text: str
        what: str
        """What it is, in words."""

    _rows_selected: tuple[LogView, RowSelection] | None = None

    # -- moving and looking -------------------------------------------------------------------------------------

    def action_scroll(self, rows: int) -> None:
        """By rows."""
        self.pane.scroll_rows(rows)

    def action_page(self, pages: float) -> None:
        """By pages."""
        self.pane.scroll_rows(round(pages * max(1, self.pane.size.height - 1)))

    def action_sideways(self, step: int) -> None:
        """Along long lines."""
        self.pane.scroll_sideways(step * SIDE_CELLS)

    def action_follow(self) -> None:
        """Follow or hold."""
        self.pane.toggle_follow()

    def action_end(self) -> None:
        """To the tail."""
        self.pane.go_to_end()

    def action_start(self) -> None:
        """To the oldest line."""
        self.pane.go_to_start()

    def action_wrap(self) -> None:
        """Wrap on and off."""
        self.pane.set_wrap(not self.pane.drawing.wrap)
        self.show_state()

    def action_timestamps(self) -> None:
        """The next kind of times that this log has."""
        left_out = set() if self.walking.marks else {Timestamps.MARK}
        if not self.pane.drawing.times.cells(Timestamps.HOST):
            left_out.add(Timestamps.HOST)
        kinds = [kind for kind in Timestamps if kind not in left_out]
        now = self.pane.drawing.timestamps
        self.pane.set_timestamps(kinds[(kinds.index(now) + 1) % len(kinds)] if now in kinds else Timestamps.OFF)
        self.show_state()

    def action_host_times(self) -> None:
        """Host times on and off, as Ctrl-T I does."""
        on_ = self.pane.drawing.timestamps is not Timestamps.OFF
        self.pane.set_timestamps(Timestamps.OFF if on_ else Timestamps.HOST)
        self.show_state()

    def action_shape(self) -> None:
        """Text, escaped bytes, hex."""
        shapes = list(Shape)
        self.pane.set_shape(shapes[(shapes.index(self.pane.drawing.shape) + 1) % len(shapes)])
        self.show_state()

    def action_decorations(self) -> None:
        """Locations on and off."""
        self.show_locations(not self.shows_locations)

    @property
    def shows_locations(self) -> bool:
        """Whether locations stand under addresses."""
        return self.pane.drawing.decorate == self.link.decoration

    def show_locations(self, on: bool) -> None:
        """Show locations under addresses, or not."""
        self.pane.drawing.decorate = self.link.decoration if on else (lambda line: ())
        self.pane.repaint(forget=True)

    def action_clear(self) -> None:
        """Empty the screen."""
        self.pane.clear()

    def action_unclear(self) -> None:
        """Undo a clear."""
        self.pane.view.unclear()
        self.pane.view_replaced()

    def action_output(self) -> None:
        """Output on and off."""
        self.output_since = len(self.link.session.store) if self.output_since is None else None
        if self.output_since is None:
            self.pane.sync()
        self.show_state()

    @on(StatusBar.CountChosen)
    async def _count_clicked(self, event: StatusBar.CountChosen) -> None:
        await self.walking.go(event.kind, -1)

    def action_fold(self) -> None:
        """Open the fold here, or close it."""
        line = self.walking.last
        dump = None if line is None or self.pane.view.folds.around(line) else self._dump_at(line)
        if dump is not None:
            self.post_message(self.ShowArtifact(dump))
            return
        fold = None if self.folding is None else self.folding.here(line)
        if fold is None or self.folding is None:
            self.say("Nothing is folded here")
            return
        self.folding.toggle(fold)
        self.walking.last = fold.low

    def _dump_at(self, line: int) -> EventEntry | None:
        """The core dump that stands above a line: its own lines are no text, so that it is one row already."""
        dumps = (entry for entry in self.entries if entry.line == line and entry.record.type == "coredump")
        return next(dumps, None)

    def action_fold_all(self) -> None:
        """Open everything that is folded, or fold it again."""
        if self.folding is not None:
            self.folding.toggle_all()

    @on(LogPane.FoldToggled)
    def _fold_clicked(self, event: LogPane.FoldToggled) -> None:
        if self.folding is not None:
            self.folding.toggle(event.fold)
            self.walking.last = event.fold.low

    # -- selecting ----------------------------------------------------------------------------------------------

    def action_select(self, rows: int) -> None:
        """By rows more."""
        pane = self.pane
        if not len(pane.view):
            return
        if self._rows_selected is None or self._rows_selected[0] is not pane.view:
            self._rows_selected = pane.view, RowSelection(pane.view)
        picked = self._rows_selected[1]
        shown = pane.visible_lines
        here = self.walking.last
        if here is None:
            here = pane.drawing.current if pane.drawing.current in shown else shown[-1 if rows < 0 else 0]
        assert here is not None
        selection = picked.extended(self.selections.get(pane), here, rows)
        self.selections = {pane: selection}
        pane.show_row(picked.head)

    def on_text_selected(self) -> None:
        """The mouse button was let go: what it dragged stays where it is."""
        self.pane.dragged.stop()

    def action_select_page(self, pages: int) -> None:
        """By pages more."""
        self.action_select(pages * max(2, self.pane.size.height - 1))

    def action_select_all(self, way: int) -> None:
        """To the oldest (-1) or the newest (1) line."""
        self.action_select(way * max(2, len(self.pane.view)))

    def action_copy(self) -> None:
        """The selection, or else the visible lines, to the terminal's clipboard."""
        text = self.get_selected_text()
        what = "Selection"
        if not text:
            lines = self.pane.visible_lines
            text = self.pane.pager.text((lines[0], 0), (lines[-1], -1), MAX_COPIED_LINES) if lines else None
            what = counted(0 if text is None else text.count("\n") + 1, "visible line")
        self.post_message(self.Copied(text or "", what))

    # -- inspector ----------------------------------------------------------------------------------------------

    def action_inspector(self) -> None:
        """Show or hide the events."""
        show = not self.shows_events
        self.show_events(show)
        if show:
            self.inspector.events.select_crash()
        (self.inspector.events if show else self.pane).focus()

    @property
    def shows_events(self) -> bool:
        """Whether the events are there."""
        return self.inspector.has_class("-on")

    def show_events(self, on: bool) -> None:
        """Show the events, or not; the focus stays where it is."""
        self.inspector.set_class(on, "-on")
        self.set_class(on, "-inspecting")

    @on(EventList.Jump)
    def _jump(self, event: EventList.Jump) -> None:
        event.stop()
        if event.entry.line is None:
            self.say("This event belongs to no line of the log")
            return
        if self.has_class("-narrow"):
            self.action_inspector()
        self.go_to_line(event.entry.line)

    @on(EventList.Opened)
    def _opened(self, event: EventList.Opened) -> None:
        event.stop()
        self.post_message(self.ShowArtifact(event.entry))
