"""What a session that replays a recording brings along, in place of what a board needs."""

from __future__ import annotations

from dataclasses import dataclass

from espmon.records.demux import Demultiplexer
from espmon.session.store import LogStore


@dataclass(frozen=True, slots=True)
class Replayed:
    """The parts of a session that know where the recording's bytes are."""

    store: LogStore
    demux: Demultiplexer
    told: bool = False
    """The recording has the remarks that the session made then: they are not made again."""
