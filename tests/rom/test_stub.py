"""The stub: found beside scripts of the package's name, read, and never used where a chip cannot run it."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from espmon.rom import RomError, RomErrorKind, load_chips
from espmon.rom.flasher_stub import load_stub, stub_folders
from espmon.testing import Operation
from tests.rom.flash_board import FlashBoard
from tests.rom.flash_boards import board_for, entered, noise, piece, run, stub_folder


def package(folder: Path, *versions: str, name: str = "esp32c3", entry: int = 1) -> Path:
    for version in versions:
        place = folder / "esptool" / "targets" / "stub_flasher" / version
        place.mkdir(parents=True)
        place.joinpath(f"{name}.json").write_text(json.dumps({"entry": entry, "text": "AAAA", "text_start": 16}))
    return folder


def test_the_installed_package_has_a_stub_for_every_chip_that_can_run_one() -> None:
    for chip in load_chips().chips.values():
        for _, name in chip.stub_files:
            assert load_stub(name).segments


def test_a_script_of_the_packages_name_does_not_hide_it(tmp_path: Path) -> None:
    scripts, packages = tmp_path / "bin", package(tmp_path / "packages", "2")
    scripts.mkdir()
    (scripts / "esptool.py").write_text("raise SystemExit")
    assert stub_folders([str(scripts), str(packages)]) == [packages / "esptool" / "targets" / "stub_flasher"]


def test_the_package_is_not_imported_to_find_its_stubs() -> None:
    before = {name for name in sys.modules if name.startswith("esptool")}
    load_stub("esp32c3")
    assert {name for name in sys.modules if name.startswith("esptool")} == before


def test_without_the_package_there_is_no_folder(tmp_path: Path) -> None:
    assert stub_folders([str(tmp_path)]) == []


def test_without_the_package_the_message_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("espmon.rom.flasher_stub.stub_folders", list)
    with pytest.raises(RomError, match=r"espmon\[stub\]") as caught:
        load_stub("esp32c3")
    assert caught.value.kind is RomErrorKind.STUB


def test_version_2_wins_over_version_1(tmp_path: Path) -> None:
    folder = tmp_path / "esptool" / "targets" / "stub_flasher"
    package(tmp_path, "1", entry=1)
    package(tmp_path, "2", entry=2)
    assert load_stub("esp32c3", folder).entry == 2


def test_version_1_is_taken_where_there_is_no_other(tmp_path: Path) -> None:
    package(tmp_path, "1")
    assert load_stub("esp32c3", tmp_path / "esptool" / "targets" / "stub_flasher").entry == 1


def test_a_stub_that_the_package_lacks_is_named(tmp_path: Path) -> None:
    with pytest.raises(RomError, match="no stub 'esp99'"):
        load_stub("esp99", stub_folder(tmp_path))


@pytest.mark.parametrize("content", [b"", b"[]", b'{"entry": 1}', b'{"entry": 1, "text": "?", "text_start": 0}'])
def test_a_damaged_image_is_an_error_that_names_the_file(content: bytes, tmp_path: Path) -> None:
    folder = stub_folder(tmp_path)
    (folder / "2" / "esp32c3.json").write_bytes(content)
    with pytest.raises(RomError, match=r"esp32c3\.json is no stub image"):
        load_stub("esp32c3", folder)


@pytest.mark.parametrize(("revision", "name"), [(0, "esp32p4-rev1"), (299, "esp32p4-rev1"), (300, "esp32p4")])
def test_early_p4_chips_get_their_own_stub(revision: int, name: str) -> None:
    assert load_chips().chips["esp32p4"].stub_file(revision) == name


async def _warnings(board: FlashBoard, stubs: Path) -> list[str]:
    outcome = await (await entered(board, stubs)).write([piece(0x10000, noise(20_000))], force=True)
    assert outcome.loader == "rom"
    assert board.counts[Operation.MEM_BEGIN] == 0
    return outcome.warnings


@pytest.mark.parametrize(
    ("key", "flags", "words"),
    [
        ("esp32c3", 4, "secure download mode forbids it"),
        ("esp32c3", 1, "secure boot is on, and the ESP32-C3"),
        ("esp32s3", 1, "secure boot is on, and the ESP32-S3"),
        ("esp32c2", 0, "of revision 0 cannot run it"),
        ("esp32e22", 0, "there is none for the ESP32-E22"),
    ],
)
def test_where_a_stub_cannot_run_it_is_said_with_what_it_costs(
    key: str, flags: int, words: str, tmp_path: Path
) -> None:
    warnings = run(_warnings(board_for(key, flags=flags), stub_folder(tmp_path)))
    (told,) = [warning for warning in warnings if words in warning]
    assert "times as long" in told


def test_a_missing_stub_image_is_said_with_what_it_costs(tmp_path: Path) -> None:
    warnings = run(_warnings(board_for("esp32c3"), tmp_path))
    assert any("has no stub" in warning and "64 bytes at a time" in warning for warning in warnings)


def test_a_stub_that_does_not_start_leaves_the_work_to_the_rom(tmp_path: Path) -> None:
    class Deaf(FlashBoard):
        def _mem_end(self, op: int, data: bytes) -> bytes:
            return self._reply(op)

    async def work() -> None:
        board = Deaf()
        outcome = await (await entered(board, stub_folder(tmp_path))).write([piece(0x10000, noise(20_000))])
        assert (outcome.ok, outcome.loader) == (True, "rom")
        assert any("does not answer" in warning and "times as long" in warning for warning in outcome.warnings)

    run(work())
