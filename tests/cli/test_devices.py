"""`espmon devices` keeps the registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from serial.tools.list_ports_common import ListPortInfo

from espmon.cli import main
from espmon.port import device_registry as registry
from espmon.port import discovery


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Any]:
    """One board on this machine, and a registry of its own."""
    info = ListPortInfo("/dev/ttyACM0")
    info.vid, info.pid, info.serial_number, info.location = 0x303A, 0x1001, "34:85", "1-1"
    present = [info]
    monkeypatch.setattr(discovery.list_ports, "__kwdefaults__", {"show_all": False, "source": lambda: present})
    monkeypatch.setattr(discovery.resolve, "__kwdefaults__", {"source": lambda: present})
    monkeypatch.setattr(registry, "default_path", lambda: tmp_path / "devices.json")
    return present


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["devices", "list", "--json"]) == 0
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)["devices"]
    return rows


def test_a_connected_port_is_remembered_by_its_serial_number(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "set", "ttyACM0", "--nickname", "knob", "--baud", "921600"]) == 0
    (row,) = listed(capsys)
    assert row["key"] == "serial:34:85"
    assert row["port"] == "/dev/ttyACM0"
    assert row["baud"] == 921600


def test_how_the_modem_lines_are_left_is_remembered_and_forgotten(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "set", "serial:a", "--dtr", "off", "--rts", "on"]) == 0
    assert "DTR off  RTS on" in capsys.readouterr().out
    assert (listed(capsys)[0]["dtr"], listed(capsys)[0]["rts"]) == (False, True)
    assert main(["devices", "set", "serial:a", "--dtr", ""]) == 0
    assert (listed(capsys)[0]["dtr"], listed(capsys)[0]["rts"]) == (None, True)


def test_a_board_that_is_away_is_changed_by_nickname(machine: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    main(["devices", "set", "serial:far", "--nickname", "attic", "--description", "in the attic"])
    machine.clear()
    assert main(["devices", "set", "attic", "--name", "Attic sensor"]) == 0
    (row,) = listed(capsys)
    assert row["description"] == "in the attic"
    assert row["name"] == "Attic sensor"
    assert row["port"] is None


def test_the_elf_is_kept_as_an_absolute_path_and_can_be_forgotten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "app.elf").write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    assert main(["devices", "set", "serial:a", "--elf", "app.elf"]) == 0
    assert Path(listed(capsys)[0]["elf"]) == tmp_path / "app.elf"
    main(["devices", "set", "serial:a", "--elf", "", "--baud", ""])
    assert listed(capsys)[0]["elf"] == ""
    assert listed(capsys)[0]["baud"] is None


def test_an_elf_that_is_not_there_is_refused_and_changes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["devices", "set", "serial:a", "--name", "x", "--elf", str(tmp_path / "gone.elf")]) == 2
    assert "gone.elf: no such file" in capsys.readouterr().err
    assert listed(capsys) == []


def test_removing_by_nickname_forgets_and_says_what(capsys: pytest.CaptureFixture[str]) -> None:
    main(["devices", "set", "serial:a", "--nickname", "knob", "--name", "The knob"])
    capsys.readouterr()
    assert main(["devices", "remove", "knob"]) == 0
    assert capsys.readouterr().out == "Removed: knob  serial:a  The knob\n"
    assert listed(capsys) == []


@pytest.mark.parametrize("name", ["nosuch", "serial:b", "/dev/ttyUSB77", "ttyACM0"])
def test_removing_what_is_not_known_names_what_is(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["devices", "set", "serial:a", "--nickname", "knob"])
    main(["devices", "set", "serial:c", "--name", "without a nickname"])
    assert main(["devices", "remove", name]) == 2
    assert f"no device is called {name}; known are knob, serial:c" in capsys.readouterr().err
    assert len(listed(capsys)) == 2


def test_a_connected_port_can_be_removed(capsys: pytest.CaptureFixture[str]) -> None:
    main(["devices", "set", "ttyACM0", "--nickname", "knob"])
    assert main(["devices", "remove", "ttyACM0"]) == 0
    assert listed(capsys) == []


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["set", "serial:b", "--nickname", "knob"], 2, "belongs to serial:a"),
        (["set", "serial:b", "--nickname", "Not Good"], 2, "lower-case"),
        (["set", "serial:b", "--baud", "fast"], 2, "fast"),
        (["set", "serial:b"], 2, "nothing to set"),
        (["set", "/dev/ttyUSB77", "--nickname", "x"], 3, "no such port"),
        (["rename"], 2, "rename"),
        ([], 2, "ACTION"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(
    words: list[str], code: int, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["devices", "set", "serial:a", "--nickname", "knob"])
    capsys.readouterr()
    assert main(["devices", *words]) == code
    error = capsys.readouterr().err
    assert said in error
    assert "Traceback" not in error


def test_the_path_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["devices", "path"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "devices.json")


def test_what_a_file_says_cannot_reach_the_terminal_raw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = {"serial:\u001b[2J": {"description": "\u001b]0;owned\u0007"}}
    (tmp_path / "devices.json").write_text(json.dumps({"version": 1, "devices": rows}))
    assert main(["devices", "list"]) == 0
    assert all(line.isprintable() for line in capsys.readouterr().out.splitlines())
