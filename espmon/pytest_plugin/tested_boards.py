"""The boards of one test: where their log stood when it began, and what is told of them when it ends."""

from __future__ import annotations

from collections.abc import Sequence

from espmon.api.blocking_board import BlockingBoard
from espmon.postmortem.panic_report import PanicReport
from espmon.pytest_plugin.board_pool import BoardPool, fail
from espmon.text import plain_lines

MAX_LINES = 1000
"""Lines of a board's log in a report, the latest."""


class TestedBoards:
    """Boards by number, for the length of one test.

    Args:
        pool: opens them.
    """

    __test__ = False

    def __init__(self, pool: BoardPool) -> None:
        self._pool = pool
        self._used: dict[int, tuple[BlockingBoard, int]] = {}
        self._failed = False

    def __getitem__(self, number: int) -> BlockingBoard:
        """A board; what an earlier test left unread is left out."""
        if number not in self._used:
            board, opened = self._pool.board(number)
            if not opened:
                board.skip()
            self._used[number] = board, 0 if opened else board.position
        return self._used[number][0]

    def crashes(self) -> list[PanicReport]:
        """The crashes that no error has told the test of; from now on they count as told."""
        return [report for board, _ in self._used.values() for report in board.crashes(untold=True)]

    def fail(self, crashes: Sequence[PanicReport]) -> None:
        """Fail the test."""
        self._failed = True
        fail(crashes)

    def sections(self) -> list[tuple[str, str]]:
        """What stands in the test's report."""
        rows: list[tuple[str, str]] = []
        for number, (board, start) in self._used.items():
            crashes = () if self._failed else board.crashes(since=start)
            rows += [(f"espmon board {number}: crash", plain_lines(report.to_text())) for report in crashes]
            if log := board.log(start, MAX_LINES):
                rows.append((f"espmon board {number}: log", "\n".join(log)))
        return rows
