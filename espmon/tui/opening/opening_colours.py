"""The colours of the first picture: what the toolkit makes of our own themes, written down.

It blends and rounds, and is not there yet. A test compares each cell with what it draws.
"""

from __future__ import annotations

from collections.abc import Mapping

from espmon.tui.theme_names import DARK_NAME, LIGHT_NAME

Rgb = str
"""`rrggbb`."""

COLOURS: Mapping[str, Mapping[str, Rgb]] = {
    DARK_NAME: {
        "foreground": "c8d0dc",
        "background": "11151c",
        "panel": "1e2532",
        "surface": "171c26",
        "primary": "5fafd7",
        "secondary": "8fa3bf",
        "accent": "5fd7c7",
        "success": "8fbf7f",
        "warning": "dfb567",
        "map": "131822",
        "muted": "a2a4a8",
        "muted-typing": "9fa1a4",
        "placeholder": "6f7278",
        "placeholder-typing": "6b6d72",
        "cursor": "5fd7c7",
        "footer": "171c26",
        "footer-label": "8fa3bf",
    },
    LIGHT_NAME: {
        "foreground": "20262f",
        "background": "fbfbf9",
        "panel": "e6e9ea",
        "surface": "f1f2f0",
        "primary": "175f92",
        "secondary": "4d5c70",
        "accent": "096459",
        "success": "25671c",
        "warning": "795000",
        "map": "e5e5e3",
        "muted": "606060",
        "muted-typing": "646463",
        "placeholder": "959694",
        "placeholder-typing": "9b9b9a",
        "cursor": "20262f",
        "footer": "e6e9ea",
        "footer-label": "20262f",
    },
}
"""Theme -> what a colour is for -> the colour. Other themes are the toolkit's: they have no first picture."""


def depth(environment: Mapping[str, str]) -> int:
    """Bits of a colour that the terminal shows, as the toolkit judges it: 24, 8, or 0 where it is asked for none."""
    if environment.get("NO_COLOR") or environment.get("TEXTUAL_COLOR_SYSTEM", "auto") != "auto":
        return 0
    if environment.get("COLORTERM", "").strip().lower() in ("truecolor", "24bit"):
        return 24
    return 8 if environment.get("TERM", "").strip().lower().endswith("-256color") else 0


def parameters(colour: Rgb, bits: int, *, ground: bool) -> str:
    """A colour for a control sequence (SGR).

    Args:
        colour: which.
        bits: as `depth` returns them.
        ground: what is written upon, not what is written.
    """
    begin = "48" if ground else "38"
    red, green, blue = (int(colour[at : at + 2], 16) for at in (0, 2, 4))
    if bits == 24:
        return f"{begin};2;{red};{green};{blue}"
    from rich.color import Color, ColorSystem  # a few milliseconds, for those who need it

    return f"{begin};5;{Color.from_rgb(red, green, blue).downgrade(ColorSystem.EIGHT_BIT).number}"
