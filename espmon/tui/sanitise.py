"""Device text on its way to the screen: `espmon.text.plain` decides what is safe, this adds what rows of cells need."""

from __future__ import annotations

from espmon.text import plain

__all__ = ["TAB", "plain", "visible"]

TAB = 8
"""Tab stops, in cells."""

_WIDTH_HINTS = str.maketrans("", "", "\ufe0e\ufe0f")
"""Variation selectors: they only change how wide a terminal may draw the character before them."""


def visible(text: str) -> str:
    """`text` for a row of cells: tabs reach the next multiple of `TAB`, everything a terminal could obey is inert."""
    if text.isascii() and text.isprintable():
        return text
    if "\t" in text:
        text = text.expandtabs(TAB)
    return plain(text.translate(_WIDTH_HINTS))
