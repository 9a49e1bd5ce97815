"""The line that is sent to the board: history, choice of line end."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from espmon.records.capabilities import Command
from espmon.session.settings import LINE_ENDS
from espmon.tui.widgets.command_completion import CommandSuggester, completed, note
from espmon.tui.widgets.field import Field
from espmon.tui.widgets.input_words import EOL_KEY, FOCUSED, FROM_LOG, LEAVE_KEY
from espmon.tui.widgets.line_history import MAX_LINE, History

LINE_BREAK = "↵"
"""Stands in the field where another line begins; a paste of several lines puts it there."""

MAX_PASTED_LINES = 20
"""Most lines that a paste puts into the field. More are not read there, so that is asked about instead."""


def pasted_lines(text: str) -> list[str]:
    """The lines of a pasted text; its last line end, if it has one, is Enter's."""
    return re.split(r"\r\n|\r|\n", re.sub(r"(\r\n|\r|\n)\Z", "", text))


class _Field(Field):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "history(-1)", show=False, id="input.previous", tooltip="The line sent before"),
        Binding("down", "history(1)", show=False, id="input.following", tooltip="The line sent after"),
        Binding(LEAVE_KEY[0], "leave", LEAVE_KEY[1], id="input.leave", tooltip="Back to the log's keys"),
        Binding(EOL_KEY[0], "eol", EOL_KEY[1], id="input.eol", tooltip="CR, LF or CRLF"),
        Binding("tab", "complete", "Complete", id="input.complete", tooltip="With a command of the board's console"),
    ]

    def on_mount(self) -> None:
        """The cursor stands still: a session starts here, and blinking took most of what it cost while idle."""
        self.cursor_blink = False

    def action_history(self, delta: int) -> None:
        line = self.query_ancestor(InputLine).history.step(delta, self.value)
        if line is not None:
            self.value = line
            self.cursor_position = len(line)

    def _on_paste(self, event: events.Paste) -> None:
        # The base class keeps the first line and drops the others.
        event.prevent_default()
        event.stop()
        lines = pasted_lines(event.text)
        if len(lines) > MAX_PASTED_LINES or (len(lines) > 1 and len(event.text) > MAX_LINE):
            self.query_ancestor(InputLine).post_message(InputLine.ManyPasted(lines))
        else:
            self.replace(LINE_BREAK.join(lines), *self.selection)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where nothing is known to complete, Tab goes on to the next part."""
        return bool(self.query_ancestor(InputLine).commands) if action == "complete" else True

    def action_complete(self) -> None:
        if not self.value:
            self.app.action_focus_next()
            return
        self.value = completed(self.value, self.query_ancestor(InputLine).commands)
        self.cursor_position = len(self.value)

    def action_leave(self) -> None:
        self.query_ancestor(InputLine).post_message(InputLine.Dismissed())

    def action_eol(self) -> None:
        self.query_ancestor(InputLine).next_eol()


class InputLine(Horizontal):
    """A prompt, the field, the line end.

    Args:
        history: where typed lines are kept.
        eol: name of the line end to begin with.
    """

    DEFAULT_CSS = """
    InputLine { height: 1; background: $surface; }
    InputLine > Static { width: auto; color: $text-muted; padding: 0 1; }
    InputLine > Input, InputLine > Input:focus {
        border: none; height: 1; width: 1fr; padding: 0; background: $surface; }
    InputLine > #note { display: none; max-width: 50%; }
    InputLine:focus-within, InputLine:focus-within > Input { background: $boost; }
    InputLine:focus-within > #prompt { color: $success; text-style: bold; }
    """

    @dataclass
    class Sent(Message):
        """Lines to send, each with this line end."""

        lines: tuple[str, ...]
        eol: bytes

    @dataclass
    class ManyPasted(Message):
        """More lines were pasted than can be read in the field: nothing is sent before somebody has agreed."""

        lines: list[str]

    class Dismissed(Message):
        """The user is done typing."""

    def __init__(self, history: History, eol: str = "CR", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.history = history
        self.eol = eol if eol in LINE_ENDS else "CR"
        self._suggester = CommandSuggester()
        self.refusal: Callable[[], str] = lambda: ""
        """Why nothing can be sent now, "" when it can: the line stays in the field then."""

    def compose(self) -> ComposeResult:
        """Prompt, field, line end."""
        yield Static("›", id="prompt", markup=False)
        yield _Field(placeholder=FROM_LOG, compact=True, select_on_focus=False, suggester=self._suggester, id="line")
        yield Static(id="note", markup=False)
        yield Static(self.eol, id="eol", markup=False)

    def on_mount(self) -> None:
        """Read the lines typed before, once the first frame is there."""
        if self.history.kept:
            self.call_after_refresh(self._read)

    def on_descendant_focus(self) -> None:
        """Say what the keys do now, and the way out."""
        self.query_one(_Field).placeholder = FOCUSED

    def on_descendant_blur(self) -> None:
        """Say how to come back."""
        self.query_one(_Field).placeholder = FROM_LOG

    def use_history(self, history: History) -> None:
        """Another board has the port: what was typed to it before."""
        if not self.history.kept:
            history.lines = [*self.history.lines]  # typed before anybody could tell to whom
        self.history = history
        if history.kept:
            self._read()

    @work(thread=True, group="read", exit_on_error=False)
    def _read(self) -> tuple[History, list[str]]:
        history = self.history
        return history, history.read()

    @work(thread=True, group="write", exit_on_error=False)
    def _write(self) -> None:
        self.history.write()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Take what was read; lines typed before it came are written now."""
        event.stop()
        if event.worker.group == "read" and event.state is WorkerState.SUCCESS:
            assert event.worker.result is not None
            history, lines = event.worker.result
            typed = bool(history.lines)
            history.take(lines)
            if typed and history is self.history:
                self._write()

    @property
    def commands(self) -> Sequence[Command]:
        """What the board's console takes, as far as it is known: Tab completes with it."""
        return self._suggester.commands

    @commands.setter
    def commands(self, commands: Sequence[Command]) -> None:
        if commands != self._suggester.commands:
            self._suggester.commands = commands
            self.refresh_bindings()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        beside, text = self.query_one("#note", Static), note(event.value, self.commands)
        if text or beside.display:
            beside.display = bool(text)
            beside.update(text)

    @property
    def value(self) -> str:
        """What stands in the field."""
        return self.query_one(_Field).value

    def focus_field(self) -> None:
        """Begin to type."""
        self.screen.set_focus(self.query_one(_Field))

    def next_eol(self) -> str:
        """Choose the next line end."""
        names = list(LINE_ENDS)
        self.eol = names[(names.index(self.eol) + 1) % len(names)]
        self.query_one("#eol", Static).update(self.eol)
        return self.eol

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        line = event.value
        if reason := self.refusal():
            self.app.notify(reason, severity="warning", markup=False)
            return
        event.input.value = ""
        if self.history.add(line):
            self._write()
        self.send(line.split(LINE_BREAK))

    def send(self, lines: Sequence[str]) -> None:
        """Send these lines, in order, each with the line end."""
        self.post_message(self.Sent(tuple(lines), LINE_ENDS[self.eol]))
