"""A payload being captured (a core dump above all), and what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, LoadingIndicator, ProgressBar

from espmon.session.status import Capture
from espmon.tui.screens.dialog import Dialog, Line, copy, path_rows, rows, size_text, time_text

NAMES = {"coredump": "core dump", "png": "screenshot", "frame": "frame", "gdb": "gdb packet"}
"""`Capture.kind` in words."""

PATH_INDENT = len("checksum") + 2
"""Cells before the path in the rows of a result."""


class CaptureAnswer(StrEnum):
    """What the reader wants next."""

    REPORT = "open the report"
    CHOOSE_ELF = "choose an ELF"


@dataclass(frozen=True, slots=True)
class CaptureResult:
    """What came."""

    bytes: int
    path: Path | None
    """Where it is kept; None when it could not be written."""

    lines: int = 0
    complete: bool = True
    checksum: str = "unknown"
    """"ok", "bad" or "unknown"."""

    chip: str = ""
    error: str = ""
    """Why it is not complete."""


class CaptureScreen(Dialog[CaptureAnswer | None]):
    """Progress, then size, checksum, chip and path, then how the decoding goes.

    Esc hides it; the capture goes on. Returns what the reader wants next, None when it was only hidden.

    Args:
        kind: `Capture.kind`.
        abort: ends the capture; what came is kept. Called at most once; must return at once.
    """

    WIDE: ClassVar[bool] = True
    DEFAULT_CSS = """
    CaptureScreen ProgressBar { width: 100%; margin: 1 0; }
    CaptureScreen ProgressBar Bar { width: 1fr; }
    CaptureScreen ProgressBar Bar > .bar--indeterminate { color: $primary; }
    CaptureScreen #decoding { height: auto; margin-top: 1; }
    CaptureScreen #decoding.-error { color: $text-error; }
    CaptureScreen LoadingIndicator { display: none; height: 1; }
    CaptureScreen.-decoding LoadingIndicator { display: block; }
    CaptureScreen.-done ProgressBar { display: none; }
    """
    AUTO_FOCUS = "#hide"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "hide", "Hide", id="capture.hide", tooltip="The capture goes on"),
        Binding("a", "abort", "Abort, keep what came", id="capture.abort"),
        Binding("r", "report", "Report", id="capture.report"),
        Binding("e", "choose_elf", "Choose ELF", id="capture.elf"),
        Binding("c", "copy_path", "Copy path", id="capture.copy"),
    ]

    def __init__(self, kind: str, abort: Callable[[], None]) -> None:
        super().__init__()
        self._what = NAMES.get(kind, kind)
        self._abort = abort
        self._aborting = False
        self._capture: Capture | None = None
        self._result: CaptureResult | None = None
        self._decoding = ""
        self._failed = False
        self._ready = False

    def compose_dialog(self) -> ComposeResult:
        """Title, figures, bar, decoding, buttons."""
        yield Line(f"Receiving a {self._what}", classes="title", id="capture-title")
        yield Line("waiting for its first bytes", id="figures")
        yield ProgressBar(total=None, show_eta=False, show_percentage=False)
        yield Line("", id="decoding")
        yield LoadingIndicator()
        with Horizontal(classes="buttons"):
            yield Button("Hide", id="hide")
            yield Button("Abort", id="abort")
            yield Button("Report", id="report", variant="primary")

    def on_mount(self) -> None:
        """Show what came before the screen was there."""
        self._paint()

    def on_resize(self) -> None:
        """Break the file's path for the room there is."""
        self.call_after_refresh(self._paint)

    def update_capture(self, capture: Capture) -> None:
        """Show how far it is. `expected` None keeps the bar indeterminate."""
        self._capture = capture
        self._paint()

    def show_result(self, result: CaptureResult) -> None:
        """It has ended: show what came."""
        self._result = result
        self._paint()

    def show_decoding(self, text: str = "decoding ...") -> None:
        """The decoder works."""
        self._decoding, self._failed, self._ready = text, False, False
        self._paint()

    def show_failed(self, why: str, hint: str = "") -> None:
        """The decoder could not: say why and what to do. The dump is kept."""
        self._decoding, self._failed, self._ready = f"Not decoded: {why}" + (f"\n{hint}" if hint else ""), True, False
        self._paint()

    def show_ready(self, summary: str) -> None:
        """Decoded: one line of what happened; the report can be opened."""
        self._decoding, self._failed, self._ready = summary, False, True
        self._paint()

    def _paint(self) -> None:
        if not self.query("#figures"):
            return
        result, capture = self._result, self._capture
        if result is not None:
            end = "" if result.complete else ", cut short"
            self.query_one("#capture-title", Line).show(f"{self._what.capitalize()} received{end}")
            self.query_one("#figures", Line).show(rows(self._result_rows(result)))
        elif capture is not None:
            known = f" of {size_text(capture.expected)}" if capture.expected is not None else ""
            ending = "   ending: what came is kept" if self._aborting else ""
            lines = f"   {capture.lines} lines" if capture.lines else ""
            text = f"{size_text(capture.received)}{known}{lines}   {time_text(capture.elapsed)}{ending}"
            self.query_one("#figures", Line).show(text)
            self.query_one(ProgressBar).update(total=capture.expected, progress=capture.received)
        self.set_class(result is not None, "-done")
        working = bool(self._decoding) and not self._failed and not self._ready
        self.set_class(working, "-decoding")
        self.query_one("#decoding", Line).show(self._decoding)
        self.query_one("#decoding").set_class(self._failed, "-error")
        self.query_one("#abort", Button).display = result is None
        self.query_one("#hide", Button).label = "Hide" if result is None else "Close"
        report = self.query_one("#report", Button)
        if self._ready and not report.display:
            report.display = True
            report.focus()
        report.display = self._ready
        self.refresh_bindings()

    def _result_rows(self, result: CaptureResult) -> list[tuple[str, str]]:
        size = f"{size_text(result.bytes)} ({result.bytes} bytes)"
        checksum = {"ok": "correct", "bad": "WRONG: the dump is damaged"}.get(result.checksum, "not known")
        room = self.query_one("#figures").size.width - PATH_INDENT
        found = [
            ("size", f"{size}, {result.lines} lines" if result.lines else size),
            ("checksum", checksum),
            ("chip", result.chip or "not known"),
            ("file", "NOT SAVED" if result.path is None else path_rows(str(result.path), room)),
        ]
        if result.error:
            found.append(("note", result.error))
        return found

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done now is offered."""
        if action == "abort":
            return self._result is None and not self._aborting
        if action == "report":
            return self._ready
        if action == "choose_elf":
            return self._failed
        if action == "copy_path":
            return self._result is not None and self._result.path is not None
        return True

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        actions: dict[str | None, Callable[[], None]] = {
            "hide": self.action_hide,
            "abort": self.action_abort,
            "report": self.action_report,
        }
        actions[event.button.id]()

    def action_hide(self) -> None:
        """Close; nothing else changes."""
        self.dismiss(None)

    def action_abort(self) -> None:
        """End the capture and keep what came."""
        if self._result is None and not self._aborting:
            self._aborting = True
            self._paint()
            self._abort()

    def action_report(self) -> None:
        """Go on to the report."""
        if self._ready:
            self.dismiss(CaptureAnswer.REPORT)

    def action_choose_elf(self) -> None:
        """Go on to choosing an ELF."""
        self.dismiss(CaptureAnswer.CHOOSE_ELF)

    def action_copy_path(self) -> None:
        """Copy where the file is."""
        if self._result is not None and self._result.path is not None:
            copy(self.app, str(self._result.path), "Path")
