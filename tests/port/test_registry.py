"""The device registry."""

from __future__ import annotations

import json
import os
import stat
import threading
from pathlib import Path

import pytest

from espmon.port import DeviceRegistry, PortError, PortErrorKind, device_key
from espmon.port.device_registry import NICKNAME


@pytest.fixture
def registry(tmp_path: Path) -> DeviceRegistry:
    return DeviceRegistry(tmp_path / "config" / "devices.json")


def aside(registry: DeviceRegistry) -> list[Path]:
    return list(registry.path.parent.glob("devices.json.broken-*"))


def test_a_new_registry_is_empty_and_makes_no_file(registry: DeviceRegistry) -> None:
    assert registry.devices() == ()
    assert not registry.path.exists()


def test_what_is_set_is_there_for_the_next_program(registry: DeviceRegistry) -> None:
    registry.update("serial:A1", nickname="knob", name="Knob", description="left", baud=921600, elf="/a.elf")
    registry.update("serial:A1", chip="ESP32-S3", mac="aa:bb")
    (device,) = DeviceRegistry(registry.path).devices()
    assert (device.nickname, device.name, device.description) == ("knob", "Knob", "left")
    assert (device.baud, device.elf, device.chip, device.mac) == (921600, "/a.elf", "ESP32-S3", "aa:bb")


def test_changing_one_field_keeps_the_others(registry: DeviceRegistry) -> None:
    registry.update("serial:A1", nickname="knob", description="the left one")
    registry.update("serial:A1", nickname="dial")
    assert registry.by_nickname("dial") == registry.get("serial:A1")
    assert registry.by_nickname("knob") is None
    device = registry.get("serial:A1")
    assert device is not None
    assert device.description == "the left one"


def test_the_file_is_private_versioned_and_nothing_is_left_beside_it(registry: DeviceRegistry) -> None:
    registry.update("serial:A1", nickname="knob")
    assert stat.S_IMODE(os.stat(registry.path).st_mode) == 0o600
    assert json.loads(registry.path.read_text())["version"] == 1
    assert {path.name for path in registry.path.parent.iterdir()} == {"devices.json", "devices.json.lock"}


def test_a_nickname_belongs_to_one_device(registry: DeviceRegistry) -> None:
    registry.update("serial:A1", nickname="knob")
    with pytest.raises(PortError) as caught:
        registry.update("location:1-2", nickname="knob")
    assert caught.value.kind is PortErrorKind.AMBIGUOUS
    assert "serial:A1" in caught.value.message
    assert registry.get("location:1-2") is None


@pytest.mark.parametrize("nickname", ["Knob", "a b", "é", "a/b", "x" * 65, "..", "a\n", "-x;"])
def test_a_nickname_is_plain(registry: DeviceRegistry, nickname: str) -> None:
    assert not NICKNAME.fullmatch(nickname)
    with pytest.raises(PortError):
        registry.update("serial:A1", nickname=nickname)
    assert registry.devices() == ()


@pytest.mark.parametrize(
    "change", [{"baud": 0}, {"baud": True}, {"baud": "9600"}, {"name": "two\nlines"}, {"elf": "x" * 501}, {"mac": 7}]
)
def test_bad_values_are_refused_with_one_line(registry: DeviceRegistry, change: dict[str, object]) -> None:
    with pytest.raises(PortError) as caught:
        registry.update("serial:A1", **change)
    assert caught.value.kind is PortErrorKind.UNSUPPORTED
    assert "\n" not in str(caught.value)


def test_a_key_says_what_kind_it_is(registry: DeviceRegistry) -> None:
    assert device_key("A1", "1-2") == "serial:A1"
    assert device_key("", "1-2") == "location:1-2"
    assert device_key(None, None) == ""
    with pytest.raises(PortError):
        registry.update("/dev/ttyUSB0", nickname="knob")


def test_removing_forgets_and_says_whether_there_was_anything(registry: DeviceRegistry) -> None:
    registry.update("serial:A1", nickname="knob")
    assert registry.remove("serial:A1")
    assert not registry.remove("serial:A1")
    assert registry.devices() == ()


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b"{}", b'{"version": 1, "devices": []}', b"[" * 100_000])
def test_a_broken_file_is_reported_kept_and_replaced(registry: DeviceRegistry, content: bytes) -> None:
    registry.path.parent.mkdir()
    registry.path.write_bytes(content)
    assert registry.devices() == ()
    (kept,) = aside(registry)
    assert kept.read_bytes() == content
    assert kept.name in registry.problem
    registry.update("serial:A1", nickname="knob")
    assert len(registry.devices()) == 1


def test_one_bad_entry_does_not_take_the_others_along(registry: DeviceRegistry) -> None:
    registry.path.parent.mkdir()
    rows = {"serial:A1": {"nickname": "knob"}, "serial:B2": {"nickname": "No Good"}, "serial:C3": 7}
    registry.path.write_text(json.dumps({"version": 1, "devices": rows}))
    assert [device.key for device in registry.devices()] == ["serial:A1"]
    assert registry.problem


def test_a_file_of_a_later_version_is_left_as_it_is(registry: DeviceRegistry) -> None:
    registry.path.parent.mkdir()
    text = json.dumps({"version": 2, "devices": {}})
    registry.path.write_text(text)
    with pytest.raises(PortError) as caught:
        registry.update("serial:A1", nickname="knob")
    assert "version 2" in caught.value.message
    assert registry.path.read_text() == text


def test_fields_that_this_version_does_not_know_survive_a_change(registry: DeviceRegistry) -> None:
    registry.path.parent.mkdir()
    rows = {"serial:A1": {"nickname": "knob", "colour": "red"}}
    registry.path.write_text(json.dumps({"version": 1, "devices": rows}))
    registry.update("serial:A1", name="Knob")
    assert json.loads(registry.path.read_text())["devices"]["serial:A1"]["colour"] == "red"


def test_concurrent_writers_lose_nothing(registry: DeviceRegistry) -> None:
    def add(writer: int) -> None:
        mine = DeviceRegistry(registry.path)
        for number in range(10):
            mine.update(f"serial:{writer}-{number}", nickname=f"n{writer}-{number}")

    threads = [threading.Thread(target=add, args=(writer,)) for writer in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(registry.devices()) == 40


def test_a_folder_that_cannot_be_written_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    registry = DeviceRegistry(tmp_path / "file" / "devices.json")
    with pytest.raises(PortError) as caught:
        registry.update("serial:A1", nickname="knob")
    assert caught.value.kind is PortErrorKind.OTHER
    assert "\n" not in str(caught.value)
