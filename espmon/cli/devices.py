"""`espmon devices`: the registry of known devices and their nicknames."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from espmon.cli.command_runner import Exit, clean, command_parser, fail, print_json, run_command, say
from espmon.port.device_registry import Device, DeviceRegistry
from espmon.port.discovery import list_ports, resolve
from espmon.port.line_format import LEVELS, level_word
from espmon.port.port_error import PortError, PortErrorKind

FIELDS = ("nickname", "name", "description", "baud", "line", "dtr", "rts", "elf")


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser(
        "devices",
        "Nicknames and notes for boards; a nickname works wherever a port is asked for.",
        epilog="espmon devices ACTION --help tells the words and options of an action.",
    )
    actions = result.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="all known devices")
    listing.add_argument("--json", action="store_true", help='one object on stdout: {"path": ..., "devices": [...]}')
    change = actions.add_parser("set", help="add a device, or change some of its fields")
    change.add_argument(
        "device", metavar="DEVICE", help="a connected port, a nickname, serial:NUMBER or location:PLACE"
    )
    change.add_argument("--nickname", metavar="NAME", help="lower-case letters, digits, - and _")
    change.add_argument("--name", metavar="TEXT", help="its name, on one line")
    change.add_argument("--description", metavar="TEXT", help="anything worth remembering, on one line")
    change.add_argument("--baud", metavar="N", help="its usual rate; an empty text forgets it")
    change.add_argument(
        "--line", metavar="8N1", help="data bits, parity, stop bits, and perhaps rts-cts or xon-xoff; empty forgets it"
    )
    for name in ("dtr", "rts"):
        change.add_argument(
            f"--{name}",
            choices=(*LEVELS, ""),
            help=f"how {name.upper()} is left when the port is open; an empty text forgets it",
        )
    change.add_argument(
        "--elf", help="the ELF (a file that is there) that decodes its addresses; an empty text forgets it"
    )
    removal = actions.add_parser("remove", help="forget a device")
    removal.add_argument(
        "device", metavar="DEVICE", help="a nickname, serial:NUMBER, location:PLACE or a connected port"
    )
    path = actions.add_parser("path", help="where the registry is kept")
    for action in (change, removal, path):
        action.add_argument("--json", action="store_true", help="one JSON object on stdout")
    return result


def main(arguments: list[str]) -> int:
    """Run the command; returns the exit code."""
    return run_command(parser(), arguments, devices)


def devices(options: argparse.Namespace) -> int:
    """Do what was asked."""
    registry = DeviceRegistry()
    actions = {"list": _list, "set": _set, "remove": _remove, "path": _path}
    try:
        code = actions[options.action](registry, options)
    except PortError as error:
        if error.kind is not PortErrorKind.OTHER:
            raise
        fail(Exit.FAILED, str(error))  # the registry's file, not a port
    if registry.problem:
        say(f"espmon: {registry.problem}")
    return code


def _path(registry: DeviceRegistry, options: argparse.Namespace) -> int:
    if options.json:
        print_json({"path": str(registry.path)})
    else:
        print(registry.path)
    return Exit.DONE


def _list(registry: DeviceRegistry, options: argparse.Namespace) -> int:
    known = registry.devices()
    online = {port.key: port.device for port in list_ports(show_all=True) if port.key}
    if options.json:
        rows = [{**device.to_json(), "port": online.get(device.key)} for device in known]
        print_json({"path": str(registry.path), "devices": rows})
        return Exit.DONE
    for device in known:
        print(_describe(device, online.get(device.key, "")))
    if not known:
        say("No device is known yet: `espmon devices set PORT --nickname NAME` adds one.")
    return Exit.DONE


def _describe(device: Device, port: str | None) -> str:
    """One line of facts; `port` is None where it does not matter whether the board is connected."""
    facts = [device.nickname or "(no nickname)", device.key]
    facts += [port or "not connected"] if port is not None else []
    facts += [text for text in (device.name, device.chip, device.mac) if text]
    facts += [f"{device.baud} baud"] if device.baud else []
    facts += [device.line] if device.line else []
    facts += [f"{name} {level_word(on)}" for name, on in (("DTR", device.dtr), ("RTS", device.rts)) if on is not None]
    facts += [text for text in (device.elf, device.description) if text]
    return "  ".join(clean(fact) for fact in facts)


def _key(registry: DeviceRegistry, name: str) -> str:
    if name.startswith(("serial:", "location:")):
        return name
    known = registry.by_nickname(name)
    if known is not None:
        return known.key
    device = os.path.realpath(resolve(name, registry))
    for port in list_ports(registry, show_all=True):
        if os.path.realpath(port.device) == device and port.key:
            return port.key
    fail(Exit.PORT, f"{name} has neither a USB serial number nor a location, so it cannot be told from other ports")


def _set(registry: DeviceRegistry, options: argparse.Namespace) -> int:
    changes: dict[str, Any] = {
        field: getattr(options, field) for field in FIELDS if getattr(options, field) is not None
    }
    if not changes:
        fail(Exit.USAGE, f"nothing to set: name one of {', '.join('--' + field for field in FIELDS)}")
    if "baud" in changes:
        text = changes["baud"]
        if text and not (text.isascii() and text.isdigit()):
            fail(Exit.USAGE, f"{text!r} is not a rate in baud")
        changes["baud"] = int(text) if text else None
    changes.update({name: LEVELS.get(changes[name]) for name in ("dtr", "rts") if name in changes})
    if changes.get("elf"):
        elf = Path(changes["elf"]).expanduser().absolute()
        if not elf.is_file():
            fail(Exit.USAGE, f"{elf}: no such file; nothing was changed")
        changes["elf"] = str(elf)
    key = _key(registry, options.device)
    try:
        device = registry.update(key, **changes)
    except PortError as error:
        fail(Exit.FAILED if error.kind is PortErrorKind.OTHER else Exit.USAGE, str(error))
    _tell(options, device, _describe(device, ""))
    return Exit.DONE


def _tell(options: argparse.Namespace, device: Device, text: str) -> None:
    if options.json:
        print_json(device.to_json())
    else:
        print(text)


def _remove(registry: DeviceRegistry, options: argparse.Namespace) -> int:
    key = _known_key(registry, options.device)
    device = registry.get(key) if key else None
    if device is None or not registry.remove(device.key):
        names = ", ".join(known.nickname or known.key for known in registry.devices())
        fail(
            Exit.USAGE,
            f"no device is called {options.device}; {f'known are {names}' if names else 'none is known yet'}",
        )
    _tell(options, device, f"Removed: {_describe(device, None)}")
    return Exit.DONE


def _known_key(registry: DeviceRegistry, name: str) -> str:
    """The key that a name to forget stands for, "" for none: a port that is not there is no port trouble here."""
    if registry.get(name) is not None:
        return name
    try:
        return _key(registry, name)
    except PortError as error:
        if error.kind is PortErrorKind.MISSING:
            return ""
        raise
