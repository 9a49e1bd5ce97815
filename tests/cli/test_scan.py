"""`espmon scan` lists and touches nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from serial.tools.list_ports_common import ListPortInfo

from espmon.cli import main
from espmon.port import DeviceRegistry, discovery
from espmon.port import device_registry as registry
from espmon.sim import BoardThread, SimulatedBoard


def board(device: str, vid: int, pid: int, serial: str, product: str) -> ListPortInfo:
    info = ListPortInfo(device)
    info.vid, info.pid, info.serial_number, info.product, info.location = vid, pid, serial, product, "1-1"
    return info


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """The machine's ports, and an empty registry."""
    present: list[Any] = []
    monkeypatch.setattr(discovery.list_ports, "__kwdefaults__", {"show_all": False, "source": lambda: present})
    monkeypatch.setattr(registry, "default_path", lambda: tmp_path / "devices.json")
    return present


def test_json_is_one_object_with_every_port(ports: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    ports += [
        board("/dev/ttyUSB0", 0x10C4, 0xEA60, "0001", "CP2102N"),
        board("/dev/ttyACM0", 0x303A, 0x1001, "34:85", "USB JTAG/serial debug unit"),
    ]
    assert main(["scan", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["ports"]
    assert [row["device"] for row in rows] == ["/dev/ttyACM0", "/dev/ttyUSB0"]
    assert rows[0]["vid"] == 0x303A
    assert rows[0]["serial_number"] == "34:85"
    assert rows[0]["location"] == "1-1"
    assert rows[0]["reason"]


def test_people_see_the_reason_the_identity_and_the_nickname(
    ports: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ports.append(board("/dev/ttyACM0", 0x303A, 0x1001, "34:85", "USB JTAG/serial debug unit"))
    DeviceRegistry(tmp_path / "devices.json").update("serial:34:85", nickname="knob")
    assert main(["scan"]) == 0
    shown = capsys.readouterr().out
    for text in ("knob = /dev/ttyACM0", "USB-Serial/JTAG", "303A:1001", "serial 34:85", "location 1-1", "ESP32-S3"):
        assert text in shown


def test_a_hostile_product_name_is_harmless(ports: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    ports.append(board("/dev/ttyACM0", 0x303A, 0x1001, "\x1b[2J", "\x1b]0;owned\x07\nx"))
    assert main(["scan"]) == 0
    assert main(["scan", "--json"]) == 0
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())


def test_without_ports_the_list_is_empty_and_the_reason_is_on_stderr(
    ports: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scan"]) == 0
    output = capsys.readouterr()
    assert output.out == ""
    assert "cable" in output.err
    assert main(["scan", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"ports": []}


@pytest.mark.parametrize("content", ["{broken", '{"version": 99, "devices": {}}'])
def test_a_registry_that_cannot_be_read_does_not_hide_the_ports(
    ports: list[Any], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    ports.append(board("/dev/ttyACM0", 0x303A, 0x1001, "34:85", "x"))
    (tmp_path / "devices.json").write_text(content)
    assert main(["scan"]) == 0
    output = capsys.readouterr()
    assert "/dev/ttyACM0" in output.out
    assert "registry" in output.err


def test_a_wrong_option_is_wrong_usage(ports: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--open"]) == 2
    assert "--open" in capsys.readouterr().err


def test_probing_all_asks_once_and_says_of_each_what_it_is(
    ports: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet")) as server:
        ports += [
            board(server.url, 0x303A, 0x1001, "1", "USB JTAG/serial debug unit"),
            board("/dev/nonexistent-board", 0x10C4, 0xEA60, "2", "CP2102N"),
        ]
        assert main(["scan", "--probe", "--json"]) == 2
        assert "--yes" in json.loads(capsys.readouterr().out)["error"]["message"]
        assert server.board.events.events == []
        assert main(["scan", "--probe", "--json", "--yes"]) == 0
        one, two = json.loads(capsys.readouterr().out)["ports"]
        assert (one["device"], one["probe"]["chip"], one["probe"]["after"], one["error"]) == (
            server.url, "ESP32-C3", "application", None,
        )  # fmt: skip
        assert (two["probe"], two["error"]["kind"]) == (None, "port")
        del ports[1]
        assert main(["scan", "--probe", "--yes"]) == 0
        assert "probed    ESP32-C3" in capsys.readouterr().out


def test_probing_where_nobody_answers_is_4(ports: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    ports.append(board("/dev/nonexistent-board", 0x10C4, 0xEA60, "2", "CP2102N"))
    assert main(["scan", "--probe", "--yes"]) == 4
    assert "not       " in capsys.readouterr().out
