"""What an exported session holds, with its secrets taken out and with them."""

from __future__ import annotations

import base64
import json
import zipfile
from pathlib import Path

import pytest

from espmon.session.archive.blanking import Secrets
from espmon.session.archive.compression import compress_session
from espmon.session.archive.session_export import export_zip
from espmon.session.session_folder import SIDECAR, STREAM
from tests.records.streams import core_dump, frame
from tests.session.archive.recordings import BOOT, LINE, made_session

SECRET = b"I (9) wifi: SSID:My Home password:hunter2222\r\n"


def content(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def session(tmp_path: Path) -> Path:
    """A session with a secret in everything that it has."""
    payload = frame(b'{"password": "hunter2222"}')
    folder = made_session(tmp_path / "sessions", BOOT + SECRET + payload + core_dump() + LINE * 20)
    typed = {"t": 1.0, "type": "sent", "by": "keys", "data": base64.b64encode(b"hunter2222\r").decode()}
    line = {"t": 1.0, "type": "sent", "by": "input", "data": base64.b64encode(b"password: hunter2222\r").decode()}
    with (folder / SIDECAR).open("a") as file:
        file.write("".join(json.dumps(row) + "\n" for row in (typed, line, {**line, "data": "!"})) + "no json\n")
    (folder / "report.txt").write_text("password: hunter2222\n")
    (folder / "0001-png.png").write_bytes(b"\x89PNG")
    (folder / "dump.bin").write_bytes(b"hunter2222")
    (folder / ".hidden").write_text("hunter2222")
    return folder


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "compressed"])
def test_secrets_are_nowhere_and_every_byte_keeps_its_place(session: Path, tmp_path: Path, packed: bool) -> None:
    stream = (session / STREAM).read_bytes()
    if packed:
        assert compress_session(session, lambda: False)
    done = export_zip(session, tmp_path / "x.zip", Secrets(), None)
    files = content(done.path)
    assert not any(b"hunter2222" in data for data in files.values())
    assert not any(base64.b64encode(b"hunter2222")[:12] in data for data in files.values())
    kept = files[STREAM]
    assert len(kept) == len(stream)
    assert kept.startswith(BOOT)
    assert kept.endswith(LINE * 20)
    assert [at for at, byte in enumerate(kept) if byte == 10] == [at for at, byte in enumerate(stream) if byte == 10]
    assert done.left_out == ["dump.bin"]
    assert ".hidden" not in files
    assert files["0001-png.png"] == b"\x89PNG"


def test_with_secrets_all_is_as_it_was(session: Path, tmp_path: Path) -> None:
    elf = tmp_path / "app.elf"
    elf.write_bytes(b"\x7fELF")
    done = export_zip(session, tmp_path / "x.zip", None, elf)
    files = content(done.path)
    assert files[STREAM] == (session / STREAM).read_bytes()
    assert files[SIDECAR] == (session / SIDECAR).read_bytes()
    assert files["dump.bin"] == b"hunter2222"
    assert files["elf/app.elf"] == b"\x7fELF"
    assert (done.left_out, done.blanked) == ([], None)


def test_an_export_that_fails_leaves_no_file(session: Path, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="gone"):
        export_zip(session, tmp_path / "x.zip", None, tmp_path / "gone.elf")
    assert not (tmp_path / "x.zip").exists()
