"""Records as people or programs read them: the readable log, and JSON lines. For `decode` and `run`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Protocol

from espmon.cli.elf_help import ElfHelp
from espmon.records import Batch, Line, LineBlock, Part, Record
from espmon.records.colour import AutoColour
from espmon.records.events import Panic, StormFolder
from espmon.records.json_lines import json_rows, json_text
from espmon.records.lines import SGR
from espmon.records.print_filter import PrintFilter
from espmon.session.describe import describe
from espmon.session.log_text import host_time
from espmon.session.sent import SentEvent
from espmon.text import counted, plain

MAX_HELD = 100
"""Remarks on what was sent that wait for the end of the line they would break."""


class ByteStream(Protocol):
    """Takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Take all of these."""

    def flush(self) -> object:
        """Pass them on."""


class TextStream(Protocol):
    """Takes text."""

    def write(self, text: str, /) -> object:
        """Take all of this."""

    def flush(self) -> object:
        """Pass it on."""


class Output(Protocol):
    """Where records go."""

    def take(self, batch: Batch | LineBlock) -> None:
        """Print these records."""

    def end(self) -> None:
        """Print what was held back."""


class JsonOutput:
    """One object a line. With a filter, log lines that it holds back are left out; everything else is there.

    `board`: begin each object with the name of its board.
    """

    def __init__(
        self, stream: TextStream, shown: PrintFilter, elf: ElfHelp, *, fold: bool, board: str | None = None
    ) -> None:
        self._head = "{" if board is None else f'{{"board": {json.dumps(board)}, '
        self._stream = stream
        self._shown = shown
        self._elf = elf
        self._folder = StormFolder() if fold else None

    def take(self, batch: Batch | LineBlock) -> None:
        """Print these records; with folding, a panic once its group is counted."""
        self._print(batch.parts if self._folder is None else self._folded(self._folder, batch.parts))
        self._stream.flush()

    def end(self) -> None:
        """Print what was held back."""
        if self._folder is not None:
            self._print(self._folder.flush())
        self._stream.flush()

    @staticmethod
    def _folded(folder: StormFolder, parts: Iterable[Part]) -> Iterator[Part]:
        for part in parts:
            if isinstance(part, Panic):
                yield from folder.add(part)
            else:
                yield part

    def _print(self, parts: Iterable[Part]) -> None:
        for part in parts:
            if isinstance(part, LineBlock):
                self._stream.write(self._lines(part))
            else:
                self._elf.learn(part)
                self._stream.write(self._text([json.dumps(self._elf.json(part))]))

    def _lines(self, block: LineBlock) -> str:
        decorations = self._elf.decorations(block)
        if self._shown.shows_everything and not decorations and self._head == "{":
            return json_text(block)
        rows = [*json_rows(block)]
        for index, places in decorations.items():
            rows[index] = json.dumps(block.record(index).to_json() | {"decoded": list(places)})
        if self._shown.shows_everything:
            return self._text(rows)
        return self._text(row for index, row in enumerate(rows) if self._shown.passes(block.body(index)))

    def _text(self, rows: Iterable[str]) -> str:
        return "".join(f"{self._head}{row[1:]}\n" for row in rows)


class LogOutput:
    """The log as text.

    Into a file or a pipe, lines go as they were received, byte for byte; on a terminal nothing but colour of them acts.
    `strip` takes the device's own colour out of both. Other records are remarks that start with `---`. With a filter
    there are no remarks: it alone says what is shown. With folding, a panic is told when it is first seen, and those
    equal to it are counted at the end.
    """

    def __init__(
        self,
        stream: ByteStream,
        shown: PrintFilter,
        elf: ElfHelp,
        *,
        colour: bool,
        terminal: bool,
        fold: bool,
        remarks: bool,
        strip: bool = False,
    ) -> None:
        self._stream = stream
        self._shown = shown
        self._elf = elf
        self._colour = AutoColour() if colour else None
        self._terminal = terminal
        self._folder = StormFolder() if fold else None
        self._remarks = remarks
        self._strip = strip
        self.time_format = ""
        """How the host time stands before each line; "": it does not."""

        self._open = False  # the last line has no end yet
        self._held: list[Record] = []
        self._begun: tuple[int, bytes] | None = None  # offset of a line that is not finished, and what is printed of it

    def take(self, batch: Batch | LineBlock) -> None:
        """Print these records."""
        for part in batch.parts:
            if isinstance(part, LineBlock):
                self._block(part)
                self._remark_held()
                continue
            self._elf.learn(part)
            if self._begun is not None and isinstance(part, SentEvent) and len(self._held) < MAX_HELD:
                self._held.append(part)  # what was typed at a prompt does not break its line
            elif self._remarks:
                self._remark(part)
        self._stream.flush()

    def _remark_held(self) -> None:
        held, self._held = self._held, []
        for record in held if self._remarks else ():
            self._remark(record)

    def show_unfinished(self, block: LineBlock) -> None:
        """Print the one line of `block`, which has no end yet, as far as it goes: a prompt is waited for."""
        raw = printable_part(block.raw(0))
        if not raw or not (self._shown.shows_everything or self._passes_unfinished(raw)):
            return
        whole = self._bytes_of(raw)
        offset, before = self._begun or (block.offset, b"")
        if offset != block.offset or not whole.startswith(before) or (before and not self._open):
            return  # another line stands there now: this one is printed when it is whole
        if not before:
            self._close_line()
            if self.time_format:
                self._write(self._stamp(block.host_time(0)))
        self._begun = (block.offset, whole)
        more = whole[len(before) :]
        if more:
            self._write(more if self._colour is None else self._colour.piece(more))
            self._stream.flush()

    def _passes_unfinished(self, raw: bytes) -> bool:
        return LOG_HEAD.match(raw) is None and self._shown.passes(raw)

    def end(self) -> None:
        """Print what was held back, and how often equal panics came."""
        self._remark_held()
        if self._folder is not None:
            for panic in self._folder.flush():
                self._count(panic)
        self._stream.flush()

    def _block(self, block: LineBlock) -> None:
        decorations = self._elf.decorations(block)
        everything = self._shown.shows_everything
        begun = self._take_begun(block)
        if everything and not decorations and block.source == "text" and not begun and not self.time_format:
            whole = self._whole(block.data)
            if whole is not None:
                self._write(whole)
                return
        for index, line in enumerate(block):
            raw = self._bytes(line)
            if everything or self._shown.passes(raw):
                if begun:
                    raw, begun = raw[len(begun) :], b""
                elif self.time_format and not self._open:
                    self._write(self._stamp(line.time))
                self._write(raw if self._colour is None else self._colour.piece(raw))
                # Places stand below the line that they belong to.
                for row in decorations.get(index, ()):
                    self._note(row)

    def _stamp(self, when: float | None) -> bytes:
        return b"" if when is None else f"{host_time(when, self.time_format)} ".encode()

    def _take_begun(self, block: LineBlock) -> bytes:
        """What is printed already of a block's first line; what was begun and is no part of it is ended."""
        if self._begun is None:
            return b""
        (offset, printed), self._begun = self._begun, None
        first = self._bytes(block.record(0))
        if self._open and offset == block.offset and first.startswith(printed):
            return printed
        self._close_line()
        return b""

    def _close_line(self) -> None:
        if self._open:
            self._write(b"\n" if self._colour is None else self._colour.piece(b"\n"))

    def _whole(self, data: bytes) -> bytes | None:
        """All lines of a block as they are printed; None when they must be looked at one by one."""
        if self._terminal and not harmless(data):
            return None
        if self._colour is not None:
            coloured = self._colour.block(data)
            if coloured is None:
                return None
            data = coloured
        if self._strip:
            data = SGR.sub(b"", data)
        return data.replace(b"\r\n", b"\n").replace(b"\t", b"    ") if self._terminal else data

    def _bytes_of(self, raw: bytes) -> bytes:
        """A piece of a line of text, as it is printed."""
        data = safe(raw) if self._terminal else raw
        return SGR.sub(b"", data) if self._strip else data

    def _bytes(self, line: Line) -> bytes:
        data = self._kept(line)
        return SGR.sub(b"", data) if self._strip else data

    def _kept(self, line: Line) -> bytes:
        if line.source == "text" and not self._terminal:
            return line.raw
        if line.source != "text":
            return plain(line.text).encode() + b"\n" if self._terminal else line.text.encode() + b"\n"
        return safe(line.raw) + (b"" if line.partial else b"\n")

    def _remark(self, record: Record) -> None:
        if self._folder is not None and isinstance(record, Panic):
            seen = self._folder.holds(record)
            for panic in self._folder.add(record):
                self._count(panic)
            if seen:
                return
        said = describe(record)
        if said is not None:
            self._note(said[0])
            for row in self._elf.report(record).splitlines():
                self._note("  " + plain(row))

    def _count(self, panic: Panic) -> None:
        """What became of a panic that was told when it was first seen."""
        said = describe(panic)
        if said is not None and panic.count > 1:
            more = counted(panic.count - 1, "more time")
            self._note(f"\u00d7{panic.count} {said[0]} (first at byte {panic.offset}, and the same panic {more})")

    def _note(self, text: str) -> None:
        self._close_line()
        self._write(b"--- " + text.encode("utf-8", "backslashreplace") + b"\n")

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._open = not data.endswith((b"\n", b"\r"))


