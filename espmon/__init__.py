"""espmon: a full-screen serial monitor for ESP32-family boards.

`Board` and its blocking twin `BlockingBoard` are what scripts and tests use; they are imported when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.lazy import names_from
from espmon.version import __version__

if TYPE_CHECKING:
    from espmon.api.blocking_board import BlockingBoard
    from espmon.api.board_error import BoardError, BoardErrorKind
    from espmon.api.board_facade import Board

__all__ = ["BlockingBoard", "Board", "BoardError", "BoardErrorKind", "__version__"]

__getattr__ = names_from(__name__, {"api": "BlockingBoard Board BoardError BoardErrorKind"})
