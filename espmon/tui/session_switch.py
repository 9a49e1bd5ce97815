"""Another session in the place of the one that a board's screen shows."""

from __future__ import annotations

from collections.abc import Callable

from espmon.session.status import OpenRequest
from espmon.tui.host import Host
from espmon.tui.monitor.session_interface import SessionLike
from espmon.tui.sanitise import plain


class SessionSwitch:
    """Shows a session in place of the one before, or says why it cannot be shown.

    Args:
        app: the app.
        show: puts a session in the place of the one before.
        choose: shows the list of ports, with the reason.
    """

    def __init__(self, app: Host, show: Callable[[SessionLike], None], choose: Callable[[str], None]) -> None:
        self._app = app
        self._show = show
        self._choose = choose

    def to(self, session: SessionLike, request: OpenRequest) -> None:
        """Show this session, and open what is asked for in it."""
        self._show(session)
        self._app.begin_session()
        self._app.link.ask(session.open(request))

    def refuse(self, reason: str) -> None:
        """There is nothing to show: the list of ports opens, with the reason."""
        self._choose(plain(reason))
