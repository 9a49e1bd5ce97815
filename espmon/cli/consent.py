"""The question before anything that resets a board."""

from __future__ import annotations

import sys

from espmon.cli.command_runner import Exit, fail

YES = frozenset({"y", "yes"})


def agreed(question: str, *, doing: str) -> bool:
    """Ask on the terminal; True for yes.

    Ends the command with exit code 2 where there is no terminal to ask on: nothing is agreed to by silence.

    Args:
        question: one line, cleaned.
        doing: what needs the answer, as in "probing resets the board".
    """
    if not sys.stdin.isatty():
        fail(Exit.USAGE, f"{doing}; without a terminal to ask on, --yes must be given")
    print(f"{question} Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in YES
