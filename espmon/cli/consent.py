"""The question before anything that resets a board."""

from __future__ import annotations

import sys

from espmon.cli.command_runner import Exit, fail

YES = frozenset({"y", "yes"})


def require_consent(question: str, *, doing: str) -> None:
    """Ask on the terminal, and end the command with exit code 1 for anything but yes.

    Ends it with 2 where there is no terminal to ask on: nothing is agreed to by silence.

    Args:
        question: one line, cleaned.
        doing: what needs the answer, as in "probing resets the board".
    """
    if not sys.stdin.isatty():
        fail(Exit.USAGE, f"{doing}; without a terminal to ask on, --yes must be given")
    print(f"{question} Go on? [y/N] ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip().lower() not in YES:
        fail(Exit.FAILED, "Nothing was touched.")
