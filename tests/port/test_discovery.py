"""Finding ports, naming one, and waiting for one to come back; nothing is opened."""

from __future__ import annotations

import asyncio
import builtins
import json
import os
from pathlib import Path
from typing import Any

import pytest
from serial.tools.list_ports_common import ListPortInfo

from espmon.port import (
    DeviceRegistry,
    PortError,
    PortErrorKind,
    PortIdentity,
    discovery,
    identify,
    list_ports,
    platform,
    resolve,
    wait_for_port,
)
from tests.port.peers import Pty


def port(
    device: str,
    vid: int | None = None,
    pid: int | None = None,
    serial: str | None = None,
    location: str | None = None,
    **texts: str,
) -> ListPortInfo:
    info = ListPortInfo(device)
    info.vid, info.pid = vid, pid
    info.serial_number, info.location = serial, location
    info.product, info.manufacturer = texts.get("product"), texts.get("manufacturer")
    return info


def source(*ports: ListPortInfo) -> Any:
    return lambda: list(ports)


CP210X = port("/dev/ttyUSB0", 0x10C4, 0xEA60, "0001", "1-1", product="CP2102N")
CH9102 = port("/dev/ttyACM3", 0x1A86, 0x55D4, "5437", "1-2", product="USB Single Serial")
FTDI = port("/dev/ttyUSB10", 0x0403, 0x6001, "FT1", "1-3", product="FT232R")
JTAG = port("/dev/ttyACM9", 0x303A, 0x1001, "34:85:18:AA:BB:CC", "1-4", product="USB JTAG/serial debug unit")
OTG = port("/dev/ttyACM8", 0x303A, 0x0002, "0", "1-5", product="ESP32-S2")
ARDUINO = port("/dev/ttyACM0", 0x2341, 0x0043, "7553", "1-6", product="Uno")
HEADER = port("/dev/ttyAMA0")
LEGACY = port("/dev/ttyS0")
ALL = source(LEGACY, HEADER, ARDUINO, FTDI, CP210X, CH9102, OTG, JTAG)


@pytest.fixture
def registry(tmp_path: Path) -> DeviceRegistry:
    return DeviceRegistry(tmp_path / "devices.json")


def test_esp_boards_come_first_and_every_port_says_why_it_is_where_it_is() -> None:
    ports = list_ports(source=ALL)
    assert [found.device for found in ports] == [
        "/dev/ttyACM8",
        "/dev/ttyACM9",
        "/dev/ttyUSB0",
        "/dev/ttyACM3",
        "/dev/ttyUSB10",
        "/dev/ttyACM0",
        "/dev/ttyAMA0",
    ]
    assert all(found.reason for found in ports)


def test_built_in_ports_are_shown_only_when_all_are_asked_for() -> None:
    assert "/dev/ttyS0" in [found.device for found in list_ports(show_all=True, source=ALL)]
    assert "/dev/ttyS0" not in [found.device for found in list_ports(source=ALL)]


def test_espressif_products_tell_the_chip_as_far_as_they_do() -> None:
    by_device = {found.device: found for found in list_ports(source=ALL)}
    assert by_device["/dev/ttyACM9"].kind == "usb-serial-jtag"
    assert "S3" in by_device["/dev/ttyACM9"].chip_guess
    assert by_device["/dev/ttyACM8"].chip_guess == "ESP32-S2"
    assert by_device["/dev/ttyUSB0"].chip_guess == ""


def test_ports_are_counted_as_people_count() -> None:
    ports = [port(f"/dev/ttyUSB{number}", 0x10C4, 0xEA60) for number in (10, 9, 2)]
    assert [found.device for found in list_ports(source=source(*ports))] == [
        "/dev/ttyUSB2",
        "/dev/ttyUSB9",
        "/dev/ttyUSB10",
    ]


def test_what_a_device_says_about_itself_cannot_reach_a_terminal_raw() -> None:
    hostile = port("/dev/ttyACM1", 0x303A, 0x1001, "a\x1b]0;x\x07b", "1-1", product="\x1b[2J\r\n\x9bboard" + "x" * 9999)
    (found,) = list_ports(source=source(hostile))
    for text in (found.product, found.serial_number, found.manufacturer):
        assert text.isprintable()
        assert len(text) <= 200


def test_the_stable_name_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "stable_names", lambda: {"/dev/ttyUSB0": "/dev/serial/by-id/usb-CP2102N"})
    (found,) = list_ports(source=source(CP210X))
    assert found.by_id == "/dev/serial/by-id/usb-CP2102N"


