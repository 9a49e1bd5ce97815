"""What a session that replays a recording brings along, in place of what a board needs."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, NamedTuple

from espmon.records.demux import Demultiplexer
from espmon.session.sent import SentBy
from espmon.session.store import LogStore

if TYPE_CHECKING:
    from espmon.port import PortError

Send = Callable[[bytes, SentBy], Awaitable["PortError | None"]]
"""Sends bytes to the board; returns why they were not sent, which the user was told."""


class Replayed(NamedTuple):
    """The parts of a session that know where the recording's bytes are."""

    store: LogStore
    demux: Demultiplexer
    told: bool = False
    """The recording has the remarks that the session made then: they are not made again."""

    send: Send | None = None
    """How something is sent where there is no port of one's own; None: as through any port."""
