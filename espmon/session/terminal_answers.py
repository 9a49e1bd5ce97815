"""Answers to what a board asks its terminal: who is there, and where the cursor is.

A firmware's console asks when it starts and takes silence for a dumb terminal. These answers, and the question of
`capability_watch`, are all that espmon sends unasked (`[replies]` are the user's wish): while monitoring, never during
a lease or a capture, and `answer_queries = false` ends them.
Source: xterm's ctlseqs, "Device Status Report", "Send Device Attributes".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from unicodedata import east_asian_width

from espmon.model.terminal_size import TERMINAL_COLUMNS, TERMINAL_ROWS
from espmon.records.demux import Demultiplexer
from espmon.session.publisher import Publisher
from espmon.session.state import State
from espmon.session.status import Change, LinesAppended, Severity, TailChanged
from espmon.session.store import LogStore
from espmon.session.tasks import BackgroundTasks

QUERY = re.compile(rb"\x1b\[(?:([56])n|0?(c))")
"""5 n: is anybody there; 6 n: where is the cursor; c: what are you."""

QUERIES = (b"\x1b[5n", b"\x1b[6n", b"\x1b[c", b"\x1b[0c")
"""The questions themselves: the demultiplexer is told to look for them."""

QUERY_BYTES = 4
"""The longest question."""

READY = b"\x1b[0n"
VT100 = b"\x1b[?1;2c"
"""A VT100 with the advanced video option: what xterm says, and what everybody knows."""

MAX_ANSWERS = 32
"""Answers in one `WINDOW_SECONDS`; a console that starts asks three or four times."""

WINDOW_SECONDS = 5.0

TAB = 8

_MOVE = re.compile(r"\x1b\[(\d{0,5})([CDG])|\x1b\[[0-?]*[ -/]*[@-~]|[\r\b\t]|[^\x00-\x1f\x7f]")


def cursor_column(line: str) -> int:
    """The column, from 0, in which the cursor stands behind this beginning of a line."""
    column = 0
    for match in _MOVE.finditer(line):
        token, number, move = match[0], int(match[1] or 1), match[2]
        if move == "C":
            column = min(column + max(number, 1), max(column, TERMINAL_COLUMNS - 1))
        elif move == "D":
            column = max(0, column - max(number, 1))
        elif move == "G":
            column = max(number, 1) - 1
        elif token == "\r":
            column = 0
        elif token == "\b":
            column = max(0, column - 1)
        elif token == "\t":
            column += TAB - column % TAB
        elif len(token) == 1:
            column += 2 if east_asian_width(token) in "WF" else 1
    return column


def answer(query: re.Match[bytes], line: bytes) -> bytes:
    """What a terminal says to a question that stands behind `line`."""
    if query[2]:
        return VT100
    if query[1] == b"5":
        return READY
    column = min(cursor_column(line.decode("utf-8", "replace")), TERMINAL_COLUMNS - 1)
    return b"\x1b[%d;%dR" % (TERMINAL_ROWS, column + 1)


class TerminalAnswers:
    """Looks for questions in the text of the board, as it comes, and answers them.

    Args:
        demux: says whether a payload is being received.
        store: the log.
        publisher: the session's status, and whom to tell.
        write: sends bytes to the board; what goes wrong with it is the reader's to find.
        tasks: where sending runs.
        clock: session time in seconds.
    """

    def __init__(
        self,
        demux: Demultiplexer,
        store: LogStore,
        publisher: Publisher,
        write: Callable[[bytes], Awaitable[None]],
        tasks: BackgroundTasks,
        clock: Callable[[], float],
    ) -> None:
        self._demux = demux
        self._store = store
        self._publisher = publisher
        self._write = write
        self._tasks = tasks
        self._clock = clock
        self.on = True
        """False while somebody else answers: in raw mode, the emulator does."""

        self._line = 0
        self._seen = 0  # stream offset up to which everything was looked at
        self._window = float("-inf")
        self._given = 0
        self._told = False

    def listen(self, change: Change) -> None:
        """Receives the session's changes; lines and their growth are what matters."""
        if isinstance(change, LinesAppended | TailChanged):
            self._look()

    def _look(self) -> None:
        store = self._store
        end, unfinished = len(store), store.unfinished
        found: list[bytes] = []
        for segment in store.segments(self._line) if end > self._line else ():
            block = segment.block
            if block.source == "text" and not block.plain and segment.first + len(block) > self._line:
                self._search(block.data, block.offset, found)
        self._line = end
        if unfinished is not None:
            self._search(unfinished.data, unfinished.offset, found)
        if found and self.on and self._demux.capture is None and self._publisher.status.state is State.MONITORING:
            self._answer(found)

    def _search(self, data: bytes, offset: int, found: list[bytes]) -> None:
        at = max(0, self._seen - offset)
        if data.find(b"\x1b[", at) >= 0:
            for match in QUERY.finditer(data, at):
                at = match.end()
                if not self.on or len(found) >= MAX_ANSWERS:
                    found.append(b"")  # counted, not answered: looking where the cursor stands costs time
                    continue
                line = max(data.rfind(b"\n", 0, match.start()), data.rfind(b"\r", 0, match.start())) + 1
                found.append(answer(match, data[max(line, match.start() - 4096) : match.start()]))
        # A question may be cut at the end of what is here.
        self._seen = max(self._seen, offset + max(at, len(data) - QUERY_BYTES + 1))

    def _answer(self, answers: list[bytes]) -> None:
        now = self._clock()
        if not 0 <= now - self._window < WINDOW_SECONDS:
            self._window, self._given = now, 0
        room = MAX_ANSWERS - self._given
        if len(answers) > room and not self._told:
            self._told = True
            self._publisher.notify(
                f"The board asks its terminal more than {MAX_ANSWERS} questions in {WINDOW_SECONDS:g} s: "
                "not all of them are answered",
                Severity.WARNING,
            )
        self._given += min(len(answers), room)
        if answers := answers[:room]:
            self._tasks.spawn(self._send(b"".join(answers)))

    async def _send(self, data: bytes) -> None:
        status = self._publisher.status
        if self.on and status.state is State.MONITORING and self._demux.capture is None:
            await self._write(data)
