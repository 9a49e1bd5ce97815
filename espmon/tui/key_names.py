"""Keys as people write them, from what the toolkit calls them; without the toolkit, which takes long to import."""

from __future__ import annotations

from unicodedata import lookup


def split(keys: str) -> list[str]:
    """Comma-separated keys as the toolkit names them, one by one."""
    named = [key.strip() for key in keys.split(",") if key.strip()]
    if all(len(key) > 1 or (key.isascii() and key.isalnum()) for key in named):
        return named
    from textual.binding import Binding

    return [binding.key for binding in Binding.make_bindings([Binding(",".join(named), "")])]


_WRITTEN = {
    "escape": "Esc",
    "delete": "Del",
    "pageup": "PageUp",
    "pagedown": "PageDown",
    "space": "Space",
    "slash": "/",
    "backslash": "\\",
    "at": "@",
    "minus": "-",
    "plus": "+",
    "underscore": "_",
}
"""Keys that are written otherwise than the toolkit names them."""

_HYPHENED = {
    "less_than_sign": "less-than sign",
    "greater_than_sign": "greater-than sign",
    "hyphen_minus": "hyphen-minus",
}
"""Names that have a hyphen in Unicode."""


def written(key: str) -> str:
    """A key as people write it, everywhere in the program: `Ctrl-T`, `F2`, `?`."""
    *modifiers, last = key.split("+")
    if last not in _WRITTEN and len(last) > 1:
        character = _character(last)
        last = character if character.isprintable() else last.capitalize()
    last = _WRITTEN.get(last, last.upper() if modifiers and len(last) == 1 else last)
    return "-".join([*(word.capitalize() for word in modifiers), last])


def _character(name: str) -> str:
    """The character that the toolkit calls `name`, a line end where there is none."""
    words = _HYPHENED.get(name, name.replace("_", " "))
    try:
        return lookup(words.upper())
    except KeyError:
        return "\n"
