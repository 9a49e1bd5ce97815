"""Consoles that boards run and that no package here has: what their line editors write for each key.

Written from what their documentation and their output on a wire say: linenoise (esp_console), MicroPython's REPL and
its paste mode, NuttX's shell with and without its CLE editor, ESP-AT, and kilo.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Protocol

UP, DOWN, RIGHT, LEFT, HOME, END = (b"\x1b[" + key for key in (b"A", b"B", b"C", b"D", b"H", b"F"))
BACKSPACE, ENTER, TAB = b"\x7f", b"\r", b"\t"


def control(letter: str) -> bytes:
    """Ctrl and a letter."""
    return bytes((ord(letter) & 0x1F,))


class Console(Protocol):
    """A board that waits for keys."""

    def start(self) -> bytes:
        """What it prints first."""

    def key(self, key: bytes) -> bytes:
        """What it prints for one key."""


def keys_of(*typed: str | bytes) -> list[bytes]:
    """Text one key a letter, and keys as they are."""
    return [key for part in typed for key in ([c.encode() for c in part] if isinstance(part, str) else [part])]


class Line:
    """A line that is edited, with a history."""

    def __init__(self, history: Iterable[str] = ()) -> None:
        self.history = [*history]
        self.text, self.at, self.back = "", 0, 0

    def edit(self, key: bytes) -> bool:
        """Take a key of emacs' or a cursor key; returns whether it meant anything."""
        text, at = self.text, self.at
        if key in (UP, DOWN, control("p"), control("n")):
            back = self.back + (1 if key in (UP, control("p")) else -1)
            if not 0 <= back <= len(self.history):
                return False
            self.back = back
            text = self.history[-back] if back else ""
            at = len(text)
        elif key in (BACKSPACE, control("h")):
            text, at = text[: max(0, at - 1)] + text[at:], max(0, at - 1)
        elif key == control("d"):
            text = text[:at] + text[at + 1 :]
        elif key == control("u"):
            text, at = "", 0
        elif key == control("k"):
            text = text[:at]
        elif key == control("w"):
            kept = text[:at].rstrip(" ").rpartition(" ")
            start = len(kept[0]) + len(kept[1])
            text, at = text[:start] + text[at:], start
        elif key == control("t") and 0 < at < len(text):
            text, at = text[: at - 1] + text[at] + text[at - 1] + text[at + 1 :], at + 1
        elif (len(key) == 1 and key.isalnum()) or key in b' ()=:.+,-"?':
            text, at = text[:at] + key.decode() + text[at:], at + 1
        else:
            places = {LEFT: at - 1, control("b"): at - 1, RIGHT: at + 1, control("f"): at + 1}
            places |= dict.fromkeys((HOME, control("a")), 0) | dict.fromkeys((END, control("e")), len(text))
            at = min(max(places.get(key, at), 0), len(text))
        changed = (text, at) != (self.text, self.at)
        self.text, self.at = text, at
        return changed

    def enter(self) -> str:
        """The line is done."""
        done, self.text, self.at, self.back = self.text, "", 0, 0
        if done:
            self.history.append(done)
        return done


