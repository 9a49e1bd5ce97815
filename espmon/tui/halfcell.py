"""A picture drawn with half blocks: two pixels a cell, on any terminal with colours, without asking it anything."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

if TYPE_CHECKING:
    from PIL.Image import Image

MAX_PIXELS = 64_000_000
"""Pictures with more pixels are not decoded."""


class PictureError(Exception):
    """A picture that cannot be shown; the message says why."""


def load_picture(path: Path) -> Image:
    """The decoded picture. Blocks: call it in a thread.

    Decoding it whole here means that nothing that draws it later meets a damaged file. Raises `PictureError` when
    Pillow is missing or the file is not a picture that may be decoded.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ImportError:
        raise PictureError("pictures need the extra 'images': pip install espmon[images]") from None
    try:
        with Image.open(path) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise PictureError(f"{opened.width}x{opened.height} pixels are more than espmon decodes")
            return opened.convert("RGB")
    except (OSError, UnidentifiedImageError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(f"the file cannot be read as a picture: {error}") from error


def half_cells(picture: Image, columns: int, lines: int) -> list[Strip]:
    """An RGB picture fitted into `columns` x `lines` cells, as strips. Takes milliseconds: call it in a thread."""
    scale = min(columns / picture.width, lines * 2 / picture.height)
    width, height = max(1, int(picture.width * scale)), max(1, int(picture.height * scale))
    pixels = picture.resize((width, height + height % 2)).tobytes()

    def color(x: int, y: int) -> Color:
        at = (y * width + x) * 3
        return Color.from_rgb(pixels[at], pixels[at + 1], pixels[at + 2])

    return [
        Strip([Segment("▀", Style(color=color(x, y), bgcolor=color(x, y + 1))) for x in range(width)], width)
        for y in range(0, height, 2)
    ]


class HalfcellPicture(Widget):
    """Shows strips made by `half_cells`, centred."""

    def __init__(self, strips: list[Strip]) -> None:
        super().__init__()
        self._strips = strips

    def render_line(self, y: int) -> Strip:
        """One line of the picture."""
        width, height = self.size
        blank = self.rich_style
        line = y - max(0, (height - len(self._strips)) // 2)
        if not 0 <= line < len(self._strips):
            return Strip.blank(width, blank)
        strip = self._strips[line]
        left = max(0, (width - strip.cell_length) // 2)
        return Strip.join([Strip.blank(left, blank), strip]).adjust_cell_length(width, blank)
