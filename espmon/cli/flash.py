"""`espmon flash verify|write|erase|read|info PORT ...`: flash over the port, natively."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.cli.command_runner import Exit, clean, command_parser, fail, print_json, run_command, say
from espmon.cli.consent import require_consent
from espmon.cli.place_consent import lent_port
from espmon.cli.port_options import PORT_HELP
from espmon.session.flash_plan import FlashPlan, PlanError, PlanLimitError, from_pairs, from_project, number
from espmon.text import counted

if TYPE_CHECKING:
    from espmon.rom.loader_session import FlashOutcome
    from espmon.session.flash_job import FlashEnd, FlashJob

PROGRESS_SECONDS = 0.2
"""Shortest time between two lines of progress."""

MORE_HELP = "espmon flash ACTION --help tells the words and options of an action."

ACTIONS = {
    "verify": "compare flash with files",
    "write": "write files; what is right already is skipped",
    "erase": "erase a region, or with --all everything",
    "read": "read flash into a file",
    "info": "partition table and application descriptors",
}


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code: 1 not as wanted, 2 usage or file, 3 port, 4 chip."""
    words = list(arguments)
    if words and words[0] in ACTIONS:
        return run_command(
            action_parser(words[0]), words[1:], run, {PlanLimitError: int(Exit.LIMIT), PlanError: int(Exit.USAGE)}
        )
    return run_command(parser(), words, run)


def parser() -> argparse.ArgumentParser:
    """The actions of the command; each has options of its own: `action_parser`."""
    result = command_parser(
        "flash", "Verify, write, erase and read flash; show partitions and applications.", epilog=MORE_HELP
    )
    actions = result.add_subparsers(dest="action", required=True, metavar="ACTION")
    for name, told in ACTIONS.items():
        actions.add_parser(name, help=told)
    return result


def action_parser(action: str) -> argparse.ArgumentParser:
    """The words and options of an action."""
    told = ACTIONS[action]
    result = command_parser(f"flash {action}", told[0].upper() + told[1:] + ".", mixed=True)
    result.set_defaults(action=action)
    result.add_argument("port", metavar="PORT", help=PORT_HELP)
    if action in ("verify", "write"):
        result.add_argument("files", nargs="*", metavar="ADDR FILE", help="pairs of address and file, or .hex files")
        result.add_argument("--project", type=Path, metavar="DIR", help="a build (ESP-IDF, PlatformIO, Arduino)")
        result.add_argument("--app-only", action="store_true", help="only the application of the project")
    if action == "write":
        result.add_argument("--erase", action="store_true", help="erase the whole flash first")
    if action in ("write", "erase"):
        forced = {
            "write": "write what does not fit, and what is the same",
            "erase": "erase although fuses speak against it",
        }
        result.add_argument("--force", action="store_true", help=forced[action])
    if action == "erase":
        result.add_argument("range", nargs="*", metavar="ADDR SIZE", help="one region of whole sectors (0x1000 bytes)")
        result.add_argument("--all", action="store_true", help="the whole flash")
    if action == "read":
        result.add_argument("address", metavar="ADDR", help="where to begin, such as 0x8000")
        result.add_argument("size", metavar="SIZE", help="bytes, such as 0xc00 or 3072")
        result.add_argument("output", metavar="FILE", type=Path, help="what to write; an old file is replaced")
    if action == "info":
        result.add_argument("--table", metavar="ADDR", help="where the partition table is (0x8000 unless moved)")
    result.add_argument("-y", "--yes", action="store_true", help="do not ask (for scripts)")
    result.add_argument("--json", action="store_true", help="one JSON object on stdout")
    result.add_argument("--no-stub", action="store_true", help="work through the ROM alone")
    result.add_argument("-b", "--baud", type=int, default=None, metavar="N", help="rate for the transfer")
    result.add_argument(
        "--after", choices=("hard-reset", "no-reset"), default="hard-reset", help="what happens to the board then"
    )
    return result


