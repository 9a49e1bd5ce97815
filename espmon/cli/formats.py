"""`espmon formats`: what boards can send, byte by byte, for who writes firmware."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from espmon.cli.command_runner import Exit, command_parser, run_command

PAGE = Path(__file__).resolve().parents[1] / "firmware" / "FORMATS.md"


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    return command_parser("formats", "Print what a board can send: pictures, payloads, capabilities, byte by byte.")


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, formats)


def formats(options: argparse.Namespace) -> int:
    """Print the page, as it is."""
    sys.stdout.write(PAGE.read_text("utf-8"))
    return Exit.DONE
