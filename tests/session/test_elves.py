"""Finding the ELF that fits a board: the layouts of the build tools, and the library."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from espmon.session.elves import ElfLibrary, discover, file_sha256, pick

LAYOUTS = {
    "ESP-IDF": "idf/build/app.elf",
    "PlatformIO": "pio/.pio/build/esp32dev/firmware.elf",
    "Arduino": "sketch/build/esp32.esp32.esp32s3/sketch.ino.elf",
    "Zephyr": "zephyr-app/build/zephyr/zephyr.elf",
    "cargo": "rust/target/riscv32imc-unknown-none-elf/release/app",
}


def make(root: Path, layout: str, content: bytes = b"", age: int = 0) -> Path:
    path = root / LAYOUTS[layout]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x7fELF" + layout.encode() + content)
    if layout == "ESP-IDF":
        (path.parent / "project_description.json").write_text(json.dumps({"app_elf": path.name}))
    os.utime(path, (2_000_000_000 - age, 2_000_000_000 - age))
    return path


@pytest.mark.parametrize("layout", LAYOUTS)
def test_each_layout_is_found_below_the_folder(tmp_path: Path, layout: str) -> None:
    path = make(tmp_path, layout)
    assert [(item.path, item.layout) for item in discover(tmp_path)] == [(path, layout)]
    assert [item.path for item in discover(path.parents[1])] == [path]


def test_the_newest_build_comes_first(tmp_path: Path) -> None:
    paths = [make(tmp_path, layout, age=age) for age, layout in enumerate(LAYOUTS)]
    assert [item.path for item in discover(tmp_path)] == paths


def test_other_files_and_folders_are_left_alone(tmp_path: Path) -> None:
    make(tmp_path, "cargo").with_name("app.d").write_text("x")
    (tmp_path / "node_modules/x/build").mkdir(parents=True)
    (tmp_path / "node_modules/x/build/a.elf").write_bytes(b"\x7fELF")
    (tmp_path / "build").mkdir()
    (tmp_path / "build" / "text.elf").write_bytes(b"not one")
    assert [item.layout for item in discover(tmp_path)] == ["cargo"]


def test_a_project_description_cannot_name_a_file_elsewhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret.elf"
    secret.write_bytes(b"\x7fELF")
    (tmp_path / "build").mkdir()
    for name in ("../secret.elf", str(secret), "", 5):
        (tmp_path / "build" / "project_description.json").write_text(json.dumps({"app_elf": name}))
        assert discover(tmp_path / "build") == []
    (tmp_path / "build" / "project_description.json").write_text("{broken")
    assert discover(tmp_path / "build") == []


def test_the_one_the_boot_log_names_is_picked(tmp_path: Path) -> None:
    make(tmp_path, "PlatformIO")
    wanted = make(tmp_path, "Zephyr", age=100)
    digest = file_sha256(wanted)
    assert digest is not None
    found = pick(digest[:9], tmp_path)
    assert found is not None
    assert found.path == wanted
    assert pick("0123456789", tmp_path) is None
    assert pick(digest[:3], tmp_path) is None


def test_a_folder_that_is_not_there_holds_nothing(tmp_path: Path) -> None:
    assert discover(tmp_path / "nowhere") == []


def test_the_library_keeps_what_matched_once(tmp_path: Path) -> None:
    library = ElfLibrary(tmp_path / "library")
    original = make(tmp_path, "Zephyr")
    digest = file_sha256(original)
    kept = library.add(original)
    assert kept is not None
    assert digest is not None
    original.unlink()
    found = pick(digest[:9], tmp_path / "empty", library)
    assert found is not None
    assert (found.path, found.layout, found.sha256) == (kept, "library", digest)
    assert [path.name for path in library.folder.iterdir()] == [f"{digest}.elf"]


def test_the_library_drops_the_least_recently_used_beyond_its_size(tmp_path: Path) -> None:
    library = ElfLibrary(tmp_path / "library", limit=2500)
    kept = []
    for number in range(3):
        path = tmp_path / f"{number}.elf"
        path.write_bytes(b"\x7fELF" + bytes([number]) * 1000)
        added = library.add(path)
        assert added is not None
        os.utime(added, (1000 + number, 1000 + number))
        kept.append(added)
    assert [path.exists() for path in kept] == [False, True, True]


def test_what_is_too_large_or_gone_is_not_kept(tmp_path: Path) -> None:
    library = ElfLibrary(tmp_path / "library", limit=10)
    assert library.add(make(tmp_path, "Zephyr", bytes(100))) is None
    assert library.add(tmp_path / "gone.elf") is None


@pytest.mark.parametrize("prefix", ["", "abc", "../../etc/passwd", "zzzzzzzzzz", "*" * 10])
def test_the_library_takes_nothing_but_hexadecimal_prefixes(tmp_path: Path, prefix: str) -> None:
    library = ElfLibrary(tmp_path / "library")
    library.add(make(tmp_path, "Zephyr"))
    assert library.find(prefix) is None


def test_a_folder_that_may_not_be_searched_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = make(tmp_path, "PlatformIO")
    closed = tmp_path / "closed"
    closed.mkdir()
    real = os.stat

    def stat(path: str | Path, *arguments: int, **options: bool) -> os.stat_result:
        if os.fspath(path).startswith(f"{closed}/"):
            raise PermissionError(13, "Permission denied", path)
        return real(path, *arguments, **options)

    monkeypatch.setattr(os, "stat", stat)
    assert [item.path for item in discover(tmp_path)] == [found]
