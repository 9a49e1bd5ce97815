"""`espmon scan`: the serial ports of this machine. Opens none of them."""

from __future__ import annotations

import argparse
from typing import Any

from espmon.cli.command_runner import Exit, clean, command_parser, print_json, run_command, say
from espmon.port.device_registry import DeviceRegistry
from espmon.port.discovery import PortInfo, list_ports
from espmon.port.port_error import PortError


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    parser = command_parser("scan", "List the serial ports, the likeliest ESP board first. No port is opened.")
    parser.add_argument("--json", action="store_true", help='one object on stdout: {"ports": [...]}')
    parser.add_argument("--all", action="store_true", help="built-in serial ports too")
    return run_command(parser, arguments, scan)


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
    if options.json:
        print_json({"ports": [port.to_json() for port in ports]})
        return Exit.DONE
    for port in ports:
        print(describe(port))
    if not ports:
        say("No serial port is connected: check the cable (some only charge) and the board's power.")
    return Exit.DONE


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
