"""`espmon run PORT...`: what the screen does, without one: log or JSON lines on stdout, a verdict as the exit code."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.cli.command_runner import Exit, clean, command_parser, fail, print_json, run_command, say
from espmon.cli.place_consent import may_acquire
from espmon.cli.platformio_project import take_project
from espmon.cli.port_options import (
    PORT_HELP,
    add_port_options,
    check_elf_files,
    port_of_environment,
    positive,
    positive_seconds,
    print_filter_of,
)
from espmon.text import counted

if TYPE_CHECKING:
    from espmon.session.expectations import Goals
    from espmon.session.script import Step
    from espmon.user_pattern import UserPattern

NOTES = """\
--until, --expect and --send-after also look at a line that has no end yet,
such as a prompt.

exit codes: 0 what was expected came, or nothing was expected; 1 --fail-on; 2
wrong usage; 3 port not opened or lost; 5 time, bytes or silence ran out
first; 130 Ctrl-C
"""


SENDING = ("reset", "send", "send_after", "interactive", "raw_stdin", "script", "share")
"""Options that do something to the board, or to its port."""


def parser() -> argparse.ArgumentParser:
    """The options of `espmon run`."""
    result = command_parser(
        "run", "Monitor boards without a screen, for scripts, pipes and CI.", mixed=True, epilog=NOTES
    )
    result.add_argument(
        "port",
        nargs="*",
        metavar="PORT",
        help=PORT_HELP,
    )
    add_port_options(result)
    result.add_argument("--json", action="store_true", help="one JSON object a record instead of the log")
    result.add_argument(
        "--color", choices=("auto", "always", "never"), default="auto", help="as `espmon decode` (default: %(default)s)"
    )
    result.set_defaults(share=None)
    result.add_argument(
        "--otlp", action="store_true", help="send lines, crashes and metrics to the OpenTelemetry collector of OTEL_*"
    )
    result.add_argument(
        "--look-on",
        action="store_true",
        help="print what another espmon of yours receives that holds PORT, from now on",
    )
    result.add_argument("--no-reconnect", action="store_true", help="a lost port ends the run")
    sending = result.add_argument_group("to the board")
    sending.add_argument("--reset", action="store_true", help="reset the board first (asks)")
    sending.add_argument("-y", "--yes", action="store_true", help="do not ask (for scripts)")
    sending.add_argument("--send", action="append", default=[], metavar="TEXT", help="a line to send at the start")
    sending.add_argument(
        "--send-after",
        action="append",
        nargs=2,
        default=[],
        metavar=("RE", "TEXT"),
        help="a line to send when RE is seen for the first time",
    )
    sending.add_argument(
        "-i", "--interactive", action="store_true", help="send standard input also where it is a terminal"
    )
    sending.add_argument("--no-stdin", action="store_true", help="send nothing of standard input")
    sending.add_argument("--raw-stdin", action="store_true", help="send standard input byte by byte, not line by line")
    script = result.add_argument_group("a script")
    script.add_argument(
        "--script",
        metavar="FILE",
        help="run the commands of FILE (- is standard input): those of idf.py monitor's scripts, and probe, "
        "screenshot, coredump, mark; ends the run when nothing else is expected",
    )
    script.add_argument("--check", action="store_true", help="only read the script, and say what is wrong with it")
    ends = result.add_argument_group("ends and verdicts")
    ends.add_argument("--until", action="append", default=[], metavar="RE", help="end when this is seen")
    ends.add_argument(
        "--expect", action="append", default=[], metavar="RE", help="end when all of these were seen, in this order"
    )
    ends.add_argument("--expect-any", action="store_true", help="one of the --expect is enough")
    ends.add_argument(
        "--fail-on",
        action="append",
        default=[],
        metavar="RE|panic|reset|error|wrong-elf",
        help="end with 1 when this happens; a word among these is the event (write [p]anic for the text)",
    )
    ends.add_argument("--timeout", type=positive_seconds, metavar="S", help="end after S seconds")
    ends.add_argument("--idle-timeout", type=positive_seconds, metavar="S", help="end when nothing came for S seconds")
    ends.add_argument("--max-bytes", type=positive, metavar="N", help="end when N bytes have come")
    ends.add_argument("--boots", type=positive, metavar="N", help="end when the boot after the Nth begins")
    result.add_argument(
        "--save",
        type=Path,
        metavar="DIR",
        help="write screenshots, frames, files, core dumps there, and index.json",
    )
    reports = result.add_argument_group("for a CI page")
    reports.add_argument("--junit", type=Path, metavar="FILE", help="write the run as a JUnit test case")
    reports.add_argument(
        "--summary", type=Path, metavar="FILE", help="write resets, crashes and screenshots as Markdown"
    )
    reports.add_argument(
        "--code-quality",
        type=Path,
        metavar="FILE",
        help="write crashes with their source lines as a GitLab Code Quality report (on GitLab: "
        "gl-code-quality-report.json when not given)",
    )
    reports.add_argument(
        "--no-annotations", action="store_true", help="on GitHub and GitLab: do not mark crashes at their source lines"
    )
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, run)


def run(options: argparse.Namespace) -> int:
    """Look at what was asked for, ask before a reset, and monitor."""
    from espmon.records.print_filter import PrintFilter, PrintFilterError

    steps = read_steps(options)
    if options.check:
        return tell_steps(options, steps)
    if taken := take_project(options):
        say(taken)
    check_elf_files(options)
    if not options.port:
        variable, port = port_of_environment()
        if not port:
            fail(Exit.USAGE, "no PORT is given")
        options.port = [port]
        say(f"{variable}: port {clean(port)}")
    if len(set(options.port)) != len(options.port):
        fail(Exit.USAGE, "a port is named twice")
    try:
        shown = PrintFilter(print_filter_of(options))
    except PrintFilterError as error:
        fail(Exit.USAGE, str(error))
    goals = goals_of(options)
    if options.look_on:
        check_look_on(options)
    if options.otlp:
        from espmon.session.telemetry.telemetry_start import NEEDS, installed

        if not installed():
            fail(Exit.USAGE, NEEDS)
    if options.reset and not options.yes:
        from espmon.cli.consent import require_consent

        ports = clean(", ".join(options.port))
        require_consent(f"This resets the board on {ports}.", doing="--reset resets the board")
    options.places = {port for port in options.port if may_acquire(port, yes=options.yes)}
    script = None
    if steps is not None:
        from espmon.cli.script_run import ScriptRun, ask_for_script

        if not options.yes:
            ask_for_script(steps, clean(options.port[0]))
        script = ScriptRun(steps, clean(options.script))
    from espmon.cli.headless_run import HeadlessRun

    return HeadlessRun(options, goals, shown, script).run()


def check_look_on(options: argparse.Namespace) -> None:
    """Who looks on sends nothing: end the command where something of that kind is asked for."""
    asked = [name for name in SENDING if getattr(options, name)]
    if asked:
        fail(Exit.USAGE, f"--look-on sends nothing; it goes without --{asked[0].replace('_', '-')}")
    options.no_stdin = True


def read_steps(options: argparse.Namespace) -> list[Step] | None:
    """The script, None without one; ends the command when it cannot be run."""
    if options.script is None:
        if options.check:
            fail(Exit.USAGE, "--check needs --script")
        return None
    if len(options.port) > 1:
        fail(Exit.USAGE, "--script runs on one port")
    from espmon.cli.script_run import read_script

    return read_script(options.script)


def tell_steps(options: argparse.Namespace, steps: Sequence[Step] | None) -> int:
    """What a script would do."""
    rows = [{"line": step.line, "command": step.command, "argument": step.text} for step in steps or ()]
    asks = sorted({step.consent.value for step in steps or ()} - {""})
    if options.json:
        print_json({"ok": True, "script": options.script, "consent": asks, "steps": rows})
    else:
        say(f"{options.script}: {counted(len(rows), 'command')}, no mistake; it {' and '.join(asks) or 'asks nothing'}")
    return Exit.DONE


def goals_of(options: argparse.Namespace) -> Goals:
    """What the run waits for; ends the command when an expression is none."""
    from espmon.session.expectations import FAIL_WORDS, Goals, Reply

    if options.expect_any and not options.expect:
        fail(Exit.USAGE, "--expect-any needs --expect")
    words = [text for text in options.fail_on if text in FAIL_WORDS]
    return Goals(
        until=[_pattern(text) for text in options.until],
        expect=[_pattern(text) for text in options.expect],
        expect_any=options.expect_any,
        fail_on=[_pattern(text) for text in options.fail_on if text not in FAIL_WORDS],
        fail_events=frozenset(words),
        boots=options.boots,
        replies=[Reply(_pattern(expression), text) for expression, text in options.send_after],
        asked_reset=options.reset,
    )


def _pattern(text: str) -> UserPattern:
    from espmon.user_pattern import PatternError, UserPattern

    try:
        return UserPattern(text, text)
    except PatternError as error:
        fail(Exit.USAGE, f"{text}: {error}")
