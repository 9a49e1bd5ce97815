"""What an announcement says, as a type: bounded, safe to show, and nothing in it trusted further than that.

The format is on the page that `espmon formats` prints. A field that is missing, of another type or too long is left
out; of a later version what is known is used.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from espmon.records.record import JsonObject
from espmon.text import plain

VERSION = 1
MAX_VERSION = 1 << 31
"""From here on a version is none."""

MAX_COMMANDS = 256
MAX_FRAMES = 64
MAX_WORD = 64
"""Characters of a name: app, chip, a kind of frame."""

MAX_COMMAND_LINE = 128
"""Characters of a console line that can be sent."""

MAX_HELP = 200
"""Characters of a command's help."""


@dataclass(frozen=True, slots=True)
class Command:
    """A line that the board's console takes."""

    line: str
    """As it is sent, without its end."""

    help: str
    hint: str = ""
    """Its arguments, as the console writes them; "" where nothing was said."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a board says of itself. Texts are safe to show; "" and () where nothing was said."""

    version: int = VERSION
    app: str = ""
    app_version: str = ""
    chip: str = ""
    console: str = ""
    transport: str = ""
    screenshot: str = ""
    """The console line that brings a picture."""

    frames: tuple[str, ...] = ()
    """Kinds of payloads that it can send."""

    commands: tuple[Command, ...] = ()

    @property
    def pictures(self) -> bool:
        """Whether it says that it can send pictures."""
        return bool(self.screenshot) or "png" in self.frames


def capabilities_of(value: JsonObject) -> Capabilities:
    """Read an announcement; raises nothing."""
    version = value.get("version")
    frames = value.get("frames")
    commands = value.get("commands")
    words = {name: _word(value.get(name)) for name in ("app", "app_version", "chip", "console", "transport")}
    listed: dict[str, Command] = {}
    for name, help_text in commands.items() if isinstance(commands, dict) else ():
        if len(listed) == MAX_COMMANDS:
            break
        if line := command_line(name):
            listed[line] = Command(line, _word(help_text, MAX_HELP))
    return Capabilities(
        version=version if type(version) is int and 0 < version < MAX_VERSION else VERSION,
        screenshot=command_line(value.get("screenshot")),
        frames=tuple(filter(None, map(_word, frames[:MAX_FRAMES]))) if isinstance(frames, list) else (),
        commands=tuple(listed.values()),
        **words,
    )


def command_line(text: Any) -> str:
    """A console line that a board named, as it can be sent back to it; "" for one that is none.

    Printable ASCII: nothing in it ends the line, and what is shown is what is sent.
    """
    if not isinstance(text, str) or len(text) > MAX_COMMAND_LINE or not text.isascii() or not text.isprintable():
        return ""
    return text.strip()


def _word(text: Any, limit: int = MAX_WORD) -> str:
    if not isinstance(text, str):
        return ""
    shown = plain(text[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"
