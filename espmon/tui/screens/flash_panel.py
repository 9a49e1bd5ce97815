"""The flash of a board that waits in its loader: its partitions, what can be done with each, and how far that is."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, ProgressBar

from espmon.session.status import PANEL_LEASE, Progress
from espmon.tui.screens.dialog import Line, clip, rows, size_text
from espmon.tui.screens.table import Column, KeyedTable, Row

if TYPE_CHECKING:
    from espmon.rom.app_image import AppDescription, Partition

COLUMNS = (
    Column("name", "Partition", 16, fit=True),
    Column("kind", "Type", 14, fit=True),
    Column("at", "Address", 10),
    Column("size", "Size", 9),
    Column("note", "What", 20, share=1),
)
MAX_STEP_CELLS = 200
LATE_SECONDS = 0.5
"""After the end of a job that showed its progress, Esc was meant to cancel it for so long: the panel stays."""
CANCELLING = "cancelling: getting into step with the loader"
LEAVING = "leaving: bringing the board back to its application"


@dataclass(frozen=True, slots=True)
class PanelContents:
    """What is known of the flash.

    Args:
        heading: chip and loader.
        partitions: the table's rows.
        applications: name of a partition -> what its application says of itself.
        boots: name of the partition that starts, None where that is not known.
        why: why that one starts.
        warnings: what is wrong with the table.
    """

    heading: str = ""
    partitions: Sequence[Partition] = ()
    applications: Mapping[str, AppDescription] | None = None
    boots: str | None = None
    why: str = ""
    warnings: Sequence[str] = ()


class FlashPanelScreen(ModalScreen[None]):
    """Shows the partition table; what the user wants of a row goes to `ask`. `finish` closes it.

    Args:
        title: whose flash it is.
        ask: called with what is wanted ("look", "verify", "write", "erase", "save", "region", "project",
            "verify_project", "erase_all", "again") and the partition under the cursor, None where there is none.
        cancel: ends the running job.
        leave: brings the board back; asked a second time, it must not wait.
    """

    DEFAULT_CSS = """
    FlashPanelScreen { background: $surface; }
    FlashPanelScreen #heading { padding: 0 1; background: $panel; text-style: bold; color: $text-primary; }
    FlashPanelScreen #details { height: auto; max-height: 40%; padding: 0 1; border-top: solid $panel; }
    FlashPanelScreen #running { height: 1; padding: 0 1; background: $panel; }
    FlashPanelScreen #step { width: 1fr; height: 1; }
    FlashPanelScreen ProgressBar { width: 30; margin-left: 1; }
    FlashPanelScreen ProgressBar Bar { width: 1fr; }
    FlashPanelScreen ProgressBar Bar > .bar--indeterminate { color: $primary; }
    """
    STAYS: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "ask('look')", "Look", id="panel.look", priority=True, tooltip="Decoded where it can be"),
        Binding("v", "ask('verify')", "Verify", id="panel.verify", tooltip="Compare it with a file"),
        Binding("w", "ask('write')", "Write", id="panel.write", tooltip="Write a file into it"),
        Binding("x", "ask('erase')", "Erase", id="panel.erase", tooltip="Erase the partition"),
        Binding("s", "ask('save')", "Save", id="panel.save", tooltip="Read it into a file"),
        Binding("g", "ask('region')", "Region", id="panel.region", tooltip="Read any region into a file"),
        Binding("f", "ask('project')", "Flash", id="panel.project", tooltip="Write the project's images"),
        Binding("V", "ask('verify_project')", "Verify project", id="panel.verify_project", show=False),
        Binding("X", "ask('erase_all')", "Erase all", id="panel.erase_all", show=False),
        Binding("r", "ask('again')", "Read again", id="panel.again", show=False),
        Binding("escape", "leave", "Leave", key_display="Esc", id="panel.leave", tooltip="Cancel, or leave"),
    ]
    MORE = "V compares the project, X erases everything, r reads the table again"

    def __init__(
        self,
        title: str,
        ask: Callable[[str, Partition | None], None],
        cancel: Callable[[], None],
        leave: Callable[[], None],
    ) -> None:
        super().__init__()
        self._title = title
        self._ask = ask
        self._cancel = cancel
        self._leave = leave
        self._contents = PanelContents()
        self._results: dict[str, str] = {}
        self._said = ""
        self._problem = False
        self._progress: Progress | None = Progress(PANEL_LEASE, "entering the loader")
        self._busy = True
        self._ran_until = 0.0
        self._cancelling = self._leaving = self._ended = False

    @property
    def busy(self) -> bool:
        """Whether a job runs."""
        return self._busy

    @property
    def partitions(self) -> Sequence[Partition]:
        """The table as it was read."""
        return self._contents.partitions

    def compose(self) -> ComposeResult:
        """Heading, table, the row under the cursor, progress."""
        yield Line(self._title, id="heading")
        yield KeyedTable(COLUMNS)
        yield Line("", id="details")
        with Horizontal(id="running"):
            yield Line("", id="step")
            yield ProgressBar(total=None, show_eta=False)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show what came before the screen was there."""
        self.query_one(KeyedTable).focus()
        self._show_table()
        self._paint()

    # -- what the app tells -------------------------------------------------------------------------------------

    def show_contents(self, contents: PanelContents) -> None:
        """The table was read."""
        self._contents = contents
        if self.is_mounted:
            self._show_table()
            self._paint()

    def begin(self, step: str) -> None:
        """A job begins."""
        self._busy, self._cancelling, self._said = True, False, ""
        self._progress = Progress(PANEL_LEASE, step)
        self._paint()

    def update_progress(self, progress: Progress) -> None:
        """How far the job is."""
        if self._busy:
            self._progress = progress
            self._paint_progress()

    def show_result(self, text: str, *, name: str = "", problem: bool = False) -> None:
        """The job has ended; `name`: of the partition that the result belongs to."""
        if self._busy and not self._cancelling and self._progress is not None and self._progress.total:
            self._ran_until = time.monotonic()
        self._busy = self._cancelling = False
        self._progress, self._said, self._problem = None, text, problem
        if name:
            self._results[name] = text
        self._paint()

    def finish(self) -> None:
        """The board is back, or gone: close, under a question as soon as that is answered."""
        self._ended = True
        if self.is_mounted and self.app.screen is self:
            self.dismiss(None)

    def on_screen_resume(self) -> None:
        """What lay over this screen is closed."""
        if self._ended and self.app.screen is self:
            self.dismiss(None)

    # -- drawing ------------------------------------------------------------------------------------------------

    def _note(self, row: Partition) -> str:
        known = (self._contents.applications or {}).get(row.name)
        marks = [name for name, holds in (("encrypted", row.encrypted), ("read only", row.readonly)) if holds]
        told = [f"{known.project} {known.version}"] if known is not None else []
        return ", ".join([*(["starts"] if row.name == self._contents.boots else []), *told, *marks])

    def _show_table(self) -> None:
        contents = self._contents
        heading = f"{self._title}  {contents.heading}" if contents.heading else self._title
        self.query_one("#heading", Line).show(heading)
        self.query_one(KeyedTable).show(
            [
                Row(
                    str(index),
                    {
                        "name": row.name,
                        "kind": f"{row.type_name} {row.subtype_name}",
                        "at": f"0x{row.offset:08x}",
                        "size": size_text(row.size),
                        "note": self._note(row),
                    },
                    colours={"note": "text-success"} if row.name == contents.boots else {},
                )
                for index, row in enumerate(contents.partitions)
            ]
        )
        self.refresh_bindings()

    @property
    def selected(self) -> Partition | None:
        """The partition under the cursor."""
        key = self.query_one(KeyedTable).selected
        return None if key is None else self._contents.partitions[int(key)]

    def _paint(self) -> None:
        if self.query("#step"):
            self._paint_progress()
            self.query_one("#details", Line).show(self._details())
            self.refresh_bindings()

    def _paint_progress(self) -> None:
        """The last row alone: the footer's keys are made anew with the bindings, which no step forward changes."""
        if not self.query("#step"):
            return
        progress = self._progress
        step = CANCELLING if self._cancelling else progress.step if progress is not None else self._said
        step = LEAVING if self._leaving else step
        running = self._busy or self._leaving
        style = "" if running else "$text-error" if self._problem else "$text-success"
        line = Content.styled(clip(step or self.MORE, MAX_STEP_CELLS), style if step else "$text-muted")
        self.query_one("#step", Line).show(line)
        bar = self.query_one(ProgressBar)
        bar.display = self._busy and not self._leaving
        if running and progress is not None:
            bar.update(total=progress.total, progress=progress.done)

    def _details(self) -> Content:
        contents = self._contents
        listed = [("!", warning) for warning in contents.warnings]
        row = self.selected
        if contents.why:
            listed.append(("starts", contents.why))
        if row is not None:
            app = (contents.applications or {}).get(row.name)
            if app is not None:
                listed.append((row.name, f"{app.project} {app.version}, ESP-IDF {app.idf}, built {app.built}"))
            if row.name in self._results:
                listed.append((row.name, self._results[row.name]))
        return rows(listed, cells=max(20, self.size.width - 2))

    @on(DataTable.RowHighlighted)
    def _moved(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._paint()

    @on(DataTable.RowSelected)
    def _chosen(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_ask("look")

    def on_resize(self) -> None:
        """Break the texts for the room there is."""
        self._paint()

    # -- what the user wants ------------------------------------------------------------------------------------

    NEED_ROW: ClassVar[frozenset[str]] = frozenset({"look", "verify", "write", "erase", "save"})

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While a job runs it can only be cancelled; what is done with a row needs one."""
        if action != "ask":
            return True
        if self._busy or self._leaving:
            return False
        return parameters[0] not in self.NEED_ROW or bool(self._contents.partitions)

    def action_ask(self, what: str) -> None:
        """Something is wanted of the row under the cursor."""
        if not self._busy and not self._leaving:
            self._ask(what, self.selected)

    def action_leave(self) -> None:
        """Cancel the running job; without one, leave. A second time does not wait."""
        if self._leaving or (self._busy and self._cancelling):
            self._leaving = True
            self._leave()
            self.dismiss(None)
        elif self._busy:
            self._cancelling = True
            self._cancel()
        elif time.monotonic() - self._ran_until >= LATE_SECONDS:
            self._leaving = True
            self._leave()
        if self.is_mounted:
            self._paint()
