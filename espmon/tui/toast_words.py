"""The words around a notice: which key leads on from it, and what is pressed before it."""

from __future__ import annotations

from collections.abc import Mapping

LEADS: Mapping[str, str] = {
    "panic": "board.crash",
    "coredump": "board.crash",
    "gdb": "board.stub",
    "link": "app.ports",
    "elf": "board.elf",
    "reset": "log.inspector",
    "recording": "log.inspector",
    "note": "log.inspector",
    "rate": "board.baud",
}
"""What a notice is about -> the action that leads on."""

LEADS_BY = " · "
"""Stands between a notice and the key that leads on."""

AFTER_ESC = " (after Esc)"
WAYS_OUT = {"INPUT": AFTER_ESC, "FIND": AFTER_ESC, "FILTER": AFTER_ESC, "RAW": " (after Ctrl-T Esc)"}
"""Mode in which keys are text -> what is said behind a key that an invitation names."""

STATES = frozenset({"link", "recording"})
"""What a notice can be about that is in one state at a time: what was said of it before holds no longer."""
