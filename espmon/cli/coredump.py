"""`espmon coredump`: a report from a core dump in any of its forms."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path

from espmon.cli.command_runner import Exit, clean, command_parser, fail, print_json, run_command, say
from espmon.postmortem import PostmortemError, Symbolizer, decode_core
from espmon.postmortem.core_format import Core, parse_core
from espmon.postmortem.core_input import MAX_INPUT, read_core
from espmon.session.core_decoding import elf_of, fits, with_rom

SHOWN_CANDIDATES = 5


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = command_parser("coredump", "Decode a core dump: UART text or log, base64, hex, raw image, or ELF core.")
    parser.add_argument("file", metavar="FILE", help="the dump, or - for stdin")
    parser.add_argument("--elf", metavar="ELF", help="the application's ELF; searched below this folder when not given")
    parser.add_argument(
        "--rom-elf",
        metavar="ELF",
        help="the chip's ROM ELF, for names and frames in ROM; that of an installed toolchain when not given",
    )
    parser.add_argument("--print-mem", action="store_true", help="the dumped memory too, word by word")
    parser.add_argument(
        "--save-core",
        metavar="FILE",
        help="also write the dump as an ELF core, for gdb and IDEs beside the application's",
    )
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.add_argument("--force", action="store_true", help="decode although the ELF's SHA-256 does not match")
    return run_command(parser, arguments, coredump)


def coredump(options: argparse.Namespace) -> int:
    """Read, decode and print."""
    data = read_input(options.file)
    try:
        core = parse_core(read_core(data))
        symbolizer = chosen_elf(core, options.elf)
        if symbolizer is not None:
            symbolizer = with_rom(symbolizer, core, options.rom_elf)
        report = decode_core(core, symbolizer, force=options.force)
    except PostmortemError as error:
        fail(Exit.FAILED if error.mismatch else Exit.LIMIT if error.limit else Exit.USAGE, str(error))
    if options.save_core is not None:
        save_core(core, Path(options.save_core))
    if options.json:
        print_json({**report.to_json(), "memory": report.memory_json()} if options.print_mem else report.to_json())
        for warning in report.warnings:
            say(f"espmon: warning: {warning}")
    else:
        text = report.to_text() + (report.memory_text() if options.print_mem else "")
        for line in text.splitlines():
            print(clean(line, 1000))
    if symbolizer is None:
        say("espmon: warning: decoded without an ELF: give the application's with --elf")
    return Exit.DONE


def save_core(core: Core, path: Path) -> None:
    """Write a dump as an ELF core; ends the command when it cannot be written."""
    from espmon.postmortem.core_writer import elf_core
    from espmon.session.file_system import write_atomically

    try:
        write_atomically(path, elf_core(core))
    except OSError as error:
        fail(Exit.USAGE, f"{path}: {error.strerror or error}")


def read_input(name: str) -> bytes:
    """Return the bytes of a file or of stdin; ends the command when it cannot be read."""
    if name == "-":
        return sys.stdin.buffer.read(MAX_INPUT + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(MAX_INPUT + 1)
    except OSError as error:
        fail(Exit.USAGE, f"{name}: {error.strerror or error}")


def chosen_elf(core: Core, given: str | None) -> Symbolizer | None:
    """Return the ELF to decode with: the given one, the one that fits the dump, or None.

    A dump without a SHA-256 is decoded with the newest build for its processor, which is said on stderr. Raises
    `PostmortemError` for an ELF that cannot be read.
    """
    if given is not None:
        return Symbolizer(given)
    from espmon.session.elves import ElfLibrary, discover

    found = elf_of(core, ElfLibrary())
    if found is not None:
        say(f"espmon: using {found.path} ({found.layout})")
        return Symbolizer(found.path)
    builds = discover(".")
    if core.app_sha256:
        names = ", ".join(str(item.path) for item in builds[:SHOWN_CANDIDATES]) or "none"
        say(f"espmon: no ELF with SHA-256 {core.app_sha256}... found below the current folder (builds here: {names})")
        return None
    for build in builds:
        with contextlib.suppress(PostmortemError):
            newest = Symbolizer(build.path)
            if fits(core, newest):
                say(f"espmon: the dump does not say which application made it; using the newest build, {build.path}")
                return newest
    return None
