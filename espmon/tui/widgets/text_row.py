"""One row of short texts, left and right."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from espmon.tui.sanitise import visible
from espmon.tui.widgets.row_parts import Part, fit
from espmon.tui.widgets.unpainted import not_painted


class TextRow(Widget):
    """A row of texts."""

    DEFAULT_CSS = """
    TextRow { height: 1; width: 100%; }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._left: tuple[Part, ...] = ()
        self._right: tuple[Part, ...] = ()
        self._paint: Callable[[Widget], bool] = not_painted

    def on_mount(self) -> None:
        """Rows that change a few times a second go straight to the terminal, where it is known what that shows."""
        if (pictures := getattr(self.app, "pictures", None)) is not None:
            self._paint = pictures.paint_again

    @property
    def text(self) -> str:
        """What the row says, left and right, with nothing left out."""
        return "".join(text for text, _ in (*self._left, *self._right))

    def set_parts(self, left: Sequence[Part], right: Sequence[Part] = ()) -> None:
        """Show these texts; device text in them is made inert here."""
        new_left = tuple((visible(text), style) for text, style in left if text)
        new_right = tuple((visible(text), style) for text, style in right if text)
        if (new_left, new_right) != (self._left, self._right):
            self._left, self._right = new_left, new_right
            if not self._paint(self):
                self.refresh()

    def part_at(self, x: int) -> str:
        """The text of the part that is shown in column `x`, "" where there is none."""
        left, right, room = fit(self._left, self._right, self.size.width)
        end = 0
        for text, _ in (*left, (" " * room, ""), *right):
            end += cell_len(text)
            if x < end:
                return text
        return ""

    def on_resize(self) -> None:
        """The row is cut elsewhere now."""
        self.refresh()

    def render(self) -> Content:
        """The row."""
        left, right, room = fit(self._left, self._right, self.size.width)
        return Content.assemble(*left, " " * room, *right)
