"""The recordings on this computer, for the screen: listed, and opened in place of a port."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.session.settings import Settings, data_folder
from espmon.session.status import OpenRequest

if TYPE_CHECKING:
    from espmon.session.archive.past_sessions import PastSession
    from espmon.session.session import Session

MAX_LISTED = 500
"""Sessions that are listed, the newest."""


class PastRecordings:
    """Lists and opens.

    Args:
        settings: the user's.
        folder: of the sessions; the platform's data folder when None.
    """

    def __init__(self, settings: Settings, folder: Path | None = None) -> None:
        self._settings = settings
        self._folder = folder or data_folder() / "sessions"

    def listed(self) -> Sequence[PastSession]:
        """The sessions, newest first. Reads files: call it in a thread. Raises `SessionError`."""
        from espmon.session.archive.past_sessions import look_at, sessions_in

        return [look_at(folder) for folder in sessions_in(self._folder)[: -MAX_LISTED - 1 : -1]]

    async def open(self, path: Path, whole: Callable[[Session], None]) -> tuple[Session, OpenRequest]:
        """A session that shows a recording, and how it is opened. On the session's loop. Raises `SourceError`.

        Args:
            path: the session's folder.
            whole: see `Replay.begin`.
        """
        from espmon.session.replay.opened_source import open_source
        from espmon.session.replay.replay import Replay, ReplayWish, request_of

        source = open_source(path)
        return Replay(source, ReplayWish()).begin(self._settings, whole), request_of(path, source)
