"""What a run leaves for a CI page: a Markdown summary, a JUnit file, annotations for GitHub and GitLab.

Everything that a board said is escaped: a CI page renders it.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from espmon.cli.command_runner import Exit
from espmon.cli.elf_help import ElfHelp
from espmon.cli.record_output import Output
from espmon.records import Batch, LineBlock, Record
from espmon.records.events import Panic, Reset
from espmon.records.events.fold import signature
from espmon.records.record import PayloadRecord
from espmon.text import counted, plain

MAX_CRASHES = 20
"""Different crashes told; the others are counted with the last one's name."""

MAX_KINDS = 50
"""Different resets and screenshots told."""

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>()#+!|~&-])")
_NOT_XML = re.compile("[\ufffe\uffff]")


@dataclass(slots=True)
class Crash:
    """Equal crashes of one board."""

    board: str
    panic: Panic
    offsets: set[int] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class RunEnd:
    """How the run that is told of ended."""

    code: int
    sentence: str
    seconds: float
    received: int
    """Bytes."""


class RunReport:
    """Collects what is worth telling of a run, in bounded memory.

    Args:
        helps: what decodes each board's crashes, by its name.
        blank: takes secrets out of a text; a CI page is read by many.
    """

    def __init__(self, helps: dict[str, ElfHelp], blank: Callable[[str], str] = str) -> None:
        self._helps = helps
        self._blank = blank
        self._resets: Counter[tuple[str, str]] = Counter()
        self._pictures: Counter[tuple[str, str]] = Counter()
        self._crashes: dict[object, Crash] = {}
        self._last_reset: dict[str, int] = {}

    def take(self, board: str, record: Record) -> None:
        """Count a record of a board."""
        if isinstance(record, Panic) and record.fatal:
            # One that was told before may be told again with more in it, and is another one's equal then.
            for known in self._crashes.values():
                if known.board == board:
                    known.offsets.discard(record.offset)
            key = (board, signature(record))
            if key in self._crashes or len(self._crashes) < MAX_CRASHES:
                self._crashes.setdefault(key, Crash(board, record)).offsets.add(record.offset)
        elif isinstance(record, Reset) and self._last_reset.get(board) != record.offset:
            self._last_reset[board] = record.offset
            _count(self._resets, (board, record.title))
        elif isinstance(record, PayloadRecord) and record.pixels is not None:
            _count(self._pictures, (board, record.title))

    @property
    def crashes(self) -> list[Crash]:
        """The different crashes, the first one first."""
        return [crash for crash in self._crashes.values() if crash.offsets]

    def _told(self) -> Iterator[tuple[str, str]]:
        """(heading, report) of each crash, plain lines."""
        for crash in self.crashes:
            report = self._helps[crash.board].panic(crash.panic)
            times = f", {counted(len(crash.offsets), 'time')}" if len(crash.offsets) > 1 else ""
            text = "\n".join(self._blank(plain(row)) for row in report.to_text().splitlines())
            yield f"{plain(crash.board)}: {self._blank(plain(report.sentence))}{times}", text

    def markdown(self, end: RunEnd) -> str:
        """The summary."""
        sentence = self._blank(end.sentence)
        verdict = "passed" if end.code == Exit.DONE else "failed"
        rows = [
            f"## espmon run: {verdict}",
            "",
            f"{escaped(sentence)} (exit code {end.code}, {end.seconds:.1f} s, {end.received:,} bytes)",
            "",
        ]
        for title, counts in (("Resets", self._resets), ("Screenshots", self._pictures)):
            if counts:
                rows += [f"### {title}", ""]
                rows += [
                    f"- {escaped(board)}: {escaped(self._blank(what))} ×{count}"
                    for (board, what), count in counts.items()
                ]
                rows.append("")
        for heading, text in self._told():
            rows += [f"### {escaped(heading)}", "", *(f"    {row}" for row in text.splitlines()), ""]
        return "\n".join(rows)

    def junit(self, end: RunEnd, ports: Sequence[str]) -> bytes:
        """The run as one test case: failed (1, 5), in error (any other code but 0), or passed."""
        problem = "" if end.code == Exit.DONE else "failure" if end.code in (Exit.FAILED, Exit.LIMIT) else "error"
        counts = {"tests": "1", "failures": str(int(problem == "failure")), "errors": str(int(problem == "error"))}
        seconds = f"{end.seconds:.3f}"
        from xml.etree import ElementTree  # few runs write it

        suite = ElementTree.Element("testsuite", {"name": "espmon run", "time": seconds, **counts})
        name = _xml(", ".join(ports))
        case = ElementTree.SubElement(suite, "testcase", {"classname": "espmon.run", "name": name, "time": seconds})
        crashes = "\n\n".join(f"{heading}\n{text}" for heading, text in self._told())
        if problem:
            said = ElementTree.SubElement(case, problem, {"message": _xml(self._blank(end.sentence))})
            said.text = "\n".join(_xml(row) for row in crashes.splitlines())
        elif crashes:
            ElementTree.SubElement(case, "system-out").text = "\n".join(_xml(row) for row in crashes.splitlines())
        document: bytes = ElementTree.tostring(suite, encoding="utf-8", xml_declaration=True)
        return document + b"\n"

    def annotations(self) -> Iterator[str]:
        """A line for GitHub for each crash, at its source line where that is known."""
        for sentence, place in self._places():
            where = "" if place is None else f" file={_property(place[0])},line={place[1]}"
            yield f"::error{where}::{_command(sentence)}"

    def code_quality(self) -> bytes:
        """The crashes whose source line is known, as GitLab's Code Quality report, which marks them there."""
        rows = [
            {
                "description": sentence,
                "check_name": "espmon/crash",
                "fingerprint": hashlib.sha256(f"{sentence}\0{place[0]}\0{place[1]}".encode()).hexdigest(),
                "severity": "critical",
                "location": {"path": place[0], "lines": {"begin": place[1]}},
            }
            for sentence, place in self._places()
            if place is not None
        ]
        return json.dumps(rows, indent=1).encode()

    def _places(self) -> Iterator[tuple[str, tuple[str, int] | None]]:
        """The sentence of each crash, and where it happened: file, relative to the project's folder, and line."""
        root = os.environ.get("CI_PROJECT_DIR") or os.curdir
        for crash in self.crashes:
            report = self._helps[crash.board].panic(crash.panic)
            place, where = report.place, None
            if place is not None and place.file:
                path = os.path.relpath(place.file, root) if os.path.isabs(place.file) else place.file
                where = (plain(path), place.line or 1)
            yield self._blank(plain(report.sentence)), where


class ReportedOutput:
    """An output that a report looks at."""

    def __init__(self, output: Output, report: RunReport, board: str) -> None:
        self._output = output
        self._report = report
        self._board = board

    def take(self, batch: Batch | LineBlock) -> None:
        """See `Output`."""
        for part in batch.parts:
            if not isinstance(part, LineBlock):
                self._report.take(self._board, part)
        self._output.take(batch)

    def end(self) -> None:
        """See `Output`."""
        self._output.end()


def _count(counts: Counter[tuple[str, str]], key: tuple[str, str]) -> None:
    if key in counts or len(counts) < MAX_KINDS:
        counts[key] += 1


def escaped(text: str) -> str:
    """Text as Markdown shows it, and nothing in it acts."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", plain(text))


def _command(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _command(plain(text)).replace(":", "%3A").replace(",", "%2C")
