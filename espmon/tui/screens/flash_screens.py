"""Flashing: what will be written, asked first; then how far it is, with a way out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Button

from espmon.session.status import Progress
from espmon.text import counted
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.crash_parts import base_name
from espmon.tui.screens.dialog import Dialog, Line, size_text, time_text
from espmon.tui.screens.running import RunningScreen
from espmon.tui.screens.table import Column, KeyedTable, Row


@dataclass(frozen=True, slots=True)
class FlashRegion:
    """One region of a plan."""

    address: int
    size: int
    file: Path | None = None
    """None for a region that is only erased."""

    note: str = ""
    """What it is ("bootloader", "application gfx 1.2")."""


REGION_COLUMNS = (
    Column("address", "address", 10),
    Column("size", "size", 9),
    Column("file", "file", 14, share=1),
    Column("note", "what", 14, share=1, from_width=60),
)


class FlashConfirmScreen(Dialog[bool]):
    """Lists regions, files and sizes and asks. Returns True to go on. Cancel is preselected.

    Args:
        title: the question ("Write 3 regions to gfx-board?").
        regions: what is touched, in order.
        what_happens: what will be done, one sentence a line.
        warnings: why it may be a bad idea.
        erase: what is erased beyond the regions ("the whole flash, 16 MiB"), "" for nothing; asked a second time.
        confirm_label: what the confirming button says.
    """

    WIDE: ClassVar[bool] = True
    DEFAULT_CSS = """
    FlashConfirmScreen KeyedTable { height: auto; min-height: 2; max-height: 22vh; }
    FlashConfirmScreen .body { max-height: 28vh; margin-top: 1; }
    FlashConfirmScreen #warnings { color: $text-warning; }
    """
    AUTO_FOCUS = "#cancel"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", "Yes", id="flash.yes", tooltip="Go on"),
        Binding("n,escape", "answer(False)", "Cancel", key_display="n/Esc", id="flash.no", tooltip="Change nothing"),
        Binding("left", "app.focus_previous", show=False, id="flash.previous"),
        Binding("right", "app.focus_next", show=False, id="flash.next"),
    ]

    def __init__(
        self,
        title: str,
        regions: Sequence[FlashRegion],
        what_happens: Sequence[str],
        *,
        warnings: Sequence[str] = (),
        erase: str = "",
        confirm_label: str = "Flash",
    ) -> None:
        super().__init__(classes="-danger" if erase else "")
        self._title = title
        self._regions = tuple(regions)
        self._what_happens = tuple(what_happens)
        self._warnings = tuple(warnings)
        self._erase = erase
        self._confirm_label = confirm_label

    def compose_dialog(self) -> ComposeResult:
        """Title, regions, sentences, warnings, buttons."""
        yield Line(self._title, classes="title")
        yield KeyedTable(REGION_COLUMNS)
        with VerticalScroll(classes="body", can_focus=False):
            if self._warnings:
                yield Line("\n".join(f"! {warning}" for warning in self._warnings), id="warnings")
            total = sum(region.size for region in self._regions)
            sentences = (
                [f"{counted(len(self._regions), 'region')}, {size_text(total)} in all."] if self._regions else []
            )
            yield Line("\n".join([*sentences, *self._what_happens]), id="sentences")
        with Horizontal(classes="buttons"):
            yield Button("Cancel", id="cancel")
            yield Button(
                Line.inert(f"{self._confirm_label} (y)"), id="confirm", variant="error" if self._erase else "primary"
            )

    def on_mount(self) -> None:
        """Fill the table."""
        table = self.query_one(KeyedTable)
        table.display = bool(self._regions)
        table.show(
            [
                Row(
                    str(index),
                    {
                        "address": f"0x{region.address:08x}",
                        "size": size_text(region.size),
                        "file": "(erase)" if region.file is None else base_name(str(region.file)),
                        "note": region.note,
                    },
                )
                for index, region in enumerate(self._regions)
            ]
        )

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        self.action_answer(event.button.id == "confirm")

    def action_answer(self, answer: bool) -> None:
        """Close with the answer; an erase is asked again first."""
        if answer and self._erase:
            self._ask_again()
        else:
            self.dismiss(answer)

    def _ask_again(self) -> None:
        sentences = [f"This erases {self._erase}.", "What is stored there is gone; there is no way back."]
        self.app.push_screen(ConfirmScreen("Really erase?", sentences, "Erase", danger=True), self._erase_answered)

    def _erase_answered(self, sure: bool | None) -> None:
        if sure:
            self.dismiss(True)


class FlashProgressScreen(RunningScreen):
    """Shows a running flash action.

    Args:
        title: what is being done to which board.
        cancel: see `RunningScreen`.
        clock: seconds, monotonic; for the rate and the time left.
    """

    DEFAULT_CSS = """
    FlashProgressScreen ProgressBar { margin: 1 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", key_display="Esc", id="flash_progress.cancel"),
    ]
    CANCELLING = "cancelling: bringing the board into a known state"

    def __init__(self, title: str, cancel: Callable[[], None], clock: Callable[[], float]) -> None:
        super().__init__(title, cancel, Progress("flash", "starting"))
        self._clock = clock
        self._started: tuple[str, float, int] | None = None
        """Name of the step, when it began by `clock`, and its bytes then."""

    def compose_below(self) -> ComposeResult:
        """Bytes, rate, time left."""
        yield Line("", id="figures")

    def update_progress(self, progress: Progress) -> None:
        """Show how far a step is. A new step (or a count that went back) starts the rate anew."""
        started = self._started
        if started is None or started[0] != progress.step or progress.done < started[2]:
            self._started = progress.step, self._clock(), progress.done
        super().update_progress(progress)

    def paint(self) -> None:
        """The figures too."""
        super().paint()
        self.query_one("#figures", Line).show(self._figures())

    def _figures(self) -> str:
        progress = self._progress
        if not progress.done:
            return ""
        told = [size_text(progress.done) + (f" of {size_text(progress.total)}" if progress.total else "")]
        _, started, first = self._started or ("", self._clock(), 0)
        elapsed = self._clock() - started
        if elapsed > 0 and progress.done > first:
            rate = (progress.done - first) / elapsed
            told.append(f"{size_text(int(rate))}/s")
            if progress.total:
                told.append(f"{time_text(max(0, progress.total - progress.done) / rate)} left")
        return "   ".join(told)
