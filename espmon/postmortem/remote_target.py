"""The server's side of gdb's remote protocol, sans-IO: threads with their names, registers, memory, and what runs.

What stands still behind it is a source: a core dump, or a board that halted in its debug stub. Source: the GDB manual,
appendix "GDB Remote Serial Protocol".
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

from espmon.postmortem.gdb_target import Stop
from espmon.postmortem.rsp import Ack, Noise, Packet, Parser, RspError, encode

REFUSED, DONE, UNKNOWN = b"E01", b"OK", b""
"""Answers: it cannot be done; it was done; the request is not known."""

FIRST, ANY, ALL = 1, 0, -1
"""The number of the first thread, and what stands for any or for all of them."""

INTERRUPT = b"\x03"
"""What a debugger sends, outside any packet, to stop what runs."""

MAX_ADDRESS = 0xFFFFFFFF
BREAKPOINT = re.compile(r"[Zz][0-4],[0-9a-fA-F]{1,8},[0-9a-fA-F]{1,4}\Z")
MEMORY_WRITE = re.compile(r"M[0-9a-fA-F]{1,8},[0-9a-fA-F]{1,4}:(?:[0-9a-fA-F]{2})*\Z")
REGISTER_WRITE = re.compile(r"G(?:[0-9a-fA-Fx]{2})+\Z|P[0-9a-fA-F]{1,3}=(?:[0-9a-fA-F]{2}){1,16}\Z")
BINARY_WRITE = re.compile(r"X[0-9a-fA-F]{1,8},[0-9a-fA-F]{1,4}:")
CHANGES = "GPMXZz"
"""First letters of the requests that change something."""

ESCAPES: Mapping[str, str] = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}


class TargetThread(NamedTuple):
    """A task as gdb sees it; `words` is what else gdb shows of it: priority, state."""

    name: str
    words: str = ""


class Resumed(NamedTuple):
    """What became of a request to run: `stop` is None while the program runs on; `words` are shown by gdb."""

    stop: Stop | None
    words: str = ""


class TargetSource(Protocol):
    """What is served. Threads have numbers from `FIRST` on.

    Every method may raise `RspError`, which gdb is told as an error; one that ends the connection raises something
    else.
    """

    @property
    def packet_bytes(self) -> int:
        """Longest packet that gdb is told to send or to expect."""

    async def stop_reason(self) -> Stop:
        """Why it stands still; `thread` is None for the first one, else its number in hexadecimal."""

    async def thread_list(self) -> Sequence[TargetThread]:
        """All threads, at least one."""

    async def register_words(self, thread: int) -> Sequence[int | None]:
        """The words of a `g` reply; None where one is not known."""

    async def read_memory(self, address: int, size: int) -> bytes:
        """What is held of `size` bytes, from the start on."""

    async def change(self, request: str, thread: int) -> bytes:
        """Write registers (`G`, `P`) or memory (`M`, `X`), set or clear a breakpoint (`Z`, `z`); returns the answer."""

    async def resume(self, request: str, thread: int) -> Resumed:
        """Let it go on (`c`), or execute one instruction (`s`)."""

    async def interrupt(self) -> None:
        """Ask what runs to stop."""

    async def leave(self) -> None:
        """The debugger has said goodbye."""


class RemoteTarget:
    """One connection of a debugger.

    Attributes:
        ended: the debugger has said goodbye.
        running: the program runs; `stopped` tells the debugger when it does not any more.
    """

    def __init__(self, source: TargetSource) -> None:
        self._source = source
        self._parser = Parser()
        self._acknowledge = True
        self._selected: int | None = None
        self._last = b""
        self.ended = False
        self.running = False
        self._commands: Mapping[str, Callable[[str], Awaitable[bytes]]] = {
            "?": self._why,
            "g": self._registers,
            "p": self._register,
            "m": self._memory,
            "H": self._select,
            "T": self._alive,
            "D": self._end,
            "k": self._end,
            "q": self._query,
            "Q": self._set,
        }

    async def feed(self, data: bytes) -> bytes:
        """Take what the debugger sent; returns what to answer."""
        answers = bytearray()
        self._parser.begin()
        for item in self._parser.feed(data):
            if item is Ack.AGAIN:
                answers += self._last
            elif isinstance(item, Noise) and self.running and INTERRUPT in item.data:
                await self._source.interrupt()
            elif isinstance(item, Packet) and not item.ok:
                answers += b"-"
            elif isinstance(item, Packet):
                if self._acknowledge:
                    answers += b"+"
                answers += await self._answered(item.payload)
            if self.ended:
                break
        return bytes(answers)

    async def stopped(self) -> bytes:
        """What to tell the debugger when the program stands still again."""
        self.running, self._selected = False, None
        self._last = encode(await self._why(""))
        return self._last

    async def _answered(self, payload: bytes) -> bytes:
        text = payload.decode("latin-1")
        if self.running:
            return b""  # nothing is asked while it runs, and nothing could be answered
        try:
            if text[:1] in ("c", "C", "s", "S"):
                return await self._resume(text)
            if text[:1] in CHANGES:
                answer = await self._change(text)
            elif text.startswith("vKill"):
                answer = await self._end("")
            else:
                handler = self._commands.get(text[:1])
                answer = await handler(text[1:]) if handler is not None else UNKNOWN
        except (ValueError, IndexError, RspError):
            answer = REFUSED
        self._last = encode(answer) if text[:1] != "k" else b""  # a debugger that kills waits for nothing
        return self._last

    # -- what is asked ------------------------------------------------------------------------------------------

    async def _why(self, _: str) -> bytes:
        stop = await self._source.stop_reason()
        return b"T%02xthread:%s;" % (stop.signal & 0xFF, (stop.thread or f"{FIRST:x}").encode())

    async def _thread(self) -> int:
        """The one whose registers are asked for: the chosen one, else that which stopped."""
        if self._selected is not None:
            return self._selected
        return int((await self._source.stop_reason()).thread or f"{FIRST:x}", 16)

    async def _is_thread(self, number: int) -> bool:
        return number in (ANY, ALL) or 0 < number <= len(await self._source.thread_list())

    async def _alive(self, rest: str) -> bytes:
        return DONE if await self._is_thread(int(rest, 16)) else REFUSED

    async def _select(self, rest: str) -> bytes:
        number = int(rest[1:], 16)
        if not await self._is_thread(number):
            return REFUSED
        if rest[0] == "g":
            self._selected = number if number > 0 else None
        return DONE

    async def _registers(self, _: str) -> bytes:
        return b"".join(map(_word, await self._source.register_words(await self._thread())))

    async def _register(self, rest: str) -> bytes:
        values = await self._source.register_words(await self._thread())
        number = int(rest, 16)
        return _word(values[number]) if 0 <= number < len(values) else REFUSED

    async def _memory(self, rest: str) -> bytes:
        address, size = (int(part, 16) for part in rest.split(","))
        size = min(size, self._longest)
        content = await self._source.read_memory(address & MAX_ADDRESS, size) if size > 0 else b""
        return content.hex().encode() or REFUSED

    @property
    def _longest(self) -> int:
        """Bytes that one answer has room for."""
        return self._source.packet_bytes // 2 - 8

    async def _query(self, text: str) -> bytes:
        name, _, rest = text.replace(",", ":", 1).partition(":") if text.startswith("Thread") else text.partition(":")
        if name == "Supported":
            return b"PacketSize=%x;QStartNoAckMode+;qXfer:threads:read+" % self._source.packet_bytes
        if name == "fThreadInfo":
            count = len(await self._source.thread_list())
            return b"m" + b",".join(b"%x" % number for number in range(FIRST, FIRST + count))
        if name == "sThreadInfo":
            return b"l"
        if name == "C":
            return b"QC%x" % await self._thread()
        if name == "Attached":
            return b"1"  # so that a debugger that quits detaches
        if name == "ThreadExtraInfo":
            return await self._title(int(rest, 16))
        if name == "Xfer" and rest.startswith("threads:read::"):
            start, size = (int(part, 16) for part in rest.removeprefix("threads:read::").split(","))
            if min(start, size) < 0:
                return REFUSED
            whole = _threads_xml(await self._source.thread_list())
            piece = whole[start : start + min(size, self._longest)]
            return (b"m" if start + len(piece) < len(whole) else b"l") + piece
        return UNKNOWN

    async def _title(self, number: int) -> bytes:
        if not await self._is_thread(number):
            return REFUSED
        thread = (await self._source.thread_list())[max(number, FIRST) - 1]
        title = f"{thread.name} ({thread.words})" if thread.words else thread.name
        return title.encode().hex().encode()

    async def _set(self, text: str) -> bytes:
        if text == "StartNoAckMode":
            self._acknowledge = False
            return DONE
        return UNKNOWN

    # -- what is changed ----------------------------------------------------------------------------------------

    async def _change(self, text: str) -> bytes:
        for shape in (BREAKPOINT, MEMORY_WRITE, BINARY_WRITE, REGISTER_WRITE):
            if shape.match(text):
                return await self._source.change(text, await self._thread())
        return REFUSED

    async def _resume(self, text: str) -> bytes:
        told = await self._source.resume("s" if text[:1] in ("s", "S") else "c", await self._thread())
        # gdb takes words of the target's only while it waits for a stop, which is from its request on.
        words = encode(b"O" + told.words.encode().hex().encode()) if told.words else b""
        self._selected = None
        self.running = told.stop is None
        self._last = b"" if self.running else encode(await self._why(""))
        return words + self._last

    async def _end(self, _: str) -> bytes:
        await self._source.leave()
        self.ended = True
        return DONE


def _word(value: int | None) -> bytes:
    return b"xxxxxxxx" if value is None else (value & 0xFFFFFFFF).to_bytes(4, "little").hex().encode()


def _threads_xml(threads: Sequence[TargetThread]) -> bytes:
    rows = (
        f'<thread id="{number:x}" name="{_escaped(thread.name)}">{_plain(thread.words)}</thread>'
        for number, thread in enumerate(threads, FIRST)
    )
    return f'<?xml version="1.0"?><threads>{"".join(rows)}</threads>'.encode()


def _escaped(text: str) -> str:
    return "".join(ESCAPES.get(letter, letter) for letter in text if letter.isprintable())


def _plain(text: str) -> str:
    return "".join(letter if letter.isalnum() or letter in " ,.:" else " " for letter in text)
