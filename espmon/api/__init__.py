"""Boards in Python: what a script or a test says to a board, and what it waits for.

`Board` is async, `BlockingBoard` has the same methods without; both are `espmon.Board` and `espmon.BlockingBoard`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.lazy import names_from

if TYPE_CHECKING:
    from espmon.api.blocking_board import BlockingBoard
    from espmon.api.board_error import BoardError, BoardErrorKind
    from espmon.api.board_facade import Board
    from espmon.api.board_options import BoardOptions
    from espmon.api.log_search import Match
    from espmon.api.picture import Picture

_HOMES = {
    "blocking_board": "BlockingBoard",
    "board_error": "BoardError BoardErrorKind",
    "board_facade": "Board",
    "board_options": "BoardOptions",
    "log_search": "Match",
    "picture": "Picture",
}

__all__ = ["BlockingBoard", "Board", "BoardError", "BoardErrorKind", "BoardOptions", "Match", "Picture"]


__getattr__ = names_from(__name__, _HOMES)
