"""The question for a port's nickname."""

from __future__ import annotations

from collections.abc import Sequence

from espmon.port.line_format import level_word
from espmon.tui.screens.device_form import NICKNAME, Changes
from espmon.tui.screens.ports import PortRow
from espmon.tui.screens.prompt import TextPrompt


def name_prompt(port: PortRow, ports: Sequence[PortRow], changed: Changes) -> TextPrompt:
    """Asks for the nickname of `port`, one that no other of `ports` has; "" takes it away.

    Args:
        port: what is named.
        ports: all of the list.
        changed: what else will be remembered with the name.
    """
    taken = {other.nickname for other in ports if other.key != port.key}

    def problem(text: str) -> str:
        if text and not NICKNAME.fullmatch(text):
            return "A nickname has only a-z, 0-9, _ and -"
        return f"{text} is another board's nickname" if text in taken else ""

    return TextPrompt(
        f"Nickname of the board on {port.device}",
        port.nickname or "",
        check=problem,
        placeholder="usable instead of the port: espmon NICKNAME",
        note=f"Remembered with it: {_words(changed)}" if changed else "",
        label="Save",
    )


def _words(changed: Changes) -> str:
    words = []
    for name, value in changed.items():
        if isinstance(value, bool) or value is None:
            words.append(f"{name.upper()} {level_word(value) or 'as it is'}")
        else:
            words.append(f"{value} baud" if name == "baud" else str(value))
    return ", ".join(words)
