"""Sessions are listed, exported without secrets, imported elsewhere, compared, removed; crashes counted over all."""

from __future__ import annotations

import json
import zipfile
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

import pytest

from espmon.cli import main
from espmon.session.archive import session_import
from espmon.session.archive.compression import compress_session
from espmon.session.archive.session_index import INDEX
from espmon.session.session_folder import COMPRESSED, SIDECAR, STREAM, is_session
from tests.session.archive.recordings import BOOT, LINE, PANIC, made_session

SECRET = b"I (9) wifi: SSID:My Home password:hunter2222\r\nsta mac aa:bb:cc:00:11:22\r\n"
LOG = BOOT + SECRET + LINE * 30 + PANIC + BOOT


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "data" / "espmon" / "sessions"


def asked(capsys: pytest.CaptureFixture[str], *words: str, code: int = 0) -> dict[str, Any]:
    """What a command prints as JSON: one object."""
    assert main([*words, "--json"]) == code
    [line] = capsys.readouterr().out.splitlines()
    value: dict[str, Any] = json.loads(line)
    return value


def test_the_list_says_what_each_session_was(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_session(root, LOG)
    [session] = asked(capsys, "sessions", "list")["sessions"]
    assert session["name"] == folder.name
    assert (session["board"], session["chip"], session["app"]) == ("bench", "esp32", "hello")
    assert (session["boots"], session["crashes"], session["bytes"]) == (2, 1, len(LOG))
    assert not session["running"]
    assert main(["sessions", "list"]) == 0
    assert "esp32" in capsys.readouterr().out


def test_without_sessions_the_list_is_empty(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert asked(capsys, "sessions", "list")["sessions"] == []
    assert asked(capsys, "crashes")["crashes"] == []


@pytest.mark.parametrize("words", [["show", "x"], ["export", "x"], ["remove", "x"], ["diff", "x", "y"]])
def test_a_session_that_is_not_there_is_one_line(
    root: Path, capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    error = asked(capsys, "sessions", *words, code=2)["error"]
    assert "no session x" in error["message"]


def test_a_word_that_several_have_names_them(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = made_session(root, LOG), made_session(root, LOG)
    assert "2 sessions" in asked(capsys, "sessions", "show", "bench", code=2)["error"]["message"]
    assert asked(capsys, "sessions", "show", "last")["name"] == second.name
    assert asked(capsys, "sessions", "show", first.name)["name"] == first.name


@pytest.mark.parametrize("packed", [False, True])
def test_an_exported_session_is_the_same_elsewhere_but_for_its_secrets(
    root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], packed: bool
) -> None:
    folder = made_session(root, LOG)
    (folder / "0000000000-report.txt").write_text("password: hunter2222\n")
    (folder / "0000000000-memory.bin").write_bytes(b"hunter2222")
    (folder / "0000000000-png.png").write_bytes(b"a picture")
    if packed:
        assert compress_session(folder)
    done = asked(capsys, "sessions", "export", "last", "-o", "out.zip")
    assert done["left_out"] == ["0000000000-memory.bin"]
    assert done["unread"] == ["0000000000-png.png"]
    assert {item["kind"] for item in done["blanked"]} == {"password", "ssid", "mac"}
    with zipfile.ZipFile("out.zip") as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"hunter2222" not in whole
    assert b"My Home" not in whole
    new = Path(asked(capsys, "sessions", "import", "out.zip")["folder"])
    assert new.parent == root
    assert new != folder
    assert is_session(new)
    stream = (new / STREAM).read_bytes()
    assert len(stream) == len(LOG)
    assert [a for a, b in zip(stream, LOG, strict=True) if a != b].count(ord("*")) > 5
    assert stream.endswith(PANIC + BOOT)
    shown = asked(capsys, "sessions", "show", new.name)
    assert (shown["boots"], shown["crashes"], shown["app"]) == (2, 1, "hello")


def test_with_secrets_every_byte_is_there(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_session(root, LOG)
    assert asked(capsys, "sessions", "export", "last", "--with-secrets", "-o", "a.zip")["blanked"] is None
    new = Path(asked(capsys, "sessions", "import", "a.zip")["folder"])
    assert (new / STREAM).read_bytes() == LOG
    first, *rest = (new / SIDECAR).read_bytes().splitlines()
    assert rest == (folder / SIDECAR).read_bytes().splitlines()[1:]
    assert json.loads(first)["folder"] == new.name
    assert asked(capsys, "sessions", "export", "last", "-o", "a.zip", code=2)["error"]["kind"] == "usage"


def test_text_and_json_lines_have_times_and_no_secrets(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_session(root, LOG)
    asked(capsys, "sessions", "export", "last", "--format", "text", "-o", "a.log")
    asked(capsys, "sessions", "export", "last", "--format", "json", "-o", "a.jsonl")
    text, lines = Path("a.log").read_text("utf-8"), Path("a.jsonl").read_text().splitlines()
    assert "hunter2222" not in text + "".join(lines)
    assert "password:**" in text
    assert "2023-11-1" in text.splitlines()[0]
    records = [json.loads(line) for line in lines]
    assert sum(record["type"] == "line" for record in records) == LOG.count(b"\n")
    assert [record["type"] for record in records].count("panic") == 1
    assert records[0]["time"] == 1_700_000_000.0


def test_what_was_sent_and_where_payloads_are_is_exported_too(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_session(root, LOG)
    times = {"t": 1_700_000_000.5, "m": 0.5, "time": 1_700_000_000.5, "offset": 0, "length": 0, "derived": True}
    sent = {**times, "type": "sent", "by": "line", "bytes": 21, "data": b64encode(b"wifi password: geheim1").decode()}
    keys = {**times, "type": "sent", "by": "keys", "bytes": 1, "data": b64encode(b"q").decode()}
    panic = {**times, "type": "panic", "offset": LOG.index(PANIC), "path": "elsewhere/report.txt"}
    with (folder / SIDECAR).open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in (sent, keys, panic))
    asked(capsys, "sessions", "export", "last", "--format", "text", "-o", "a.log")
    asked(capsys, "sessions", "export", "last", "--format", "json", "-o", "a.jsonl")
    [line] = [line for line in Path("a.log").read_text("utf-8").splitlines() if "→" in line]
    assert line.endswith("→ wifi password: *******")
    records = [json.loads(line) for line in Path("a.jsonl").read_text().splitlines()]
    told = [record for record in records if record["type"] == "sent"]
    assert [b64decode(record["data"]) for record in told] == [b"wifi password: *******", b"*"]
    assert "m" not in told[0]
    assert [record["path"] for record in records if record["type"] == "panic"] == ["report.txt"]


def test_sessions_are_opened_and_deleted_by_these_words_too(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_session(root, LOG)
    codes, said = [], []
    for words in (["open", folder.name], ["sessions", "open", folder.name]):
        codes.append(main(words))
        said.append(capsys.readouterr())
    assert codes[0] == codes[1]
    assert said[0] == said[1]
    assert "no session x" in asked(capsys, "sessions", "delete", "x", code=2)["error"]["message"]
    assert asked(capsys, "sessions", "delete", "last")["removed"] == [folder.name]


def test_a_session_without_an_index_has_no_counts(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_session(root, LOG)
    (folder / INDEX).unlink()
    shown = asked(capsys, "sessions", "show", "last")
    assert (shown["boots"], shown["crashes"], shown["bytes"]) == (None, None, len(LOG))
    assert main(["sessions", "list"]) == 0
    assert "?" in capsys.readouterr().out


def test_a_packed_session_that_is_cut_is_exported_as_far_as_it_goes(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = made_session(root, LOG)
    assert compress_session(folder)
    (folder / COMPRESSED).write_bytes((folder / COMPRESSED).read_bytes()[:-9])
    done = asked(capsys, "sessions", "export", "last", "-o", "a.zip", "--with-secrets")
    assert "cut off" in done["damaged"][0]
    with zipfile.ZipFile("a.zip") as archive:
        assert LOG.startswith(archive.read(STREAM))
    asked(capsys, "sessions", "export", "last", "-o", "a.log", "--format", "text")
    assert "the gzip file is cut off" in Path("a.log").read_text("utf-8")


def test_a_diff_leaves_out_what_differs_every_time(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_session(root, LOG, name="one")
    other = LOG.replace(b"(1234)", b"(99)").replace(b"run -> init", b"run -> stop", 1)
    made_session(root, other, name="two", now=1_700_001_000.0)
    first, second = asked(capsys, "sessions", "diff", "one", "two")["boots"]
    assert first["changed"]
    assert [row[0] for row in first["diff"]] == ["@", "-", "+"]
    assert not second["changed"]


def test_crashes_are_counted_over_all_sessions(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    made_session(root, LOG, name="one")
    made_session(root, LOG + PANIC.replace(b"0x400d1231", b"0x400daaaa"), name="two", now=1_700_001_000.0)
    groups = asked(capsys, "crashes")["crashes"]
    assert sorted(group["count"] for group in groups) == [1, 2]
    often = next(group for group in groups if group["count"] == 2)
    assert often["frames"] == ["0x400d1231", "0x400d5675"]
    assert often["builds"] == ["0123456789abcdef"]
    assert len(often["sessions"]) == 2
    assert often["last"] - often["first"] == 1000.0
    assert main(["crashes"]) == 0
    assert "2 x  LoadProhibited" in capsys.readouterr().out


def test_only_sessions_are_removed(root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = made_session(root, LOG)
    (tmp_path / "mine").mkdir()
    assert "no session of espmon's" in asked(capsys, "sessions", "remove", "mine", code=2)["error"]["message"]
    assert asked(capsys, "sessions", "remove", "last")["removed"] == [folder.name]
    assert not folder.exists()


def hostile(path: Path, **files: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        first = json.dumps({"t": 1, "m": 0, "event": "session", "folder": "x"}).encode() + b"\n"
        whole = {STREAM: b"", SIDECAR: first, "session.json": b'{"format": 1, "session": "../../evil"}', **files}
        for name, data in whole.items():
            archive.writestr(name, data)


@pytest.mark.parametrize(
    "files",
    [
        {"../evil": b"x"},
        {"/etc/evil": b"x"},
        {"a/b": b"x"},
        {"elf/../../evil": b"x"},
        {"C:evil": b"x"},
        {"..": b"x"},
        {"events.jsonl": b"[]\n"},
        {"session.json": b'{"format": 99}'},
        {"session.json": b"nonsense"},
        {"zeros.bin": b"\0" * 100_000},
    ],
    ids=["up", "absolute", "folder", "elf", "drive", "dots", "sidecar", "format", "manifest", "too large"],
)
def test_a_hostile_zip_writes_nothing(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, files: dict[str, bytes]
) -> None:
    monkeypatch.setattr(session_import, "MAX_BYTES", 1 << 16)
    hostile(Path("bad.zip"), **files)
    before = {path for path in root.parent.parent.parent.rglob("*") if path.is_file()}
    assert asked(capsys, "sessions", "import", "bad.zip", code=2)["ok"] is False
    assert {path for path in root.parent.parent.parent.rglob("*") if path.is_file()} == before


def test_a_hostile_name_is_no_path(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    hostile(Path("bad.zip"))
    folder = Path(asked(capsys, "sessions", "import", "bad.zip")["folder"])
    assert folder.parent == root
    assert folder.name == "00000000-000000-evil"


def test_what_is_no_zip_is_said(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("bad.zip").write_bytes(b"PK\x03\x04 no zip")
    assert (
        "no session that espmon exported" in asked(capsys, "sessions", "import", "bad.zip", code=2)["error"]["message"]
    )
    assert asked(capsys, "sessions", "import", "missing.zip", code=1)["ok"] is False
