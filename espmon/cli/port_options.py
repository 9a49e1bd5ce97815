"""Options of every command that monitors a port: the screen and `run` take the same."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from espmon.cli.command_runner import Exit, fail
from espmon.port.line_format import DATA_BITS, LEVELS, MAX_BREAK_SECONDS, STOP_BITS, USUAL, Flow, LineFormat, Parity

if TYPE_CHECKING:
    from espmon.session.status import OpenRequest

BAUD_VARIABLES = ("ESPMON_BAUD", "IDF_MONITOR_BAUD", "MONITORBAUD")
"""Environment variables for the rate, the first that holds a number counts; the others are idf.py monitor's."""

PORT_HELP = "device path, nickname, rfc2217://, telnet://, socket://, labgrid:PLACE or any pyserial URL"

PORT_VARIABLES = ("ESPPORT", "ESPTOOL_PORT")
"""Environment variables of idf.py and esptool for the port, where a command without a screen is given none."""


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


def break_seconds(text: str) -> float:
    """The length of a break, for argparse."""
    value = float(text)
    if not 0 < value <= MAX_BREAK_SECONDS:
        raise ValueError(text)
    return value


def port_of_environment() -> tuple[str, str]:
    """The variable that names a port, and the port; ("", "") where none does."""
    return next(((name, port) for name in PORT_VARIABLES if (port := os.environ.get(name, ""))), ("", ""))


def default_baud() -> int:
    """The rate from the environment, else 115200."""
    for name in BAUD_VARIABLES:
        text = os.environ.get(name, "")
        if text.isdigit() and int(text) > 0:
            return int(text)
    return DEFAULT_BAUD


def port_number(text: str) -> int:
    """A TCP port, 0 for any; raises `ArgumentTypeError` for what is none."""
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of a TCP port") from None
    if not 0 <= number < 65_536:
        raise argparse.ArgumentTypeError(f"{number} is no number of a TCP port")
    return number


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
    add_line_options(parser)
    parser.add_argument("--print-filter", default=None, metavar="F", help='tag:level filter, as in "wifi:W *:I"')


def add_line_options(parser: argparse.ArgumentParser) -> None:
    """Data bits, parity, stop bits, flow control, and how DTR and RTS are left."""
    line = parser.add_argument_group("the serial line")
    line.add_argument("--data-bits", type=int, choices=DATA_BITS, help="usually 8")
    line.add_argument("--parity", choices=[one.value for one in Parity], help="usually none")
    line.add_argument("--stop-bits", type=float, choices=STOP_BITS, help="usually 1")
    line.add_argument("--flow", choices=[one.value for one in Flow], help="flow control; usually none")
    line.add_argument("--dtr", choices=tuple(LEVELS), help="leave DTR like this when the port is open")
    line.add_argument("--rts", choices=tuple(LEVELS), help="leave RTS like this when the port is open")
    line.add_argument(
        "--break",
        dest="break_seconds",
        type=break_seconds,
        metavar="S",
        help=f"begin with a break of so many seconds, at most {MAX_BREAK_SECONDS:g}",
    )


class PortChoice(NamedTuple):
    """How one port is opened."""

    baud: int
    line: LineFormat
    elf: tuple[Path, ...]
    dtr: bool | None
    rts: bool | None


def choice_for(options: argparse.Namespace, port: str, elf_setting: str = "") -> PortChoice:
    """What was asked for; where nothing was, what is remembered of the device with this nickname; else the setting.

    Reads the registry where `port` may be a nickname. Raises `PortError` when that cannot be read.
    """
    known = None
    if port and "://" not in port and os.sep not in port:
        from espmon.port.device_registry import DeviceRegistry

        known = DeviceRegistry().by_nickname(port)
    line = LineFormat.parse(known.line) if known is not None and known.line else USUAL
    asked = {
        "data_bits": options.data_bits,
        "parity": options.parity and Parity(options.parity),
        "stop_bits": options.stop_bits,
        "flow": options.flow and Flow(options.flow),
    }
    baud, elf = options.baud, tuple(options.elf)
    if known is not None and known.baud and isinstance(baud, DefaultRate):
        baud = known.baud
    if known is not None and known.elf and not elf and os.path.isfile(known.elf):
        elf = (Path(known.elf),)
    if not elf and elf_setting and os.path.isfile(elf_setting):
        elf = (Path(elf_setting),)
    return PortChoice(
        baud,
        replace(line, **{name: value for name, value in asked.items() if value is not None}),
        elf,
        LEVELS.get(options.dtr, None if known is None else known.dtr),
        LEVELS.get(options.rts, None if known is None else known.rts),
    )


def print_filter_of(options: argparse.Namespace) -> str:
    """The filter that was asked for, on the command line or in the environment."""
    return options.print_filter or os.environ.get("ESP_IDF_MONITOR_PRINT_FILTER", "")


def check_elf_files(options: argparse.Namespace) -> None:
    """End the command when an ELF that was named is not there."""
    given = [*options.elf, *([options.rom_elf] if options.rom_elf is not None else [])]
    missing = [path for path in given if not path.is_file()]
    if missing:
        fail(Exit.USAGE, f"no such ELF file: {missing[0]}")


def request_for(options: argparse.Namespace, port: str, elf_setting: str = "") -> OpenRequest:
    """How a port is opened, as `choice_for` has it. What the board is to do then is added by who opens it."""
    from espmon.session.status import OpenRequest

    chosen = choice_for(options, port, elf_setting)
    return OpenRequest(
        url=port,
        baud=chosen.baud,
        line=chosen.line,
        dtr=chosen.dtr,
        rts=chosen.rts,
        break_seconds=options.break_seconds,
        no_reset=options.no_reset,
        elf=chosen.elf,
        rom_elf=options.rom_elf,
    )
