"""`idf.py espmon`: the monitor from ESP-IDF's own tool, through the entry point `idf_extension` of ESP-IDF 6.

A project of an older ESP-IDF has the same with an `idf_ext.py` of one line:
`from espmon.cli.idf_extension import action_extensions`.

Every idf.py call imports this module: nothing else is imported before the command runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

AFTER = (
    "all", "flash", "app-flash", "bootloader-flash", "partition-table-flash", "encrypted-flash", "encrypted-app-flash",
    "erase-flash",
)  # fmt: skip
"""Commands of idf.py that run first when they are called together."""

MAX_DESCRIPTION = 4 << 20
"""Bytes of `project_description.json` that are read."""


class IdfOption(NamedTuple):
    """An option of `idf.py espmon`."""

    names: tuple[str, ...]
    help: str
    passed_as: str = ""
    """espmon's own option; "" when it has none."""

    flag: bool = False
    unneeded: str = ""
    """Why it is taken from the habits of idf.py monitor, and does nothing."""

    @property
    def argument(self) -> str:
        """What the command line calls its value."""
        return self.names[0].lstrip("-").replace("-", "_")


NOT_NEEDED = "taken, and not needed"

OPTIONS = (
    IdfOption(("--print-filter", "--print_filter"), 'tag:level filter, as in "wifi:W *:I".', "--print-filter"),
    IdfOption(("--monitor-baud", "-B"), "Rate; else IDF_MONITOR_BAUD, MONITORBAUD, or sdkconfig's.", "--baud"),
    IdfOption(("--no-reset",), "Keep DTR and RTS quiet while opening.", "--no-reset", flag=True),
    IdfOption(("--timestamps",), "Show host time.", "--timestamps", flag=True),
    IdfOption(("--probe",), "Identify the chip first (asks before it resets the board).", "--probe", flag=True),
    IdfOption(("--elf-file",), "The application's ELF instead of the project's.", "--elf"),
    IdfOption(("--rom-elf-file",), "The chip's ROM ELF.", "--rom-elf"),
    IdfOption(("--ws",), "Tell an IDE of debug stubs and core dumps over a WebSocket.", "--ws"),
    IdfOption(("--toolchain-prefix",), NOT_NEEDED, unneeded="addresses are decoded from the ELF alone"),
    IdfOption(("--target",), NOT_NEEDED, unneeded="the board says which chip it is"),
    IdfOption(("--revision",), NOT_NEEDED, unneeded="the board says which chip it is"),
    IdfOption(("--decode-coredumps",), NOT_NEEDED, unneeded="core dumps are decoded, and kept as they came"),
    IdfOption(("--decode-panic",), NOT_NEEDED, unneeded="panics are decoded"),
    IdfOption(("--force-color",), NOT_NEEDED, flag=True, unneeded="colours are shown where the terminal has them"),
    IdfOption(("--timestamp-format",), NOT_NEEDED, unneeded="it is the setting timestamp_format"),
    IdfOption(("--eol",), NOT_NEEDED, unneeded="it is the setting eol"),
    IdfOption(("--make", "-m"), NOT_NEEDED, unneeded="espmon flashes itself, or call `idf.py flash espmon`"),
    IdfOption(("--encrypted", "-E"), NOT_NEEDED, flag=True, unneeded="call `idf.py encrypted-flash espmon`"),
)
"""The options; those of idf.py monitor among them where they mean the same."""


def action_extensions(base_actions: Mapping[str, Any], project_path: str) -> dict[str, Any]:
    """What idf.py adds: see "idf.py extensions" in the documentation of ESP-IDF."""
    options: list[dict[str, Any]] = [
        {"names": ["-p", "--port"], "help": "Serial port.", "scope": "global", "envvar": "ESPPORT", "default": None}
    ]
    for option in OPTIONS:
        row: dict[str, Any] = {"names": list(option.names), "help": option.help}
        options.append({**row, "is_flag": True} if option.flag else {**row, "default": None})
    text = "Monitor the board: full screen, and why it crashed."
    return {
        "version": "1",
        "actions": {
            "espmon": {
                "callback": run_espmon,
                "short_help": text,
                "help": f"{text} Without a terminal the log goes to standard output. See also `espmon --help`.",
                "options": options,
                "order_dependencies": list(AFTER),
            }
        },
    }


def run_espmon(subcommand_name: str, ctx: Any, global_args: Any, **action_args: Any) -> None:
    """The callback of `idf.py espmon`."""
    from espmon.cli import main

    # A global option is among the action's own, or not: idf.py decides by its version.
    port = action_args.pop("port", None) or getattr(global_args, "port", None)
    if rate_was_typed(ctx):
        action_args["baud"] = global_args.baud
    code = main(espmon_words(port, str(global_args.build_dir), action_args))
    if code:
        ctx.exit(code)


def rate_was_typed(ctx: Any) -> bool:
    """True when idf.py's own `-b` stands on the command line: then it is the monitor's rate too, as for idf.py monitor.

    Its `ESPBAUD` and its default are the rate of flashing.
    """
    while ctx is not None:
        source = ctx.get_parameter_source("baud")
        if source is not None:
            return bool(source.name == "COMMANDLINE")
        ctx = ctx.parent
    return False


def espmon_words(port: str | None, build_dir: str, action_args: Mapping[str, Any]) -> Sequence[str]:
    """espmon's own command line for that of `idf.py espmon`; what is not needed and what is missing is said.

    Args:
        port: the port that idf.py was given, if any.
        build_dir: the build folder.
        action_args: the values of `OPTIONS`, by `IdfOption.argument`, and `baud` where idf.py was given a rate.
    """
    import os

    from espmon.cli.command_runner import say
    from espmon.cli.port_options import BAUD_VARIABLES

    words = [port] if port else []
    for option in OPTIONS:
        value = action_args.get(option.argument)
        if not value:
            continue
        if option.unneeded:
            say(f"espmon: {option.names[0]} is not needed: {option.unneeded}")
        else:
            words += [option.passed_as] if option.flag else [option.passed_as, str(value)]
    project = read_description(build_dir)
    if "--baud" not in words and not any(os.environ.get(name) for name in BAUD_VARIABLES):
        rate = str(action_args.get("baud") or project.get("monitor_baud", ""))
        words += ["--baud", rate] if rate.isdecimal() and int(rate) else []
    if "--elf" not in words:
        for name in elf_names(project):
            path = os.path.join(build_dir, name)
            if os.path.isfile(path):
                words += ["--elf", path]
            elif name == project.get("app_elf"):
                say(f"espmon: {path} is not built yet: crashes are decoded as far as the board prints them")
    return words


def read_description(build_dir: str) -> dict[str, Any]:
    """`project_description.json` of a build; empty, and said, where there is none to read."""
    import json
    import os
    from pathlib import Path

    from espmon.cli.command_runner import say
    from espmon.regular_file import read_regular

    path = Path(build_dir, "project_description.json")
    try:
        value = json.loads(read_regular(os.fspath(path), MAX_DESCRIPTION))
    except FileNotFoundError:
        say(f"espmon: {path.parent} has no build yet: going on without its ELF")
        return {}
    except (OSError, ValueError) as error:
        say(f"espmon: {path} cannot be read: {error}")
        return {}
    return value if isinstance(value, dict) else {}


def elf_names(project: Mapping[str, Any]) -> list[str]:
    """The ELF files of a build, the application first, then its bootloader (for a binary log), as paths in it."""
    found = (project.get(key) for key in ("app_elf", "bootloader_elf", "bootloader"))
    return list(dict.fromkeys(name for name in found if isinstance(name, str) and name.endswith(".elf")))
