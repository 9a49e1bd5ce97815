"""The monitor as far as it is looked at: log, inspector, bars, search, filter. `screen` adds what touches the board."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

from espmon.records.events.reset_record import Reset
from espmon.session.pace import Goal
from espmon.session.settings import Settings
from espmon.session.status import EventEntry, Severity, Status
from espmon.tui import actions
from espmon.tui.log.line_times import GAP_SECONDS, Timestamps, span_text
from espmon.tui.log.query import LineFilter, QueryError
from espmon.tui.log.remarks import Mark
from espmon.tui.monitor.boots import Boots
from espmon.tui.monitor.session_interface import SessionLike
from espmon.tui.monitor.session_link import PendingChanges, SessionLink
from espmon.tui.monitor.standing import Standing
from espmon.tui.monitor.told_events import ToldReset
from espmon.tui.monitor.walking import Walking, line_time
from espmon.tui.raw.terminal_view import TerminalView
from espmon.tui.widgets.capture_line import CaptureLine
from espmon.tui.widgets.event_list import EventList
from espmon.tui.widgets.filter_bar import FilterBar
from espmon.tui.widgets.header import BoardHeader
from espmon.tui.widgets.input_line import InputLine
from espmon.tui.widgets.inspector import Inspector
from espmon.tui.widgets.key_catcher import MenuHint, RawKeys
from espmon.tui.widgets.key_footer import KeyFooter
from espmon.tui.widgets.line_history import History
from espmon.tui.widgets.log_pane import LogPane
from espmon.tui.widgets.search_bar import SearchBar
from espmon.tui.widgets.silence import EmptyLog
from espmon.tui.widgets.status_bar import StatusBar
from espmon.tui.widgets.tab_bar import TabBar

if TYPE_CHECKING:
    from espmon.tui.monitor.folding import Folding

WIDE = 100
"""Columns from which the inspector stands beside the log."""


MODES: tuple[tuple[type[Widget], str], ...] = (
    (EventList, "EVENTS"),
    (InputLine, "INPUT"),
    (SearchBar, "FIND"),
    (FilterBar, "FILTER"),
)
"""The part that has the focus -> what the mode is called; LOG anywhere else."""


class Body(Horizontal):
    """Log and inspector. It is covered completely, so its own rows are never worth drawing."""

    BLANK = True


class LogColumn(Vertical):
    """The log."""

    BLANK = True


class MonitorView(Screen[None]):
    """One session on the screen.

    Args:
        link: the session.
        settings: the user's settings.
        timestamps: show host times from the start.
    """

    DEFAULT_CSS = """
    MonitorView { layout: vertical; background: $background; }
    MonitorView #body { height: 1fr; }
    MonitorView #log-column { width: 1fr; layers: default above; }
    MonitorView.-narrow.-inspecting #log-column { display: none; }
    MonitorView.-narrow Inspector { width: 1fr; max-width: 100%; border-left: none; }
    MonitorView.-raw InputLine, MonitorView.-raw #log { display: none; }
    MonitorView.-raw TerminalView { display: block; }
    MonitorView.-replay InputLine { display: none; }
    """
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012
    AUTO_FOCUS = "#log"

    @dataclass
    class ShowArtifact(Message):
        """Show what an event holds: a picture, a core dump, a report."""

        entry: EventEntry

    class Completed(Message):
        """Every part is there; keys that need one work from now on."""

    def __init__(self, link: SessionLink, settings: Settings, *, timestamps: bool = False) -> None:
        super().__init__()
        self.link = link
        self.settings = settings
        self._timestamps = timestamps
        self.output_since: int | None = None
        """Lines in the store when the output was switched off; None while it is on."""

        self.walking = Walking(self)
        self.folding: Folding | None = None
        self.boots = Boots(self)
        self._standing = Standing(self)
        self._told = 0
        """Crashes and resets that are marked and folded."""

        self.completed = False

    def compose(self) -> ComposeResult:
        """Header, log, input, bars, footer: what the first frame shows. `complete` adds the rest."""
        yield BoardHeader(self.settings.chosen_keys, id="header")
        with Body(id="body"), LogColumn(id="log-column"):
            yield LogPane(self.link.session.store, id="log", rules=(self.settings.levels, self.settings.highlights))
            yield EmptyLog()
        yield InputLine(History(), self.settings.eol, id="input")
        yield StatusBar(self.settings.chosen_keys, id="status")
        yield KeyFooter(show_command_palette=False)

    # -- parts --------------------------------------------------------------------------------------------------

    @property
    def pane(self) -> LogPane:
        """The log pane."""
        return self.query_one("#log", LogPane)

    @property
    def inspector(self) -> Inspector:
        """The events."""
        return self.query_one("#inspector", Inspector)

    @property
    def status(self) -> Status:
        """The session's status."""
        return self.link.session.status

    @property
    def entries(self) -> Sequence[EventEntry]:
        """The events."""
        return self.link.session.events

    @property
    def over(self) -> bool:
        """What is shown was recorded before."""
        return self.status.replay is not None and self.status.looking is None

    def say(self, text: str) -> None:
        """Tell the user, for a moment."""
        self.app.notify(text, markup=False)

    def go_to_line(self, line: int) -> None:
        """Show a line, or say why it cannot be shown."""
        if self.pane.go_to_line(line):
            return
        if line < self.link.session.store.first:
            text = "That line is no longer in memory; the recording has it"
        elif line < self.pane.view.base:
            text = "That line was cleared from the screen: u brings it back"
        else:
            text = "The filter hides that line: F shows all lines"
        self.warn(text)

    def play_to(self, goal: Goal) -> bool:
        """Play a recording on to there at once, and follow it; False where nothing is played."""
        pace, replay = self.link.session.pace, self.status.replay
        if pace is None or replay is None or replay.finished or replay.speed is None:
            return False
        self.link.call(lambda: pace.seek(goal))
        self.pane.go_to_end()
        self.say(f"Playing on to {goal}")
        return True

    def warn(self, text: str) -> None:
        """Tell the user that something is wrong, for a moment."""
        self.app.notify(text, severity="warning", markup=False)

    @property
    def bars(self) -> Screen[None]:
        """Where the bars are found."""
        return self

    @property
    def mode(self) -> str:
        """LOG, EVENTS, INPUT, FIND, FILTER or RAW: where keys go."""
        if self.has_class("-raw"):
            return "RAW"
        around = () if self.focused is None else self.focused.ancestors_with_self
        return next((name for widget in around for kind, name in MODES if isinstance(widget, kind)), "LOG")

    @property
    def typing(self) -> bool:
        """Whether keys are text, not commands."""
        return self.mode not in ("LOG", "EVENTS")

    @property
    def menu(self) -> tuple[actions.MenuKey, ...]:
        """What the menu key offers."""
        return (*actions.MENU, *actions.TAB_KEYS) if self.query(TabBar) else actions.MENU

    @property
    def settled(self) -> bool:
        """Whether every part is there, and no search is on its way to the match that `n` counts from."""
        return self.completed and not self.pane.queries.landing

    def on_mount(self) -> None:
        """Show what there is already."""
        self.pane.drawing.decorate = self.link.decoration
        self.pane.landmarks = self.walking.landmarks
        self.pane.drawing.times.origins = self.walking.origins
        self.pane.drawing.times.format = self.settings.timestamp_format
        keymap = self.settings.chosen_keys
        self.pane.drawing.unfilter_key = lambda: actions.to_press("log.unfilter", self.mode, keymap)
        if self._timestamps:
            self.pane.set_timestamps(Timestamps.HOST)
        self.take(PendingChanges(lines=True, status=self.status))
        self.watch(self, "focused", self._focus_moved, init=False)
        self.call_after_refresh(self._complete)

    async def _complete(self) -> None:
        """Mount what the first frame can do without."""
        await self.query_one("#body").mount(Inspector(id="inspector"))
        await self.query_one("#log-column").mount(TerminalView(id="terminal"))
        await self.mount_all(
            [CaptureLine(id="capture"), RawKeys(id="raw"), MenuHint(id="menu")], after=self.query_one("#body")
        )
        if not self.query("#inspector"):
            return  # the user has left meanwhile
        self._fold_anew()
        self.completed = True
        self.take(PendingChanges(status=self.status, events=list(self.link.session.events)))
        self.post_message(self.Completed())

    def _fold_anew(self) -> None:
        """Fold what the events say, and count boots, beginning with none of them."""
        from espmon.tui.monitor.folding import Folding

        self._told = 0
        self.folding = Folding(self, self.board_names)
        self.pane.drawing.heading = self.folding.heading
        self.pane.fold_base64 = self.folding.fold_base64
        self.pane.read_levels()
        self.boots = Boots(self)
        self.inspector.events.boot_words = self.boots.words

    @property
    def board_names(self) -> Mapping[int, str] | None:
        """What the boards are called, where the log has lines of several."""
        return None

    def set_print_filter(self, text: str) -> None:
        """Begin with a filter in idf.py monitor's syntax."""
        try:
            self.pane.set_filter(LineFilter(printed=text))
        except QueryError as error:
            self.app.notify(str(error), severity="warning", markup=False)

    def attach(self) -> None:
        """The link has its session now: show its log and its events."""
        self.pane.use_store(self.link.session.store)
        self.pane.drawing.decorate = self.link.decoration
        if self.completed:
            self._fold_anew()
        self.take(PendingChanges(lines=True, status=self.status, events=list(self.link.session.events)))

    def look_away(self) -> None:
        """Another board is looked at: while no terminal is drawn, the session answers what its console asks."""
        if self.has_class("-raw"):
            self.link.answer_queries(True)

    def look_again(self) -> None:
        """This one is looked at again: whatever changed meanwhile is drawn."""
        if self.has_class("-raw"):
            self.link.answer_queries(False)
        self.pane.repaint(forget=True)

    def take_over(self, session: SessionLike) -> None:
        """Show this session, which has all of the log that the one before has, at the same place."""
        pane = self.pane
        place = None if pane.follow else self._offset_of(pane.top_line)
        marked = [self._offset_of(line) for line in self.walking.marks]
        self.link.attach(session)
        if self.completed:
            self.inspector.forget()
        self.attach()
        pane.queries.look_again()
        store = session.store
        lines = [store.line_at(offset) for offset in marked if offset is not None]
        self.walking.mark_again([line for line in lines if line is not None])
        line = None if place is None else store.line_at(place)
        if line is not None:
            pane.go_to_line(line)

    def _offset_of(self, line: int | None) -> int | None:
        """Where a line stands in the stream."""
        if line is None:
            return None
        try:
            block, index = self.link.session.store.locate(line)
        except IndexError:
            return None
        return block.line_offset(index)

    # -- changes ---------------------------------------------------------------------------------------------------

    def take(self, changes: PendingChanges) -> None:
        """Show what changed since the last frame."""
        pane = self.pane
        if changes.lines and self.output_since is None:
            pane.sync()
        self._take_told()
        if changes.events and self.completed:
            self.inspector.update_entries(changes.events)
        if changes.decorations:
            pane.decorations_changed(changes.decorations)
        if changes.lines and self.has_class("-raw"):
            terminal = self.query_one(TerminalView)
            terminal.take()
            self.query_one(RawKeys).show(terminal.skipped)
        if changes.status is not None and self.completed:
            self.query_one(CaptureLine).show(changes.status)
        self.show_state()

    def _take_told(self) -> None:
        """Mark and fold what was told since the last time, also while nobody looked."""
        told = self.link.told
        for one in told.since(self._told):
            if isinstance(one, ToldReset):
                self._mark(one.entry, one.line)
                self.boots.take(one.entry)
            if self.folding is not None:
                self.folding.take(one)
        self._told = told.count

    def _mark(self, entry: EventEntry, line: int) -> None:
        """Boots are marked in the log, where they begin; gaps and leases are lines of the store already."""
        text = f"boot {entry.boot} · {entry.title}" if entry.boot else entry.title
        store = self.pane.store
        came, before = line_time(store, line), line_time(store, line - 1)
        if came is not None and before is not None and came - before >= GAP_SECONDS:
            asleep = isinstance(entry.record, Reset) and "SLEEP" in entry.record.reason
            length = span_text(came - before)
            text += f" · asleep for {length}" if asleep else f" · after {length} of silence"
        self.pane.add_mark(line, Mark(text, entry.severity is Severity.ERROR, entry.id))

    def show_state(self) -> None:
        """Bring header, status row and the search count up to date."""
        self._standing.show()

    @on(LogPane.Changed)
    def _pane_changed(self) -> None:
        self.show_state()

    def _focus_moved(self) -> None:
        self.show_state()
