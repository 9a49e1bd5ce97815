"""Under the app's display call: each picture goes to the terminal as the difference to what that shows already.

Where the driver is not ours, where Textual is not as expected, or where a picture is more than text, it is written by
Textual, as ever; what the terminal shows is then found out anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol, runtime_checkable

from textual._ansi_sequences import SYNC_END, SYNC_START
from textual.app import App
from textual.geometry import Region, Size
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

from espmon.tui.terminal import textual_pictures
from espmon.tui.terminal.cells import CellReader, Cells
from espmon.tui.terminal.screen_model import ScreenModel
from espmon.tui.terminal.textual_pictures import Placement

SeenRows = list[tuple[int, int, list[tuple[int, int]]]]
"""Row, first column of the widget, and (first, end) of its own columns that nothing lies over."""


@runtime_checkable
class PictureTerminal(Protocol):
    """A driver that can tell pictures from everything else that is written."""

    disturbed: int
    """How often the terminal was written to by others, resized, or handed over: its cells may be anything then."""

    def write_picture(self, data: str) -> bool:
        """Write a picture; False when it was left out."""

    def poll(self) -> None:
        """Called between rows of a picture that is being made: what must not wait for all of it."""


class PictureWriter:
    """Writes the app's pictures.

    Args:
        app: whose pictures they are.
        on: False leaves all of them to Textual.
    """

    def __init__(self, app: App[int], on: bool = True) -> None:
        self._app = app
        self._on: bool | None = None if on else False
        self._model: ScreenModel | None = None
        self._reader: CellReader | None = None
        self._screen: Screen[object] | None = None
        self._disturbed = -1
        self._laid_out: object = None
        """The layout that was drawn whole."""
        self._places: tuple[object, dict[Widget, SeenRows | None]] = None, {}
        """The layout, and what is seen of its widgets."""

    @property
    def model(self) -> ScreenModel | None:
        """What the terminal shows; None while Textual writes."""
        return self._model

    def forget(self) -> None:
        """Whatever the terminal shows: draw all of it again."""
        self._model = None

    def whole_after_layout(self, screen: Screen[object], picture: object) -> object:
        """The picture, or that of the whole screen behind a new layout: what moves leave behind is not always in it."""
        if self._terminal(screen) is None:
            return picture
        layout = textual_pictures.visible_widgets(screen)
        if layout is self._laid_out:
            return picture
        self._laid_out = layout
        return textual_pictures.whole(self._app, screen)

    def display(self, screen: Screen[object], picture: object) -> bool:
        """Write a picture of the compositor's. Returns False when that is left to Textual."""
        if picture is None:
            return False  # nothing has changed
        terminal = self._terminal(screen)
        found = None if terminal is None else textual_pictures.placements(picture)
        if terminal is None or found is None:
            self.forget()
            return False
        size = self._app.size
        model = self._model
        if (
            model is None
            or (model.width, model.height) != (size.width, size.height)
            or screen is not self._screen
            or terminal.disturbed != self._disturbed
        ):
            model = self._model = ScreenModel(size.width, size.height)
            self._screen, self._disturbed = screen, terminal.disturbed
        cells = self._cells(found, model, terminal.poll)
        if cells is None:
            self.forget()
            return False
        self._write(terminal, model, cells)
        return True

    def paint(self, widget: Widget, strips: Sequence[Strip], size: Size | None = None) -> bool:
        """Write the rows of one widget, all of them, past the compositor.

        Args:
            widget: the widget.
            strips: its rows.
            size: of the rows; None: the widget's, without what is around its content.

        Returns:
            False when nothing was written, since it does not stand whole on the screen or may move: refresh it then.
        """
        screen, model = widget.screen, self._model
        if model is None or screen is not self._screen or screen is not self._app.screen:
            return False
        terminal = self._terminal(screen)
        if terminal is None or terminal.disturbed != self._disturbed or not textual_pictures.stands(screen, widget):
            return False
        size = size or widget.size
        rows = self._rows(screen, widget, size)
        if rows is None or len(strips) != len(rows) or any(strip.cell_length != size.width for strip in strips):
            return False
        cells = self._seen(strips, rows, model)
        if cells is None:
            return False
        self._write(terminal, model, cells)
        return True

    def paint_again(self, widget: Widget) -> bool:
        """The same for a widget that draws itself, and has something else to show than before."""
        model, screen = self._model, widget.screen
        if model is None or screen is not self._screen or not textual_pictures.stands(screen, widget):
            return False  # it is not drawn twice for nothing
        return self.paint(widget, textual_pictures.drawn_anew(widget), widget.outer_size)

    # -- the terminal -------------------------------------------------------------------------------------------

    def _terminal(self, screen: Screen[object]) -> PictureTerminal | None:
        """Where pictures go; None: nowhere, or Textual writes them."""
        if self._on is None:
            self._on = textual_pictures.as_expected(self._app, screen)
        driver = self._app._driver
        if not self._on or not textual_pictures.painting_now(self._app) or not isinstance(driver, PictureTerminal):
            return None
        if self._reader is None:
            self._reader = CellReader(textual_pictures.colours_of(self._app))
        return driver

    def _cells(
        self, placements: Iterable[Placement], model: ScreenModel, poll: Callable[[], None]
    ) -> list[tuple[int, int, Cells]] | None:
        reader = self._reader
        assert reader is not None
        found = []
        for y, x, strip in placements:
            poll()
            cells = reader.read(strip)
            if cells is None or not 0 <= y < model.height or x < 0 or x + len(cells) > model.width:
                return None
            if len(cells):
                found.append((y, x, cells))
        return found

    def _seen(self, strips: Sequence[Strip], rows: SeenRows, model: ScreenModel) -> list[tuple[int, int, Cells]] | None:
        """What is seen of a widget's strips; None: not text alone, or beyond the edge of the screen."""
        reader = self._reader
        assert reader is not None
        found = []
        for strip, (y, x, parts) in zip(strips, rows, strict=True):
            for first, end in parts:
                cells = reader.part(strip, first, end)
                if cells is None or y >= model.height or x + end > model.width:
                    return None
                found.append((y, x + first, cells))
        return found

    def _write(self, terminal: PictureTerminal, model: ScreenModel, cells: list[tuple[int, int, Cells]]) -> None:
        data = model.paint(cells, terminal.poll)
        if not data:
            return
        app = self._app
        x, y = app.screen.outer_size.clamp_offset(app.cursor_position)
        data += f"\x1b[{y + 1};{x + 1}H"
        if textual_pictures.synchronized(app):
            data = SYNC_START + data + SYNC_END
        if not terminal.write_picture(data):
            self.forget()

    def _rows(self, screen: Screen[object], widget: Widget, size: Size) -> SeenRows | None:
        """What is seen of a widget, None when it does not stand whole on the screen. Looked up once a layout."""
        widgets = textual_pictures.visible_widgets(screen)
        if self._places[0] is not widgets:
            self._places = widgets, {}
        places = self._places[1]
        if widget not in places:
            places[widget] = seen_rows(widgets, widget, size)
        return places[widget]


def seen_rows(
    widgets: dict[Widget, tuple[Region, Region]], widget: Widget, size: Size | None = None
) -> SeenRows | None:
    """The rows of `widget` without what lies over it, where it has this size; `widgets` are (region, clip), front to
    back."""
    region, clip = widgets.get(widget, (Region(), Region()))
    if not region.area or region.size != (size or widget.size) or not clip.contains_region(region):
        return None
    over: list[Region] = []
    for other, (place, part) in widgets.items():
        if other is widget:
            break
        over.append(place.intersection(part))
    return [(y, region.x, _left_free(region, y, over)) for y in region.line_range]


def _left_free(region: Region, y: int, over: Sequence[Region]) -> list[tuple[int, int]]:
    """(first, end) of the columns of `region`, counted from its left edge, that nothing covers in row `y`."""
    free = [region.column_span]
    for one in over:
        if one.width and one.y <= y < one.bottom:
            free = [
                part
                for first, end in free
                for part in ((first, min(end, one.x)), (max(first, one.right), end))
                if part[0] < part[1]
            ]
    return [(first - region.x, end - region.x) for first, end in free]
