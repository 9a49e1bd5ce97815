"""One limit of memory for the logs of all boards."""

from __future__ import annotations

import gc

from espmon.records.lines import LineBlock
from espmon.session.log_memory import KEPT, LogMemory
from espmon.session.store import LogStore

LINE = b"I (1) heap: a line that takes some memory\n"
LIMIT = 1 << 20


class Board:
    """A log that lines come to."""

    def __init__(self, memory: LogMemory) -> None:
        self.store = LogStore(memory)
        self._offset = 0

    def send(self, size: int) -> None:
        """So many bytes of lines, some at a time."""
        end = self._offset + size
        while self._offset < end:
            data = LINE * 200
            self.store.append(LineBlock(data, self._offset, [*range(0, len(data) + 1, len(LINE))]))
            self._offset += len(data)


def test_all_logs_together_stay_below_the_limit() -> None:
    memory = LogMemory(LIMIT)
    boards = [Board(memory) for _ in range(4)]
    for _ in range(20):
        for board in boards:
            board.send(100_000)
            assert memory.used <= LIMIT
    assert all(board.store.memory > LIMIT * KEPT / 4 / 2 for board in boards)


def test_a_board_that_comes_later_gets_its_share_of_one_that_has_all() -> None:
    memory = LogMemory(LIMIT)
    loud, late = Board(memory), Board(memory)
    loud.send(3 * LIMIT)
    assert loud.store.memory > LIMIT * 0.8
    late.send(LIMIT // 3)
    assert memory.used <= LIMIT
    assert late.store.first == 0, "a board below its share gives nothing up"
    late.send(3 * LIMIT)
    assert loud.store.memory >= LIMIT * KEPT / 2 * 0.9, "one that says nothing more keeps its share"
    assert memory.used <= LIMIT


def test_a_log_alone_has_all_of_it_and_a_closed_one_gives_it_back() -> None:
    memory = LogMemory(LIMIT)
    board, closed = Board(memory), Board(memory)
    closed.send(LIMIT)
    del closed
    gc.collect()
    assert memory.used == 0
    board.send(3 * LIMIT)
    assert LIMIT * 0.8 < memory.used <= LIMIT
