"""What every command shares: exit codes, one way to fail, cleaned output, and the rule for tracebacks.

A command module is a parser and a function:

    def main(arguments: list[str]) -> int:
        parser = command_parser("scan", "List serial ports.")
        parser.add_argument("--json", action="store_true")
        return run_command(parser, arguments, scan)

    def scan(options: argparse.Namespace) -> int:
        ...
        fail(Exit.PORT, "no such port")      # or return Exit.DONE
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from enum import IntEnum
from typing import Any, NamedTuple, NoReturn

from espmon.cli.help_texts import examples_help
from espmon.port.port_error import PortError
from espmon.text import plain

MAX_CLEAN = 300
"""Most characters of a device's own text on one line of output."""

MAX_MESSAGE = 2000
"""Most characters of a message: it may name a path of the user's, and the reason and the way on stand beside it."""

HELP_COLUMNS = 80
"""Width of the help where there is no terminal to ask."""


class Exit(IntEnum):
    """The exit codes that scripts may rely on."""

    DONE = 0
    FAILED = 1
    USAGE = 2
    PORT = 3
    CHIP = 4
    LIMIT = 5
    INTERRUPTED = 130


ERROR_KINDS = {
    Exit.FAILED: "failed",
    Exit.USAGE: "usage",
    Exit.PORT: "port",
    Exit.CHIP: "chip",
    Exit.LIMIT: "limit",
    Exit.INTERRUPTED: "interrupted",
}
"""Exit code -> `kind` of a failure in JSON; any other code is "ended" (by a signal)."""


class Failure(NamedTuple):
    """Why a command did not do its work."""

    code: int
    message: str
    """One line, what happened."""

    hint: str = ""
    """What the user can do."""

    @property
    def told(self) -> str:
        """Both, as one line."""
        return f"{self.message.rstrip('.')}. {self.hint}" if self.hint else self.message


