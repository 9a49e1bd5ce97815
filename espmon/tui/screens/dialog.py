"""What the screens here share: inert text, one dialog frame, one way to copy."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.app import App, ComposeResult
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Static

from espmon.text import plain
from espmon.tui.screens.control_styles import controls_css

Result = TypeVar("Result")


MIN_TEXT_CELLS = 16
"""Least cells of the texts beside their labels."""


def literal(text: str) -> str:
    """Text of any origin as drawable lines: line ends stay, everything else that a terminal would obey is gone."""
    return "\n".join(plain(line) for line in text.splitlines())


def clip(text: str, width: int) -> str:
    """One sanitised line of at most `width` terminal cells, an ellipsis where something was cut."""
    line = plain(text)
    content = Content(line)
    return line if content.cell_length <= width else content.truncate(max(1, width), ellipsis=True).plain


def clip_start(text: str, width: int) -> str:
    """Like `clip`, but the end is kept: for paths and places, whose end says most."""
    line = plain(text)
    if Content(line).cell_length <= width:
        return line
    kept = line[-width:]
    while Content(kept).cell_length > max(0, width - 1):
        kept = kept[1:]
    return "…" + kept


def path_rows(path: str, width: int) -> str:
    """A path in rows of at most `width` cells that end behind a separator: the file's name stands whole on the last.

    A part that is longer than a row stands alone; whoever draws it cuts it.
    """
    filled = [""]
    for part in re.findall(r"[^/\\]*[/\\]?", plain(path)):
        if filled[-1] and Content(filled[-1] + part).cell_length > width:
            filled.append("")
        filled[-1] += part
    return "\n".join(filled)


def rows(pairs: Iterable[tuple[str, str]], *, width: int = 0, cells: int = 0) -> Content:
    """(label, text) rows as aligned lines; a text of several lines hangs under its first.

    Args:
        pairs: the rows.
        width: least cells of the labels' column.
        cells: of the whole row; longer texts are broken and hang too. 0 breaks none.
    """
    listed = [(plain(label), literal(text).split("\n")) for label, text in pairs]
    column = max([width, *(len(label) for label, _ in listed)])
    lines: list[Content] = []
    room = max(MIN_TEXT_CELLS, cells - column - 2)
    for label, texts in listed:
        broken = [part for text in texts or [""] for part in (Content(text).wrap(room) if cells else [Content(text)])]
        for index, text in enumerate(broken):
            head = (label if index == 0 else "").ljust(column)
            lines.append(Content.assemble((head, "$foreground-muted"), "  ", text))
    return Content("\n").join(lines)


def size_text(count: int) -> str:
    """A number of bytes in the unit people use: `512 B`, `64.0 KiB`, `2.4 MiB`."""
    if count < 1024:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024 or unit == "GiB":
            break
    return f"{value:.1f} {unit}"


def time_text(seconds: float) -> str:
    """A duration: `0.8 s`, `12 s`, `3 min 05 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02} s"


def copy(app: App[object], text: str, what: str) -> None:
    """Offer `text` to the terminal's clipboard. Terminals may refuse silently, so the toast does not promise."""
    app.copy_to_clipboard(literal(text))
    app.notify(f"{what}: sent to the terminal's clipboard (if it accepts that)", markup=False)


class Line(Static):
    """A `Static` that takes `Content` or plain text and never reads markup in it."""

    def __init__(self, content: str | Content = "", *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(Line.inert(content), markup=False, id=id, classes=classes)

    @staticmethod
    def inert(content: str | Content) -> Content:
        """`content` itself, or a string sanitised and without markup."""
        return content if isinstance(content, Content) else Content(literal(content))

    def show(self, content: str | Content) -> None:
        """Replace what is shown."""
        self.update(Line.inert(content))


class Dialog(ModalScreen[Result], Generic[Result]):
    """A framed box over the screen below, with the footer of its own keys. Subclasses fill `compose_dialog`."""

    STAYS: ClassVar[bool] = True
    """It waits for an answer, or for the board: the palette does not close it."""

    WIDE: ClassVar[bool] = False
    """It lists more than sentences: 96 columns where there is room, else 70, which is 64 of text."""

    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 70%; }
    Dialog > .dialog {
        width: 92%; max-width: 70; height: auto; max-height: 100%; padding: 1 2;
        margin: 0 0 1 0;
        background: $surface; border: round $primary;
    }
    Dialog.-danger > .dialog { border: round $error; }
    Dialog .title { text-style: bold; color: $text-primary; margin-bottom: 1; }
    Dialog.-danger .title { color: $text-error; }
    Dialog .body { height: auto; max-height: 45vh; scrollbar-size-vertical: 1; }
    Dialog .buttons { height: auto; align-horizontal: right; margin-top: 1; }
    Dialog .buttons Button { margin-left: 2; min-width: 14; }
    Dialog.-wide > .dialog { max-width: 96; }
    """ + controls_css("Dialog")

    def compose(self) -> ComposeResult:
        """The frame around `compose_dialog`."""
        self.set_class(self.WIDE, "-wide")
        with Vertical(classes="dialog"):
            yield from self.compose_dialog()
        yield Footer(show_command_palette=False)

    def compose_dialog(self) -> ComposeResult:
        """What is inside the frame."""
        raise NotImplementedError
