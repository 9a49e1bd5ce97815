"""Character styles as the terminal takes them: from one to the next with as few bytes as it can be done."""

from __future__ import annotations

from dataclasses import dataclass

MAX_PENS = 8192
"""Styles, and changes between two of them, remembered; of more, all are worked out again."""

LINK = "\x00"
"""Stands in a key between the SGR parameters and the link."""

END_LINK = "\x1b]8;;\x1b\\"

OFF = {"1": "22", "2": "22", "3": "23", "4": "24", "5": "25", "6": "25", "7": "27", "8": "28", "9": "29"}
"""SGR parameter of an attribute -> the one that ends it. The others end with everything else."""

TOGETHER = {"22": ("1", "2"), "25": ("5", "6")}
"""Parameter -> the attributes that it ends, where that is more than one."""


@dataclass(frozen=True, slots=True)
class Pen:
    """A style: SGR parameters of its attributes and colours ("" for the terminal's own), and a link."""

    attributes: frozenset[str]
    foreground: str
    background: str
    link: str

    @property
    def parameters(self) -> str:
        """All of it, for a terminal that has no style set."""
        return ";".join(part for part in (*sorted(self.attributes), self.foreground, self.background) if part)


def read_pen(key: str) -> Pen:
    """Read a key: SGR parameters, and after `LINK` what OSC 8 takes."""
    parameters, _, link = key.partition(LINK)
    codes = parameters.split(";") if parameters else []
    attributes: set[str] = set()
    foreground = background = ""
    at = 0
    while at < len(codes):
        code = codes[at]
        size = {"2": 5, "5": 3}.get(codes[at + 1], 1) if code in ("38", "48") and at + 1 < len(codes) else 1
        whole = ";".join(codes[at : at + size])
        number = int(code)
        if 30 <= number <= 39 or 90 <= number <= 97:
            foreground = "" if number == 39 else whole
        elif 40 <= number <= 49 or 100 <= number <= 107:
            background = "" if number == 49 else whole
        else:
            attributes.add(code)
        at += size
    return Pen(frozenset(attributes), foreground, background, link)


class Pens:
    """Remembers styles and the changes between them. A style is known by its key; "" is the terminal's own."""

    def __init__(self) -> None:
        self._pens: dict[str, Pen] = {}
        self._changes: dict[tuple[str, str], str] = {}

    def pen(self, key: str) -> Pen:
        """The style behind a key."""
        found = self._pens.get(key)
        if found is None:
            if len(self._pens) >= MAX_PENS:
                self._pens.clear()
            found = self._pens[key] = read_pen(key)
        return found

    def change(self, before: str, after: str) -> str:
        """What makes the style `after` of the style `before`."""
        if before == after:
            return ""
        found = self._changes.get((before, after))
        if found is None:
            if len(self._changes) >= MAX_PENS:
                self._changes.clear()
            found = self._changes[before, after] = change(self.pen(before), self.pen(after))
        return found


def change(before: Pen, after: Pen) -> str:
    """The shortest sequence from one style to another."""
    whole = after.parameters
    fresh = f"\x1b[0;{whole}m" if whole else "\x1b[m"
    steps = _steps(before, after)
    best = fresh if steps is None or len(steps) + 3 > len(fresh) else f"\x1b[{steps}m" if steps else ""
    if before.link != after.link:
        best += f"\x1b]8;{after.link}\x1b\\" if after.link else END_LINK
    return best


def _steps(before: Pen, after: Pen) -> str | None:
    """Only what differs, as SGR parameters; None where something of it cannot be ended alone."""
    gone = before.attributes - after.attributes
    if not gone <= OFF.keys():
        return None
    off = sorted({OFF[one] for one in gone})
    ended = {one for code in off for one in TOGETHER.get(code, ())}
    on = sorted((after.attributes - before.attributes) | (after.attributes & ended))
    colours = [
        new or ending
        for old, new, ending in (
            (before.foreground, after.foreground, "39"),
            (before.background, after.background, "49"),
        )
        if old != new
    ]
    return ";".join((*off, *on, *colours))
