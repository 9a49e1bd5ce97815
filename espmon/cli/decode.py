"""`espmon decode`: a recorded stream, or one that is piped in, as records or as a readable log."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from espmon.cli.command_runner import Exit, clean, command_parser, fail, run_command
from espmon.cli.elf_help import ElfHelp
from espmon.cli.record_output import JsonOutput, LogOutput, Output
from espmon.records import Batch, Demultiplexer, Frame, Limits, LineBlock
from espmon.records.baud_detector import BaudDetector
from espmon.records.notes import Note
from espmon.records.print_filter import PrintFilter, PrintFilterError
from espmon.session.payload_decoders import PayloadDecoders

CHUNK = 64 << 10
"""Bytes of one read: memory stays flat however long the stream is."""


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("decode", "Turn a recorded stream into records (--json) or a readable log.")
    result.add_argument("file", nargs="?", default="-", help="raw bytes as received; - or nothing reads stdin")
    result.add_argument("--elf", action="append", type=Path, default=[], help="ELF with the symbols; may be repeated")
    result.add_argument(
        "--rom-elf",
        type=Path,
        metavar="ELF",
        help="the chip's ROM ELF; that of an installed toolchain when not given and the log names the chip",
    )
    result.add_argument("--json", action="store_true", help="one JSON object a record")
    result.add_argument("--print-filter", metavar="F", help='log lines to show, such as "wifi:W *:I"')
    result.add_argument(
        "--fold",
        action="store_true",
        help="equal panics become one record with a count; in the log the first is told when it comes, "
        "and the others are counted at the end",
    )
    result.add_argument(
        "--baud", type=rate, metavar="N", help="the rate it was read at: say so when it looks like another one"
    )
    result.add_argument(
        "--color",
        choices=("auto", "always", "never"),
        default="auto",
        help="colour the log by level; auto: on a terminal only, and into a file or a pipe every byte stays as it was "
        "received, the device's own colour too; never takes that out as well",
    )
    result.add_argument(
        "--save",
        type=Path,
        metavar="DIR",
        help="write screenshots, frames, files, core dumps there, and index.json",
    )
    return result


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, decode)


def decode(options: argparse.Namespace) -> int:
    """Read, take apart, print."""
    try:
        shown = PrintFilter(options.print_filter or "")
    except PrintFilterError as error:
        fail(Exit.USAGE, str(error))
    help_from_elf = ElfHelp(options.elf, options.rom_elf)
    demux = Demultiplexer(Limits(), strings=help_from_elf.strings, defmt=help_from_elf.defmt)
    output: Output
    if options.json:
        output = JsonOutput(sys.stdout, shown, help_from_elf, fold=options.fold)
    else:
        terminal = sys.stdout.isatty()
        colour = options.color == "always" or (options.color == "auto" and terminal)
        output = LogOutput(
            sys.stdout.buffer, shown, help_from_elf, colour=colour, terminal=terminal, fold=options.fold,
            remarks=options.print_filter is None, strip=options.color == "never",
        )  # fmt: skip
    if options.save is not None:
        from espmon.cli.artifact_output import ArtifactFolder, SavingOutput  # with all of a session's files

        output = SavingOutput(output, ArtifactFolder(options.save), help_from_elf)
    with opened(options.file) as stream:
        decoders = PayloadDecoders()
        for batch in batches(stream, demux, BaudDetector(options.baud) if options.baud else None):
            for part in batch.parts:
                if isinstance(part, Frame) and decoders.wants(part):
                    decoders.apply(part)
            output.take(batch)
    output.end()
    return Exit.DONE


@contextlib.contextmanager
def opened(name: str) -> Iterator[BinaryIO]:
    """The stream to read; stdin is not closed."""
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        file = open(name, "rb")  # noqa: SIM115 closed below
    except (OSError, ValueError) as error:
        fail(Exit.USAGE, f"cannot read {clean(name)}: {getattr(error, 'strerror', None) or error}")
    with file:
        yield file


def rate(text: str) -> int:
    """A rate in baud. Raises ValueError."""
    number = int(text)
    if not 300 <= number <= 20_000_000:
        raise ValueError(text)
    return number


def batches(stream: BinaryIO, demux: Demultiplexer, detector: BaudDetector | None) -> Iterator[Batch | LineBlock]:
    """The records of a stream, read by read; what is there is not held back until a whole portion has come."""
    read = getattr(stream, "read1", stream.read)
    while True:
        try:
            data = read(CHUNK)
        except OSError as error:
            yield demux.flush()
            fail(Exit.USAGE, f"cannot read on: {error.strerror or error}")
        if not data:
            break
        begin = demux.offset
        finding = detector.feed(data) if detector is not None and demux.capture is None else None
        yield demux.feed(data)
        if finding is not None:
            text = ": ".join((str(finding), "; ".join(finding.evidence)))
            yield Batch([Note(begin, len(data), None, kind="baud", text=text)])
    yield demux.flush()