class Linenoise:
    """linenoise as esp_console has it: the whole line is drawn again for each key.

    Args:
        columns: of the terminal.
        several_rows: a line that is longer than the terminal goes on in the next row, instead of being moved.
        hints: command -> what is shown behind it, in magenta.
        completions: beginning -> commands that Tab goes through.
        masked: `*` is drawn for each character.
    """

    PROMPT = "esp> "

    def __init__(
        self,
        columns: int,
        *,
        several_rows: bool = False,
        hints: dict[str, str] | None = None,
        completions: dict[str, Sequence[str]] | None = None,
        masked: bool = False,
    ) -> None:
        self._columns, self._several, self._masked = columns, several_rows, masked
        self._hints, self._completions = hints or {}, completions or {}
        self._line = Line(["help", "wifi_connect --timeout 10000 my-network secret"])
        self._old_at, self._old_rows = 0, 1
        self._tried = 0

    def start(self) -> bytes:
        """It asks whether a terminal is there, and prompts in colour."""
        return b"\x1b[5n\r\nType 'help' to get the list of commands.\r\n" + self._prompt()

    def _prompt(self) -> bytes:
        return b"\x1b[0;32m" + self.PROMPT.encode() + b"\x1b[0m"

    def key(self, key: bytes) -> bytes:
        """See `Console`."""
        if key == ENTER:
            drawn = self._draw(hint=False)
            done = self._line.enter()
            self._old_at, self._old_rows = 0, 1
            said = f"\r\n{done}: done\r\n" if done else "\r\n"
            return drawn + said.encode() + self._prompt()
        if key == control("l"):
            return b"\x1b[H\x1b[2J" + self._draw()
        if key == TAB:
            return self._complete()
        self._tried = 0
        return self._draw() if self._line.edit(key) else b""

    def _complete(self) -> bytes:
        begun = self._line.text
        found = next((names for start, names in self._completions.items() if begun in (start, *names)), ())
        if not found:
            return b"\x07"
        self._line.text = found[self._tried % len(found)]
        self._line.at = len(self._line.text)
        self._tried += 1
        return self._draw()

    def _hint(self, room: int) -> bytes:
        hint = self._hints.get(self._line.text, "")[: max(0, room)]
        return b"\x1b[0;35;49m" + hint.encode() + b"\x1b[0m" if hint else b""

    def _draw(self, *, hint: bool = True) -> bytes:
        shown = "*" * len(self._line.text) if self._masked else self._line.text
        return self._draw_rows(shown, hint) if self._several else self._draw_row(shown, hint)

    def _draw_row(self, shown: str, hint: bool) -> bytes:
        start, at = len(self.PROMPT), self._line.at
        over = max(0, start + at - self._columns + 1)
        shown, at = shown[over:][: self._columns - start], at - over
        behind = self._hint(self._columns - start - len(shown)) if hint else b""
        return b"\r" + self._prompt() + shown.encode() + behind + b"\x1b[0K\r\x1b[%dC" % (start + at)

    def _draw_rows(self, shown: str, hint: bool) -> bytes:
        columns, start, at = self._columns, len(self.PROMPT), self._line.at
        rows = -(-(start + len(shown)) // columns)
        row = (start + self._old_at + columns) // columns
        out = bytearray()
        if (below := self._old_rows - row) > 0:
            out += b"\x1b[%dB" % below
        out += b"\r\x1b[0K\x1b[1A" * (self._old_rows - 1)
        out += b"\r\x1b[0K" + self._prompt() + shown.encode()
        out += self._hint(columns - start - len(shown)) if hint else b""
        if at and at == len(shown) and (start + at) % columns == 0:
            out += b"\n\r"
            rows += 1
        self._old_rows = max(self._old_rows, rows)
        row = (start + at + columns) // columns
        if rows > row:
            out += b"\x1b[%dA" % (rows - row)
        column = (start + at) % columns
        out += b"\r\x1b[%dC" % column if column else b"\r"
        self._old_at = at
        return bytes(out)


class MicroPython:
    """MicroPython's REPL: only what changed is drawn; short ways back are backspaces."""

    def __init__(self) -> None:
        self._line = Line(["import os", "print('hello')"])
        self._pasting = False

    def start(self) -> bytes:
        """See `Console`."""
        return b'MicroPython v1.24.1 on 2024-11-29; ESP32C3 module\r\nType "help()" for more.\r\n>>> '

    def key(self, key: bytes) -> bytes:
        """See `Console`."""
        if self._pasting:
            return self._paste(key)
        if key == control("e") and not self._line.text:
            self._pasting = True
            return b"\r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== "
        if key == control("a") and not self._line.text:
            return b"raw REPL; CTRL-B to exit\r\n>"
        if key == control("c"):
            self._line = Line(self._line.history)
            return b"\r\n>>> "
        if key == ENTER:
            done = self._line.enter()
            if done.endswith(":"):
                self._line.text, self._line.at = "    ", 4
                return b"\r\n...     "
            return b"\r\n>>> "
        old, old_at = self._line.text, self._line.at
        self._line.edit(key)
        return self._change(old, old_at)

    def _paste(self, key: bytes) -> bytes:
        if key == control("d"):
            self._pasting = False
            return b"\r\n42\r\n>>> "
        return b"\r\n=== " if key == ENTER else key

    def _change(self, old: str, old_at: int) -> bytes:
        new, at = self._line.text, self._line.at
        same = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
        if old == new:
            return self._back(old_at - at) if at < old_at else new[old_at:at].encode()
        first = min(same, old_at)
        erase = b"\x1b[K" if len(new) < len(old) else b""
        return self._back(old_at - first) + erase + new[first:].encode() + self._back(len(new) - at)

    @staticmethod
    def _back(cells: int) -> bytes:
        return b"\b" * cells if cells <= 4 else b"\x1b[%dD" % cells


class NuttxShell:
    """NuttX's nsh.

    Args:
        row: of the prompt, from 1, for its editor CLE, which addresses the cursor; 0 for the plain one.
    """

    PROMPT = "nsh> "

    def __init__(self, row: int = 0) -> None:
        self._line = Line(["ps", "ls /dev"])
        self._row = row

    def start(self) -> bytes:
        """See `Console`."""
        return b"\r\nNuttShell (NSH) NuttX-12.7.0\r\n" + self.PROMPT.encode() + (b"\x1b[6n" if self._row else b"\x1b[K")

    def key(self, key: bytes) -> bytes:
        """See `Console`."""
        if key == ENTER:
            done = self._line.enter()
            self._row += 3 if self._row else 0
            return f"\r\nnsh: {done}: command not found\r\n{self.PROMPT}".encode() + b"\x1b[K"
        if self._row:
            self._line.edit(key)
            column = len(self.PROMPT) + 1
            return b"\x1b[?25l\x1b[%d;%dH%s\x1b[K\x1b[%d;%dH\x1b[?25h" % (
                self._row, column, self._line.text.encode(), self._row, column + self._line.at,
            )  # fmt: skip
        before = len(self._line.text)
        if not (key == BACKSPACE or key in (UP, DOWN) or len(key) == 1) or not self._line.edit(key):
            return b""
        if key == BACKSPACE:
            return b"\b\x1b[K"
        return b"\b" * before + b"\x1b[K" + self._line.text.encode() if len(key) > 1 else key


class EspAt:
    """ESP-AT: it echoes, and answers in lines with an empty one before each."""

    ANSWERS: ClassVar[dict[str, bytes]] = {
        "AT": b"\r\nOK\r\n",
        "AT+GMR": b"AT version:4.0.0.0(b8ba8f4)\r\nSDK version:v5.1\r\nBin version:v4.0.0(ESP32C3)\r\n\r\nOK\r\n",
        'AT+CWJAP="home","secret"': b"WIFI CONNECTED\r\nWIFI GOT IP\r\n\r\nOK\r\n",
        "AT+CIPSEND=4": b"\r\nOK\r\n\r\n>",
        "AT+RST": b"\r\nOK\r\nets Jul 29 2019 12:21:46\r\n\r\nready\r\n",
    }

    def __init__(self) -> None:
        self._typed = b""
        self._wanted = 0

    def start(self) -> bytes:
        """See `Console`."""
        return b"\r\nready\r\n"

    def key(self, key: bytes) -> bytes:
        """See `Console`."""
        if self._wanted:
            self._wanted -= 1
            done = b"\r\nRecv 4 bytes\r\n\r\nSEND OK\r\n\r\n+IPD,2:ok"
            return key if self._wanted else key + done
        if key == ENTER:
            command, self._typed = self._typed.decode(), b""
            self._wanted = 4 if command.startswith("AT+CIPSEND") else 0
            return b"\r\r\n" + self.ANSWERS.get(command, b"\r\nERROR\r\n")
        if key == BACKSPACE:
            self._typed = self._typed[:-1]
            return b"\b \b"
        self._typed += key
        return key


class Kilo:
    """kilo: the whole screen at each key, with the cursor hidden; it asks how large the screen is."""

    def __init__(self, columns: int, rows: int) -> None:
        self._columns, self._rows = columns, rows - 2
        self._text = ["#include <stdio.h>", "", "int main(void) {", '    puts("hi");', "    return 0;", "}", "// end"]
        self._x = self._y = self._top = 0

    def start(self) -> bytes:
        """See `Console`."""
        return b"\x1b[6n\x1b[999C\x1b[999B\x1b[6n\x1b[1;1H" + self._draw()

    def key(self, key: bytes) -> bytes:
        """See `Console`."""
        line = self._text[self._y]
        if key in (UP, DOWN):
            self._y = min(max(self._y + (1 if key == DOWN else -1), 0), len(self._text) - 1)
        elif key in (LEFT, RIGHT):
            self._x = max(0, self._x + (1 if key == RIGHT else -1))
        elif key == ENTER:
            self._text[self._y : self._y + 1] = [line[: self._x], line[self._x :]]
            self._x, self._y = 0, self._y + 1
        elif key == BACKSPACE and self._x:
            self._text[self._y] = line[: self._x - 1] + line[self._x :]
            self._x -= 1
        elif len(key) == 1 and key.isalnum():
            self._text[self._y] = line[: self._x] + key.decode() + line[self._x :]
            self._x += 1
        elif key == control("q"):
            return b"\x1b[2J\x1b[H"
        self._x = min(self._x, len(self._text[self._y]))
        self._top = min(max(self._top, self._y - self._rows + 1), self._y)
        return self._draw()

    def _draw(self) -> bytes:
        out = ["\x1b[?25l\x1b[H"]
        for row in range(self._top, self._top + self._rows):
            shown = self._text[row][: self._columns] if row < len(self._text) else "~"
            out.append(self._coloured(shown) + "\x1b[39m\x1b[0K\r\n")
        left, right = f"main.c - {len(self._text)} lines", f"{self._y + 1}/{len(self._text)}"
        out.append(f"\x1b[0K\x1b[7m{left}{right.rjust(self._columns - len(left))}\x1b[0m\r\n\x1b[0KCtrl-S = save")
        out.append(f"\x1b[{self._y - self._top + 1};{self._x + 1}H\x1b[?25h")
        return "".join(out).encode()

    @staticmethod
    def _coloured(text: str) -> str:
        """Comments cyan, words of C yellow or green, strings magenta, numbers red."""
        if text.startswith("//"):
            return f"\x1b[36m{text}"
        for word, colour in {"return": 33, "int": 32, "void": 32, '"hi"': 35, "0": 31}.items():
            text = text.replace(word, f"\x1b[{colour}m{word}\x1b[39m", 1)
        return text
