"""`--save DIR`: screenshots, frames, files and core dumps of a stream as files, listed in one `index.json`."""

from __future__ import annotations

import json
from pathlib import Path

from espmon.cli.command_runner import Exit, fail
from espmon.cli.elf_help import ElfHelp
from espmon.cli.record_output import Output
from espmon.records import Batch, Coredump, JsonObject, LineBlock
from espmon.records.record import PayloadRecord
from espmon.session.artifact_files import save_artifact
from espmon.session.file_system import write_atomically
from espmon.session.session_folder import safe_name
from espmon.text import plain_lines

INDEX = "index.json"

MAX_ARTIFACTS = 10_000
"""Files of payloads that one command saves."""

MAX_SAVED_BYTES = 4 << 30
"""Bytes of payloads that one command saves."""


class ArtifactFolder:
    """The folder, and what is in it. Names come from offsets and types, never from a path of the device's.

    Ends the command: with 2 when the folder cannot be made, with 1 when a file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._rows: list[JsonObject] = []
        self._bytes = 0
        self._left_out = 0
        self._make(path)

    def save(self, record: PayloadRecord, elf: ElfHelp, board: str | None) -> None:
        """Write a payload, name the file in the record, and list it."""
        if len(self._rows) >= MAX_ARTIFACTS or self._bytes + len(record.payload) > MAX_SAVED_BYTES:
            self._left_out += 1
            return
        folder = self.path if board is None else self.path / safe_name(board)
        self._make(folder)
        try:
            path = save_artifact(folder, record, record.payload)
            beside = self._core_files(record, path, elf) if isinstance(record, Coredump) else {}
        except OSError as error:
            fail(Exit.FAILED, f"{error.filename or folder}: {error.strerror or error}")
        self._bytes += len(record.payload)
        record.path = str(path.absolute())
        row: JsonObject = {
            "file": self._relative(path),
            "type": record.type,
            "kind": getattr(record, "kind", None),
            "name": getattr(record, "name", None),
            "offset": record.offset,
            "length": record.length,
            "time": record.time,
            "bytes": len(record.payload),
            "sha256": record.sha256,
            "complete": record.complete,
            "error": record.error,
            **{what: self._relative(file) for what, file in beside.items()},
        }
        self._rows.append(row if board is None else {"board": board, **row})

    def finish(self) -> None:
        """Write the index."""
        index = {"artifacts": self._rows, "left_out": self._left_out}
        try:
            write_atomically(self.path / INDEX, json.dumps(index, indent=1).encode())
        except OSError as error:
            fail(Exit.FAILED, f"{self.path / INDEX}: {error.strerror or error}")

    @staticmethod
    def _core_files(record: Coredump, path: Path, elf: ElfHelp) -> dict[str, Path]:
        """A core dump as an ELF core and as a report, as far as it can be read."""
        from espmon.postmortem import PostmortemError
        from espmon.postmortem.core_format import parse_core
        from espmon.postmortem.core_input import read_core
        from espmon.postmortem.core_writer import elf_core

        files: dict[str, Path] = {}
        try:
            data = elf_core(parse_core(read_core(bytes(record.payload))))
        except PostmortemError:
            return files  # the dump itself is saved; its record says what is wrong with it
        files["elf"] = path.with_suffix(".elf")
        write_atomically(files["elf"], data)
        if report := elf.core(record):
            files["report"] = path.with_suffix(".txt")
            write_atomically(files["report"], plain_lines(report[1]).encode())
        return files

    def _relative(self, path: Path) -> str:
        return path.relative_to(self.path).as_posix()

    @staticmethod
    def _make(folder: Path) -> None:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fail(Exit.USAGE, f"{folder}: {error.strerror or error}")


class SavingOutput:
    """An output whose payloads are saved first, so that what it prints names their files.

    Args:
        output: prints the records.
        folder: where payloads go.
        elf: decodes core dumps.
        board: whose they are, where there are several.
    """

    def __init__(self, output: Output, folder: ArtifactFolder, elf: ElfHelp, board: str | None = None) -> None:
        self._output = output
        self._folder = folder
        self._elf = elf
        self._board = board

    def take(self, batch: Batch | LineBlock) -> None:
        """See `Output`."""
        for part in batch.parts:
            if isinstance(part, PayloadRecord) and part.payload:
                self._folder.save(part, self._elf, self._board)
        self._output.take(batch)

    def end(self) -> None:
        """See `Output`."""
        self._folder.finish()
        self._output.end()
