"""Reset sequences from the configuration files that the user already has for other tools.

`[esp-idf-monitor]` in esp-idf-monitor.cfg, config.cfg or tox.ini, and `[esptool]` there and in esptool.cfg, setup.cfg
or tox.ini; looked for in the current folder, in the tool's folder under ~/.config and in the home folder.
`ESP_IDF_MONITOR_CFGFILE` and `ESPTOOL_CFGFILE` name a file instead.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from espmon.port.base_handle import CustomSequences
from espmon.port.handle import ResetSequence
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.sequences import parse_sequence

if TYPE_CHECKING:
    from configparser import RawConfigParser

Place = str | os.PathLike[str]

MAX_FILE = 1 << 20
"""Bytes of a configuration file that are read at most."""

KEYS = ("custom_reset_sequence", "custom_hard_reset_sequence")


class _Tool(NamedTuple):
    name: str
    variable: str
    names: tuple[str, ...]
    sections: tuple[str, ...]


TOOLS = (
    _Tool(
        "esp-idf-monitor",
        "ESP_IDF_MONITOR_CFGFILE",
        ("esp-idf-monitor.cfg", "config.cfg", "tox.ini"),
        ("esp-idf-monitor", "esptool"),
    ),
    _Tool("esptool", "ESPTOOL_CFGFILE", ("esptool.cfg", "setup.cfg", "tox.ini"), ("esptool",)),
)
"""In order: what the monitor's file says comes before what the flasher's file says."""


def _files(tool: _Tool, folder: Place, home: Place, environment: Mapping[str, str]) -> Iterator[str]:
    named = environment.get(tool.variable)
    if named:
        path = os.path.expanduser(named)
        if not os.path.isfile(path):
            raise PortError(
                PortErrorKind.MISSING,
                f"{tool.variable} names {path}, which is no file",
                f"Correct or unset {tool.variable}",
            )
        yield path
        return
    for place in (folder, os.path.join(home, ".config", tool.name), home):
        for name in tool.names:
            path = os.path.join(place, name)
            if os.path.isfile(path):
                yield path


def _parse(path: str) -> RawConfigParser | None:
    import configparser  # only where there is a file: most users have none

    parser = configparser.RawConfigParser(strict=False)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            parser.read_string(file.read(MAX_FILE))
    except (OSError, configparser.Error):
        # Not ours to complain about: these names belong to other tools, and `config.cfg` to anybody.
        return None
    return parser


def load_sequences(
    folder: Place | None = None, home: Place | None = None, environment: Mapping[str, str] | None = None
) -> CustomSequences:
    """The sequences that the user configured for esp-idf-monitor or esptool; empty when there are none.

    Args:
        folder: the current folder.
        home: the home folder.
        environment: the environment.

    Raises `PortError` that names the file and the key for a sequence that cannot be read, and for a file that a
    variable names and that is not there. Reads files: callers on an event loop run it on a thread.
    """
    folder = os.getcwd() if folder is None else folder
    home = os.path.expanduser("~") if home is None else home
    environment = os.environ if environment is None else environment
    found: dict[str, tuple[ResetSequence, str]] = {}
    for tool in TOOLS:
        for path in _files(tool, folder, home, environment):
            parser = _parse(path)
            for section in tool.sections if parser is not None else ():
                assert parser is not None
                for key in KEYS:
                    text = parser.get(section, key, fallback="").strip()
                    if text and key not in found:
                        found[key] = parse_sequence(text, f"{key} in {path}"), path
    reset, hard = (found.get(key) for key in KEYS)
    sources = dict.fromkeys(row[1] for row in (reset, hard) if row is not None)
    return CustomSequences(reset[0] if reset else None, hard[0] if hard else None, ", ".join(sources))
