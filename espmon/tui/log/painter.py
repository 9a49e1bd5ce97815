"""Turns pens into terminal styles for one theme. Made again when the theme changes; styles are shared between rows."""

from __future__ import annotations

from rich.color import Color
from rich.style import Style

from espmon.tui.log import sgr
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


class Painter:
    """Styles for the log.

    Args:
        base: the pane's own foreground and background.
        dark: the theme is dark.
        native: use the terminal's own sixteen colours (the `ansi-*` themes).
        accent: colour of marks and of the current match.
    """

    def __init__(self, base: Style, *, dark: bool = True, native: bool = False, accent: str = "#5fafd7") -> None:
        self.base = base
        self._native = native
        self._palette = DARK if dark else LIGHT
        self._styles: dict[Pen, Style] = {PLAIN: base}
        faint = "bright_black" if native else ("#69738a" if dark else "#7a8496")
        mark = "cyan" if native else accent
        self.gutter = base + Style(color=faint)
        self.decoration = base + Style(color=mark, italic=True)
        self.rule = base + Style(color=faint)
        self.rule_text = base + Style(color=mark, bold=True)
        self.alert = base + Style(color="red" if native else self._palette[9], bold=True)
        self.marker = Style(color="black" if native else "#10141c", bgcolor=mark, bold=True)
        self._match = Style(color="black", bgcolor="yellow") if native else Style(color="#1b1f27", bgcolor="#c9a94e")
        self._current = (
            Style(color="black", bgcolor="bright_yellow", bold=True)
            if native
            else Style(color="#10141c", bgcolor="#ffd75f", bold=True)
        )
        self._selected = Style(reverse=True) if native else Style(bgcolor="#33507a" if dark else "#b9d3f5")

    def _colour(self, colour: Colour) -> Color | None:
        if colour is None:
            return None
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
            if len(self._styles) >= MAX_STYLES:
                self._styles = {PLAIN: self.base}
            self._styles[pen] = style
        return style

    def highlight(self, style: Style, kind: str) -> Style:
        """`style` with an overlay: "match", "current" or "selected"."""
        overlay = {"match": self._match, "current": self._current, "selected": self._selected}[kind]
        return style + overlay
