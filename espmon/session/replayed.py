"""What a session that replays a recording brings along, in place of what a board needs."""

from __future__ import annotations

from typing import NamedTuple

from espmon.records.demux import Demultiplexer
from espmon.session.store import LogStore


class Replayed(NamedTuple):
    """The parts of a session that know where the recording's bytes are."""

    store: LogStore
    demux: Demultiplexer
    told: bool = False
    """The recording has the remarks that the session made then: they are not made again."""