def test_listing_opens_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    real_os_open, real_open = os.open, builtins.open

    def watch_os_open(path: Any, *arguments: Any, **options: Any) -> int:
        opened.append(str(path))
        return real_os_open(path, *arguments, **options)

    def watch_open(path: Any, *arguments: Any, **options: Any) -> Any:
        opened.append(str(path))
        return real_open(path, *arguments, **options)

    monkeypatch.setattr(os, "open", watch_os_open)
    monkeypatch.setattr(builtins, "open", watch_open)
    list_ports(show_all=True)
    resolve("/dev/null")
    assert [path for path in opened if path.startswith("/dev")] == []


def test_nicknames_are_shown_and_resolved(registry: DeviceRegistry) -> None:
    registry.update("serial:34:85:18:AA:BB:CC", nickname="knob")
    assert {found.nickname for found in list_ports(registry, source=ALL)} == {"", "knob"}
    assert resolve("knob", registry, source=ALL) == "/dev/ttyACM9"


def test_a_nickname_whose_board_is_away_says_what_is_there(registry: DeviceRegistry) -> None:
    registry.update("serial:gone", nickname="knob")
    with pytest.raises(PortError) as caught:
        resolve("knob", registry, source=source(CP210X))
    assert caught.value.kind is PortErrorKind.MISSING
    assert "not connected" in caught.value.message
    assert "/dev/ttyUSB0" in caught.value.hint


@pytest.mark.parametrize("name", ["ttyUSB0", "/dev/ttyUSB0", "0001", "1-1", "/dev/ttyUSB?", "hwgrep://CP2102N|ttyUSB0"])
def test_a_port_has_many_names(name: str) -> None:
    assert resolve(name, source=ALL) == "/dev/ttyUSB0"


def test_a_url_and_a_path_that_exists_are_given_back_as_they_are(tmp_path: Path, pty: Pty) -> None:
    link = tmp_path / "board"
    link.symlink_to(pty.path)
    assert resolve(str(link), source=source()) == str(link)
    assert resolve("rfc2217://host:1", source=source()) == "rfc2217://host:1"


@pytest.mark.parametrize("name", ["0001", "/dev/ttyUSB*", "hwgrep://ttyUSB"])
def test_several_matches_are_listed_and_never_chosen_from(name: str) -> None:
    twins = source(CP210X, port("/dev/ttyUSB1", 0x10C4, 0xEA60, "0001", "1-9"))
    with pytest.raises(PortError) as caught:
        resolve(name, source=twins)
    assert caught.value.kind is PortErrorKind.AMBIGUOUS
    assert "/dev/ttyUSB0" in caught.value.message
    assert "/dev/ttyUSB1" in caught.value.message


def test_twins_with_one_serial_number_make_a_nickname_ambiguous(registry: DeviceRegistry) -> None:
    registry.update("serial:0001", nickname="knob")
    twins = source(CP210X, port("/dev/ttyUSB1", 0x10C4, 0xEA60, "0001", "1-9"))
    with pytest.raises(PortError) as caught:
        resolve("knob", registry, source=twins)
    assert caught.value.kind is PortErrorKind.AMBIGUOUS


def test_a_name_that_is_nearly_right_gets_the_right_one_told() -> None:
    with pytest.raises(PortError) as caught:
        resolve("/dev/ttyUSB00", source=ALL)
    assert caught.value.kind is PortErrorKind.MISSING
    assert "Did you mean /dev/ttyUSB0?" in caught.value.hint


def test_without_any_port_the_cable_is_mentioned() -> None:
    with pytest.raises(PortError) as caught:
        resolve("/dev/ttyUSB7", source=source(LEGACY))
    assert "cable" in caught.value.hint


async def test_a_symbolic_link_to_a_pseudo_terminal_is_waited_for_until_it_leads_somewhere(tmp_path: Path) -> None:
    link = tmp_path / "board"
    link.symlink_to(tmp_path / "nowhere")
    waiting = asyncio.ensure_future(wait_for_port(PortIdentity(str(link)), poll=0.001))
    await asyncio.sleep(0)
    pseudo = Pty()
    (tmp_path / "new").symlink_to(pseudo.path)
    os.replace(tmp_path / "new", link)
    assert await waiting == str(link)
    pseudo.close()


async def test_a_board_that_comes_back_under_another_name_is_known_by_its_serial_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(platform, "usable", lambda path: True)
    present: list[ListPortInfo] = [CP210X]
    identity = identify("/dev/ttyACM9", source=ALL)
    assert identity.serial_number == "34:85:18:AA:BB:CC"
    waiting = asyncio.ensure_future(wait_for_port(identity, poll=0.001, source=lambda: list(present)))
    await asyncio.sleep(0.01)
    assert not waiting.done()
    present.append(port("/dev/ttyACM10", 0x303A, 0x1001, "34:85:18:AA:BB:CC", "2-7"))
    assert await waiting == "/dev/ttyACM10"


