"""From the sessions' threads to stdout: one queue, one thread that decodes, prints and judges what boards say.

The reading loop never waits for it. What is not printed yet is bounded: beyond `MAX_WAITING` the port is not read, and
a sender that can wait does so.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from types import MappingProxyType
from typing import Protocol, TypeAlias

from espmon.cli.record_output import Output
from espmon.records.batch import Batch, Part
from espmon.records.lines import LineBlock
from espmon.session.expectations import Verdict
from espmon.session.payload_saver import ReceivedPayload
from espmon.session.session_feed import Tail

MAX_WAITING = 32 << 20
"""Bytes of the stream that may wait to be printed."""

WRITE_BYTES = 256 << 10
"""Bytes of one write."""

ROOM_SECONDS = 0.005
"""Pause between two looks for room."""

BUSY_BYTES = 16 << 10
"""Bytes that came at once from which on more are on their way: they are waited for, and printed together."""

BUSY_SECONDS = 0.002
"""The pause for them: what is expected is seen within 5 ms."""

TAIL_SECONDS = 0.02
"""Silence after which an unfinished line is printed as it stands, where that is wanted: it is a prompt."""

Job = Callable[[], object]


Item: TypeAlias = Part | Tail | ReceivedPayload | Job


class Judge(Protocol):
    """Reads what is printed, in its order; see `Expectations`."""

    def take(self, board: str, part: Part) -> Verdict | None:
        """Lines or a record of a board."""

    @property
    def reads_unfinished(self) -> bool:
        """Whether `unfinished` is of any use."""

    def unfinished(self, board: str, block: LineBlock) -> Verdict | None:
        """The line that a board has begun, as it stands."""


class Outlet:
    """Owns the thread that prints.

    Args:
        expectations: judge what is printed.
        on_verdict: called once, on the thread, when they have decided.
        on_error: called once, on the thread, when printing failed; nothing is printed any more.
    """

    def __init__(
        self,
        expectations: Judge,
        on_verdict: Callable[[Verdict], object],
        on_error: Callable[[Exception], object],
    ) -> None:
        self._expectations = expectations
        self._on_verdict = on_verdict
        self._on_error = on_error
        self._outputs: dict[str, Output] = {}
        self._drain: Callable[[], object] = bool
        self._show_unfinished: Mapping[str, Callable[[LineBlock], object]] = {}
        self._tails: dict[str, LineBlock] = {}
        self._lock = threading.Lock()
        self._waiting: deque[tuple[str, Item]] = deque()
        self._bytes = 0
        self._bell: SimpleQueue[None] = SimpleQueue()
        self._asleep = False  # the thread waits for the bell
        self._busy = False
        self._ended = False
        self._decided = False
        self._thread = threading.Thread(target=self._main, name="espmon-output", daemon=True)

    def start(
        self,
        outputs: dict[str, Output],
        drain: Callable[[], object],
        unfinished: Mapping[str, Callable[[LineBlock], object]] = MappingProxyType({}),
    ) -> None:
        """Begin.

        Args:
            outputs: where each board's records go, by its name.
            drain: writes what they hold, called when nothing waits.
            unfinished: prints a board's line that is not finished, when nothing more of it comes; by the board's name.
        """
        self._outputs = outputs
        self._show_unfinished = unfinished
        self._drain = drain
        self._thread.start()

    def put(self, board: str, item: Item) -> None:
        """Print and judge this after what came before it; a job is called between them. Returns at once."""
        if isinstance(item, Tail) and not (self._expectations.reads_unfinished or board in self._show_unfinished):
            return
        with self._lock:
            if isinstance(item, Tail) and self._waiting:
                last_board, last = self._waiting[-1]
                if last_board == board and isinstance(last, Tail):
                    self._waiting.pop()  # the newer one has all of it
            self._waiting.append((board, item))
            self._bytes += _size(item)
            self._wake()

    def _wake(self) -> None:
        """Under the lock."""
        if self._asleep:
            self._asleep = False
            self._bell.put(None)

    async def room(self) -> None:
        """Wait until the thread has caught up."""
        while True:
            if self._bytes <= MAX_WAITING or not self._thread.is_alive():
                return
            await asyncio.sleep(ROOM_SECONDS)

    def finish(self, seconds: float) -> bool:
        """Print what waits, and end. False when that takes longer: the reader of the output takes nothing."""
        with self._lock:
            self._ended = True
            self._wake()
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _main(self) -> None:
        try:
            while (items := self._take()) is not None:
                for board, item in items:
                    self._print(board, item)
                    with self._lock:
                        self._bytes -= _size(item)
            for output in self._outputs.values():
                output.end()
            self._drain()
        except Exception as error:  # noqa: BLE001 the edge of the thread: handed to who waits for the run's end
            with self._lock:
                self._waiting.clear()
                self._bytes = 0
            self._on_error(error)

    def _take(self) -> Iterable[tuple[str, Item]] | None:
        """Everything that waits; None at the end."""
        if self._busy:
            time.sleep(BUSY_SECONDS)
        while True:
            with self._lock:
                items = self._waiting
                if items:
                    self._waiting = deque()
                    self._busy = sum(_size(item) for _, item in items) >= BUSY_BYTES
                    return items
            self._drain()
            with self._lock:
                if self._ended and not self._waiting:
                    return None
                idle = self._asleep = not self._waiting
            if idle and not self._rung():
                return [("", self._print_tails)]

    def _rung(self) -> bool:
        """Wait for the bell; False when a line that has no end has waited long enough."""
        with suppress(Empty):
            self._bell.get(timeout=TAIL_SECONDS if self._tails else None)
            return True
        with self._lock:
            rung, self._asleep = not self._asleep, False
        return rung

    def _print(self, board: str, item: Item) -> None:
        verdict: Verdict | None = None
        if isinstance(item, ReceivedPayload):
            item = item.wait()
        if isinstance(item, Tail):
            if board in self._show_unfinished:
                self._tails[board] = item.block
            if not self._decided:
                verdict = self._expectations.unfinished(board, item.block)
        elif callable(item):
            item()
        else:
            self._tails.pop(board, None)
            self._outputs[board].take(item if isinstance(item, LineBlock) else Batch([item]))
            if not self._decided:
                verdict = self._expectations.take(board, item)
        self.decide(verdict)

    def _print_tails(self) -> None:
        for board, block in self._tails.items():
            self._show_unfinished[board](block)
        self._tails.clear()

    def decide(self, verdict: Verdict | None) -> None:
        """On the thread: the run has a verdict; the first one counts."""
        if verdict is not None and not self._decided:
            self._decided = True
            self._on_verdict(verdict)


def _size(item: Item) -> int:
    return item.length if isinstance(item, LineBlock) else 0


class StandardOutput:
    """Standard output without Python's own buffer: what a reader does not take blocks nobody but who writes it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._held: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> None:
        """Take bytes; they are written when there are enough of them, or by `drain`."""
        self._held.append(data)
        self._size += len(data)
        if self._size >= WRITE_BYTES:
            self.drain()

    def flush(self) -> None:
        """Wait for `drain`: one write for all that came together."""

    def drain(self) -> None:
        """Write everything. Raises OSError."""
        view = memoryview(b"".join(self._held))
        self._held.clear()
        self._size = 0
        while view:
            view = view[os.write(self._descriptor, view) :]


class EncodedStream:
    """Text that is ASCII, as bytes."""

    def __init__(self, stream: StandardOutput) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        """Take text."""
        self._stream.write(text.encode("ascii"))

    def flush(self) -> None:
        """See `StandardOutput.flush`."""


class PrefixedStream:
    """Whole lines, each with its board's name in front; a line without its end waits for it.

    Args:
        stream: takes the lines.
        name: what stands in front of each.
    """

    def __init__(self, stream: StandardOutput, name: str) -> None:
        self._stream = stream
        self._prefix = name.encode() + b" | "
        self._rest = b""

    def write(self, data: bytes) -> None:
        """Take bytes of the log."""
        lines = (self._rest + data).split(b"\n")
        self._rest = lines.pop()
        if lines:
            self._stream.write(b"".join(self._prefix + line + b"\n" for line in lines))

    def flush(self) -> None:
        """See `StandardOutput.flush`."""

    def finish(self) -> None:
        """Write the line that has no end."""
        if self._rest:
            self.write(b"\n")
