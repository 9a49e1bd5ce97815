"""Device text on its way to the screen: `espmon.text.plain` decides what is safe, this adds what rows of cells need."""

from __future__ import annotations

import re

from espmon.text import plain

__all__ = ["TAB", "plain", "short_paths", "visible"]

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


MAX_PATH = 40
"""Characters of a path in a toast."""

_PATH = re.compile(r"(?:~|[A-Za-z]:)?[/\\](?:[^\s/\\:;,]+[/\\])+[^\s/\\:;,]*")


def short_paths(text: str) -> str:
    """`text` with long paths shortened in the middle: where they begin and the file's name say most."""

    def shortened(match: re.Match[str]) -> str:
        path = match[0]
        if len(path) <= MAX_PATH:
            return path
        end = max(path.rstrip("/\\").rfind("/"), path.rstrip("/\\").rfind("\\"))
        begin = min(end, max(1, MAX_PATH - (len(path) - end) - 1))
        return f"{path[:begin]}…{path[end:]}"

    return _PATH.sub(shortened, text)
