"""Turns pens into terminal styles for one theme. Made again when the theme changes; styles are shared between rows."""

from __future__ import annotations

from collections.abc import Mapping

from rich.color import Color
from rich.style import Style
from textual.color import Color as Shade

from espmon.tui.log import sgr
from espmon.tui.log.contrast import black_or_white
from espmon.tui.log.meaning import Meaning
from espmon.tui.log.sgr import PLAIN, Colour, Pen

MAX_STYLES = 4096
"""Most styles remembered; a board that sends more colours than this starts over."""

DARK: tuple[str, ...] = (
    "#3b4252", "#e0697a", "#8fbf7f", "#e0b567", "#6f9fd8", "#b48ead", "#6fb7bf", "#c8d0dc",
    "#7b8698", "#ff6b81", "#a7d68f", "#f5cd7a", "#8fb8f0", "#d0a0d8", "#8fd4dc", "#ffffff",
)  # fmt: skip
LIGHT: tuple[str, ...] = (
    "#2e3440", "#b3263e", "#3a7d2c", "#946200", "#2257a8", "#8a3f8f", "#1f7480", "#5b6472",
    "#6b7484", "#c4002b", "#2f8f1c", "#a86f00", "#1b5fd0", "#9c36a5", "#128090", "#000000",
)  # fmt: skip
"""The sixteen colours, chosen to be told apart and read on this program's dark and light backgrounds."""


WITHOUT_COLOURS = {
    Meaning.ERROR: Style(bold=True),
    Meaning.WARNING: Style(bold=True),
    Meaning.CRASH: Style(bold=True),
    Meaning.MARK: Style(bold=True),
    Meaning.DEBUG: Style(dim=True),
    Meaning.VERBOSE: Style(dim=True),
    Meaning.TIME: Style(dim=True),
}
"""What says the same where there are no colours."""


def _selected(ground: str) -> Style:
    """What is selected is read in one colour: those of the log's lines are chosen for its own background."""
    return Style(color=black_or_white(Shade.parse(ground)), bgcolor=ground)


class Painter:
    """Styles for the log.

    Args:
        base: the pane's own foreground and background.
        dark: the theme is dark.
        native: use the terminal's own sixteen colours (the `ansi-*` themes, and where it has no more).
        colours: what each meaning looks like in the theme, by name or as `#rrggbb`; one not named looks like text.
    """

    def __init__(
        self, base: Style, *, dark: bool = True, native: bool = False, colours: Mapping[Meaning, str] | None = None
    ) -> None:
        self.base = base
        self._native = native
        self._palette = DARK if dark else LIGHT
        self._styles: dict[Pen, Style] = {PLAIN: base}
        self._meanings = {meaning: Color.parse(colour) for meaning, colour in (colours or {}).items()}
        faint, mark = self._meanings.get(Meaning.TIME), self._meanings.get(Meaning.MARK)
        self.gutter = base + (WITHOUT_COLOURS[Meaning.TIME] if faint is None else Style(color=faint))
        self.decoration = base + Style(color=mark, italic=True)
        self.rule = base + Style(color=faint)
        self.rule_text = base + Style(color=mark, bold=True)
        self.rail = base + Style(color=self._meanings.get(Meaning.CRASH))
        self.alert = self._under_text(Meaning.CRASH, bold=True)
        self.marker = Style(color="black" if native else "#10141c", bgcolor=mark, bold=True)
        if mark is None:
            self.marker = Style(reverse=True, bold=True)
        self._overlays = {
            "match": self._under_text(Meaning.MATCH),
            "current": self._under_text(Meaning.CURRENT, bold=True),
            "selected": Style(reverse=True) if native else _selected("#33507a" if dark else "#b9d3f5"),
            "around": WITHOUT_COLOURS[Meaning.TIME] if faint is None else Style(color=faint),
        }

    def _under_text(self, meaning: Meaning, *, bold: bool = False) -> Style:
        """Text on the colour of a meaning, in black or white, whichever can be read there."""
        ground = self._meanings.get(meaning)
        if ground is None:
            return Style(reverse=True, bold=bold)
        text = "black" if self._native else black_or_white(Shade.from_rich_color(ground))
        return Style(color=text, bgcolor=ground, bold=bold)

    def _colour(self, colour: Colour | Meaning) -> Color | None:
        if colour is None:
            return None
        if isinstance(colour, Meaning):
            return self._meanings.get(colour)
        if isinstance(colour, tuple):
            return Color.from_rgb(*colour)
        if colour < 16 and not self._native:
            return Color.parse(self._palette[colour])
        return Color.from_ansi(colour)

    def style(self, pen: Pen) -> Style:
        """The style of a pen on the pane's background."""
        style = self._styles.get(pen)
        if style is None:
            foreground, background, attributes = pen
            style = self.base + Style(
                color=self._colour(foreground),
                bgcolor=self._colour(background),
                bold=bool(attributes & sgr.BOLD) or None,
                dim=bool(attributes & sgr.DIM) or None,
                italic=bool(attributes & sgr.ITALIC) or None,
                underline=bool(attributes & sgr.UNDERLINE) or None,
                reverse=bool(attributes & sgr.REVERSE) or None,
                strike=bool(attributes & sgr.STRIKE) or None,
            )
            if isinstance(foreground, Meaning) and not self._meanings:
                style += WITHOUT_COLOURS.get(foreground, Style())
            if len(self._styles) >= MAX_STYLES:
                self._styles = {PLAIN: self.base}
            self._styles[pen] = style
        return style

    def highlight(self, style: Style, kind: str) -> Style:
        """`style` with an overlay: "match", "current", "selected" or "around"."""
        return style + self._overlays[kind]
