"""The command line: one module a command, found by name, imported only when it runs."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from importlib import import_module

COMMANDS = {
    "run": "espmon.cli.run",
    "demo": "espmon.cli.demo",
    "open": "espmon.cli.open_command",
    "sessions": "espmon.cli.sessions",
    "serve": "espmon.cli.serve_command",
    "crashes": "espmon.cli.crashes",
    "sim": "espmon.cli.sim",
    "share": "espmon.cli.share",
    "gdb": "espmon.cli.gdb_command",
    "scan": "espmon.cli.scan",
    "probe": "espmon.cli.probe",
    "flash": "espmon.cli.flash",
    "decode": "espmon.cli.decode",
    "coredump": "espmon.cli.coredump",
    "screenshot": "espmon.cli.screenshot_command",
    "selftest": "espmon.cli.selftest",
    "symbolize": "espmon.cli.symbolize",
    "devices": "espmon.cli.devices",
    "config": "espmon.cli.config_command",
    "formats": "espmon.cli.formats",
    "firmware": "espmon.cli.firmware",
    "completion": "espmon.cli.completion",
}
"""Command -> module with `main(arguments: list[str]) -> int`, and `parser()`, its options."""


YOUNG_OBJECTS = 50_000
"""New objects between two runs of the garbage collector (Python's own choice is 700, made for small programs)."""


def program() -> int:
    """The whole process: `main`, with the collector kept away from start-up and exit.

    Modules that are being loaded and an interpreter that ends hold no garbage worth looking for, and the search takes
    a sixth of the time of a command like `espmon probe`.
    """
    from espmon.cli.process_end import end_soon, open_standard_streams

    gc.set_threshold(YOUNG_OBJECTS)
    open_standard_streams()
    try:
        code = main()
        end_soon(code)
        return code
    finally:
        gc.freeze()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; returns the exit code (see the table in the README)."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if words and words[0] in COMMANDS:
        return int(import_module(COMMANDS[words[0]]).main(words[1:]))
    return int(import_module("espmon.cli.monitor").main(words))
