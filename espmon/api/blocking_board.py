"""`espmon.BlockingBoard`: `Board` for programs and tests without asyncio."""

from __future__ import annotations

from collections import deque
from collections.abc import Coroutine, Iterator
from typing import TypeVar

from espmon.api.board_base import EXPECT_SECONDS, PICTURE_SECONDS, BoardBase
from espmon.api.board_error import BoardError
from espmon.api.log_search import Match
from espmon.api.picture import Picture
from espmon.api.record_stream import RecordStream
from espmon.postmortem.panic_report import PanicReport
from espmon.records.record import Record
from espmon.rom import ProbeResult
from espmon.session.runner import LoopThread

Result = TypeVar("Result")


class BlockingBoard(BoardBase):
    """A board on a serial port; the methods are those of `Board`, and wait.

        with BlockingBoard("/dev/ttyUSB0", elf="build/app.elf") as board:
            board.reset()
            board.expect("esp>")
            board.send("heap")
            free = board.expect(r"free: (\\d+)", timeout=5).group(1)

    May be used from several threads. Ctrl-C ends a wait.
    """

    def __enter__(self) -> BlockingBoard:
        self._open()
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._close()

    def _run(self, work: Coroutine[object, None, Result]) -> Result:
        return wait_for(self._runner, work)

    def expect(self, pattern: str, timeout: float = EXPECT_SECONDS, *, through_panics: bool = False) -> Match:
        """See `Board.expect`."""
        return self._run(self._board.expect(pattern, timeout, through_panics=through_panics))

    def send(self, data: str | bytes) -> None:
        """See `Board.send`."""
        self._run(self._board.send(data))

    def records(self) -> Iterator[Record]:
        """See `Board.records`: the records from this call on, waited for."""
        return BlockingRecords(self._runner, self._runner.make(self._board.stream))

    def reset(self) -> None:
        """See `Board.reset`."""
        self._run(self._board.reset())

    def probe(self) -> ProbeResult:
        """See `Board.probe`."""
        return self._run(self._board.probe())

    def screenshot(self, timeout: float = PICTURE_SECONDS) -> Picture:
        """See `Board.screenshot`."""
        return self._run(self._board.screenshot(timeout))

    def skip(self) -> None:
        """See `Board.skip`."""
        self._runner.make(self._board.skip)

    def crashes(self, since: int = 0, *, untold: bool = False) -> list[PanicReport]:
        """See `Board.crashes`."""
        return self._run(self._board.crashes(since, untold=untold))


class BlockingRecords(Iterator[Record]):
    """The records of a board, as they come. Made by `BlockingBoard.records`."""

    def __init__(self, runner: LoopThread, stream: RecordStream) -> None:
        self._runner = runner
        self._stream = stream
        self._ready: deque[Record] = deque()

    def __next__(self) -> Record:
        if not self._ready:
            stream = self._stream
            self._ready.extend(stream.rest() if stream.ended else wait_for(self._runner, stream.next_records()))
            if not self._ready:
                raise StopIteration
        return self._ready.popleft()


def wait_for(runner: LoopThread, work: Coroutine[object, None, Result]) -> Result:
    """Run `work` on the thread and wait for it; what interrupts the wait ends the work."""
    future = runner.submit(work)
    try:
        return future.result()
    except BoardError as error:
        raise error.with_traceback(None) from None  # where in here it was raised is nothing to the caller
    except BaseException:
        future.cancel()
        raise
