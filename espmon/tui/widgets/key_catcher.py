"""Widgets that take every key: raw keys for the board, and the one key after a key that opens a table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from textual import events
from textual.content import Content
from textual.geometry import Size
from textual.keys import _character_to_key
from textual.message import Message

from espmon.tui.actions import MenuKey
from espmon.tui.widgets.text_row import TextRow

SEQUENCES: dict[str, bytes] = {
    "enter": b"\r",
    "tab": b"\t",
    "shift+tab": b"\x1b[Z",
    "escape": b"\x1b",
    "backspace": b"\x7f",
    "delete": b"\x1b[3~",
    "up": b"\x1b[A",
    "down": b"\x1b[B",
    "right": b"\x1b[C",
    "left": b"\x1b[D",
    "home": b"\x1b[H",
    "end": b"\x1b[F",
    "insert": b"\x1b[2~",
    "pageup": b"\x1b[5~",
    "pagedown": b"\x1b[6~",
    "f1": b"\x1bOP",
    "f2": b"\x1bOQ",
    "f3": b"\x1bOR",
    "f4": b"\x1bOS",
    **{
        f"f{number}": b"\x1b[%d~" % code
        for number, code in zip(range(5, 13), (15, 17, 18, 19, 20, 21, 23, 24), strict=True)
    },
    "ctrl+at": b"\x00",
    "ctrl+backslash": b"\x1c",
    "ctrl+right_square_bracket": b"\x1d",
    "ctrl+circumflex_accent": b"\x1e",
    "ctrl+underscore": b"\x1f",
}
"""Textual key name -> what a VT100 sends."""


def key_bytes(key: str, character: str | None) -> bytes:
    """What a terminal would send for a key; b"" for keys without an answer there."""
    if key in SEQUENCES:
        return SEQUENCES[key]
    if key.startswith("ctrl+") and len(key) == 6 and "a" <= key[5] <= "z":
        return bytes([ord(key[5]) & 0x1F])
    alt = b"\x1b" if key.startswith("alt+") else b""
    return alt + character.encode() if character else b""


def key_named(data: bytes) -> str:
    """Textual's name of the key that a terminal sends `data` for; the data itself where it is no key."""
    text = data.decode("latin-1")
    known = next((name for name, sent in SEQUENCES.items() if sent == data), None)
    if known is None and len(data) == 1 and data < b"\x20":
        return f"ctrl+{chr(data[0] | 0x60)}"
    return known or (_character_to_key(text) if text else "")


CELL = 15
"""Cells of one key in a table."""


class RawKeys(TextRow):
    """Takes the place of the input line while every key goes to the board."""

    DEFAULT_CSS = """
    RawKeys { display: none; background: $warning; color: $background; padding: 0 1; }
    RawKeys.-on { display: block; }
    """

    class Dismissed(Message):
        """Back to the log's keys."""

    def on_mount(self) -> None:
        """Say what happens to keys, and the way out."""
        self.show(0)

    def show(self, skipped: int) -> None:
        """Say instead how many bytes were too many to be drawn."""
        said = f"{skipped:,} B too fast to draw are in the log" if skipped else "every key goes to the board"
        self.set_parts(
            [("RAW KEYS ", "bold"), (said, "")],
            [("Ctrl-T Esc", "bold"), (" comes back", "")],
        )

    def on_click(self) -> None:
        """A click on the bar comes back too."""
        self.post_message(self.Dismissed())


class MenuHint(TextRow, can_focus=True):
    """Waits for the key after the menu key, or another that opens a table, and says which there are."""

    DEFAULT_CSS = """
    MenuHint { display: none; background: $accent; color: $background; padding: 0 1; height: auto; max-height: 8; }
    MenuHint.-on { display: block; }
    """

    @dataclass
    class Chosen(Message):
        """The key pressed."""

        key: str

    def offer(self, opened_by: str, table: Iterable[MenuKey]) -> None:
        """Show a table of keys; `opened_by` is the key before them."""
        cells = [(opened_by, "then"), *((entry.shown, entry.label) for entry in table), ("Esc", "back")]
        self.set_parts([part for key, label in cells for part in ((key, "bold"), (label, ""))])
        self.refresh(layout=True)

    def render(self) -> Content:
        """All keys in columns, over as many rows as it takes."""
        columns = max(1, self.size.width // CELL)
        parts: list[tuple[str, str]] = []
        for number, (key, label) in enumerate(zip(self._left[::2], self._left[1::2], strict=True)):
            if number and number % columns == 0:
                parts.append(("\n", ""))
            parts += [(f"{key[0]} ", "bold"), (label[0].ljust(CELL - len(key[0]) - 1), "")]
        return Content.assemble(*parts)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Rows that the table of keys takes."""
        columns = max(1, width // CELL)
        return -(-len(self._left) // 2 // columns)

    async def on_key(self, event: events.Key) -> None:
        """One key, and the table is gone."""
        event.stop()
        event.prevent_default()
        self.post_message(self.Chosen(event.key))
