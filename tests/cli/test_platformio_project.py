"""The monitor's settings of a PlatformIO project."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from espmon.cli import monitor, run
from espmon.cli.platformio_project import read_project, take_project

INI = """
[platformio]
default_envs = bench, other

[env]
monitor_speed = 74880   ; for all
monitor_filters = time, esp32_exception_decoder, hexlify

[common]
monitor_rts = 0
monitor_dtr = 0

[env:other]
monitor_port = /dev/other

[env:bench]
extends = common
monitor_port = /dev/ttyUSB7
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "platformio.ini").write_text(INI)
    elf = tmp_path / ".pio/build/bench/firmware.elf"
    elf.parent.mkdir(parents=True)
    elf.write_bytes(b"\x7fELF")
    for name in ("ESPMON_BAUD", "IDF_MONITOR_BAUD", "MONITORBAUD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def options(*words: str) -> argparse.Namespace:
    parsed: argparse.Namespace = monitor.parser().parse_args(words)
    return parsed


def test_what_the_command_line_leaves_open_comes_from_the_project(project: Path) -> None:
    given = options()
    told = take_project(given, project)
    elf = project / ".pio/build/bench/firmware.elf"
    assert (given.port, given.baud, given.no_reset, given.timestamps) == (["/dev/ttyUSB7"], 74880, True, True)
    assert given.elf == [elf]
    assert told == (
        f"platformio.ini, env:bench: taken: port /dev/ttyUSB7, 74880 baud, DTR and RTS kept quiet, times shown, {elf}; "
        "not taken: monitor_filters = hexlify"
    )


def test_what_was_asked_for_goes_before_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = options("/dev/mine", "--baud", "115200", "--elf", "mine.elf")
    take_project(given, project)
    assert (given.port, given.baud, given.elf) == (["/dev/mine"], 115200, [Path("mine.elf")])
    monkeypatch.setenv("MONITORBAUD", "9600")
    given = options("/dev/mine")
    take_project(given, project)
    assert given.baud == 9600


def test_a_run_takes_the_port_too(project: Path) -> None:
    given = run.parser().parse_args([])
    take_project(given, project)
    assert given.port == ["/dev/ttyUSB7"]


def test_without_a_project_nothing_is_taken_and_nothing_said(tmp_path: Path) -> None:
    assert take_project(options(), tmp_path) == ""
    (tmp_path / "platformio.ini").write_text("no section = at all")
    assert read_project(tmp_path) is None
    (tmp_path / "platformio.ini").write_text("[platformio]\n")
    assert read_project(tmp_path) is None


def test_what_has_no_meaning_here_is_named(tmp_path: Path) -> None:
    (tmp_path / "platformio.ini").write_text(
        "[env:x]\nmonitor_port = /dev/ttyUSB*\nmonitor_speed = fast\nmonitor_rts = 1\nextends = env:x, nosuch\n"
    )
    given = options()
    assert take_project(given, tmp_path) == (
        "platformio.ini, env:x: not taken: monitor_port = /dev/ttyUSB*, monitor_speed = fast, monitor_rts = 1"
    )
    assert (given.port, given.baud, given.no_reset) == ([], 115200, False)
