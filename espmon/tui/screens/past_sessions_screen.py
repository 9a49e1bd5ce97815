"""The sessions that were recorded on this computer: one is chosen to be looked at."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer
from textual.worker import Worker, WorkerState

from espmon.session.archive.past_sessions import PastSession
from espmon.tui.screens.dialog import Line
from espmon.tui.screens.table import Column, KeyedTable, Row

COLUMNS = (
    Column("started", "started", 16),
    Column("board", "board", 14, share=2),
    Column("length", "length", 8),
    Column("boots", "boots", 5),
    Column("crashes", "crashes", 7),
    Column("chip", "chip", 10, share=1, from_width=90),
    Column("app", "application", 16, share=2, from_width=90),
    Column("size", "MB", 8, from_width=70),
)

NONE = "No session was recorded here yet."


class PastTable(KeyedTable):
    """The list of sessions."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", id="past.open", tooltip="Look at this session"),
    ]


class PastSessionsScreen(ModalScreen[Path | None]):
    """Returns the folder of the session to open, or None.

    Args:
        load: the sessions, newest first; called in a thread.
    """

    DEFAULT_CSS = """
    PastSessionsScreen { background: $background; }
    PastSessionsScreen #heading { padding: 0 1; background: $panel; color: $text-muted; }
    PastSessionsScreen #past-detail { height: 2; padding: 0 1; color: $text-muted; background: $surface; }
    """
    STAYS: ClassVar[bool] = True
    AUTO_FOCUS = "#past"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", key_display="Esc", id="past.leave"),
    ]

    def __init__(self, load: Callable[[], Sequence[PastSession]]) -> None:
        super().__init__()
        self._load = load
        self._sessions: dict[str, PastSession] = {}

    def compose(self) -> ComposeResult:
        """Heading, sessions, the one under the cursor in full."""
        yield Line(Content.assemble(("espmon", "bold $text-primary"), "  past sessions, newest first"), id="heading")
        yield PastTable(COLUMNS, id="past")
        yield Line("reading ...", id="past-detail")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Read the list."""
        self._read()

    @work(thread=True, exit_on_error=False)
    def _read(self) -> Sequence[PastSession]:
        return self._load()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was read."""
        event.stop()
        if event.state is WorkerState.ERROR:
            self.query_one("#past-detail", Line).show(f"They cannot be read: {event.worker.error}")
        elif event.state is WorkerState.SUCCESS:
            found: Sequence[PastSession] = event.worker.result or ()
            self._sessions = {session.name: session for session in found}
            self.query_one(PastTable).show([_row(session) for session in found])
            self._show_detail()

    def _selected(self) -> PastSession | None:
        return self._sessions.get(self.query_one(PastTable).selected or "")

    def _show_detail(self) -> None:
        session = self._selected()
        text = NONE if session is None else f"{session.folder}\n{session.url}"
        self.query_one("#past-detail", Line).show(text)

    @on(DataTable.RowHighlighted, "#past")
    def _highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._show_detail()

    @on(DataTable.RowSelected, "#past")
    def _chosen(self, event: DataTable.RowSelected) -> None:
        event.stop()
        if (session := self._selected()) is not None:
            self.dismiss(session.folder)

    def action_leave(self) -> None:
        """Open none."""
        self.dismiss(None)


def _row(session: PastSession) -> Row:
    summary = session.summary
    started = time.strftime("%Y-%m-%d %H:%M", time.localtime(session.started)) if 0 < session.started < 1e11 else "-"
    minutes, seconds = divmod(int(session.seconds), 60)
    cells = {
        "started": started,
        "board": session.board or session.name,
        "length": "running" if session.running else f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}",
        "boots": str(summary.boots),
        "crashes": str(summary.crashes),
        "chip": summary.chip or "-",
        "app": " ".join(filter(None, (summary.app, summary.app_version))) or "-",
        "size": f"{session.size / 1e6:,.1f}",
    }
    return Row(session.name, cells, colours={"crashes": "error"} if summary.crashes else {})
