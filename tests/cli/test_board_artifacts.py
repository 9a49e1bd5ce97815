"""`espmon screenshot PORT` and `espmon coredump --port PORT`: one picture, and the dump in the board's own flash."""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from espmon.cli import main
from espmon.sim import BoardThread, SimulatedBoard
from espmon.sim.firmware_image import TCB_BYTES
from espmon.sim.simulated_dump import pieces
from tests.records.streams import framed_png, png

Captured = pytest.CaptureFixture[str]

TEN_SECONDS = ("--timeout", "30")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def board() -> Iterator[BoardThread]:
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet")) as server:
        yield server


@contextmanager
def answering(*answers: bytes) -> Iterator[tuple[str, bytearray]]:
    """A `socket://` board that gives these answers to the lines it hears, one each; its URL, and what it heard."""
    server = socket.create_server(("127.0.0.1", 0))
    heard = bytearray()

    def serve() -> None:
        client, _ = server.accept()
        left = [*answers]
        with client:
            while data := client.recv(4096):
                heard.extend(data)
                while left and heard.count(b"\n") > len(answers) - len(left):
                    client.sendall(left.pop(0))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"socket://127.0.0.1:{server.getsockname()[1]}", heard
    finally:
        server.close()
        thread.join(10)


def told(capsys: Captured) -> dict[str, Any]:
    (line,) = capsys.readouterr().out.splitlines()
    result: dict[str, Any] = json.loads(line)
    return result


# -- pictures -------------------------------------------------------------------------------------------------------


def test_a_picture_is_asked_for_after_the_boot_and_saved(board: BoardThread, tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "x.png"
    assert main(["screenshot", board.url, "-o", str(out), *TEN_SECONDS, "--json"]) == 0
    record = told(capsys)
    data = out.read_bytes()
    assert record["path"] == str(out)
    assert (record["width"], record["height"]) == struct.unpack(">II", data[16:24])
    assert (record["type"], record["bytes"], record["complete"]) == ("png", len(data), True)


def test_what_is_sent_is_the_setting_or_the_trigger_given(tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    with answering(framed_png(png())) as (url, heard):
        assert main(["screenshot", url, "-o", str(out), *TEN_SECONDS]) == 0
    assert bytes(heard) == b"screenshot\r\n"
    (tmp_path / "config" / "espmon").mkdir(parents=True)
    (tmp_path / "config" / "espmon" / "config.toml").write_text('eol = "LF"\n')
    with answering(framed_png(png())) as (url, heard):
        assert main(["screenshot", url, "-o", str(out), *TEN_SECONDS, "--trigger", "snap"]) == 0
    assert bytes(heard) == b"snap\n"
    assert out.read_bytes() == png()


def test_a_frame_of_kind_png_is_a_picture_too(board: BoardThread, tmp_path: Path) -> None:
    out = tmp_path / "x.png"
    assert main(["screenshot", board.url, "-o", str(out), *TEN_SECONDS, "--trigger", "frame"]) == 0
    assert out.read_bytes().startswith(b"\x89PNG")


def test_no_picture_within_the_limit_is_5_and_leaves_no_file(tmp_path: Path, capsys: Captured) -> None:
    out = tmp_path / "x.png"
    with answering() as (url, _):
        assert main(["screenshot", url, "-o", str(out), "--timeout", "0.2", "--json"]) == 5
    failure = told(capsys)["error"]
    assert failure["kind"] == "limit"
    assert "PNG_BEGIN" in failure["hint"]
    assert not out.exists()


def test_a_damaged_picture_is_1(board: BoardThread, tmp_path: Path, capsys: Captured) -> None:
    arguments = ["-o", str(tmp_path / "x.png"), *TEN_SECONDS, "--trigger", "screenshot fail", "--json"]
    assert main(["screenshot", board.url, *arguments]) == 1
    assert "could not encode" in told(capsys)["error"]["message"]


def test_a_lost_port_is_3(tmp_path: Path, capsys: Captured) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        leaving = threading.Thread(target=lambda: server.accept()[0].close())
        leaving.start()
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        assert main(["screenshot", url, "-o", str(tmp_path / "x.png"), "--json"]) == 3
        leaving.join()
    assert told(capsys)["error"]["kind"] == "port"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_one_sentence(board: BoardThread, capsys: Captured) -> None:
    assert main(["screenshot", board.url, "-o", "/dev/full", *TEN_SECONDS]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "/dev/full cannot be written: the disk is full" in error
    assert Path("/dev/full").is_char_device()


def test_a_place_for_no_file_opens_no_port(tmp_path: Path, capsys: Captured) -> None:
    for place in (tmp_path, tmp_path / "missing" / "x.png"):
        assert main(["screenshot", "socket://127.0.0.1:1", "-o", str(place)]) == 2
        assert "folder" in capsys.readouterr().err
    assert main(["screenshot", "socket://127.0.0.1:1", "-o", "-", "--json"]) == 2


# -- core dumps -----------------------------------------------------------------------------------------------------


def crash(board: BoardThread) -> bytes:
    """Let the board crash; what it then keeps in flash."""
    panic = ("--no-stdin", "--send-after", "esp>", "panic", "--until", "Rebooting", "--timeout", "60")
    assert main(["run", board.url, *panic]) == 0
    image = board.board._image
    return b"".join(pieces(image.snapshot("panic"), image.sha256, 5, TCB_BYTES))


def test_the_dump_in_flash_is_read_and_told_and_the_board_brought_back(
    board: BoardThread, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    dump = crash(board)
    capfd.readouterr()
    raw, core = tmp_path / "d.bin", tmp_path / "d.elf"
    elf = str(board.board.elf)
    arguments = ["--port", board.url, "--yes", "--elf", elf, "--json", "--save", str(raw), "--save-core", str(core)]
    assert main(["coredump", *arguments]) == 0
    report = told(capfd)
    assert (report["checksum"], report["crashed"]["task"], report["elf_match"]) == ("ok", "main", True)
    assert (report["path"], report["core_path"], report["after"]) == (str(raw), str(core), "application")
    assert raw.read_bytes() == dump
    assert main(["coredump", str(core), "--elf", elf, "--json"]) == 0
    again = told(capfd)
    assert again["crashed"]["task"] == "main"
    assert "path" not in again


def test_an_erased_partition_says_that_nothing_is_stored(board: BoardThread, capsys: Captured) -> None:
    assert main(["coredump", "--port", board.url, "--yes", "--json"]) == 1
    failure = told(capsys)["error"]
    assert "No core dump is stored" in failure["message"]
    assert "CONFIG_ESP_COREDUMP_ENABLE_TO_FLASH" in failure["hint"]


def test_a_partition_table_elsewhere_is_none_here(board: BoardThread, capsys: Captured) -> None:
    assert main(["coredump", "--port", board.url, "--yes", "--json", "--table", "0x20000"]) == 1
    assert "no partition table at 0x20000" in told(capsys)["error"]["message"]


def test_nothing_is_reset_unasked(capsys: Captured) -> None:
    assert main(["coredump", "--port", "socket://127.0.0.1:1", "--json"]) == 2
    assert "--yes" in told(capsys)["error"]["message"]


def test_a_file_or_a_port_is_needed_and_not_both(capsys: Captured) -> None:
    assert main(["coredump", "--json"]) == 2
    assert main(["coredump", "x.bin", "--port", "socket://127.0.0.1:1"]) == 2
    assert "--port PORT" in capsys.readouterr().err
