"""A picture that the board sent, with its size and where it is saved."""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.events import Resize
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Footer, LoadingIndicator
from textual.worker import Worker, WorkerState

from espmon.tui.halfcell import HalfcellPicture, half_cells, load_picture
from espmon.tui.screens.dialog import Line, copy, path_rows, size_text
from espmon.tui.system_viewer import open_in_viewer

if TYPE_CHECKING:
    from PIL.Image import Image

WIDGETS = "textual_image.widget"
"""The module that asks the terminal for its graphics protocol when it is imported."""

HEADING_PADDING = 2
"""Cells beside the heading."""


def prepare_images() -> bool:
    """Load textual-image, which asks the terminal what it can do; call it before `App.run`, or not at all.

    Does nothing (and returns False) without a terminal or without the package; half blocks are drawn then. A terminal
    that does not answer costs half a second.
    """
    stdout, stdin = sys.__stdout__, sys.__stdin__
    if stdout is None or stdin is None or not (stdout.isatty() and stdin.isatty()):
        return False
    if find_spec("textual_image") is None:
        return False
    import_module(WIDGETS)
    return True


def prepared_widget(picture: Image) -> Widget | None:
    """The terminal's own way of drawing pictures, when `prepare_images` found one."""
    module = sys.modules.get(WIDGETS)
    if module is None:
        return None
    widget: Widget = module.Image(picture)
    return widget


class ScreenshotScreen(ModalScreen[None]):
    """Shows a saved PNG.

    Args:
        path: the file.
        width: pixels, as the record says.
        height: pixels.
        size: bytes of the file.
        note: what should be known about it ("cut short: 1,200 of 4,000 bytes came").
    """

    DEFAULT_CSS = """
    ScreenshotScreen { background: $surface; }
    ScreenshotScreen #heading { padding: 0 1; background: $panel; }
    ScreenshotScreen #note { padding: 0 1; background: $warning-muted; color: $text-warning; }
    ScreenshotScreen #picture { height: 1fr; align: center middle; }
    ScreenshotScreen #picture > Image { width: auto; height: 100%; }
    ScreenshotScreen #problem { width: 100%; padding: 0 2; text-align: center; color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "leave", "Back", key_display="Esc", id="screenshot.leave"),
        Binding("c", "copy_path", "Copy path", id="screenshot.copy"),
        Binding("O", "view", "Viewer", id="screenshot.view", tooltip="In the system's viewer"),
    ]

    def __init__(self, path: Path, width: int, height: int, size: int, note: str = "") -> None:
        super().__init__()
        self._path = path
        self._pixels = width, height
        self._bytes = size
        self._note = note

    def compose(self) -> ComposeResult:
        """Size and path, a note, the picture."""
        yield Line(self._heading(self.app.size.width), id="heading")
        if self._note:
            yield Line(self._note, id="note")
        with Container(id="picture"):
            yield LoadingIndicator()
        yield Footer(show_command_palette=False)

    def _heading(self, columns: int) -> Content:
        width, height = self._pixels
        return Content.assemble(
            ("Screenshot", "bold $text-primary"),
            f"  {width} x {height} pixels, {size_text(self._bytes)}\n",
            (path_rows(str(self._path), columns - HEADING_PADDING), "$foreground-muted"),
        )

    def on_resize(self, event: Resize) -> None:
        """Draw the picture for the room there is."""
        self.query_one("#heading", Line).show(self._heading(event.size.width))
        self.call_after_refresh(self._draw)

    def _draw(self) -> None:
        area = self.query_one("#picture", Container)
        if area.size:
            self._decode(area.size.width, area.size.height)

    @work(thread=True, exclusive=True, exit_on_error=False)
    def _decode(self, columns: int, lines: int) -> Image | list[Strip]:
        picture = load_picture(self._path)
        return picture if WIDGETS in sys.modules else half_cells(picture, columns, lines)

    async def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """The picture, or why there is none."""
        event.stop()
        if event.state is WorkerState.SUCCESS and event.worker.result is not None:
            result = event.worker.result
            widget = HalfcellPicture(result) if isinstance(result, list) else prepared_widget(result)
            await self._place(widget or Line("No picture", id="problem"))
        elif event.state is WorkerState.ERROR:
            await self._place(Line(f"No picture: {event.worker.error}", id="problem"))

    async def _place(self, widget: Widget) -> None:
        area = self.query_one("#picture", Container)
        await area.remove_children()
        await area.mount(widget)

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_view(self) -> None:
        """The picture in the system's viewer."""
        open_in_viewer(self.app, self._path)

    def action_copy_path(self) -> None:
        """Copy where the file is."""
        copy(self.app, str(self._path), "Path")