async def test_a_board_without_a_serial_number_is_known_by_its_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "usable", lambda path: True)
    identity = PortIdentity("/dev/ttyUSB0", "", "1-1", 0x1A86)
    found = await wait_for_port(identity, source=source(FTDI, port("/dev/ttyUSB4", 0x1A86, 0x7523, None, "1-1")))
    assert found == "/dev/ttyUSB4"


async def test_twins_that_cannot_be_told_apart_are_not_guessed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "usable", lambda path: True)
    twins = source(port("/dev/ttyUSB1", 1, 1, "0001", "1-8"), port("/dev/ttyUSB2", 1, 1, "0001", "1-9"))
    with pytest.raises(PortError) as caught:
        await wait_for_port(PortIdentity("/dev/ttyUSB0", "0001", "1-1", 1), source=twins)
    assert caught.value.kind is PortErrorKind.AMBIGUOUS
    back = await wait_for_port(PortIdentity("/dev/ttyUSB0", "0001", "1-9", 1), source=twins)
    assert back == "/dev/ttyUSB2"


async def test_a_device_that_the_system_has_not_handed_over_yet_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter([False, False, True])
    monkeypatch.setattr(platform, "usable", lambda path: next(answers))
    assert await wait_for_port(PortIdentity("/dev/null"), poll=0.001) == "/dev/null"
    assert list(answers) == []


async def test_waiting_has_a_limit_when_asked_for() -> None:
    with pytest.raises(TimeoutError):
        await wait_for_port(PortIdentity("/dev/ttyUSB-never"), poll=0.001, timeout=0.01)


async def test_a_remote_port_is_worth_another_try_without_looking(monkeypatch: pytest.MonkeyPatch) -> None:
    from espmon.port import watch

    monkeypatch.setattr(watch, "REMOTE_RETRY_SECONDS", 0.0)
    assert await wait_for_port(PortIdentity("rfc2217://board:1")) == "rfc2217://board:1"


def test_an_unknown_usb_device_is_still_shown() -> None:
    (found,) = list_ports(source=source(ARDUINO))
    assert found.rank == 40
    assert discovery.missing_hint("x", [found]).startswith("Connected now: /dev/ttyACM0 (Uno)")


@pytest.mark.parametrize(
    ("vid", "pid", "kind", "reason"),
    [
        (0x2341, 0x0070, "usb", "native USB of Arduino Nano ESP32"),
        (0x303A, 0x1002, "usb-uart", "Espressif USB bridge (ESP-Prog 2), to the UART of a chip"),
        (0x303A, 0x8000, "usb", "native USB of a community board (Espressif's ids)"),
        (0x303A, 0x83CF, "usb", "native USB of a community board (Espressif's ids)"),
        (0x303A, 0x83D0, "usb", "Espressif USB device"),
        (0x1A86, 0x8010, "usb-uart", "WCH-Link debug probe, no ESP board"),
        (0x1A86, 0x55D3, "usb-uart", "CH343 bridge, on many ESP boards"),
        (0x1A86, 0x7523, "usb-uart", "CH34x bridge, on many ESP boards"),
    ],
)
def test_a_board_is_named_by_its_usb_ids(vid: int, pid: int, kind: str, reason: str) -> None:
    (found,) = list_ports(source=source(port("/dev/ttyACM0", vid, pid)))
    assert (found.kind, found.reason) == (kind, reason)


def test_every_board_of_the_collected_usb_ids_is_known(shared_facts: Path) -> None:
    rows = json.loads((shared_facts / "usb-ids.json").read_text())["rows"]
    assert len(rows) == 65
    for row in rows:
        first, _, last = row["pid"].partition("-")
        for product in {int(first, 16), int(last or first, 16)}:
            (found,) = list_ports(source=source(port("/dev/ttyACM0", int(row["vid"], 16), product)))
            assert found.reason != row["espmon"], row
            if "source" in row:
                assert found.reason == f"native USB of {' or '.join(row['boards'])}"
                assert found.chip_guess.startswith("ESP32-")


def test_a_debug_probe_stands_behind_every_board() -> None:
    probe = port("/dev/ttyACM1", 0x1A86, 0x8010)
    assert [one.device for one in list_ports(source=source(probe, ARDUINO, CH9102))][-1] == "/dev/ttyACM1"
