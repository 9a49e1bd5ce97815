"""Which board this is and how it is doing: the chips of `status_chips` that hold, as far as they fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from textual.content import Content
from textual.events import Click
from textual.message import Message

from espmon.session.status import Status
from espmon.tui.widgets.header_chips import GAP, ShownChip, arranged, holding
from espmon.tui.widgets.paced_row import PacedRow


class BoardHeader(PacedRow):
    """Board, link, what lasts, chip; log file, boot, ELF, rate. A click on a chip does what its key does.

    Args:
        keymap: the user's id -> keys.
    """

    DEFAULT_CSS = """
    BoardHeader { background: $panel; color: $foreground; padding: 0 1; }
    """

    @dataclass
    class Chosen(Message):
        """A chip was clicked."""

        action: str
        """Id of the action that it leads to."""

    _status = Status()
    _mode = ""
    _shown: tuple[Status, Sequence[ShownChip]] = (_status, ())
    _spans: tuple[tuple[range, str], ...] = ()

    def __init__(self, keymap: Mapping[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keymap = keymap

    def show(self, status: Status, mode: str) -> None:
        """Show a session's status, with the keys that lead on from `mode`, where keys go now."""
        if (status, mode) != (self._status, self._mode):
            self._status, self._mode = status, mode
            self.draw_soon()

    def draw(self) -> None:
        """Take the chips that hold now."""
        shown = holding(self._status, self._mode, self._keymap)
        self._shown = self._status, shown
        self.set_parts([part for chip in shown for part in (*chip.parts, (" " * GAP, ""))])

    def render(self) -> Content:
        """The chips that there is room for."""
        status, shown = self._shown
        row = arranged(shown, status, self.size.width)
        self._spans = row.spans
        return Content.assemble(*row.parts)

    def on_click(self, event: Click) -> None:
        """Do what the chip leads to."""
        event.stop()
        x = event.get_content_offset(self)
        for cells, action in self._spans:
            if x is not None and x.x in cells:
                self.post_message(self.Chosen(action))
