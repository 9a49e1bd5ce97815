"""Accepted pictures of screens as text: what stands in each row, and in which colours. `--snapshot-update` accepts."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from rich.style import Style
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode
from textual.app import App
from textual.strip import Strip

SIZES = ((80, 24), (120, 40), (200, 60))
"""Columns and rows in which every screen has an accepted picture."""


class PictureExtension(SingleFileSnapshotExtension):
    """Keeps a test's pictures in a text file of their own, whose differences can be read."""

    _file_extension = "txt"
    _write_mode = WriteMode.TEXT


def picture(app: App[Any], name: str = "") -> str:
    """What an app draws now: its size, its rows, and the runs of colours in them, by letters that follow."""
    columns, rows = app.size
    strips = app.screen._compositor.render_strips()
    letters: dict[str, str] = {}
    runs = [_runs(strip, letters) for strip in strips]
    at, coloured = 0, []
    for text, same in groupby(runs):
        end = at + len(list(same))
        coloured.append(f"{at + 1}-{end}: {text}" if end > at + 1 else f"{end}: {text}")
        at = end
    legend = [f"{letter}: {style}" for style, letter in letters.items()]
    drawn = "\n".join(strip.text.rstrip() for strip in strips)
    return "\n".join((f"== {columns}x{rows} {name}".rstrip(), drawn, "-- colours", *coloured, *legend))


def pictures(parts: Iterable[str]) -> str:
    """Several pictures in one file."""
    return "\n".join(parts) + "\n"


def _runs(strip: Strip, letters: dict[str, str]) -> str:
    """`a12 b3 a65`: cells of each style, one after the other."""
    found: list[list[Any]] = []
    for segment in strip:
        style = str(segment.style or Style.null())
        letter = letters.setdefault(style, _letter(len(letters)))
        if found and found[-1][0] == letter:
            found[-1][1] += segment.cell_length
        else:
            found.append([letter, segment.cell_length])
    return " ".join(f"{letter}{cells}" for letter, cells in found)


def _letter(number: int) -> str:
    """a to z, then aa to zz."""
    first, second = divmod(number, 26)
    return (chr(ord("a") + first - 1) if first else "") + chr(ord("a") + second)
