"""Keys on their way to the board, byte for byte: only the menu key and the exit key are caught.

What the terminal reports by itself (mouse, focus, its size, answers to the screen's own questions) is no key and goes
to the screen. Nothing waits for what may come: a bare Esc goes out as it arrives.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

PASTE_BEGIN, PASTE_END = b"\x1b[200~", b"\x1b[201~"

REPORT = re.compile(rb"\x1b\[(?:<[\d;]{1,24}[Mm]|[IO]|48;[\d;]{1,32}t|\?[\d;]{1,32}(?:\$y|[cuy])|M[\s\S]{3})")
"""SGR and legacy mouse events, focus, size in band, answers of the terminal itself."""

_BEGUN = re.compile(rb"\x1b\[(?:<[\d;]{0,24}|48;[\d;]{0,32}|\?[\d;]{0,32}\$?|M[\s\S]{0,2})\Z")
"""The beginning of a report that no key begins with."""


@dataclass(frozen=True, slots=True)
class ForBoard:
    """Typed: goes to the board as it is."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ForScreen:
    """A report of the terminal's own."""

    data: bytes


@dataclass(frozen=True, slots=True)
class MenuOpened:
    """The menu key: the next key says what is wanted."""


@dataclass(frozen=True, slots=True)
class MenuChosen:
    """The key after the menu key."""

    data: bytes


@dataclass(frozen=True, slots=True)
class ExitPressed:
    """The exit key."""


RawToken = ForBoard | ForScreen | MenuOpened | MenuChosen | ExitPressed


class RawInput:
    """Cuts input into tokens, one at a time, since each may change what becomes of the rest.

    Args:
        menu: what the terminal sends for the menu key.
        leave: what it sends for the exit key.
    """

    def __init__(self, menu: bytes = b"\x14", leave: bytes = b"\x1d") -> None:
        self._menu, self._leave = menu, leave
        self._stop = re.compile(b"|".join(re.escape(key) for key in (menu, leave, b"\x1b") if key))
        self._held = b""
        self._in_menu = False
        self._pasting = False

    @property
    def waits(self) -> bool:
        """Whether the beginning of a report is held."""
        return bool(self._held)

    def take(self, data: bytes) -> tuple[RawToken | None, bytes]:
        """Return the first token of what was held and of `data`, and the rest. None: it is held until more comes."""
        data, self._held = self._held + data, b""
        if self._pasting:
            return self._paste(data)
        if (report := REPORT.match(data)) is not None:
            return ForScreen(report[0]), data[report.end() :]
        if _BEGUN.match(data) is not None:
            self._held = data
            return None, b""
        if self._in_menu:
            self._in_menu = False
            return MenuChosen(data[:1]), data[1:]
        if self._menu and data.startswith(self._menu):
            self._in_menu = True
            return MenuOpened(), data[len(self._menu) :]
        if self._leave and data.startswith(self._leave):
            return ExitPressed(), data[len(self._leave) :]
        if data.startswith(PASTE_BEGIN):
            self._pasting = True
            return self._paste(data)
        found = self._stop.search(data, 1)
        end = len(data) if found is None else found.start()
        return ForBoard(data[:end]), data[end:]

    def _paste(self, data: bytes) -> tuple[RawToken, bytes]:
        """In a paste every byte is text; its brackets are there because the board has asked for them."""
        end = data.find(PASTE_END)
        if end < 0:
            return ForBoard(data), b""
        self._pasting = False
        end += len(PASTE_END)
        return ForBoard(data[:end]), data[end:]

    def quiet(self) -> bytes:
        """Nothing came for a while: what is held was no report. Returns it, for the board."""
        data, self._held = self._held, b""
        return data
