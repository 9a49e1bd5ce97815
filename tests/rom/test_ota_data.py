"""Which application starts, by every state that the OTA data can be in."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.rom.app_image import Partition
from espmon.rom.ota_data import parse_ota_data
from espmon.sim.nvs_image import ota_data_partition

NEW, PENDING, VALID, INVALID, ABORTED, UNDEFINED = 0, 1, 2, 3, 4, 0xFFFFFFFF
EMPTY = b""


def partition(name: str, subtype: int) -> Partition:
    return Partition(name, 0, subtype, 0x10000, 0x100000, False, False)


FACTORY = partition("factory", 0)
SLOTS = [partition("ota_0", 0x10), partition("ota_1", 0x11), partition("ota_2", 0x12)]


def record(sequence: int, state: int = VALID, *, damaged: bool = False) -> bytes:
    raw = struct.pack("<I", sequence)
    return raw + bytes(20) + struct.pack("<II", state, zlib.crc32(raw, 0xFFFFFFFF) ^ damaged)


def data(first: bytes, second: bytes) -> bytes:
    return first.ljust(0x1000, b"\xff") + second.ljust(0x1000, b"\xff")


@pytest.mark.parametrize(
    ("first", "second", "boots", "chosen"),
    [
        (record(1), EMPTY, "ota_0", 0),
        (record(1), record(2), "ota_1", 1),
        (record(3), record(2), "ota_2", 0),
        (record(4), record(3), "ota_0", 0),
        (record(4, damaged=True), record(3), "ota_2", 1),
        (record(1), record(2, ABORTED), "ota_0", 0),
        (record(1), record(2, INVALID), "ota_0", 0),
        (record(1), record(2, UNDEFINED), "ota_1", 1),
        (EMPTY, EMPTY, "factory", None),
        (record(1, INVALID), record(2, ABORTED), "factory", None),
        (record(1, damaged=True), EMPTY, "factory", None),
    ],
)
def test_the_slot_that_starts(first: bytes, second: bytes, boots: str, chosen: int | None) -> None:
    choice = parse_ota_data(data(first, second), [FACTORY, *SLOTS])
    assert (choice.boots, choice.chosen) == (boots, chosen)


def test_the_reason_shows_the_rule() -> None:
    choice = parse_ota_data(data(record(4), record(5)), SLOTS)
    assert choice.reason == "Record 1 has the higher sequence number, 5: (5 - 1) mod 3 is 1, so ota_1 starts"


def test_without_a_factory_application_the_first_slot_is_tried() -> None:
    choice = parse_ota_data(b"\xff" * 0x2000, SLOTS)
    assert choice.boots == "ota_0"
    assert "no factory application" in choice.reason


def test_a_start_that_has_to_prove_itself_names_the_way_back() -> None:
    choice = parse_ota_data(data(record(1), record(2, PENDING)), [FACTORY, *SLOTS])
    assert "then ota_0 starts" in choice.notes[0]


def test_a_table_without_ota_applications_starts_the_factory_one() -> None:
    choice = parse_ota_data(data(record(1), EMPTY), [FACTORY])
    assert (choice.boots, choice.reason) == ("factory", "The partition table has no OTA applications")


def test_records_say_what_is_wrong_with_them() -> None:
    choice = parse_ota_data(data(record(7, damaged=True), record(8, 99)), SLOTS)
    first, second = choice.records
    assert first.verdict.startswith("passed over: its CRC is wrong (0x")
    assert second.state_text == "0x63: no state known"


def test_the_simulated_board_s_aborted_update_falls_back_to_the_factory_application() -> None:
    choice = parse_ota_data(ota_data_partition(0x2000), [FACTORY, SLOTS[0]])
    assert choice.boots == "factory"
    assert choice.records[0].crc_ok
    assert "Neither record can be used" in choice.reason


@given(st.binary(max_size=0x2000), st.integers(0, 3))
def test_no_bytes_raise(noise: bytes, slots: int) -> None:
    parse_ota_data(noise, SLOTS[:slots])