def run(options: argparse.Namespace) -> int:
    """Plan, ask, act, print."""
    job = job_of(options)
    if not options.yes:
        _ask(options.port, job)
    with lent_port(options.port, yes=options.yes) as port:
        end = finished_job(port, job, quiet=options.json, can_force=hasattr(options, "force"))
    if options.json:
        print_json(end.outcome.to_json())
    else:
        for line in lines(end.outcome):
            print(clean(line))
    if options.action == "info" and not end.outcome.partitions:
        say("espmon: no partition table to show; --table ADDR reads one that was moved")
        return int(Exit.FAILED)  # the object of the command is printed
    return int(Exit.DONE if end.outcome.ok else Exit.FAILED)


def finished_job(port: str, job: FlashJob, *, quiet: bool, can_force: bool = False) -> FlashEnd:
    """Do a job, and tell its warnings; ends the command when it fails.

    Args:
        port: what the user typed.
        job: what to do; the user has agreed.
        quiet: no progress.
        can_force: the command has an option --force.
    """
    from espmon.session.flash_job import FlashError

    try:
        end = flash_port(port, job, quiet=quiet)
    except FlashError as error:
        for warning in error.warnings:
            say(f"Warning: {warning}")
        # The screen has no such word: it is added here, where it can be typed.
        forced = " (--force does it all the same)" if error.can_force and can_force else ""
        fail(Exit.FAILED if error.job_failed else Exit.CHIP, error.message + forced, error.hint)
    for warning in end.outcome.warnings:
        say(f"Warning: {warning}")
    return end


def job_of(options: argparse.Namespace) -> FlashJob:
    """What the words ask for. Raises `PlanError`."""
    from espmon.session.flash_job import FlashJob

    action = options.action
    plan: FlashPlan | None = None
    address = size = None
    if options.baud is not None and options.baud <= 0:
        fail(Exit.USAGE, f"{options.baud} is not a rate in baud")
    if action in ("verify", "write"):
        if options.project and options.files:
            fail(Exit.USAGE, "give files or --project, not both")
        if options.app_only and not options.project:
            fail(Exit.USAGE, "--app-only needs --project")
        plan = from_project(options.project) if options.project else from_pairs(options.files)
        plan = plan.only("application") if options.app_only else plan
    elif action == "erase":
        if options.all == bool(options.range) or (options.range and len(options.range) != 2):
            fail(Exit.USAGE, "erase needs ADDR SIZE, or --all")
        if options.range:
            address, size = number(options.range[0]), number(options.range[1])
            if address % 0x1000 or size % 0x1000 or not size:
                fail(Exit.USAGE, f"0x{address:x}, 0x{size:x}: flash is erased in sectors of 0x1000")
    elif action == "read":
        address, size = number(options.address), number(options.size)
        if size <= 0:
            fail(Exit.USAGE, "nothing to read: SIZE is 0")
        if not options.output.parent.is_dir():
            fail(Exit.USAGE, f"{options.output.parent} is no folder to write to")
    elif options.table is not None:
        address = number(options.table)
    return FlashJob(
        action=action,
        plan=plan,
        address=address,
        size=size,
        output=getattr(options, "output", None),
        erase_first=getattr(options, "erase", False),
        force=getattr(options, "force", False),
        use_stub=not options.no_stub,
        baud=options.baud,
        reset=options.after == "hard-reset",
    )


def flash_port(port: str, job: FlashJob, *, quiet: bool) -> FlashEnd:
    """Open `port`, do the job, close it. Raises `PortError`, `FlashError`."""
    import asyncio

    from espmon.cli.interruptible import run_interruptible, say_cancelled
    from espmon.port.handle import PortWarningKind
    from espmon.rom.restart import run_to_end
    from espmon.session.flash_job import FlashCancelled, run_flash
    from espmon.session.port_lookup import open_port

    progress = Progress(quiet=quiet)

    async def work() -> FlashEnd:
        with say_cancelled():
            handle = await open_port(port)
        for warning in handle.warnings:
            if warning.kind is PortWarningKind.NO_LINES:
                say(f"Warning: {clean(warning.text)}")
        try:
            return await run_flash(handle, job, progress)
        except FlashCancelled as cancelled:
            progress.end()
            say(f"espmon: {cancelled.message}")
            raise asyncio.CancelledError from None
        finally:
            progress.end()
            await run_to_end(handle.close())

    return run_interruptible(work())


