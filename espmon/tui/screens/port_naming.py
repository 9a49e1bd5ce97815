"""The question for a port's nickname."""

from __future__ import annotations

from collections.abc import Sequence

from espmon.tui.screens.device_form import NICKNAME
from espmon.tui.screens.ports import PortRow
from espmon.tui.screens.prompt import TextPrompt


def name_prompt(port: PortRow, ports: Sequence[PortRow]) -> TextPrompt:
    """Asks for the nickname of `port`, one that no other of `ports` has; "" takes it away."""
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
        label="Save",
    )
