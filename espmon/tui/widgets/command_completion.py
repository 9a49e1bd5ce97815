"""Completion of the input line with the commands that the board's console is known to take."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from textual.suggester import Suggester

from espmon.records.capabilities import Command

MAX_NOTE = 60
"""Characters of what is said beside the field."""


def matching(value: str, commands: Sequence[Command]) -> list[Command]:
    """The commands that `value` begins, in the order of the console; none where nothing is typed."""
    return [command for command in commands if value and command.line.startswith(value)]


def completed(value: str, commands: Sequence[Command]) -> str:
    """`value` and what all commands that it begins go on with; a space behind one that takes arguments."""
    found = matching(value, commands)
    if not found:
        return value
    lines = [command.line for command in found]
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(min(lines), max(lines), strict=False))
    common = "".join(character for character, _ in alike)
    return f"{common} " if len(found) == 1 and found[0].hint else common


def note(value: str, commands: Sequence[Command]) -> str:
    """What is said of a line that is being typed: the commands it may become, or the arguments of its command."""
    found = matching(value, commands)
    if len(found) > 1:
        text = "  ".join(command.line for command in found)
    else:
        known = [command for command in commands if value == command.line or value.startswith(f"{command.line} ")]
        best = max(known, key=lambda command: len(command.line), default=found[0] if found else None)
        text = "" if best is None else best.hint or best.help
    return text if len(text) <= MAX_NOTE else f"{text[: MAX_NOTE - 1]}…"


class CommandSuggester(Suggester):
    """Shows the rest of the first command that fits, behind the cursor.

    Attributes:
        commands: what the console takes.
    """

    def __init__(self) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self.commands: Sequence[Command] = ()

    async def get_suggestion(self, value: str) -> str | None:
        """The first command that `value` begins."""
        return next((command.line for command in matching(value, self.commands)), None)
