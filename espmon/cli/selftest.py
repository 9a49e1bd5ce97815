"""`espmon selftest PORT`: what works with this board, this cable and this system, as a report for an issue."""

from __future__ import annotations

import argparse
import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from espmon.cli.command_runner import Exit, clean, command_parser, fail, failure_json, print_json, run_command, say
from espmon.cli.consent import require_consent
from espmon.cli.output_files import check_output, write_output
from espmon.cli.place_consent import may_acquire
from espmon.cli.port_options import PORT_HELP, default_baud, positive, positive_seconds
from espmon.cli.run_report import escaped
from espmon.records.record import JsonObject
from espmon.version import __version__

if TYPE_CHECKING:
    from espmon.rom import ProbeResult
    from espmon.session.self_test import StepResult

PAUSE_SECONDS = 3.0

MAC_SHOWN = 8
"""Characters of a MAC in a report that others read: who made it, not which one it is."""

NOTES = """\
It resets the board a dozen times and reads its flash; nothing is written to
it. The report names no serial number, and of the MAC only who made it.
"""

QUESTION = "The self test resets the board on {port} a dozen times and reads its flash; nothing is written."


class Report(NamedTuple):
    """What came of a self test."""

    port: str
    steps: list[StepResult]
    probe: ProbeResult | None
    usb: tuple[int, int] | None
    warnings: list[str]

    @property
    def failed(self) -> list[StepResult]:
        """The steps that did not work."""
        return [step for step in self.steps if step.failed]


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser(
        "selftest", "Try what espmon does with a board, and report what works.", mixed=True, epilog=NOTES
    )
    result.add_argument("port", metavar="PORT", help=PORT_HELP)
    result.add_argument("-y", "--yes", action="store_true", help="do not ask (for scripts)")
    result.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the report there, as Markdown")
    result.add_argument("--unplug", action="store_true", help="also ask you to pull the plug and put it back")
    result.add_argument(
        "--pause",
        type=positive_seconds,
        default=PAUSE_SECONDS,
        metavar="S",
        help="do not read the port for so long (default: %(default)g)",
    )
    result.add_argument("--no-stub", action="store_true", help="work through the ROM alone")
    result.add_argument(
        "-b", "--baud", type=positive, default=default_baud(), help="rate in baud (default: %(default)s)"
    )
    result.add_argument("--json", action="store_true", help="one JSON object on stdout instead of the report")
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code: 1 something did not work, 3 the port cannot be opened."""
    return run_command(parser(), arguments, selftest)


def selftest(options: argparse.Namespace) -> int:
    """Ask, try, report."""
    if options.output is not None:
        check_output(options.output)
    if not options.yes:
        require_consent(QUESTION.format(port=clean(options.port)), doing="the self test resets the board")
    report = tried(options)
    text = markdown(report)
    if options.output is not None:
        write_output(options.output, text.encode())
    failed = report.failed
    if failed and failed[0].name == "open":
        fail(Exit.PORT, failed[0].detail)
    sentence = f"{len(failed)} of {len(report.steps)} steps did not work: {', '.join(step.name for step in failed)}"
    if options.json:
        print_json(report_json(report, options.output, sentence))
    elif options.output is None:
        print(text, end="")
    else:
        say(f"espmon: the report is in {options.output}")
    if failed:
        say(f"espmon: {sentence}")
    return int(Exit.FAILED if failed else Exit.DONE)


def tried(options: argparse.Namespace) -> Report:
    """Run the self test. Ctrl-C ends it in order."""
    from espmon.cli.interruptible import run_interruptible
    from espmon.rom.flasher_stub import stub_folders
    from espmon.session import Session
    from espmon.session.self_test import SelfTest
    from espmon.session.settings_sources import effective_settings
    from espmon.session.status import OpenRequest

    found = effective_settings()
    settings = found.settings
    for problem in found.problems:
        say(f"espmon: {problem}")
    settings = replace(settings, recording=False, reconnect=True)

    acquire = may_acquire(options.port, yes=options.yes)

    async def work() -> Report:
        session = Session(settings=settings)
        test = SelfTest(
            session,
            OpenRequest(options.port, baud=options.baud, no_reset=True, acquire=acquire),
            pause=options.pause,
            tell=say if not options.json or options.unplug else lambda text: None,
            unplug=options.unplug,
            use_stub=not options.no_stub and bool(stub_folders()),
        )
        try:
            steps = await test.run()
        finally:
            await session.close()
        return Report(options.port, steps, test.probe, session.status.usb, list(dict.fromkeys(test.warnings)))

    return run_interruptible(work())


def system() -> JsonObject:
    """What it ran on."""
    return {
        "espmon": __version__,
        "python": platform.python_version(),
        "system": platform.platform(terse=True),
        "machine": platform.machine(),
    }


def connection(report: Report) -> str:
    """How the board is connected, without names of this computer's or numbers of this board's."""
    scheme, separator, _ = report.port.partition("://")
    kind = f"{scheme}://" if separator else "serial port"
    return kind if report.usb is None else f"{kind}, USB {report.usb[0]:04X}:{report.usb[1]:04X}"


def board(report: Report) -> JsonObject:
    """What the probe found, of the MAC only who made it."""
    if report.probe is None:
        return {}
    found = report.probe.to_json()
    for name in ("mac", "eui64"):
        if found.get(name):
            found[name] = f"{found[name][:MAC_SHOWN]}:..."
    return found


def report_json(report: Report, path: Path | None, sentence: str) -> JsonObject:
    """The report as one object."""
    failure = failure_json(Exit.FAILED, sentence) if report.failed else {"ok": True}
    return {
        **failure,
        **system(),
        "connection": connection(report),
        "board": board(report) or None,
        "steps": [
            {
                "name": step.name,
                "outcome": step.outcome,
                "seconds": round(step.seconds, 3),
                "detail": clean(step.detail),
            }
            for step in report.steps
        ],
        "warnings": report.warnings,
        "path": None if path is None else str(path.absolute()),
    }


def markdown(report: Report) -> str:
    """The report as Markdown."""
    failed = len(report.failed)
    found = report.probe
    rows = [
        f"## espmon selftest: {'all of it worked' if not failed else f'{failed} of {len(report.steps)} did not work'}",
        "",
        *(f"- {name}: {escaped(str(value))}" for name, value in system().items()),
        f"- connection: {escaped(connection(report))}",
        f"- board: {escaped(found.description or found.chip) if found is not None else 'not identified'}",
        "",
        "| step | outcome | seconds | what was seen |",
        "|---|---|---|---|",
        *(
            f"| {step.name} | {step.outcome} | {step.seconds:.2f} | {escaped(clean(step.detail))} |"
            for step in report.steps
        ),
        "",
    ]
    if report.warnings:
        rows += ["Warnings:", "", *(f"- {escaped(warning)}" for warning in report.warnings), ""]
    return "\n".join(rows)