class SwitchedOutput:
    """An output that can be turned off and on again; what comes meanwhile is not printed."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self.on = True

    def take(self, batch: Batch | LineBlock) -> None:
        """See `Output`."""
        if self.on:
            self._output.take(batch)

    def end(self) -> None:
        """See `Output`."""
        self._output.end()


LOG_HEAD = re.compile(rb"(?:\x1b\[[0-9;]*m?)?[EWIDV](?: |\Z)")
"""How a log line with a level begins, whose tag may not have come yet."""

UNFINISHED_END = re.compile(rb"(?:\x1b\[?[0-9;:]*|[\xc2-\xf4][\x80-\xbf]{0,2}|\r+)\Z")
"""What the end of a piece of a line may be the first half of: a sequence, a character, a line end."""


def printable_part(raw: bytes) -> bytes:
    """The begin of an unfinished line, up to what may be half a character or half a sequence."""
    found = UNFINISHED_END.search(raw)
    return raw if found is None else raw[: found.start()]


CONTROLS = bytes(code for code in range(0x80) if (code < 0x20 and code not in b"\t\n\r\x1b") or code == 0x7F)


def harmless(data: bytes) -> bool:
    """True when whole ASCII lines hold nothing that a terminal acts on but colour, tabs and ordinary line ends."""
    return (
        data.isascii()
        and data.endswith(b"\n")
        and data.count(b"\r") == data.count(b"\r\n")
        and len(data.translate(None, CONTROLS)) == len(data)
        and data.count(b"\x1b") == len(SGR.findall(data))
    )


def safe(raw: bytes) -> bytes:
    """A line without its end, with colour kept and everything else that a terminal obeys made visible."""
    body = raw.rstrip(b"\r\n")
    pieces: list[str] = []
    at = 0
    for code in SGR.finditer(body):
        pieces.append(plain(body[at : code.start()].decode("utf-8", "backslashreplace")))
        pieces.append(code[0].decode())
        at = code.end()
    pieces.append(plain(body[at:].decode("utf-8", "backslashreplace")))
    return "".join(pieces).encode("utf-8", "backslashreplace")
