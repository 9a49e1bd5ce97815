"""The labgrid place that a session's port is in: asked where its port is now, and given back at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.port import PortError, PortErrorKind
from espmon.port.place_address import is_place
from espmon.port.threads import run_bounded
from espmon.session.reporter import Reporter
from espmon.session.status import Severity

if TYPE_CHECKING:
    from espmon.port.labgrid import PlaceHold

PLACE_SECONDS = 60.0
"""Longest wait for what it takes to find a place's port: four calls of the client at most."""

RELEASE_SECONDS = 8.0
"""Longest wait for a place to be released."""


class BorrowedPlace:
    """The place of one session, if its port is in one.

    Args:
        reporter: told where a place could not be given back.
    """

    def __init__(self, reporter: Reporter) -> None:
        self._reporter = reporter
        self._hold: PlaceHold | None = None
        self._told_of: PlaceHold | None = None

    def use(self, url: str, *, agreed: bool) -> None:
        """What is opened from now on is this URL: a place, or any other port. Raises `PortError`."""
        self._hold = None
        if is_place(url):
            from espmon.port.labgrid import PlaceHold

            self._hold = PlaceHold(url, agreed=agreed)

    async def port_url(self, url: str) -> str:
        """What is opened for `url`: where the place's port is now, else `url` itself. Raises `PortError`."""
        if self._hold is None:
            return url
        hold = self._hold
        try:
            found = await run_bounded(hold.port_url, PLACE_SECONDS, name="place")
        except TimeoutError:
            raise PortError(
                PortErrorKind.STALLED,
                f"{url}: labgrid did not answer within {PLACE_SECONDS:g} s",
                "Is its coordinator up?",
            ) from None
        if hold.found_acquired and hold is not self._told_of:
            self._told_of = hold
            self._reporter.notify(f"Place {hold.address.place} was yours before, and stays so. {_release(hold)}")
        return found

    async def give_back(self) -> None:
        """Release what was acquired; what fails is told."""
        hold, self._hold = self._hold, None
        if hold is None:
            return
        try:
            await run_bounded(hold.release, RELEASE_SECONDS, name="place")
        except (PortError, TimeoutError) as error:
            why = str(error) or f"labgrid did not answer within {RELEASE_SECONDS:g} s"
            place = hold.address.place
            self._reporter.notify(f"Place {place} was not released: {why}. {_release(hold)}", Severity.WARNING)
            return
        if hold.found_acquired:
            self._reporter.notify(
                f"Place {hold.address.place} stays acquired, as it was found. {_release(hold)}", Severity.WARNING
            )


def _release(hold: PlaceHold) -> str:
    """How the user gives a place back."""
    return f"Give it back: labgrid-client -p {hold.address.place} release"
