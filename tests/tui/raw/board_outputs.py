"""What consoles of boards print, with the pauses between: (seconds since the bytes before, bytes)."""

from __future__ import annotations

from tests.tui.raw.consoles import (
    BACKSPACE,
    DOWN,
    END,
    ENTER,
    HOME,
    LEFT,
    RIGHT,
    TAB,
    UP,
    Console,
    EspAt,
    Kilo,
    Linenoise,
    MicroPython,
    NuttxShell,
    control,
    keys_of,
)

Output = tuple[tuple[float, bytes], ...]


COLUMNS, ROWS = 40, 8


def _answered(console: Console, *typed: str | bytes) -> Output:
    """What a console prints for these keys."""
    return ((0.0, console.start()), *((0.1, console.key(key)) for key in keys_of(*typed)))


def _typed(prompt: bytes, text: bytes, hint: bytes = b"") -> Output:
    """linenoise (esp_console): the whole line is drawn again for each key, with its hint behind it."""
    pieces: list[tuple[float, bytes]] = [(0.3, prompt)]
    for end in range(1, len(text) + 1):
        rest = b"\x1b[0;35;49m" + hint + b"\x1b[0m" if hint and end == len(text) else b""
        pieces.append((0.08, b"\x1b[0G" + prompt + text[:end] + rest + b"\x1b[0K\r\x1b[%dC" % (len(prompt) + end)))
    return tuple(pieces)


BOARD_OUTPUTS: dict[str, Output] = {
    "dots": ((0.0, b"Connecting"), *((0.5, b".") for _ in range(6)), (0.5, b" ok\r\n> ")),
    "bar": (*tuple((0.2, b"\r[%-10s] %3d%%" % (b"#" * done, done * 10)) for done in range(11)), (0.1, b"\r\n")),
    "spinner": ((0.0, b"working "), *((0.1, b"%c\b" % sign) for sign in b"|/-\\|/-\\"), (0.1, b" \b done\r\n")),
    "esp-idf's boot and prompt": (
        (0.0, b"\x1b[0;32mI (27) boot: ESP-IDF v5.3 2nd stage bootloader\x1b[0m\r\n"),
        (0.01, b"\x1b[0;33mW (31) spi_flash: small\x1b[0m\r\n\r\n"),
        (0.2, b"esp> "),
    ),
    "linenoise with a hint": (
        *_typed(b"esp> ", b"join", b" <ssid>"),
        (0.1, b"\x1b[0Gesp> joi\x1b[0K\r\x1b[8C"),  # backspace
        (0.1, b"\x1b[0Gesp> restart\x1b[0K\r\x1b[12C"),  # the line before
        (0.1, b"\r\nrestarting\r\n"),
    ),
    "linenoise wider than the screen": (
        (0.0, b"\x1b[6n"),
        (0.1, b"\x1b[0Gesp> 0123456789012345678901234567\x1b[0K\r\x1b[33C"),
        (0.1, b"\x1b[0Gesp> 1234567890123456789012345678\x1b[0K\r\x1b[33C"),
    ),
    "MicroPython": (
        (0.0, b"MicroPython v1.23 on ESP32C3\r\n>>> "),
        *((0.1, b"%c" % key) for key in b"impotr"),
        (0.2, b"\b\x1b[K\b\x1b[K"),
        (0.1, b"rt os"),
        (0.2, b"\x1b[2D\x1b[K"),
        (0.1, b"sys\r\n>>> "),
        (0.2, b"for i in range(2):\r\n...     print(i)\r\n...     "),
        (0.1, b"\x1b[4D\x1b[K\r\n0\r\n1\r\n>>> "),
    ),
    "MicroPython's paste mode": (
        (0.0, b">>> \r\npaste mode; Ctrl-C to cancel, Ctrl-D to finish\r\n=== "),
        (0.1, b"def f():\r\n===     return 1\r\n=== \r\n=== print(f())"),
        (0.3, b"\r\n1\r\n>>> "),
    ),
    "NuttX's shell": (
        (0.0, b"\r\nNuttShell (NSH) NuttX-12.6\r\nnsh> \x1b[K"),
        *((0.1, b"%c" % key) for key in b"ls /dv"),
        (0.1, b"\x08 \x08"),
        (0.1, b"ev\n\r\n/dev:\r\n console\r\n null\r\nnsh> \x1b[K"),
    ),
    "an editor like kilo": (
        (
            0.0,
            b"\x1b[?25l\x1b[H\x1b[0K#include <stdio.h>\r\n\x1b[0K\r\n\x1b[0Kint main() {\r\n~\x1b[0K\r\n~\x1b[0K\r\n",
        ),
        (
            0.0,
            b"~\x1b[0K\r\n\x1b[0K\x1b[7mmain.c - 3 lines            1/3 \x1b[0m\r\n\x1b[0KHELP: Ctrl-S = save\x1b[1;1H",
        ),
        (0.1, b"\x1b[?25h"),
        (0.2, b"\x1b[?25l\x1b[H\x1b[0K#\x1b[35minclude\x1b[39m <stdlib.h>\r\n\x1b[3;5H!\x1b[?25h"),
        (0.2, b"\x1b[2J\x1b[H"),
    ),
    "a menu with a window that scrolls": (
        (0.0, b"\x1b[2J\x1b[1;1H\x1b[44;37;1m Settings \x1b[K\x1b[0m\x1b[8;1H\x1b[7m Esc exits \x1b[0m"),
        (0.0, b"\x1b[2;7r\x1b[2;1H one\r\n two\r\n three\r\n four\r\n five\r\n six"),
        (0.2, b"\x1b[7;1H\n seven\x1b[2;1H\x1bM\x1b[3;1H\x1b[2M\x1b[4;1H\x1b[L new"),
        (0.2, b"\x1b[r\x1b[5;3H\x1b[2P\x1b[2@--\x1b[6;1H\x1b[4X\x1b[1;12Hok"),
    ),
    "wide characters": (
        (0.0, "温度: 21℃ ".encode()),
        (0.2, "\b\b\b24\r\n名前".encode()),
        (0.1, "\x1b[2D字\r\n".encode()),
    ),
    "an AT modem": ((0.0, b"AT+GMR\r\r\nAT version:3.2\r\n\r\nOK\r\n"), (0.4, b"WIFI CONN"), (0.3, b"ECTED\r\n")),
}
"""Name -> output, for a screen of `COLUMNS` by `ROWS`."""

