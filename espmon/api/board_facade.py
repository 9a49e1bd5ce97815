"""`espmon.Board`: a board for asyncio programs and tests."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Coroutine
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


class Board(BoardBase):
    """A board on a serial port.

        async with Board("/dev/ttyUSB0", elf="build/app.elf") as board:
            await board.reset()
            await board.expect("esp>")
            await board.send("heap")
            free = (await board.expect(r"free: (\\d+)", timeout=5)).group(1)

    The session is the one that espmon's screen uses, on a thread of its own: the port is read whatever the caller's
    loop does. May be used from any event loop, by several tasks at once. Every method raises `BoardError`.
    """

    async def __aenter__(self) -> Board:
        await asyncio.to_thread(self._open)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await asyncio.to_thread(self._close)

    async def _run(self, work: Coroutine[object, None, Result]) -> Result:
        try:
            return await self._runner.run(work)
        except BoardError as error:
            raise error.with_traceback(None) from None  # where in here it was raised is nothing to the caller

    async def expect(self, pattern: str, timeout: float = EXPECT_SECONDS, *, through_panics: bool = False) -> Match:
        """Wait until a regular expression is found in what the board says.

        The search begins where the last match ended, or where the last `reset`, `probe` or `skip` was; before those, at
        the first byte received. It goes line by line, so no match spans two; a line that has no end yet is searched as
        it stands (a prompt), without its line end and colour.

        Args:
            pattern: the expression, as the `regex` package has it.
            timeout: seconds to wait.
            through_panics: go on when the board crashes.

        Raises:
            BoardError: TIMEOUT; PANIC when the board crashed before what was found, or instead of it, each crash once,
                with the decoded report; PORT when the port was lost, unless the board reconnects; USAGE for what is no
                expression, or one that is too slow.
        """
        return await self._run(self._board.expect(pattern, timeout, through_panics=through_panics))

    async def send(self, data: str | bytes) -> None:
        """Send a line (a text gets the line end that the settings name, CR by default), or bytes as they are.

        Raises:
            BoardError: PORT.
        """
        await self._run(self._board.send(data))

    def records(self) -> RecordIterator:
        """The records from this call on: `async for record in board.records()`. Ends when the board is closed.

        Raises:
            BoardError: BEHIND, while iterating, when 32 MB of the stream wait to be read.
        """
        return RecordIterator(self._runner, self._runner.make(self._board.stream))

    async def reset(self) -> None:
        """Reset the board into its application; to call it is to agree. What came before is not expected any more.

        Raises:
            BoardError: PORT, also where the port has no DTR and RTS.
        """
        await self._run(self._board.reset())

    async def probe(self) -> ProbeResult:
        """Reset the board into its loader, ask the chip who it is, start the application; to call it is to agree.

        Raises:
            BoardError: CHIP when it does not answer, PORT.
        """
        return await self._run(self._board.probe())

    async def screenshot(self, timeout: float = PICTURE_SECONDS) -> Picture:
        """Send the trigger (the setting `screenshot_trigger`) and wait for the picture that comes.

        Raises:
            BoardError: TIMEOUT, PORT, or CHIP for a picture that is damaged.
        """
        return await self._run(self._board.screenshot(timeout))

    async def skip(self) -> None:
        """`expect` looks at nothing that came until now."""
        self._runner.make(self._board.skip)

    async def crashes(self, since: int = 0, *, untold: bool = False) -> list[PanicReport]:
        """The crashes from a stream offset on (see `position`), decoded, oldest first.

        Args:
            since: stream offset to begin at.
            untold: only those that neither an error nor a call like this has told of.
        """
        return await self._run(self._board.crashes(since, untold=untold))


class RecordIterator(AsyncIterator[Record]):
    """The records of a board, as they come. Made by `Board.records`."""

    def __init__(self, runner: LoopThread, stream: RecordStream) -> None:
        self._runner = runner
        self._stream = stream
        self._ready: deque[Record] = deque()

    async def __anext__(self) -> Record:
        if not self._ready:
            stream = self._stream
            self._ready.extend(stream.rest() if stream.ended else await self._runner.run(stream.next_records()))
            if not self._ready:
                raise StopAsyncIteration
        return self._ready.popleft()
