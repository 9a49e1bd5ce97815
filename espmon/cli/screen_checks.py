"""What is looked at before the screen starts: a terminal that can draw it, and a log file that can be written."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

DUMB = "dumb"
"""The value of TERM by which a terminal says that it cannot move its cursor. No value at all says nothing."""

DRIVER = "TEXTUAL_DRIVER"
"""Names what draws in place of the terminal: textual-serve, whose browsers show the screen, sets it."""

PLAIN_WAY = "`espmon run PORT` is the plain way, also in pipes and scripts, and `espmon decode FILE` for a capture"


def at_terminal() -> bool:
    """Whether keys come from a terminal and the screen goes to one."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def screen_problem(environment: Mapping[str, str] | None = None) -> str:
    """Why the full screen cannot be drawn here, and what works instead; "" when it can.

    Args:
        environment: of the process, `os.environ` when None.
    """
    environment = os.environ if environment is None else environment
    if environment.get(DRIVER):
        return ""  # it is not drawn in the terminal of this process
    if not at_terminal():
        return f"the full screen needs a terminal; {PLAIN_WAY}"
    term = environment.get("TERM", "")
    if term == DUMB:
        return f"the full screen needs a terminal that can move the cursor (TERM={DUMB}); {PLAIN_WAY}"
    return ""


def log_problem(path: Path) -> str:
    """Why no log can be written to `path`, "" when it can; a file that is not there yet is not left behind."""
    try:
        if path.is_dir():
            return f"cannot write {path}: it is a folder"
        if path.exists():
            return "" if os.access(path, os.W_OK) else f"cannot write {path}: no permission"
        with path.open("xb"):
            pass
        path.unlink()
    except OSError as error:
        return f"cannot write {path}: {error.strerror or error}"
    return ""
