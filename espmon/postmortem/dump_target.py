"""A core dump as a target of gdb's remote protocol, sans-IO: threads with their names, registers, memory; read-only."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from espmon.model.architecture import Architecture
from espmon.postmortem.memory import Memory
from espmon.postmortem.register_layouts import LAYOUTS
from espmon.postmortem.rsp import Ack, Packet, Parser, encode

PACKET_BYTES = 0x4000
"""Longest packet that gdb is told to send or to expect."""
MAX_READ = PACKET_BYTES // 2 - 8
REFUSED = b"E01"
STANDS_STILL = "A core dump cannot run: it is what was left behind.\n"
DEFAULT_SIGNAL = 6
SIGNALS: Mapping[str, int] = {"exception": 11, "task_wdt": 20, "int_wdt": 20, "stack_overflow": 11}
"""Kind of crash -> the signal that gdb shows; others are an abort."""
NO_LOOPS = frozenset({"ESP32-S2"})
"""Xtensa chips without loop registers."""
ESCAPES: Mapping[str, str] = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
FIRST, ANY, ALL = 1, 0, -1
"""The number of the first thread, and what stands for any or for all of them."""


class DumpThread(NamedTuple):
    """A task as gdb sees it: its registers by lower-case name."""

    name: str
    registers: Mapping[str, int]
    words: str = ""
    """What else gdb shows of it: priority, state."""


class DumpSource(NamedTuple):
    """What is served.

    Attributes:
        threads: the crashed one first.
        memory: the dump's, and the constants of the ELF.
        chip: its name, None where the dump does not say.
        kind: of the crash, for the signal.
    """

    architecture: Architecture
    threads: Sequence[DumpThread]
    memory: Memory
    chip: str | None = None
    kind: str = ""


class DumpTarget:
    """One connection of a debugger."""

    def __init__(self, source: DumpSource) -> None:
        self._source = source
        self._parser = Parser()
        self._acknowledge = True
        self._selected = FIRST
        self._last = b""
        self.ended = False
        """Whether the debugger has said goodbye."""
        self._threads_xml = _threads_xml(source.threads)
        self._commands: Mapping[bytes, Callable[[str], bytes]] = {
            b"?": lambda _: self._stopped(),
            b"g": lambda _: self._registers(),
            b"p": self._register,
            b"m": self._memory,
            b"H": self._select,
            b"T": lambda rest: b"OK" if self._thread(int(rest, 16)) else REFUSED,
            b"G": lambda _: REFUSED,
            b"P": lambda _: REFUSED,
            b"M": lambda _: REFUSED,
            b"X": lambda _: REFUSED,
            b"D": lambda _: self._end(),
            b"q": self._query,
            b"Q": self._set,
        }

    def feed(self, data: bytes) -> bytes:
        """Take what the debugger sent; returns what to answer."""
        answers = bytearray()
        self._parser.begin()
        for item in self._parser.feed(data.replace(b"\x03", b"")):
            if item is Ack.AGAIN:
                answers += self._last
            elif isinstance(item, Packet) and not item.ok:
                answers += b"-"
            elif isinstance(item, Packet):
                if self._acknowledge:
                    answers += b"+"
                answers += self._answer(item.payload)
            if self.ended:
                break
        return bytes(answers)

    def _answer(self, payload: bytes) -> bytes:
        command = payload[:1]
        if command == b"k" or payload.startswith(b"vKill"):
            self.ended = True
            self._last = encode(b"OK") if command == b"v" else b""
            return self._last
        if command in (b"c", b"C", b"s", b"S"):
            # gdb waits for a stop: there is only the one that the dump was made at, in the thread that it names.
            self._selected = FIRST
            self._last = encode(b"O" + STANDS_STILL.encode().hex().encode()) + encode(self._stopped())
            return self._last
        handler = self._commands.get(command)
        try:
            answer = handler(payload[1:].decode("latin-1")) if handler is not None else b""
        except (ValueError, IndexError):
            answer = REFUSED
        self._last = encode(answer)
        return self._last

    def _end(self) -> bytes:
        self.ended = True
        return b"OK"

    def _thread(self, number: int) -> DumpThread | None:
        if number in (ANY, ALL):
            return self._source.threads[0]
        return self._source.threads[number - 1] if 0 < number <= len(self._source.threads) else None

    def _stopped(self) -> bytes:
        return b"T%02xthread:%x;" % (SIGNALS.get(self._source.kind, DEFAULT_SIGNAL), FIRST)

    def _select(self, rest: str) -> bytes:
        number = int(rest[1:], 16)
        if self._thread(number) is None:
            return REFUSED
        if rest[0] == "g":
            self._selected = number if number > 0 else FIRST
        return b"OK"

    def _values(self) -> list[int | None]:
        source = self._source
        thread = self._thread(self._selected)
        assert thread is not None
        loops = source.chip not in NO_LOOPS
        return LAYOUTS[source.architecture.name].stub_values(thread.registers, loops)

    def _registers(self) -> bytes:
        return b"".join(map(_word, self._values()))

    def _register(self, rest: str) -> bytes:
        values = self._values()
        number = int(rest, 16)
        return _word(values[number]) if number < len(values) else REFUSED

    def _memory(self, rest: str) -> bytes:
        address, size = (int(part, 16) for part in rest.split(","))
        size = min(size, MAX_READ)
        content = self._source.memory.read(address & 0xFFFFFFFF, size) if size else None
        if content is None:
            content = self._first_bytes(address, size)
        return content.hex().encode() if content else REFUSED

    def _first_bytes(self, address: int, size: int) -> bytes:
        """What is held of a piece of memory, from its start on."""
        low, high = 0, size
        while low < high:
            middle = (low + high + 1) // 2
            if self._source.memory.read(address & 0xFFFFFFFF, middle) is not None:
                low = middle
            else:
                high = middle - 1
        return (self._source.memory.read(address & 0xFFFFFFFF, low) or b"") if low else b""

    def _query(self, text: str) -> bytes:
        name, _, rest = text.replace(",", ":", 1).partition(":") if text.startswith("Thread") else text.partition(":")
        if name == "Supported":
            return b"PacketSize=%x;QStartNoAckMode+;qXfer:threads:read+" % PACKET_BYTES
        if name == "fThreadInfo":
            return b"m" + b",".join(b"%x" % number for number in range(FIRST, FIRST + len(self._source.threads)))
        if name == "sThreadInfo":
            return b"l"
        if name == "C":
            return b"QC%x" % FIRST
        if name == "Attached":
            return b"1"
        if name == "ThreadExtraInfo":
            thread = self._thread(int(rest, 16))
            return _title(thread).encode().hex().encode() if thread is not None else REFUSED
        if name == "Xfer" and rest.startswith("threads:read::"):
            start, size = (int(part, 16) for part in rest.removeprefix("threads:read::").split(","))
            piece = self._threads_xml[start : start + min(size, MAX_READ)]
            return (b"m" if start + len(piece) < len(self._threads_xml) else b"l") + piece
        return b""

    def _set(self, text: str) -> bytes:
        if text == "StartNoAckMode":
            self._acknowledge = False
            return b"OK"
        return b""


def _word(value: int | None) -> bytes:
    return b"xxxxxxxx" if value is None else (value & 0xFFFFFFFF).to_bytes(4, "little").hex().encode()


def _title(thread: DumpThread) -> str:
    return f"{thread.name} ({thread.words})" if thread.words else thread.name


def _threads_xml(threads: Sequence[DumpThread]) -> bytes:
    rows = (
        f'<thread id="{number:x}" name="{_escaped(thread.name)}">{_plain(thread.words)}</thread>'
        for number, thread in enumerate(threads, FIRST)
    )
    return f'<?xml version="1.0"?><threads>{"".join(rows)}</threads>'.encode()


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in text if letter.isprintable())


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in " ,." else " " for letter in text)
