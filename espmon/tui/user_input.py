"""What users type into fields: rates and paths. Nothing here raises, whatever was typed or pasted."""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from urllib.parse import unquote

from espmon.port.line_format import MAX_BREAK_SECONDS, LineFormat
from espmon.port.opening import MAX_BAUD
from espmon.regular_file import open_regular

LIKELY_BAUDS = (115200, 74880, 921600, 460800, 230400, 1500000, 2000000, 57600, 9600)
"""Rates offered, likeliest first. 74880 is what the ESP8266 and 26 MHz ESP32 boot ROMs speak."""

BAUD_WANTED = f"Enter a number from 1 to {MAX_BAUD}"
"""What to do about a text that is no rate."""


MAX_DROPPED = 4096
"""Longest text that may be a path."""

FILE_URL = "file://"


def baud_of(text: str) -> int | None:
    """The rate that `text` names, None when it names none or one above `MAX_BAUD`."""
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= len(str(MAX_BAUD))):
        return None
    return int(text) if 0 < int(text) <= MAX_BAUD else None


def format_problem(text: str) -> str:
    """Why `text` names no format of a line, "" when it does."""
    try:
        LineFormat.parse(text)
    except ValueError as error:
        return str(error)
    return ""


def break_of(text: str) -> float | None:
    """The length of a break that `text` names in seconds; None when it names none, or one that is too long."""
    try:
        seconds = float(text)
    except ValueError:
        return None
    return seconds if 0 < seconds <= MAX_BREAK_SECONDS else None


def path_of(text: str) -> Path:
    """The path that `text` names; `~` is a home folder, and stays where there is no such user."""
    return Path(os.path.expanduser(text.strip()))


def dropped_path(text: str) -> Path | None:
    """The one file or folder that a terminal pastes when it is dropped there; None for any other text.

    Terminals quote it, escape its blanks with backslashes, make a `file:` URL of it, or leave it as it is.
    """
    text = text.strip()
    if not text or len(text) > MAX_DROPPED or not text.isprintable():
        return None
    forms = [text]
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    forms += words[:1] if len(words) == 1 else []
    forms += [unquote(form[len(FILE_URL) :]) for form in list(forms) if form.startswith(FILE_URL)]
    return next((path for form in forms if os.path.isabs(path := path_of(form)) and os.path.exists(path)), None)


def new_file_problem(text: str) -> str:
    """Why `text` names no file that can be made without writing over another, "" when it does."""
    path = path_of(text)
    if not text.strip() or os.path.isdir(path):
        return "Enter a file name"
    if os.path.lexists(path):
        return "There is a file of that name already: it stays as it is"
    return "" if os.path.isdir(path.parent) else f"There is no folder {path.parent}"


def elf_problem(text: str) -> str:
    """Why `text` names no ELF file that can be read, "" when it does. Reads its first four bytes."""
    path = path_of(text)
    if not os.path.isfile(path):  # Path.is_file raises where the folder may not be searched
        return "There is no such file"
    try:
        with open_regular(path) as file:
            return "" if file.read(4) == b"\x7fELF" else "This is no ELF file"
    except OSError as error:
        return f"It cannot be read: {error.strerror or error}"
