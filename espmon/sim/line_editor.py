"""The line editor of the application's console: echo, backspace, history-less, as a REPL in dumb mode."""

from __future__ import annotations

from dataclasses import dataclass, field

PROMPT = b"esp> "
MAX_LINE = 256
ERASE = b"\b \b"


@dataclass
class LineEditor:
    """Typed bytes in, echo and whole lines out.

    Attributes:
        keys: single bytes that are commands of their own on an empty line: byte -> command.
        typed: the unfinished line.
    """

    keys: dict[bytes, str] = field(default_factory=dict)
    typed: bytearray = field(default_factory=bytearray)
    _escape: bool = False
    _after_return: bool = False

    def feed(self, data: bytes) -> list[tuple[bytes, str | None]]:
        """Steps in order: (bytes to echo, command to run after them or None)."""
        steps: list[tuple[bytes, str | None]] = []
        echo = bytearray()
        for number in data:
            byte = bytes([number])
            if self._escape:
                # Cursor keys and terminal answers: swallowed up to their final letter.
                self._escape = not (byte.isalpha() or byte == b"~")
                continue
            newline, self._after_return = self._after_return and byte == b"\n", byte == b"\r"
            if newline:
                continue
            if byte in b"\r\n":
                line = self.typed.decode("utf-8", "replace").strip()
                self.typed.clear()
                steps.append((bytes(echo) + b"\r\n", line))
                echo.clear()
            elif byte == b"\x1b":
                self._escape = True
            elif byte in b"\b\x7f":
                if self.typed:
                    self.typed.pop()
                    echo += ERASE
            elif byte == b"\x03":
                self.typed.clear()
                steps.append((bytes(echo) + b"^C\r\n", ""))
                echo.clear()
            elif not self.typed and byte in self.keys:
                steps.append((bytes(echo), self.keys[byte]))
                echo.clear()
            elif number >= 0x20 and len(self.typed) < MAX_LINE:
                self.typed += byte
                echo += byte
        if echo:
            steps.append((bytes(echo), None))
        return steps
