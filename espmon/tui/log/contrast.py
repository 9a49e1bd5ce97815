"""How well text can be told from what lies under it: WCAG 2.1, success criterion 1.4.3."""

from __future__ import annotations

from textual.color import Color


def contrast(one: Color, other: Color) -> float:
    """Contrast of two colours, 1 to 21: WCAG 2.1's ratio of relative luminances."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    linear = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def black_or_white(ground: Color) -> str:
    """The one of the two that can be read on `ground`, as `#rrggbb`; its contrast is never below 4.5."""
    white, black = Color(255, 255, 255), Color(0, 0, 0)
    return (white if contrast(white, ground) > contrast(black, ground) else black).hex
