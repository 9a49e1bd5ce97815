"""Who looks for another espmon before a port is opened: the screen asks it, and shows what it brings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.port.platform import shared_there
from espmon.session.port_lookup import find_port
from espmon.session.settings import Settings
from espmon.session.sharing.share_place import share_address

if TYPE_CHECKING:
    from espmon.session.viewing.looking_on import LookingOn
    from espmon.session.viewing.share_link import ShareLink


class HolderFinder:
    """Finds who holds a port, and looks on. Its methods run on the session's loop.

    Args:
        settings: the user's.
        unasked: look on without a question.
    """

    def __init__(self, settings: Settings, *, unasked: bool = False) -> None:
        self._settings = settings
        self.unasked = unasked

    async def find(self, name: str) -> ShareLink | None:
        """The espmon that holds the port of this name, None where none does. Raises `PortError`, `ShareError`."""
        url = await find_port(name)
        if not shared_there(share_address(url)):
            return None
        from espmon.session.viewing.share_link import find_holder

        return await find_holder(url)

    async def look_on(self, link: ShareLink) -> LookingOn:
        """A session that looks on; it begins when it is opened."""
        from espmon.session.viewing.looking_on import LookingOn

        return LookingOn(link, self._settings)
