"""Sharing where a session allows it: nothing of the protocol is loaded before its port is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espmon.session.pipeline import Pipeline
    from espmon.session.publisher import Publisher
    from espmon.session.recorder import Recorder
    from espmon.session.reporter import Reporter
    from espmon.session.sending.sender import Sender
    from espmon.session.share_state import Grants, WritingTurn
    from espmon.session.sharing.deeds import SharedBoard
    from espmon.session.sharing.session_share import Share


class ShareStart:
    """Lets other programs of this user look on at a session. Belongs to the session's loop.

    Args:
        pipeline: what is looked at.
        recorder: where viewers read what came before.
        reporter: the session's voice.
        publisher: tells viewers of the status.
        sender: writes for them.
        board: what else they may do something to.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        recorder: Recorder,
        reporter: Reporter,
        publisher: Publisher,
        sender: Sender,
        board: SharedBoard,
    ) -> None:
        self._parts = pipeline, recorder, reporter
        self._publisher = publisher
        self._sender = sender
        self._board = board
        self._share: Share | None = None

    async def begin(self, grants: Grants, url: str) -> WritingTurn:
        """Share from now on, with a port that was just opened. Returns who of all of them writes."""
        if self._share is None:
            from espmon.session.sharing.session_share import Share

            self._share = Share(*self._parts, self._sender.send, self._board, grants)
            self._publisher.subscribe(self._share.listen)
        await self._share.begin(url)
        return self._share

    async def end(self, reason: str) -> None:
        """Tell who looks on why there is no more to see."""
        if self._share is not None:
            await self._share.end(reason)
