"""`espmon symbolize`: functions and source lines of addresses, from the ELF alone."""

from __future__ import annotations

import argparse
import sys

from espmon.cli.command_runner import Exit, clean, command_parser, fail, print_json, run_command
from espmon.postmortem import PostmortemError, Symbolizer

MAX_ADDRESSES = 1_000_000


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser(
        "symbolize", "Print function and file:line of addresses, inlined functions included.", mixed=True
    )
    result.add_argument("elf", metavar="ELF", help="the application's ELF")
    result.add_argument(
        "addresses",
        metavar="ADDR",
        nargs="*",
        help="hexadecimal, with or without 0x; without any here they are read from stdin, between spaces or line ends",
    )
    result.add_argument(
        "--also", metavar="ELF", action="append", default=[], help="another ELF (bootloader, ROM); may be repeated"
    )
    result.add_argument(
        "-a",
        "--addresses",
        dest="heads",
        action="store_true",
        help="the address above its rows, as addr2line -a has it",
    )
    result.add_argument("--json", action="store_true", help="a list of addresses with their frames, innermost first")
    return result


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, symbolize, {PostmortemError: Exit.USAGE})


def symbolize(options: argparse.Namespace) -> int:
    """Look the addresses up and print them, like addr2line -f -i -C."""
    words = options.addresses or _piped()
    addresses = [parse_address(word) for word in words[:MAX_ADDRESSES]]
    symbolizer = Symbolizer([options.elf, *options.also])
    if options.json:
        print_json(
            [
                {"address": f"0x{address:08x}", "frames": [frame.to_json() for frame in symbolizer.lookup(address)]}
                for address in addresses
            ]
        )
    else:
        for address in addresses:
            frames = symbolizer.lookup(address)
            if options.heads:
                print(f"0x{address:08x}")
            for frame in frames:
                print(f"{clean(frame.function or '??')}\n{clean(frame.file or '??')}:{frame.line or '?'}")
            if not frames:
                print("??\n??:?")
    for note in symbolizer.damage[:5]:
        print(f"espmon: warning: {clean(note)}", file=sys.stderr)
    return Exit.DONE


def _piped() -> list[str]:
    """Words from stdin; ends the command when there are none, or when only a person at a keyboard could type them."""
    words = [] if sys.stdin.isatty() else sys.stdin.read(MAX_ADDRESSES * 12).split()
    if not words:
        fail(Exit.USAGE, "no address: give some behind the ELF, or pipe them in")
    return words


def parse_address(word: str) -> int:
    """Return a hexadecimal address, with or without 0x; ends the command for anything else."""
    try:
        value = int(word, 16)
    except ValueError:
        fail(Exit.USAGE, f"{word!r} is not a hexadecimal address")
    if not 0 <= value < 1 << 64:
        fail(Exit.USAGE, f"{word!r} is outside the address space")
    return value
