"""Leaving while a flash or a probe runs: asked first, and said afterwards how the board was left."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.session.session_events import FlashEvent, ProbeEvent
from espmon.session.state import State
from espmon.session.status import Status
from espmon.tui.host import Host

if TYPE_CHECKING:
    from espmon.tui.screens.confirm import ConfirmScreen

EXIT_CODE = 1
"""Of leaving in the middle: what was begun is not done."""

QUESTIONS = {
    "flash": (
        "Flashing: really leave?",
        "The board stays half written, in its ROM loader, until it is flashed again.",
    ),
    "probe": (
        "Probing: really leave?",
        "The probe is cancelled, and the board is reset back into its application where that can be done.",
    ),
}
"""What runs -> the question, and what leaving means."""

TOO_LATE = {
    "flash": "Cancelled, and the board did not answer in time. It may be half written: flash it again",
    "probe": "Cancelled, and the board did not answer in time. It may wait in its ROM loader: press its EN (RST) key",
}
"""What runs -> what is said when it did not end in time."""


def running(status: Status) -> str:
    """What has the board now and does not like to be left: "flash", "probe", or ""."""
    if status.state is State.PROBING:
        return "probe"
    return status.lease if status.state is State.LEASED and status.lease in QUESTIONS else ""


class Leaving:
    """Leads the user out.

    Args:
        app: the app.
    """

    def __init__(self, app: Host) -> None:
        self._app = app
        self._question: ConfirmScreen | None = None
        self._interrupted = ""
        self._newest = -1

    @property
    def agreed(self) -> bool:
        """Whether the user wants to leave in the middle, and what runs is worth waiting for."""
        return self._interrupted != ""

    def leave(self) -> None:
        """Leave at once, or ask first while something runs."""
        what = running(self._app.status)
        if not what:
            self._app.exit(0)
        elif self._question is None:
            self._ask(what)

    def _ask(self, what: str) -> None:
        from espmon.tui.screens.confirm import ConfirmScreen

        title, meaning = QUESTIONS[what]

        def answered(sure: bool | None) -> None:
            self._question = None
            if sure:
                self.begin()
                self._app.exit(EXIT_CODE if self.agreed else 0)

        name = self._app.status.name or self._app.status.url
        self._question = ConfirmScreen(title, [f"{name}: {meaning}"], "Leave", danger=True)
        self._app.push_screen(self._question, answered)

    def follow_status(self, status: Status) -> None:
        """What ran has ended: nothing is left to ask about."""
        question = self._question
        if question is not None and not running(status) and not running(self._app.status):
            self._question = None
            if self._app.screen is question:
                question.dismiss(False)
                self._app.notify("Not left: it has ended meanwhile", markup=False)

    def begin(self) -> None:
        """The screen goes, for whatever reason: remember what runs."""
        if self._interrupted:
            return
        self._interrupted = running(self._app.status)
        events = self._app.link.session.events
        self._newest = max((entry.id for entry in events), default=-1)

    def exit_message(self) -> str:
        """How what ran was ended, as the commands say it; "" when nothing ran. Call when the port is closed."""
        what = self._interrupted
        if not what:
            return ""
        for entry in reversed(self._app.link.session.events):
            record = entry.record
            if entry.id > self._newest and isinstance(record, ProbeEvent | FlashEvent):
                return record.failure.sentence if record.failure is not None else entry.title
        return TOO_LATE[what]
