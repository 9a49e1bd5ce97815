"""`espmon coredump`: a report from a core dump in any of its forms."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from espmon.cli._common import Exit, clean, command_parser, fail, print_json, run_command, say
from espmon.postmortem import PostmortemError, decode_core
from espmon.postmortem.core_input import MAX_INPUT

SHOWN_CANDIDATES = 5


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = command_parser("coredump", "Decode a core dump: UART text or log, base64, hex, raw image, or ELF core.")
    parser.add_argument("file", metavar="FILE", help="the dump, or - for stdin")
    parser.add_argument("--elf", metavar="ELF", help="the application's ELF; searched below this folder when not given")
    parser.add_argument("--rom-elf", metavar="ELF", help="the chip's ROM ELF, for names in ROM")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.add_argument("--force", action="store_true", help="decode although the ELF's SHA-256 does not match")
    return run_command(parser, arguments, coredump)


def coredump(options: argparse.Namespace) -> int:
    """Read, decode and print."""
    data = read_input(options.file)
    try:
        elf = options.elf or find_elf(data)
        report = decode_core(data, elf, options.rom_elf, options.force)
    except PostmortemError as error:
        fail(Exit.FAILED if error.mismatch else Exit.USAGE, str(error))
    if options.json:
        print_json(report.to_json())
        for warning in report.warnings:
            say(f"espmon: warning: {warning}")
    else:
        for line in report.to_text().splitlines():
            print(clean(line, 1000))
    return Exit.DONE


def read_input(name: str) -> bytes:
    """Return the bytes of a file or of stdin; ends the command when it cannot be read."""
    if name == "-":
        return sys.stdin.buffer.read(MAX_INPUT + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(MAX_INPUT + 1)
    except OSError as error:
        fail(Exit.USAGE, f"{name}: {error.strerror or error}")


def find_elf(data: bytes) -> Path:
    """Return the ELF that fits a dump: a build below the current folder, or one kept from before.

    A dump without a SHA-256 is decoded with the newest build, which is said on stderr.
    """
    from espmon.postmortem.core_format import parse_core
    from espmon.postmortem.core_input import read_core
    from espmon.session.elves import ElfLibrary, discover, pick

    prefix = parse_core(read_core(data)).app_sha256
    if prefix:
        found = pick(prefix, ".", ElfLibrary())
        if found is not None:
            say(f"espmon: using {found.path} ({found.layout})")
            return found.path
    builds = discover(".")
    if not prefix and builds:
        say(f"espmon: the dump does not say which application made it; using the newest build, {builds[0].path}")
        return builds[0].path
    names = ", ".join(str(item.path) for item in builds[:SHOWN_CANDIDATES]) or "none"
    wanted = f"SHA-256 {prefix}..." if prefix else "the application"
    fail(Exit.USAGE, f"no ELF for {wanted} found below the current folder (builds here: {names}); give it with --elf")
