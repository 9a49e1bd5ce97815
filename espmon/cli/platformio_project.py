"""What a PlatformIO project says of its monitor: `monitor_...` of the `platformio.ini` where espmon is started."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from espmon.cli.port_options import DefaultRate

if TYPE_CHECKING:
    from configparser import RawConfigParser

FILE = "platformio.ini"

MAX_FILE = 1 << 20
"""Bytes of it that are read."""

MAX_PARENTS = 16
"""Sections that one environment may extend, one after the other."""

TIME_FILTER = "time"

DONE_ANYWAY = frozenset(
    {"default", "direct", "colorize", "nocontrol", "log2file", "esp32_exception_decoder", "esp8266_exception_decoder"}
)
"""Filters whose work espmon does without being asked: it colours, records, decodes, and keeps controls harmless."""


class Project(NamedTuple):
    """The monitor's settings of one environment."""

    environment: str
    port: str
    baud: int
    """0 where none is named."""

    timestamps: bool
    quiet: bool
    """DTR and RTS are to stay as they are."""

    elf: Path
    not_taken: Sequence[str]
    """Settings without a meaning here, as `key = value`."""


def take_project(options: argparse.Namespace, folder: Path | None = None) -> str:
    """Fill what the command line leaves open from the project in `folder`, the current one when None.

    Args:
        options: of a command with the port options; `port` is one port or a list.
        folder: where `platformio.ini` is looked for.

    Returns:
        What was taken, as one sentence; "" where there is no project, or nothing was.
    """
    project = read_project(folder or Path())
    if project is None:
        return ""
    taken: list[str] = []
    if not options.port and project.port:
        options.port = [project.port] if isinstance(options.port, list) else project.port
        taken.append(f"port {project.port}")
    if project.baud and isinstance(options.baud, DefaultRate):
        options.baud = project.baud
        taken.append(f"{project.baud} baud")
    if project.quiet and not options.no_reset:
        options.no_reset = True
        taken.append("DTR and RTS kept quiet")
    if project.timestamps and getattr(options, "timestamps", True) is False:
        options.timestamps = True
        taken.append("times shown")
    if not options.elf and project.elf.is_file():
        options.elf = [project.elf]
        taken.append(str(project.elf))
    told = [f"taken: {', '.join(taken)}"] if taken else []
    told += [f"not taken: {', '.join(project.not_taken)}"] if project.not_taken else []
    return f"{FILE}, {project.environment}: {'; '.join(told)}" if told else ""


def read_project(folder: Path) -> Project | None:
    """The project's default environment, else its first; None where there is no project that can be read."""
    from configparser import Error, RawConfigParser

    from espmon.regular_file import read_regular

    parser = RawConfigParser(strict=False, inline_comment_prefixes=("#", ";"))
    try:
        parser.read_string(read_regular(folder / FILE, MAX_FILE).decode("utf-8", "replace"))
    except (OSError, Error):
        return None  # another tool's file, which says so itself
    environments = [name for name in parser.sections() if name.startswith("env:")]
    wanted = parser.get("platformio", "default_envs", fallback="").replace(",", " ").split()
    named = next((f"env:{name}" for name in wanted if f"env:{name}" in environments), "")
    section = named or next(iter(environments), "")
    return _project(folder, section, _values(parser, section)) if section else None


def _values(parser: RawConfigParser, section: str) -> Mapping[str, str]:
    """The settings of an environment: its own, those of what it extends, those of `[env]`, in that order."""
    sections = [section]
    for name in sections:
        parents = parser.get(name, "extends", fallback="").replace(",", " ").split()
        sections += [parent for parent in parents if parser.has_section(parent) and parent not in sections]
        if len(sections) > MAX_PARENTS:
            break
    values: dict[str, str] = {}
    for name in (*sections, "env"):
        for key, value in parser.items(name) if parser.has_section(name) else ():
            values.setdefault(key, value.strip())
    return values


def _project(folder: Path, section: str, values: Mapping[str, str]) -> Project:
    not_taken: list[str] = []

    def leave(key: str, value: str) -> None:
        not_taken.append(f"{key} = {value}")

    port, rate = values.get("monitor_port", ""), values.get("monitor_speed", "")
    if any(character in port for character in "*?[$"):
        leave("monitor_port", port)
        port = ""
    baud = int(rate) if rate.isdecimal() and len(rate) < 9 else 0
    if rate and not baud:
        leave("monitor_speed", rate)
    lines = {key: values[key] for key in ("monitor_rts", "monitor_dtr") if values.get(key)}
    quiet = len(lines) == 2 and set(lines.values()) == {"0"}
    if not quiet:
        for key, value in lines.items():
            leave(key, value)
    filters = values.get("monitor_filters", "").replace(",", " ").split()
    for name in filters:
        if name != TIME_FILTER and name not in DONE_ANYWAY:
            leave("monitor_filters", name)
    elf = folder / ".pio" / "build" / section.removeprefix("env:") / "firmware.elf"
    return Project(section, port, baud, TIME_FILTER in filters, quiet, elf, not_taken)