class Progress:
    """Progress on stderr: a line that is rewritten on a terminal, else one line a step."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._terminal = sys.stderr.isatty()
        self._last = 0.0
        self._step = ""
        self._open = False
        self._began: tuple[float, int] = (0.0, 0)

    def __call__(self, step: str, done: int, total: int) -> None:
        """Tell a step in words, and bytes done of all (0 where unknown)."""
        now = time.monotonic()
        new = step != self._step
        if self._quiet or not (new or done >= total > 0 or now - self._last >= PROGRESS_SECONDS):
            return
        if new:
            self._began = (now, done)
        self._last, self._step = now, step
        if not self._terminal:
            if new:
                say(step)
            return
        print(f"\r\x1b[K{clean(step)}{self._figures(now, done, total)}", end="", file=sys.stderr, flush=True)
        self._open = True

    def _figures(self, now: float, done: int, total: int) -> str:
        if not total:
            return ""
        began, first = self._began
        rate = (done - first) / (now - began) if now > began else 0.0
        speed = f", {rate / 1024:.0f} KiB/s, {(total - done) / rate:.0f} s left" if rate and done < total else ""
        return f" {100 * done // total:3d} %{speed}"

    def end(self) -> None:
        """Nothing more comes: end the line that is open."""
        if self._open:
            print(file=sys.stderr, flush=True)
        self._open = False


TABLE_HEAD = ("Name", "Type", "Subtype", "Offset", "Size")


def lines(outcome: FlashOutcome) -> list[str]:
    """The outcome for people."""
    rows = []
    for region in outcome.regions:
        name = region.file or f"0x{region.size:x} bytes"
        if outcome.action == "write":
            what = "already right"
            if region.written:
                what = f"{region.written:,} bytes written, {'verified' if region.md5_flash else 'NOT verified'}"
        elif outcome.action == "verify":
            what = (
                "the same" if region.ok else "DIFFERENT, first at " + ", ".join(f"0x{at:x}" for at in region.mismatch)
            )
        else:
            what = {"erase": "erased", "read": "read and verified"}.get(outcome.action, "")
        rows.append(f"0x{region.address:08x}  {name}: {what}")
    if outcome.partitions:
        cells = [
            (clean(row.name, 16), row.type_name, row.subtype_name, f"0x{row.offset:x}", f"{row.size // 1024} KiB")
            + (("encrypted",) if row.encrypted else ())
            for row in outcome.partitions
        ]
        rows += [
            "{:<17}{:<11}{:<11}{:>10}{:>12}".format(*row[:5]) + "".join(f"  {more}" for more in row[5:])
            for row in [TABLE_HEAD, *cells]
        ]
    rows += [
        f"{name}: {app.project} {app.version}, ESP-IDF {app.idf}, built {app.built}, ELF SHA256 {app.elf_sha256[:16]}"
        for name, app in outcome.applications
    ]
    rows.append(f"{outcome.chip} through its {outcome.loader}, {outcome.elapsed:.2f} s; now in {outcome.after}")
    return rows


def _ask(port: str, job: FlashJob) -> None:
    if sys.stdin.isatty():
        for piece in job.pieces:
            say(f"  0x{piece.address:08x}  {len(piece.data):>9,} bytes  {piece.file}")
    question = f"This resets the board on {clean(port)} and {_consequence(job)}."
    require_consent(question, doing=f"flash {job.action} resets the board")


def _consequence(job: FlashJob) -> str:
    """What the action does to flash, in the words of the question."""
    if job.action == "erase":
        if job.address is None or job.size is None:
            return "ERASES ALL of its flash"
        return f"ERASES {counted(job.size, 'byte')} (0x{job.size:x}) of its flash at 0x{job.address:x}"
    if job.action == "write":
        return "ERASES ALL of its flash and WRITES it" if job.erase_first else "WRITES its flash"
    if job.action == "read" and job.size is not None:
        return f"reads {counted(job.size, 'byte')} of its flash at 0x{job.address:x}"
    return "reads its flash"
