"""A build as it runs: its output over the lower part of the log, its errors listed; each leads to the editor."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer, RichLog

from espmon.session.build_run import BuildRun
from espmon.session.compiler_messages import CompilerMessage, message_in
from espmon.text import counted
from espmon.tui.screens.dialog import Line, time_text
from espmon.tui.screens.table import Column, KeyedTable, Row

MAX_SHOWN_LINES = 20_000
"""Lines of output that can be scrolled through."""

MAX_MESSAGES = 500
"""Errors and warnings that are listed."""

MAX_LINES_A_LOOK = 1000
"""Lines that are drawn at once; of a flood the rest waits for the next look."""

LOOK_SECONDS = 0.1
"""Time between two looks at what the build printed."""

COLUMNS = (
    Column("place", "Where", 24, share=1, keep_end=True),
    Column("text", "What", 30, share=3),
)
COLOURS = {"error": "text-error", "fatal error": "text-error", "warning": "text-warning"}


class BuildScreen(ModalScreen[None]):
    """Shows a build. Leaving it does not end the build.

    Args:
        run: the build, started.
        open_place: opens what a message names in the editor.
        built: called when it has ended well under this screen, or to flash it.
        stop: ends the build; must return at once.
        again: builds once more.
        seen: its end was told before: nothing follows from it any more.
    """

    DEFAULT_CSS = """
    BuildScreen { align: center bottom; background: $background 40%; }
    BuildScreen > .pane { height: 70%; min-height: 12; background: $surface; border-top: tall $primary; }
    BuildScreen #heading { height: 1; padding: 0 1; background: $panel; text-style: bold; }
    BuildScreen RichLog { height: 1fr; padding: 0 1; background: $surface; scrollbar-size-vertical: 1; }
    BuildScreen KeyedTable { height: auto; max-height: 45%; min-height: 3; border-top: solid $panel; display: none; }
    BuildScreen.-messages KeyedTable { display: block; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Editor", id="build.open", priority=True, tooltip="Open the file at the line"),
        Binding("k", "stop", "Stop", id="build.stop", tooltip="End the build and what it started"),
        Binding("r", "again", "Build again", id="build.again"),
        Binding("f", "flash", "Flash", id="build.flash", tooltip="Flash what changed; asks first"),
        Binding("tab", "app.focus_next", show=False, id="build.next"),
        Binding("escape,q,b", "leave", "Hide", key_display="Esc", id="build.leave", tooltip="The build goes on"),
    ]

    def __init__(
        self,
        run: BuildRun,
        *,
        open_place: Callable[[CompilerMessage], None],
        built: Callable[[], None],
        stop: Callable[[], None],
        again: Callable[[], None],
        seen: bool = False,
    ) -> None:
        super().__init__()
        self._run = run
        self._open_place = open_place
        self._built = built
        self._stop = stop
        self._again = again
        self._next = 0
        self._told_end = seen
        self._messages: list[CompilerMessage] = []
        self._errors = self._warnings = 0

    def compose(self) -> ComposeResult:
        """Heading, output, messages."""
        with Vertical(classes="pane"):
            yield Line("", id="heading")
            yield RichLog(max_lines=MAX_SHOWN_LINES, wrap=False, markup=False, highlight=False)
            yield KeyedTable(COLUMNS)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show what came before, and look for more now and then."""
        self.set_interval(LOOK_SECONDS, self.look)
        self.query_one(RichLog).focus()
        self.look()

    def look(self) -> None:
        """Take in what the build printed, and whether it has ended."""
        running = self._run.running
        lines, self._next = self._run.lines(self._next, MAX_LINES_A_LOOK)
        self._write(lines)
        if len(lines) == MAX_LINES_A_LOOK:
            return  # there is more: the end is told behind it
        if not running and not self._told_end:
            self._told_end = True
            self._ended()
        self._heading()

    @property
    def errors(self) -> int:
        """Errors so far."""
        return self._errors

    def _write(self, lines: list[str]) -> None:
        if not lines:
            return
        log = self.query_one(RichLog)
        new = len(self._messages)
        for line in lines:
            message = message_in(line)
            colour = ""
            if message is not None and message.kind in COLOURS:
                colour = self.app.theme_variables.get(COLOURS[message.kind], "")
                self._errors += message.is_error
                self._warnings += message.kind == "warning"
                self._messages.append(message)
            log.write(Text(line, style=colour, no_wrap=True))
        if len(self._messages) != new:
            # Errors first: a build with hundreds of warnings hides none of them.
            self._messages.sort(key=lambda each: not each.is_error)
            del self._messages[MAX_MESSAGES:]
            self._list()

    def _list(self) -> None:
        self.set_class(True, "-messages")
        self.query_one(KeyedTable).show(
            [
                Row(
                    str(index),
                    {"place": f"{message.file}:{message.line}", "text": f"{message.kind}: {message.text}"},
                    colours={"text": COLOURS[message.kind]},
                )
                for index, message in enumerate(self._messages)
            ]
        )
        self.refresh_bindings()

    def _heading(self) -> None:
        run = self._run
        how = "Building"
        if not run.running:
            how = "Stopped" if run.stopped else "Built" if run.code == 0 else f"FAILED, exit code {run.code}"
        told = [how]
        told += [
            counted(number, noun) for number, noun in ((self._errors, "error"), (self._warnings, "warning")) if number
        ]
        if run.dropped:
            told.append(f"{run.dropped:,} lines before these")
        told += [time_text(run.seconds), " ".join(run.words)]
        heading = self.query_one("#heading", Line)
        heading.show("  ".join(told))
        colour = "$primary" if run.running else "$text-success" if run.code == 0 else "$text-error"
        heading.styles.color = self.app.theme_variables.get(colour[1:], "white")

    def _ended(self) -> None:
        self.refresh_bindings()
        if self._run.code == 0 and not self._run.stopped:
            if self.app.screen is self:
                self._built()
        elif self._messages:
            self.query_one(KeyedTable).focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        running = self._run.running
        if action == "open":
            return bool(self._messages)
        if action == "stop":
            return running
        if action == "again":
            return not running
        return not running and self._run.code == 0 if action == "flash" else True

    @on(DataTable.RowSelected)
    def _chosen(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """The editor, at the message under the cursor."""
        key = self.query_one(KeyedTable).selected
        if key is not None:
            self._open_place(self._messages[int(key)])

    def action_stop(self) -> None:
        """End the build."""
        self._stop()

    def action_again(self) -> None:
        """Build once more."""
        self.dismiss(None)
        self._again()

    def action_flash(self) -> None:
        """Ask, then flash what changed."""
        self._built()

    def action_leave(self) -> None:
        """Close; the build goes on."""
        self.dismiss(None)
