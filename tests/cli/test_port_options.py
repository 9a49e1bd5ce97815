"""How a port is opened: what was asked for, and what is remembered of a nickname."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from espmon.cli.port_options import PortChoice, add_port_options, choice_for
from espmon.port import device_registry
from espmon.port.device_registry import DeviceRegistry
from espmon.port.line_format import Flow, LineFormat, Parity


@pytest.fixture(autouse=True)
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeviceRegistry:
    for name in ("ESPMON_BAUD", "IDF_MONITOR_BAUD", "MONITORBAUD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(device_registry, "default_path", lambda: tmp_path / "devices.json")
    (tmp_path / "app.elf").write_bytes(b"")
    known = DeviceRegistry()
    known.update("serial:1", nickname="desk", baud=74880, line="7E1", elf=str(tmp_path / "app.elf"))
    return known


def choice(port: str, *arguments: str) -> PortChoice:
    parser = argparse.ArgumentParser()
    add_port_options(parser)
    return choice_for(parser.parse_args(arguments), port)


def test_a_nickname_brings_its_rate_its_line_and_its_elf(tmp_path: Path) -> None:
    assert choice("desk") == PortChoice(74880, LineFormat(7, Parity.EVEN), (tmp_path / "app.elf",), None, None)


def test_what_is_asked_for_comes_before_what_is_remembered() -> None:
    chosen = choice("desk", "--baud", "9600", "--parity", "none", "--elf", "other.elf")
    assert (chosen.baud, chosen.line, chosen.elf) == (9600, LineFormat(7), (Path("other.elf"),))


def test_a_nickname_brings_how_its_modem_lines_are_left(registry: DeviceRegistry) -> None:
    registry.update("serial:1", dtr=False, rts=True)
    assert choice("desk")[-2:] == (False, True)
    assert choice("desk", "--dtr", "on", "--rts", "off")[-2:] == (True, False)
    assert choice("/dev/ttyUSB0", "--rts", "off")[-2:] == (None, False)


def test_another_port_has_the_usual_line() -> None:
    assert choice("/dev/ttyUSB0") == PortChoice(115200, LineFormat(), (), None, None)


def test_every_option_of_the_line() -> None:
    line = ("--data-bits", "5", "--parity", "odd", "--stop-bits", "1.5", "--flow", "rts-cts")
    arguments = (*line, "--dtr", "off", "--rts", "on")
    chosen = choice("socket://x:1", *arguments)
    assert chosen.line == LineFormat(5, Parity.ODD, 1.5, Flow.RTS_CTS)
    assert (chosen.dtr, chosen.rts) == (False, True)


def test_a_break_has_a_length_and_a_limit() -> None:
    parser = argparse.ArgumentParser()
    add_port_options(parser)
    assert parser.parse_args(["--break", "0.25"]).break_seconds == 0.25
    assert parser.parse_args([]).break_seconds is None
    for text in ("0", "10.1", "nan", "long"):
        with pytest.raises(SystemExit):
            parser.parse_args(["--break", text])


def test_an_elf_that_is_gone_is_not_used(tmp_path: Path) -> None:
    (tmp_path / "app.elf").unlink()
    assert choice("desk").elf == ()