class CommandError(Exception):
    """A command ends here, with one line for the user.

    Args:
        code: the exit code.
        message: one line; it is cleaned before it is printed.
        hint: what the user can do; printed behind the message.
    """

    def __init__(self, code: int, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint


def fail(code: int, message: str, hint: str = "") -> NoReturn:
    """End the command with `code`, printing `espmon: message. hint` on stderr."""
    raise CommandError(code, message, hint)


def clean(text: object, limit: int = MAX_CLEAN) -> str:
    """`text` on one line and harmless to a terminal (see `espmon.text.plain`), of at most `limit` characters.

    What is too long loses its middle: what it is about stands at the start, what came of it at the end.
    """
    whole = str(text)
    shown = plain(whole[: limit + 1])
    if len(shown) <= limit:
        return shown
    head = (limit - 1) // 2
    return f"{plain(whole[:head])[:head]}…{plain(whole[-limit:])[head + 1 - limit :]}"


def say(message: object) -> None:
    """Print one cleaned line on stderr, where everything that is not a result belongs."""
    with suppress(OSError):  # nobody reads it, and there is nobody else who could be told
        print(clean(message, MAX_MESSAGE), file=sys.stderr)


def print_json(value: Any) -> None:
    """Print one JSON object on one line of stdout (ASCII only, so hostile text cannot reach the terminal raw)."""
    print(json.dumps(value, separators=(", ", ": ")))


def failure_json(code: int, message: str, hint: str = "") -> dict[str, Any]:
    """A failure as `--json` prints it."""
    kinds = {int(known): kind for known, kind in ERROR_KINDS.items()}
    return {
        "ok": False,
        "error": {"kind": kinds.get(code, "ended"), "message": clean(message, MAX_MESSAGE), "hint": clean(hint)},
    }


class HelpFormatter(argparse.HelpFormatter):
    """Help as wide as the terminal; what has line ends of its own keeps them."""

    def __init__(self, prog: str) -> None:
        # argparse would ask `shutil`, which every command would wait for on its way.
        try:
            columns = int(os.environ.get("COLUMNS") or 0) or os.get_terminal_size().columns or HELP_COLUMNS
        except (OSError, ValueError):  # not a terminal, or COLUMNS is no number
            columns = HELP_COLUMNS
        super().__init__(prog, width=columns - 2)

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


class UsageExit(SystemExit):
    """argparse found the words to be wrong; `message` says what."""

    def __init__(self, message: str) -> None:
        super().__init__(int(Exit.USAGE))
        self.message = message


class CommandParser(argparse.ArgumentParser):
    """A parser whose mistakes can be told in JSON too; so can those of its actions' parsers."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong, and exit."""
        self.print_usage(sys.stderr)
        print(f"{self.prog}: error: {clean(message, MAX_MESSAGE)}", file=sys.stderr)
        raise UsageExit(message)


class MixedParser(CommandParser):
    """A parser that takes options before, between and after the words (argparse alone not always, with optional words).

    It cannot have subcommands.
    """

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse; exits like any parser."""
        return self.parse_intermixed_args(args, namespace)


def command_parser(
    name: str, description: str, *, mixed: bool = False, epilog: str | None = None
) -> argparse.ArgumentParser:
    """A parser for `espmon NAME` that knows `--debug`, and shows the command's examples.

    Args:
        name: the command; with its action, where it has actions.
        description: one paragraph.
        mixed: see `MixedParser`.
        epilog: printed behind the options, in front of the examples.
    """
    texts = [text for text in (epilog and epilog.rstrip(), examples_help(name)) if text]
    parser = (MixedParser if mixed else CommandParser)(
        prog=f"espmon {name}".strip(),
        description=description,
        epilog="\n\n".join(texts) + "\n" if texts else None,
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--debug", action="store_true", help="show a traceback when something fails")
    return parser


def run_command(
    parser: argparse.ArgumentParser,
    arguments: Sequence[str],
    command: Callable[[argparse.Namespace], int],
    errors: Mapping[type[Exception], int] | None = None,
) -> int:
    """Parse `arguments`, run `command`, and turn every failure into one line and an exit code.

    With `--json` a failure is an object on stdout besides: `failure_json`.

    Args:
        parser: made by `command_parser`.
        arguments: the words after the command's name.
        command: gets the parsed options, returns the exit code.
        errors: exception type -> exit code, for the rooms the command uses (`PortError` is known: 3).
    """
    try:
        options = parser.parse_args(list(arguments))
    except SystemExit as stop:
        code = int(stop.code or 0)
        if code and "--json" in arguments:
            message = stop.message if isinstance(stop, UsageExit) else f"wrong usage of {parser.prog}"
            print_failure(failure_json(code, message, f"{parser.prog} --help"))
        return code
    try:
        code = int(command(options))
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        # The reader of our output left (`| head`): nobody is there to be told; Python's own flush must not complain.
        silence_output()
        return int(Exit.DONE)
    except KeyboardInterrupt:
        failure = Failure(Exit.INTERRUPTED, "")
    except SystemExit as stop:  # by a signal
        if getattr(options, "json", False):
            print_failure(failure_json(int(stop.code or 0), "ended by a signal"))
        raise
    except Exception as error:  # noqa: BLE001 the edge of the program: shown once, as one line
        if options.debug:
            import traceback  # the only one who needs it

            traceback.print_exc()
        failure = failure_of(error, {PortError: int(Exit.PORT), **(errors or {})})
        say(f"espmon: {failure.told}")
    if getattr(options, "json", False):
        print_failure(failure_json(failure.code, failure.message or "interrupted", failure.hint))
    return int(failure.code)


def print_failure(value: dict[str, Any]) -> None:
    """Print a failure as JSON; where standard output takes nothing, standard error has said it."""
    try:
        print_json(value)
        sys.stdout.flush()
    except OSError:
        silence_output()


def silence_output() -> None:
    """Standard output takes nothing any more: Python's own flush at the end must not complain."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


def failure_of(error: Exception, codes: Mapping[type[Exception], int]) -> Failure:
    """What an exception means at the edge of the program; `codes`: exception type -> exit code."""
    if isinstance(error, CommandError):
        return Failure(error.code, error.message, error.hint)
    for kind, code in codes.items():
        if isinstance(error, kind):
            return Failure(code, str(getattr(error, "message", error)), str(getattr(error, "hint", "")))
    if isinstance(error, OSError):
        return Failure(Exit.FAILED, f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""))
    return Failure(Exit.FAILED, f"internal error: {type(error).__name__}: {error} (--debug shows where)")