HINTS = {"join": " <ssid> [<pass>]", "wifi": " on|off"}

BOARD_OUTPUTS |= {
    "linenoise: hints, history, completion": _answered(
        Linenoise(COLUMNS, hints=HINTS, completions={"re": ("restart", "read_mac")}),
        "join", BACKSPACE, "n", ENTER, UP, UP, control("a"), RIGHT, control("k"), control("u"),
        "re", TAB, TAB, TAB, ENTER, TAB, UP, UP, DOWN, control("w"), "ab", control("t"), control("l"), ENTER,
    ),
    "linenoise: a line longer than the screen": _answered(
        Linenoise(COLUMNS), UP, UP, LEFT, LEFT, "x", HOME, RIGHT, "y", END, BACKSPACE, ENTER
    ),
    "linenoise: over several rows": _answered(
        Linenoise(COLUMNS, several_rows=True, hints=HINTS),
        "0123456789012345678901234567890123456789", LEFT, LEFT, "x", HOME, "y", control("k"), "wifi", UP, UP,
        control("a"), control("d"), END, BACKSPACE, ENTER, "ok",
    ),
    "linenoise: a password": _answered(Linenoise(COLUMNS, masked=True), "secret", BACKSPACE, LEFT, "x", ENTER),
    "MicroPython: editing": _answered(
        MicroPython(),
        "import sy", LEFT, LEFT, "x", BACKSPACE, control("e"), "s", ENTER, UP, UP, HOME, RIGHT, "y", control("d"), END,
        BACKSPACE, DOWN, control("c"), "for i in range(2):", ENTER, "print(i)", control("a"), control("k"), ENTER,
    ),
    "MicroPython: paste mode and raw REPL": _answered(
        MicroPython(), control("e"), "def f():", ENTER, "    return 42", ENTER, "print(f())", control("d"), control("a")
    ),
    "nsh": _answered(NuttxShell(), "lss", BACKSPACE, ENTER, UP, UP, DOWN, "x", ENTER),
    "nsh with CLE": _answered(NuttxShell(3), "ls dev", LEFT, LEFT, LEFT, "x", HOME, control("k"), UP, UP, ENTER, "ps"),
    "ESP-AT": _answered(
        EspAt(), "ATX", BACKSPACE, ENTER, "AT+GMR", ENTER, "AT+NO", ENTER, 'AT+CWJAP="home","secret"', ENTER,
        "AT+CIPSEND=4", ENTER, "ping", "AT+RST", ENTER,
    ),
    "kilo": _answered(
        Kilo(COLUMNS, ROWS), DOWN, DOWN, DOWN, RIGHT, "ab", BACKSPACE, ENTER, DOWN, DOWN, DOWN, DOWN, UP, control("q")
    ),
}  # fmt: skip
"""And of consoles that answer keys."""
