"""What `Board` and `BlockingBoard` share: the options, the thread, and what can be read at any time."""

from __future__ import annotations

import atexit
import weakref
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Self

from espmon.api.board_error import BoardError, BoardErrorKind
from espmon.api.board_options import BoardOptions, ElfFiles
from espmon.api.board_session import BoardSession
from espmon.session.runner import LoopThread
from espmon.session.status import Status

CLOSE_SECONDS = 10.0
"""For closing the port and writing what waits; then what can be saved is saved."""

EXPECT_SECONDS = 10.0
"""How long `expect` waits unless told otherwise."""

PICTURE_SECONDS = 10.0
"""How long `screenshot` waits unless told otherwise."""

MAX_LOG_LINES = 10_000
"""Lines that `log` returns unless told otherwise."""


class BoardBase:
    """A board that is opened by `with` (async or not) and closed at its end, or at the latest when Python ends.

    Args:
        port: device path, nickname, `rfc2217://`, `telnet://`, `socket://`, `labgrid:PLACE` (acquired where it is
            free, and released at the end) or any pyserial URL.
        baud: rate of the port.
        elf: ELF file or files (application first), for decoded crashes.
        rom_elf: the chip's ROM ELF; that of an installed toolchain when None.
        record: folder for the recording; False records nothing; None does as the user's settings say.
        reconnect: wait for a lost port and open it again; without it a lost port ends every wait.
        no_reset: keep DTR and RTS quiet while opening, as far as the system lets.
    """

    def __init__(
        self,
        port: str,
        *,
        baud: int = 115200,
        elf: ElfFiles = (),
        rom_elf: str | Path | None = None,
        record: str | Path | bool | None = None,
        reconnect: bool = False,
        no_reset: bool = False,
    ) -> None:
        self.port = port
        """As it was given."""

        self.options = BoardOptions(baud, elf, rom_elf, record, reconnect, no_reset)
        """As they were given."""

        self._opened: tuple[LoopThread, BoardSession] | None = None
        self._finalizer: weakref.finalize[[LoopThread, BoardSession, Callable[[], object]], BoardBase] | None = None

    def _open(self) -> None:
        """Open the port. Blocks. Raises `BoardError`."""
        if self._opened is not None:
            raise BoardError(BoardErrorKind.USAGE, f"{self.port} is open already")
        runner = LoopThread("espmon-board")
        try:
            board = runner.make(lambda: BoardSession(self.port, self.options))
            runner.submit(board.open()).result()
        except BaseException:
            runner.stop()
            raise
        self._opened = runner, board
        leave = partial(_leave, runner, board)
        atexit.register(leave)
        self._finalizer = weakref.finalize(self, _shut, runner, board, leave)
        self._finalizer.atexit = False

    def _close(self) -> None:
        """Close the port. Blocks, for at most `CLOSE_SECONDS` and the time that a thread takes to end."""
        if self._finalizer is not None:
            self._finalizer()
        self._opened = None

    def use(self, other: BoardBase) -> Self:
        """Be the same open board as `other`, which still owns it: an async board for a blocking one. Returns self."""
        self.port, self.options, self._opened = other.port, other.options, other._parts
        return self

    @property
    def _runner(self) -> LoopThread:
        return self._parts[0]

    @property
    def _board(self) -> BoardSession:
        return self._parts[1]

    @property
    def _parts(self) -> tuple[LoopThread, BoardSession]:
        if self._opened is None:
            raise BoardError(BoardErrorKind.USAGE, f"{self.port} is not open", "Use the board in a `with` block")
        return self._opened

    @property
    def status(self) -> Status:
        """The newest snapshot: chip, boot, lifecycle, ELF, bytes received, recording."""
        return self._board.status

    @property
    def position(self) -> int:
        """Bytes of the stream received so far, for `log`."""
        return self._board.end

    def log(self, since: int = 0, limit: int = MAX_LOG_LINES) -> Sequence[str]:
        """What the board said, without colour and harmless to a terminal.

        Args:
            since: stream offset to begin at, see `position`; the line that holds it comes whole.
            limit: most lines; the latest ones are returned.
        """
        return self._board.log(since, limit)


def _shut(runner: LoopThread, board: BoardSession, leave: Callable[[], object]) -> None:
    """Close a board, from any thread."""
    atexit.unregister(leave)
    try:
        runner.submit(board.close()).result(CLOSE_SECONDS)
    except TimeoutError:
        board.session.salvage()
    runner.stop()


def _leave(runner: LoopThread, board: BoardSession) -> None:
    """Python ends and starts no thread any more: what was received is written, the system closes the port."""
    board.session.salvage()
    runner.stop()
