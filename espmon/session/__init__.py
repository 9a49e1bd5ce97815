"""One board, one handle, one state machine: the floor that the screen and the commands stand on.

Names are loaded when first used: a command that needs the settings does not pay for the pipeline.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.lazy import names_from

if TYPE_CHECKING:
    from espmon.session.runner import LoopThread
    from espmon.session.session import Session
    from espmon.session.settings import Settings, config_folder, data_folder, load_settings
    from espmon.session.state import State, Trigger
    from espmon.session.store import LogStore

_HOMES = {
    "runner": "LoopThread",
    "session": "Session",
    "settings": "Settings config_folder data_folder load_settings",
    "state": "State Trigger",
    "store": "LogStore",
}

__all__ = [
    "LogStore", "LoopThread", "Session", "Settings", "State", "Trigger", "config_folder", "data_folder",
    "load_settings",
]  # fmt: skip


__getattr__ = names_from(__name__, _HOMES)
