"""What actions are about: a board, whichever is looked at, one board among several, or all of them."""

from __future__ import annotations

from espmon.tui.actions import ACTIONS, BOARD, LINE, SEND, TABS

WITHOUT_BOARD = frozenset({"board.coredump", "board.crash", "board.elf", "board.reload_elf", "board.interrupt"})
"""Actions of the board's groups that a recording has too."""

NEED_BOARD = frozenset(
    action.call.partition("(")[0]
    for action in ACTIONS
    if (action.group in (BOARD, SEND, LINE) and action.id not in WITHOUT_BOARD)
    or action.id in ("app.ports", "app.devices")
)
"""Action strings, without what they are called with, that there is nobody for in a recording."""


FOR_SEVERAL = frozenset(action.call.partition("(")[0] for action in ACTIONS if action.group == TABS)
"""Action strings, without what they are called with, that mean nothing while one board is open."""

EVERYWHERE = ("tabs.next", "tabs.previous")
"""Actions of several boards whose keys work on every screen."""


FOR_ONE = (
    NEED_BOARD
    | {
        action.call.partition("(")[0]
        for action in ACTIONS
        if (action.group == BOARD and action.id != "board.interrupt")
        or action.id in ("log.compare_boots", "log.statistics")
    }
) - {"app.ports", "app.devices"}
"""Action strings, without what they are called with, that are for one board, and so nothing for a timeline of all."""


def for_one(call: str) -> bool:
    """Whether an action string is for one board, whichever that is."""
    return call.partition("(")[0] in FOR_ONE


def for_a_board(call: str) -> bool:
    """Whether an action string is for one board, or opens or chooses one."""
    return needs_board(call) or for_one(call)


def for_several(call: str) -> bool:
    """Whether an action string is about several boards."""
    return call.partition("(")[0] in FOR_SEVERAL


def needs_board(call: str) -> bool:
    """Whether an action string is about a board."""
    return call.partition("(")[0] in NEED_BOARD
