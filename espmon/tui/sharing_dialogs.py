"""A port that another espmon holds: looking on at its session, and who of both writes."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from espmon.port import PortError
from espmon.session.status import OpenRequest, Status
from espmon.tui.host import Host
from espmon.tui.sanitise import plain
from espmon.tui.session_switch import SessionSwitch

if TYPE_CHECKING:
    from espmon.session.viewing.looking_on import LookingOn
    from espmon.session.viewing.share_link import ShareLink

NOBODY_LOOKS_ON = "Nobody looks on at this session"
NO_HOLDER = 3
"""Exit code where there is nobody to look on at."""

NO_HOLDER_TEXT = "no other espmon holds {}, or it lets nobody look on"

ASKS = "asks to write to the board: W answers"


class SharingDialogs:
    """Asks, and tells the session the answer.

    Args:
        app: the app.
        switch: shows a session that is looked on at in place of the one before.
    """

    def __init__(self, app: Host, switch: SessionSwitch) -> None:
        self._app = app
        self._switch = switch
        self._asked = ""

    # -- looking on ---------------------------------------------------------------------------------------------

    async def open(self, request: OpenRequest) -> None:
        """Open a port; where another espmon holds it, offer to look on at that one's session."""
        app = self._app
        link = await self.find(request)
        if link is None and self.unasked:
            app.exit_message = NO_HOLDER_TEXT.format(request.url)
            app.exit(NO_HOLDER)
        elif link is None:
            app.link.ask(app.link.session.open(request))
        elif self.unasked:
            await self._show_other(link)
        else:

            def answered(agreed: bool) -> None:
                if agreed:
                    app.run_worker(self._show_other(link), group="look-on", exclusive=True)
                else:
                    self._switch.refuse(held_by(request, link))

            self.offer(link, answered)

    @property
    def unasked(self) -> bool:
        """Whether the user has said already that he wants to look on."""
        return self._app.finder is not None and self._app.finder.unasked

    async def find(self, request: OpenRequest) -> ShareLink | None:
        """The espmon that holds the port of a request; None where none does, or it cannot be spoken to."""
        app, finder = self._app, self._app.finder
        if finder is None or not request.url:
            return None
        from espmon.session.sharing.share_protocol import ShareError

        try:
            return await app.link.run(finder.find(request.url))
        except ShareError as error:
            app.notify(plain(str(error)), severity="warning", markup=False)
        except PortError:
            pass  # opening it says what is wrong
        return None

    def offer(self, link: ShareLink, answered: Callable[[bool], None]) -> None:
        """Ask whether to look on; who does not want to is hung up on."""
        from espmon.tui.screens.confirm import ConfirmScreen

        app, holder = self._app, link.holder
        since = time.strftime("%H:%M:%S", time.localtime(holder.since))
        sentences = (
            f"{holder} has had it open since {since}.",
            "You can look on at its session, with your own search and filters.",
            "Nothing is sent to the board; writing is asked for with W.",
        )

        def finished(agreed: bool | None) -> None:
            if not agreed:
                app.link.ask(link.close())
            answered(bool(agreed))

        app.push_screen(ConfirmScreen(f"Look on at {plain(holder.name)}?", sentences, "Look on"), finished)

    async def look_on(self, link: ShareLink) -> LookingOn:
        """A session that looks on, to be opened with its own request."""
        finder = self._app.finder
        assert finder is not None
        return await self._app.link.run(finder.look_on(link))

    async def _show_other(self, link: ShareLink) -> None:
        looking = await self.look_on(link)
        self._switch.to(looking.session, looking.request)

    # -- who writes ---------------------------------------------------------------------------------------------

    def change(self) -> None:
        """Answer who asks to write, take writing back, ask for it, or give it back: whichever there is to do."""
        app, status = self._app, self._app.status
        turn = app.link.session.turn
        if status.looking is None and status.sharing.asked:
            self._ask(status.sharing.asked)
        elif turn is None or (status.looking is None and not status.sharing.viewers):
            app.notify(NOBODY_LOOKS_ON, markup=False)
        elif status.looking is None and not status.sharing.writer:
            app.notify(f"You write; {status.sharing.viewers} look on", markup=False)
        else:
            app.link.call(turn.change)

    def follow_status(self, status: Status) -> None:
        """Somebody who looks on asks to write."""
        before, self._asked = self._asked, status.sharing.asked
        if not self._asked or self._asked == before:
            return
        if self._app.may_interrupt():
            self._ask(self._asked)
        else:
            self._app.invite(f"{self._asked} {ASKS}")

    def _ask(self, who: str) -> None:
        from espmon.tui.screens.confirm import ConfirmScreen

        app = self._app

        def answered(agreed: bool | None) -> None:
            turn = app.link.session.turn
            if turn is not None:
                app.link.call(lambda: turn.answer(bool(agreed)))

        sentences = (
            f"{who} looks on, and asks to write to the board.",
            "You write no more then, until you take it back with W.",
        )
        app.withdraw(f"{who} {ASKS}")
        app.push_screen(ConfirmScreen("Hand writing over?", sentences, "Hand over"), answered)


def held_by(request: OpenRequest, link: ShareLink) -> str:
    """Why a port is not opened."""
    return f"{request.url} is held by {link.holder}"
