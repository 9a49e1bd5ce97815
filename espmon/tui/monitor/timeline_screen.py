"""All boards in one timeline: the monitor of a log that has lines of several boards, each with its name before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style

from espmon.session.settings import Settings
from espmon.session.status import Change, EventEntry, Status
from espmon.session.store import LogStore
from espmon.session.timeline import Timeline
from espmon.tui.log_colours import board_colours
from espmon.tui.monitor.absent_session import NoBoard
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.monitor.session_link import SessionLink
from espmon.tui.sanitise import visible
from espmon.tui.theme import few_colours

MAX_NAME_CELLS = 16
"""Cells of a name before its lines."""


class TimelineSession(NoBoard):
    """A timeline as the screen sees a session; there is no board to ask for anything.

    Args:
        timeline: the timeline.
    """

    def __init__(self, timeline: Timeline) -> None:
        self.timeline = timeline

    @property
    def status(self) -> Status:
        """How the boards are doing together."""
        return self.timeline.status

    @property
    def store(self) -> LogStore:
        """Their logs as one."""
        return self.timeline.store

    @property
    def events(self) -> Sequence[EventEntry]:
        """Their events as one list."""
        return self.timeline.events

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Listen to changes."""
        return self.timeline.subscribe(listener)

    def decoration(self, line: int) -> tuple[str, ...]:
        """Locations shown under a line."""
        return self.timeline.decoration(line)


class BoardNames:
    """The column with the boards' names, in their colours.

    Args:
        timeline: knows whose lines they are.
        colours: of the boards, as `board_colours` has them.
    """

    def __init__(self, timeline: Timeline, colours: Sequence[str]) -> None:
        self._timeline = timeline
        self._names = dict(timeline.names)
        longest = max((len(name) for name in self._names.values()), default=0)
        self.cells = min(longest, MAX_NAME_CELLS) + 1
        self._styles = [Style(color=colour) for colour in colours]

    def segment(self, line: int, base: Style, *, first: bool) -> Segment:
        """The name of a line's board before the first of its rows."""
        name = visible(self.name(line)) if first else ""
        if len(name) >= self.cells:
            name = "…" + name[2 - self.cells :]  # what tells boards apart is mostly at the end
        return Segment(set_cell_size(name, self.cells), base + self._style(line))

    def name(self, line: int) -> str:
        """The name of a line's board."""
        try:
            return self._names.get(self._timeline.store.board_of(line), "")
        except IndexError:
            return ""

    def _style(self, line: int) -> Style:
        try:
            return self._styles[self._timeline.store.board_of(line) % len(self._styles)]
        except IndexError:
            return Style()


class TimelineScreen(MonitorScreen):
    """The timeline on the screen. What is for a board is asked for on the screen of that board.

    Args:
        link: the timeline.
        settings: the user's settings.
        history: see `MonitorScreen`.
        timestamps: show host times from the start.
    """

    DEFAULT_CSS = """
    TimelineScreen InputLine { display: none; }
    """

    several = True

    def __init__(
        self, link: SessionLink, settings: Settings, history: Path | None, *, timestamps: bool = False
    ) -> None:
        super().__init__(link, settings, history, timestamps=timestamps)
        self._named: dict[int, str] = {}

    @property
    def timeline(self) -> Timeline:
        """The timeline."""
        session = self.link.session
        assert isinstance(session, TimelineSession)
        return session.timeline

    def on_mount(self) -> None:
        """The column with the names."""
        self.show_names()

    def begin(self) -> None:
        """There is nothing to type to: keys go to the log."""
        self.set_focus(self.pane)

    def show_names(self) -> None:
        """Write the names that the boards have now before their lines."""
        self._named = dict(self.timeline.names)
        colours = board_colours(self.app.current_theme, sixteen=few_colours(self.app))
        self.pane.drawing.names = BoardNames(self.timeline, colours)
        self.pane.repaint(forget=True)

    def show_state(self) -> None:
        """As the monitor does; boards may have other names now."""
        if self._named != self.timeline.names:
            self.show_names()
        super().show_state()

    def notify_style_update(self) -> None:
        """The theme changed."""
        super().notify_style_update()
        if self.is_mounted:
            self.show_names()

    def _fold_anew(self) -> None:
        """As the monitor does; boots of several boards are in no order."""
        super()._fold_anew()
        self.inspector.events.by_boots = False

    @property
    def board_names(self) -> Mapping[int, str]:
        """What the boards are called."""
        return self.timeline.names

    def boards_named(self, text: str) -> frozenset[int] | None:
        """The boards whose names begin with a word of `text`, or else have it in them; with `-` before a word, all but
        those.

        None where nothing is asked for. Raises ValueError for a word that names none.
        """
        wanted: set[int] = set()
        unwanted: set[int] = set()
        for word in text.split():
            start = word.removeprefix("-").casefold()
            names = {board: name.casefold() for board, name in self.timeline.names.items()}
            found = {board for board, name in names.items() if name.startswith(start)}
            found = found or {board for board, name in names.items() if start in name}
            if not found:
                raise ValueError(word)
            (unwanted if word.startswith("-") else wanted).update(found)
        if not text.strip():
            return None
        return frozenset((wanted or set(self.timeline.names)) - unwanted)

    @property
    def board_here(self) -> int | None:
        """The board of the line that was walked to, while that is in view."""
        line = self.walking.last
        try:
            return None if line is None else self.timeline.store.board_of(line)
        except IndexError:
            return None

    @property
    def crash_here(self) -> EventEntry | None:
        """The crash that was walked to, while that is in view."""
        line = self.walking.last
        event = None if line is None or self.folding is None else self.folding.crash_at(line)
        return next((entry for entry in self.entries if entry.id == event), None)

    def action_interrupt(self) -> None:
        """Ctrl-C: copy the selection; which board should get it, nobody knows."""
        if self.in_table or self.get_selected_text():
            super().action_interrupt()
        else:
            self.say("Ctrl-C is for one board: in its own tab it is sent")
