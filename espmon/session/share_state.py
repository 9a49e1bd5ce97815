"""Who looks on at a session, and who writes: what the two sides of a shared session show of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Protocol


class Grants(Enum):
    """Whether who looks on may write, too."""

    WHEN_ALLOWED = "when the user says so"
    ALWAYS = "always: there is no user at this side"
    NEVER = "never: nobody is at this side, and it is judged by what it does itself"


@dataclass(frozen=True, slots=True)
class Sharing:
    """Of a session that holds its port."""

    viewers: int = 0
    """How many look on."""

    writer: str = ""
    """Who of them writes to the board in place of this one's user, "" for nobody."""

    asked: str = ""
    """Who of them asks to write, "" for nobody."""


@dataclass(frozen=True, slots=True)
class Looking:
    """Of a session that looks on at another program's."""

    holder: str
    """Whose session it is, in a few words."""

    writes: bool = False
    """What is sent here goes to the board."""

    asked: bool = False
    """Asked to write, and not answered yet."""

    gone: str = ""
    """Why nothing comes any more, "" while it does."""


NOBODY = Sharing()


class WritingTurn(Protocol):
    """Who writes to the board: decided at both sides."""

    def change(self) -> None:
        """The holder takes writing back; a viewer asks for it, or gives it back."""

    def answer(self, agreed: bool) -> None:
        """The holder's user answers who asks."""
