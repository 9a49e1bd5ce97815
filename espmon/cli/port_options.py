"""Options of every command that monitors a port: the screen and `run` take the same."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from espmon.cli.command_runner import Exit, fail

BAUD_VARIABLES = ("ESPMON_BAUD", "IDF_MONITOR_BAUD", "MONITORBAUD")
"""Environment variables for the rate, the first that holds a number counts; the others are idf.py monitor's."""


class DefaultRate(int):
    """A rate that nobody asked for."""


DEFAULT_BAUD = DefaultRate(115200)

MAX_SECONDS = 1e9
"""Longest time that an option takes."""


def positive(text: str) -> int:
    """A whole number above 0, for argparse."""
    value = int(text)
    if value <= 0:
        raise ValueError(text)
    return value


def positive_seconds(text: str) -> float:
    """A time above 0, for argparse."""
    value = float(text)
    if not 0 < value < MAX_SECONDS:
        raise ValueError(text)
    return value


def default_baud() -> int:
    """The rate from the environment, else 115200."""
    for name in BAUD_VARIABLES:
        text = os.environ.get(name, "")
        if text.isdigit() and int(text) > 0:
            return int(text)
    return DEFAULT_BAUD


def add_port_options(parser: argparse.ArgumentParser) -> None:
    """Rate, ELF files, quiet opening, print filter."""
    parser.add_argument(
        "-b", "--baud", type=positive, default=default_baud(), help="rate in baud (default: %(default)s)"
    )
    parser.add_argument(
        "--elf", action="append", type=Path, default=[], metavar="ELF", help="ELF for decoding; application first"
    )
    parser.add_argument(
        "--rom-elf",
        type=Path,
        metavar="ELF",
        help="the chip's ROM ELF; that of an installed toolchain when not given",
    )
    parser.add_argument(
        "--no-reset", action="store_true", help="keep DTR and RTS quiet while opening, as far as possible"
    )
    parser.add_argument("--print-filter", default=None, metavar="F", help='tag:level filter, as in "wifi:W *:I"')


def print_filter_of(options: argparse.Namespace) -> str:
    """The filter that was asked for, on the command line or in the environment."""
    return options.print_filter or os.environ.get("ESP_IDF_MONITOR_PRINT_FILTER", "")


def check_elf_files(options: argparse.Namespace) -> None:
    """End the command when an ELF that was named is not there."""
    given = [*options.elf, *([options.rom_elf] if options.rom_elf is not None else [])]
    missing = [path for path in given if not path.is_file()]
    if missing:
        fail(Exit.USAGE, f"no such ELF file: {missing[0]}")
