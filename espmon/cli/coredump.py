"""`espmon coredump`: a report from a core dump in any of its forms, or out of the board's own flash."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.cli.command_runner import Exit, clean, command_parser, fail, print_json, run_command, say
from espmon.cli.output_files import check_output, write_output
from espmon.cli.port_options import port_number, positive
from espmon.postmortem import PostmortemError, Symbolizer, decode_core
from espmon.postmortem.core_format import Core, parse_core
from espmon.postmortem.core_input import MAX_INPUT, read_core
from espmon.session.core_decoding import elf_of, fits, with_rom
from espmon.session.file_hash import hash_ahead

if TYPE_CHECKING:
    from espmon.postmortem import CoreReport
    from espmon.postmortem.typed_value import TypedValue
    from espmon.records.record import JsonObject
    from espmon.session.dump_server import DumpServer

SHOWN_CANDIDATES = 5


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser(
        "coredump",
        "Decode a core dump: UART text or log, base64, hex, raw image, or ELF core; or the one in a board's flash.",
        mixed=True,
    )
    result.add_argument("file", metavar="FILE", nargs="?", help="the dump, or - for stdin")
    board = result.add_argument_group("out of a board's flash")
    board.add_argument(
        "--port", metavar="PORT", help="read the core dump partition of the board there (asks: it resets the board)"
    )
    board.add_argument("-y", "--yes", action="store_true", help="do not ask (for scripts)")
    board.add_argument("--table", metavar="ADDR", help="where the partition table is (0x8000 unless moved)")
    board.add_argument("--no-stub", action="store_true", help="read through the ROM alone")
    board.add_argument("-b", "--baud", type=positive, default=None, metavar="N", help="rate for the transfer")
    result.add_argument("--elf", metavar="ELF", help="the application's ELF; searched below this folder when not given")
    result.add_argument(
        "--rom-elf",
        metavar="ELF",
        help="the chip's ROM ELF, for names and frames in ROM; that of an installed toolchain when not given",
    )
    result.add_argument(
        "--variables", action="store_true", help="arguments and local variables of every frame of every task"
    )
    result.add_argument("--rtos", action="store_true", help="what each task waits for, mutexes, deadlocks, stack marks")
    result.add_argument("--heap", action="store_true", help="the heaps: free, used, largest block, sizes, damage")
    result.add_argument("--all", action="store_true", help="--variables, --rtos and --heap")
    result.add_argument(
        "--print-var",
        action="append",
        default=[],
        metavar="PATH",
        help="a global variable, or a part of one: app_state.mode[2], head->next, *selected (may be repeated)",
    )
    result.add_argument(
        "--decoder", metavar="NAME", help="a second opinion, with what differs: esp-coredump, or what a package offers"
    )
    result.add_argument(
        "--compare", metavar="FILE", help="another dump: what differs in tasks, stacks, heaps and global variables"
    )
    result.add_argument("--compare-elf", metavar="ELF", help="the ELF of that dump, where it is of another build")
    result.add_argument("--seen", action="store_true", help="past sessions with the same crash, and their builds")
    result.add_argument("--print-mem", action="store_true", help="the dumped memory too, word by word")
    debugger = result.add_mutually_exclusive_group()
    debugger.add_argument("--gdb", action="store_true", help="start the gdb of this computer on the dump")
    debugger.add_argument(
        "--listen",
        type=port_number,
        metavar="PORT",
        help="serve the dump to gdb and IDEs on this TCP port of this computer, until Ctrl-C (0: any free one)",
    )
    result.add_argument("--save", type=Path, metavar="FILE", help="also write the dump as the board wrote it")
    result.add_argument(
        "--save-core",
        type=Path,
        metavar="FILE",
        help="also write the dump as an ELF core, for gdb and IDEs beside the application's",
    )
    result.add_argument("--json", action="store_true", help="the report as one JSON object")
    result.add_argument("--force", action="store_true", help="decode although the ELF's SHA-256 does not match")
    return result


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, coredump)


def coredump(options: argparse.Namespace) -> int:
    """Read, decode and print."""
    if (options.file is None) == (options.port is None):
        fail(Exit.USAGE, "give a FILE, or --port PORT for the dump in a board's flash")
    if options.all:
        options.variables = options.rtos = options.heap = True
    for path in (options.save, options.save_core):
        if path is not None:
            check_output(path)
    data, after = (read_input(options.file), None) if options.port is None else read_flash(options)
    try:
        found = read_core(data)
        if options.save is not None:
            write_output(options.save, found.data)
        core = parse_core(found)
        if options.save_core is not None:
            from espmon.postmortem.core_writer import elf_core

            write_output(options.save_core, elf_core(core))
        symbolizer = chosen_elf(core, options.elf)
        if symbolizer is not None:
            if core.app_sha256:
                hash_ahead(symbolizer)
            symbolizer = with_rom(symbolizer, core, options.rom_elf)
        report = decode_core(core, symbolizer, force=options.force)
        printed = {path: global_variable(report, path) for path in options.print_var}
        comparison = None
        if options.compare is not None:
            from espmon.cli.coredump_compare import compared

            comparison = compared(report, symbolizer, read_input(options.compare), options.compare_elf)
        differing = other_opinion(options.decoder, found.data, report) if options.decoder is not None else None
    except PostmortemError as error:
        fail(Exit.FAILED if error.mismatch else Exit.LIMIT if error.limit else Exit.USAGE, str(error))
    if options.gdb or options.listen is not None:
        return debug(options, core, report)
    if options.json:
        told = report.to_json()
        if options.print_mem:
            told["memory"] = report.memory_json()
        if options.variables:
            told["frame_variables"] = report.variables_json()
        if options.rtos:
            told["rtos"] = report.rtos_json()
        if options.heap:
            told |= report.heap_json()
        if differing is not None:
            told["second_opinion"] = {"decoder": options.decoder, "differences": differing}
        if comparison is not None:
            told["comparison"] = comparison.to_json()
        if options.seen:
            from espmon.cli.coredump_compare import sightings

            told["seen"] = [group.to_json() for group in sightings(report)]
        if printed:
            told["globals"] = {path: value.to_json() for path, value in printed.items()}
        print_json(told | files_json(options) | ({} if after is None else {"after": after}))
        for warning in report.warnings:
            say(f"espmon: warning: {warning}")
    else:
        whole = comparison is None or options.variables or options.rtos or options.heap
        text = report.to_text() if whole else ""
        text += report.variables_text() if options.variables else ""
        text += report.rtos_text() if options.rtos else ""
        text += report.heap_text() if options.heap else ""
        text += report.memory_text() if options.print_mem else ""
        text += "".join(f"\n{line}" for path, value in printed.items() for line in value.lines(path))
        if comparison is not None:
            lines = [f"A: {options.file or options.port}", f"B: {options.compare}", "", *comparison.lines()]
            text += "".join(f"{line}\n" for line in lines)
        if options.seen:
            from espmon.cli.coredump_compare import sightings
            from espmon.session.archive.crash_names import sighting_lines

            text += "\nthe same crash before:\n" + "".join(f"  {line}\n" for line in sighting_lines(sightings(report)))
        if differing is not None:
            text += f"\nsecond opinion of {options.decoder}: {'' if differing else 'the same frames for every task'}\n"
            text += "".join(f"! {line}\n" for line in differing)
        for line in text.splitlines():
            print(clean(line, 1000))
    if symbolizer is None:
        say("espmon: warning: decoded without an ELF: give the application's with --elf")
    return Exit.DONE


def debug(options: argparse.Namespace, core: Core, report: CoreReport) -> int:
    """Start gdb on the dump, or serve it on a port until the user has enough."""
    from espmon.cli.interruptible import run_interruptible
    from espmon.session.debug_lease import DebugError
    from espmon.session.dump_server import DumpServer

    if options.json:
        fail(Exit.USAGE, "--gdb and --listen print no report: leave --json away")
    server = DumpServer(report.target())
    try:
        if options.gdb:
            return run_interruptible(server.debug(core.architecture.elf_machine, report.elf))
        return run_interruptible(listen(server, options.listen))
    except DebugError as error:
        fail(Exit.FAILED, str(error))
    except OSError as error:
        fail(Exit.PORT, f"the dump cannot be served: {error.strerror or error}")


async def listen(server: DumpServer, port: int) -> int:
    """Serve a dump until the program is stopped; the first line on stdout is what gdb is told."""
    import asyncio  # half of a report's time

    async with server.listening(port) as number:
        print(f"target remote 127.0.0.1:{number}", flush=True)
        say("espmon: serving the dump; Ctrl-C ends")
        await asyncio.Event().wait()
    return Exit.DONE


def other_opinion(name: str, dump: bytes, report: CoreReport) -> list[str]:
    """What another decoder says otherwise; raises `PostmortemError` where it cannot be asked."""
    from espmon.session.coredump_decoders import differences, second_opinion

    if report.elf is None:
        raise PostmortemError(f"--decoder {name}: it needs the application's ELF")
    return differences(report, second_opinion(name, dump, Path(report.elf), report.chip))


def global_variable(report: CoreReport, path: str) -> TypedValue:
    """Return the global variable that a path names, as the dump has it; raises `PostmortemError` for none."""
    if report.inspector is None:
        raise PostmortemError(f"--print-var {path}: variables need the application's ELF")
    return report.inspector.globals.at_path(path)


def files_json(options: argparse.Namespace) -> JsonObject:
    """Where the files are that were written."""
    files = {"path": options.save, "core_path": options.save_core}
    return {name: str(path.absolute()) for name, path in files.items() if path is not None}


def read_flash(options: argparse.Namespace) -> tuple[bytes, str]:
    """The dump in the flash of a board, and what the board does now; asks first."""
    from espmon.cli.consent import require_consent
    from espmon.cli.flash import finished_job
    from espmon.cli.place_consent import lent_port
    from espmon.session.flash_job import FlashJob
    from espmon.session.flash_plan import PlanError, number

    try:
        table = number(options.table) if options.table is not None else None
    except PlanError as error:
        fail(Exit.USAGE, str(error))
    if not options.yes:
        question = f"This resets the board on {clean(options.port)} and reads the core dump in its flash."
        require_consent(question, doing="reading flash resets the board")
    job = FlashJob("coredump", address=table, use_stub=not options.no_stub, baud=options.baud)
    with lent_port(options.port, yes=options.yes) as port:
        outcome = finished_job(port, job, quiet=options.json).outcome
    if not options.json:
        row = outcome.partitions[0]
        say(f"espmon: {len(outcome.data):,} bytes out of the partition {row.name} at 0x{row.offset:x}")
    return outcome.data, outcome.after


def read_input(name: str) -> bytes:
    """Return the bytes of a file or of stdin; ends the command when it cannot be read."""
    if name == "-":
        return sys.stdin.buffer.read(MAX_INPUT + 1)
    try:
        with Path(name).open("rb") as file:
            return file.read(MAX_INPUT + 1)
    except OSError as error:
        fail(Exit.USAGE, f"{name}: {error.strerror or error}")


def chosen_elf(core: Core, given: str | None) -> Symbolizer | None:
    """Return the ELF to decode with: the given one, the one that fits the dump, or None.

    A dump without a SHA-256 is decoded with the newest build for its processor, which is said on stderr. Raises
    `PostmortemError` for an ELF that cannot be read.
    """
    if given is not None:
        return Symbolizer(given)
    from espmon.session.elves import ElfLibrary, discover

    found = elf_of(core, ElfLibrary())
    if found is not None:
        say(f"espmon: using {found.path} ({found.layout})")
        return Symbolizer(found.path)
    builds = discover(".")
    if core.app_sha256:
        names = ", ".join(str(item.path) for item in builds[:SHOWN_CANDIDATES]) or "none"
        say(f"espmon: no ELF with SHA-256 {core.app_sha256}... found below the current folder (builds here: {names})")
        return None
    for build in builds:
        with contextlib.suppress(PostmortemError):
            newest = Symbolizer(build.path)
            if fits(core, newest):
                say(f"espmon: the dump does not say which application made it; using the newest build, {build.path}")
                return newest
    return None
