"""NVS partitions, as Espressif's own generator and the simulated board write them, whole and damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.rom.nvs import PAGE_BYTES, NvsContents, parse_nvs
from espmon.sim.nvs_image import nvs_partition

ROWS = """key,type,encoding,value
wifi,namespace,,
ssid,data,string,home
pass,data,string,secret123
rssi,data,i8,-70
n,data,i32,-5
big,data,hex2bin,{big}
cal,namespace,,
u,data,u64,18446744073709551615
"""
BIG = bytes(range(250)) * 20


def generated(folder: Path, *options: str, action: str = "generate", big: bytes = BIG) -> bytes:
    """A partition by esp-idf-nvs-partition-gen."""
    (folder / "rows.csv").write_text(ROWS.format(big=big.hex()))
    words = ["-m", "esp_idf_nvs_partition_gen", action, "rows.csv", "nvs.bin", "0x6000", *options]
    subprocess.run([sys.executable, *words], check=True, cwd=folder, capture_output=True, timeout=60)
    return (folder / "nvs.bin").read_bytes()


@pytest.fixture(scope="module")
def partition(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return generated(tmp_path_factory.mktemp("nvs"))


def values(contents: NvsContents) -> dict[tuple[str, str], int | bytes]:
    return {(item.namespace, item.key): item.value for item in contents.items}


def test_every_value_that_the_generator_wrote_is_read(partition: bytes) -> None:
    contents = parse_nvs(partition)
    assert values(contents) == {
        ("wifi", "ssid"): b"home",
        ("wifi", "pass"): b"secret123",
        ("wifi", "rssi"): -70,
        ("wifi", "n"): -5,
        ("wifi", "big"): BIG,
        ("cal", "u"): (1 << 64) - 1,
    }
    assert [page.state for page in contents.pages] == ["full", "active", "empty", "empty", "empty", "empty"]
    assert contents.problems == []


def test_the_first_version_s_blobs_are_read(tmp_path: Path) -> None:
    contents = parse_nvs(generated(tmp_path, "--version", "1", big=b"short blob"))
    assert values(contents)["wifi", "big"] == b"short blob"
    assert contents.pages[0].version == 1


def test_an_encrypted_partition_is_said_to_be_one(tmp_path: Path) -> None:
    contents = parse_nvs(generated(tmp_path, "--keygen", action="encrypt"))
    assert contents.items == []
    assert contents.problems == ["page 0: encrypted", "page 1: encrypted"]


def test_a_damaged_value_is_named_and_the_others_are_read(partition: bytes) -> None:
    data = bytearray(partition)
    at = data.index(b"secret123")
    data[at] ^= 1
    contents = parse_nvs(bytes(data))
    assert {item.key: item.problem for item in contents.items if item.problem} == {"pass": "its CRC is wrong"}
    assert len(contents.items) == 6


def test_a_damaged_entry_is_counted(partition: bytes) -> None:
    data = bytearray(partition)
    data[data.index(b"rssi\0")] ^= 1
    contents = parse_nvs(bytes(data))
    assert ("wifi", "rssi") not in values(contents)
    assert contents.problems == ["page 0: 1 of 126 entries are damaged"]


def test_a_blob_whose_end_is_missing_says_so(partition: bytes) -> None:
    # The index stands on the second page, with the last chunk; the first page's chunk goes.
    contents = parse_nvs(b"\xff" * PAGE_BYTES + partition[PAGE_BYTES:])
    [blob] = [item for item in contents.items if item.kind == "blob"]
    assert blob.problem == "1 of 2 chunks are missing"
    assert blob.namespace == "namespace 1"


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda page: page[:4] + b"\1" + page[5:], "its header's CRC is wrong: damaged, or no page of NVS"),
        (lambda page: b"\xff" * 4 + page[4:], "not empty, and its header is not written"),
    ],
    ids=["header", "state"],
)
def test_a_damaged_page_says_what_is_wrong(damage: object, problem: str) -> None:
    assert callable(damage)
    contents = parse_nvs(damage(nvs_partition(PAGE_BYTES)))
    assert contents.problems == [f"page 0: {problem}"]


def test_the_newest_value_of_a_key_counts() -> None:
    contents = parse_nvs(nvs_partition(4 * PAGE_BYTES))
    assert values(contents)["storage", "boot_count"] == 42
    assert contents.pages[0].erased == 1
    assert values(contents)["storage", "offset"] == -17
    assert values(contents)["storage", "calibration"] == bytes(range(96))


@given(st.binary(max_size=2 * PAGE_BYTES), st.integers(0, PAGE_BYTES - 1))
def test_no_bytes_raise(noise: bytes, at: int) -> None:
    page = nvs_partition(PAGE_BYTES)
    parse_nvs(noise)
    parse_nvs((page[:at] + noise + page[at:])[: 2 * PAGE_BYTES])
