"""`espmon scan`: the serial ports of this machine. Opens none of them, unless `--probe` is given and agreed to."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from espmon.cli.command_runner import (
    Exit,
    Failure,
    clean,
    command_parser,
    failure_json,
    failure_of,
    print_json,
    run_command,
    say,
)
from espmon.port.device_registry import DeviceRegistry
from espmon.port.discovery import PortInfo, list_ports
from espmon.port.port_error import PortError

PROBE_BAUD = 115200


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser(
        "scan",
        "List the serial ports, the likeliest ESP board first. No port is opened without --probe.",
    )
    result.add_argument("--json", action="store_true", help='one object on stdout: {"ports": [...]}')
    result.add_argument("--all", action="store_true", help="built-in serial ports too")
    result.add_argument(
        "--probe", action="store_true", help="identify the chip on each of them: one question, and each board is reset"
    )
    result.add_argument(
        "--labgrid",
        nargs="?",
        const="",
        metavar="HOST:PORT",
        help="the places of a labgrid coordinator too, with who holds them (default: that of LG_COORDINATOR)",
    )
    result.add_argument("-y", "--yes", action="store_true", help="do not ask (for scripts)")
    return result


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, scan)


def scan(options: argparse.Namespace) -> int:
    """Print the list."""
    registry = DeviceRegistry()
    try:
        ports = list_ports(registry, show_all=options.all)
    except PortError as error:
        say(f"espmon: {error}")
        ports = list_ports(show_all=options.all)
    if registry.problem:
        say(f"espmon: {registry.problem}")
    if options.probe and ports:
        return probe_all(options, ports)
    places = None
    if options.labgrid is not None:
        from espmon.port.labgrid import LabgridClient

        places = LabgridClient(options.labgrid).places()
    if options.json:
        listed = {} if places is None else {"places": [place.to_json() for place in places]}
        print_json({"ports": [port.to_json() for port in ports], **listed})
        return Exit.DONE
    for port in ports:
        print(describe(port))
    for place in places or ():
        print(clean(f"labgrid:{place.name}  {place.state}{place.comment and f', {place.comment}'}"))
    if places == []:
        say("The labgrid coordinator has no places")
    if not ports and not places:
        say("No serial port is connected: check the cable (some only charge) and the board's power.")
    return Exit.DONE


def probe_all(options: argparse.Namespace, ports: Sequence[PortInfo]) -> int:
    """Probe one port after the other, after one question; 4 where no chip answered at all."""
    from espmon.cli.consent import require_consent
    from espmon.cli.interruptible import run_interruptible

    if not options.yes:
        names = ", ".join(clean(port.device) for port in ports)
        require_consent(f"Probing resets the boards on {names}.", doing="probing resets every board")
    rows, answered = run_interruptible(_probe_each(ports, quiet=options.json))
    if options.json:
        print_json({"ports": rows})
    return int(Exit.DONE if answered else Exit.CHIP)


async def _probe_each(ports: Sequence[PortInfo], *, quiet: bool) -> tuple[list[dict[str, Any]], int]:
    """The ports as JSON, each with `probe` or `error`, and how many answered; told to people as they come."""
    from espmon.cli.probe import probe_once
    from espmon.rom.rom_error import RomError

    rows, answered = [], 0
    for port in ports:
        row: dict[str, Any] = {**port.to_json(), "probe": None, "error": None}
        told = ""
        try:
            result = await probe_once(port.device, baud=PROBE_BAUD)
        except (PortError, RomError) as error:
            failure: Failure = failure_of(error, {PortError: int(Exit.PORT), RomError: int(Exit.CHIP)})
            row["error"] = failure_json(failure.code, failure.message, failure.hint)["error"]
            told = f"    not       {clean(failure.message)}"
        else:
            answered += 1
            row["probe"] = result.to_json()
            told = f"    probed    {clean(result.description or result.chip)}, {result.mac or 'MAC unknown'}"
            told += f"; now in {clean(result.after)}"
        rows.append(row)
        if not quiet:
            print(f"{describe(port)}\n{told}", flush=True)
    return rows, answered


def describe(port: PortInfo) -> str:
    """Two or three lines for people."""
    head = clean(f"{port.nickname} = {port.device}" if port.nickname else port.device)
    facts: list[Any] = [port.product or "", port.reason]
    lines = [f"{head}  {clean(', '.join(fact for fact in facts if fact))}"]
    if port.chip_guess:
        lines.append(f"    chip      {clean(port.chip_guess)}")
    details = []
    if port.vid is not None and port.pid is not None:
        details.append(f"USB {port.vid:04X}:{port.pid:04X}")
    if port.serial_number:
        details.append(f"serial {port.serial_number}")
    if port.location:
        details.append(f"location {port.location}")
    if details:
        lines.append(f"    identity  {clean(', '.join(details))}")
    if port.by_id:
        lines.append(f"    by id     {clean(port.by_id)}")
    return "\n".join(lines)
