"""An ELF's SHA-256 worked out beside the decoding: the same verdict, whatever becomes of the file meanwhile."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest

from espmon.postmortem import PostmortemError, Symbolizer, decode_core
from espmon.session import file_hash
from espmon.session.file_hash import FileHash, hash_ahead
from tests.inputs import SIMULATED_ELF, dump_named


@pytest.fixture(autouse=True)
def small_files_are_worth_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_hash, "MIN_BYTES", 1)
    monkeypatch.setattr(file_hash, "PIECE_BYTES", 1000)


def test_it_is_that_of_the_file_in_pieces(tmp_path: Path) -> None:
    path = tmp_path / "file"
    data = bytes(range(256)) * 41
    path.write_bytes(data)
    found = FileHash(path, len(data))
    assert found.result() is None
    found.begin()
    found.begin()
    assert found.result() == hashlib.sha256(data).hexdigest()


@pytest.mark.parametrize("size", [9_999, 10_001])
def test_a_file_that_changed_or_is_gone_has_none(tmp_path: Path, size: int) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(10_000))
    found = FileHash(path, size)
    found.begin()
    gone = FileHash(tmp_path / "nothing", 10)
    gone.begin()
    assert (found.result(), gone.result()) == (None, None)


def test_an_elf_has_it_with_and_without_the_thread() -> None:
    beside, alone = Symbolizer(SIMULATED_ELF), Symbolizer(SIMULATED_ELF)
    hash_ahead(beside)
    assert beside.sha256 == alone.sha256 == hashlib.sha256(SIMULATED_ELF.read_bytes()).hexdigest()


def test_a_dump_of_another_build_is_refused_after_the_decoding_too(tmp_path: Path) -> None:
    dump = dump_named("riscv").text
    assert decode_core(dump, hashed(SIMULATED_ELF)).elf_match
    other = tmp_path / "app.elf"
    shutil.copy(SIMULATED_ELF, other)
    with other.open("ab") as file:
        file.write(b"\0")
    with pytest.raises(PostmortemError, match="was made by application") as refused:
        decode_core(dump, hashed(other))
    assert refused.value.mismatch
    assert decode_core(dump, hashed(other), force=True).elf_match is False


def hashed(elf: Path) -> Symbolizer:
    symbolizer = Symbolizer(elf)
    hash_ahead(symbolizer)
    return symbolizer
