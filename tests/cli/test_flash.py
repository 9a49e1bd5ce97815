"""`espmon flash`: it asks first, tells scripts in JSON, and its exit code says what went wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from esp32_mock_bootloader.server import BootloaderConnection, FlashImage, handle_client

from espmon.cli import flash
from espmon.sim import BoardThread, SimulatedBoard
from espmon.testing import Operation, Quirks
from tests.rom.flash_boards import noise
from tests.rom.server import silent_listener, terminal
from tests.rom.test_image import description, image, table

REGION = {"address", "size", "file", "ok", "md5_file", "md5_flash", "written", "skipped", "mismatch"}
FIELDS = {"action", "chip", "loader", "regions", "after", "elapsed", "warnings"}


@contextmanager
def loader_over_tcp(chip: str, memory: FlashImage) -> Iterator[str]:
    stop = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.05)

    def serve() -> None:
        while not stop.is_set():
            with suppress(TimeoutError):
                connection, _ = listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                handle_client(BootloaderConnection(sock=connection), stop, chip, flash=memory, exit_on_disconnect=True)

    thread = threading.Thread(target=serve, name="flash-loader")
    thread.start()
    try:
        yield f"socket://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        stop.set()
        thread.join(5.0)
        listener.close()


@pytest.fixture
def memory() -> FlashImage:
    return FlashImage()


@pytest.fixture
def port(memory: FlashImage) -> Iterator[str]:
    with loader_over_tcp("esp32c3", memory) as url:
        yield url


@pytest.fixture
def binary(tmp_path: Path) -> Path:
    path = tmp_path / "app.bin"
    path.write_bytes(noise(70_000))
    return path


def told(capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    result: dict[str, Any] = json.loads(out)
    return result


def test_write_then_verify(port: str, memory: FlashImage, binary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flash.main(["write", port, "0x10000", str(binary), "--yes"]) == 0
    assert "70,000 bytes written, verified" in capsys.readouterr().out
    assert bytes(memory.data[0x10000 : 0x10000 + 70_000]) == binary.read_bytes()
    assert flash.main(["verify", port, "0x10000", str(binary), "--yes"]) == 0
    assert "the same" in capsys.readouterr().out


def test_json_has_exactly_the_contracts_fields(port: str, binary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flash.main(["write", port, "--yes", "--json", "0x10000", str(binary)]) == 0
    result = told(capsys)
    assert set(result) == FIELDS
    (region,) = result["regions"]
    assert set(region) == REGION
    assert region["address"] == "0x00010000"
    assert region["md5_file"] == region["md5_flash"] != ""
    assert (region["size"], region["written"], region["skipped"]) == (70_000, 70_000, 0)
    assert (result["action"], result["chip"], result["after"]) == ("write", "ESP32-C3", "download mode")


def test_json_is_alone_on_stdout_and_progress_is_not_told(
    port: str, binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flash.main(["verify", port, "0x10000", str(binary), "--yes", "--json"])
    captured = capsys.readouterr()
    json.loads(captured.out)
    assert "Verifying" not in captured.err


def test_progress_goes_to_stderr(port: str, binary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flash.main(["write", port, "0x10000", str(binary), "--yes"])
    assert "Writing" in capsys.readouterr().err


def test_a_mismatch_is_exit_code_1_with_the_first_places(
    port: str, binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flash.main(["verify", port, "0x10000", str(binary), "--yes", "--json"]) == 1
    (region,) = told(capsys)["regions"]
    assert region["ok"] is False
    assert region["mismatch"] == ["0x00010000", "0x00020000"]


def test_options_may_stand_anywhere(port: str, binary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flash.main(["verify", "--json", port, "--yes", "0x10000", "--no-stub", str(binary)]) == 1
    assert told(capsys)["loader"] == "rom"


def test_without_a_stub_everything_works_through_rom(
    port: str, memory: FlashImage, binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flash.main(["write", port, "0x10000", str(binary), "--yes", "--no-stub", "--json"]) == 0
    assert told(capsys)["loader"] == "rom"
    assert bytes(memory.data[0x10000 : 0x10000 + 70_000]) == binary.read_bytes()


def test_read_writes_a_file(port: str, memory: FlashImage, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    memory.data[0x3000:0x8000] = content = noise(0x5000)
    out = tmp_path / "out.bin"
    assert flash.main(["read", port, "0x3000", "0x5000", str(out), "--yes"]) == 0
    assert out.read_bytes() == content
    assert "read and verified" in capsys.readouterr().out


def test_erase_empties_a_region(port: str, memory: FlashImage, capsys: pytest.CaptureFixture[str]) -> None:
    memory.data[:0x3000] = bytes(0x3000)
    assert flash.main(["erase", port, "0x1000", "0x1000", "--yes", "--json"]) == 0
    assert set(memory.data[0x1000:0x2000]) == {0xFF}
    assert not any(memory.data[:0x1000])
    assert told(capsys)["regions"][0]["ok"]


def test_erase_all_empties_everything(port: str, memory: FlashImage, capsys: pytest.CaptureFixture[str]) -> None:
    memory.data[:] = bytes(len(memory.data))
    assert flash.main(["erase", port, "--all", "--yes"]) == 0
    assert set(memory.data) == {0xFF}
    assert "erased" in capsys.readouterr().out


def test_info_shows_the_partition_table_and_the_application(
    port: str, memory: FlashImage, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.data[0x8000:0x8C00] = table()
    app = image() + description()
    memory.data[0x10000 : 0x10000 + len(app)] = app
    assert flash.main(["info", port, "--yes"]) == 0
    out = capsys.readouterr().out
    assert "factory          app        factory       0x10000    1024 KiB  encrypted" in out
    assert "factory: blink 1.2.3, ESP-IDF v5.5" in out


def test_info_takes_a_table_that_was_moved(port: str, memory: FlashImage, capsys: pytest.CaptureFixture[str]) -> None:
    memory.data[0x20000:0x20C00] = table()
    assert flash.main(["info", port, "--yes", "--table", "0x20000", "--json"]) == 0
    assert [row["name"] for row in told(capsys)["partitions"]] == ["nvs", "factory"]


def test_a_hostile_partition_name_cannot_reach_the_terminal(
    port: str, memory: FlashImage, capsys: pytest.CaptureFixture[str]
) -> None:
    row = struct.pack("<HBBII16sI", 0x50AA, 1, 2, 0x9000, 0x1000, b"\x1b[2Jx", 0)
    memory.data[0x8000 : 0x8000 + 32] = row
    assert flash.main(["info", port, "--yes"]) == 0
    assert "\x1b" not in capsys.readouterr().out


def test_info_without_a_partition_table_is_exit_code_1_and_says_so(
    port: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flash.main(["info", port, "--yes"]) == 1
    err = capsys.readouterr().err
    assert "no partition table at 0x8000" in err
    assert "espmon: no partition table to show; --table ADDR" in err


def test_info_on_something_else_than_a_table_is_exit_code_1(
    port: str, memory: FlashImage, capsys: pytest.CaptureFixture[str]
) -> None:
    memory.data[0x8000:0x9000] = noise(0x1000)
    assert flash.main(["info", port, "--yes", "--json"]) == 1
    captured = capsys.readouterr()
    assert "row 0 at 0x0 is no partition" in captured.err
    assert "no partition table to show" in captured.err
    assert json.loads(captured.out)["partitions"] == []


def test_a_project_is_taken_as_it_was_built(port: str, memory: FlashImage, tmp_path: Path) -> None:
    build = tmp_path / "build"
    build.mkdir()
    (build / "app.bin").write_bytes(image(minimum=0) + noise(1000))
    files = {"flash_files": {"0x20000": "app.bin"}, "app": {"offset": "0x20000", "file": "app.bin"}}
    (build / "flasher_args.json").write_text(json.dumps(files))
    assert flash.main(["write", port, "--project", str(tmp_path), "--app-only", "--yes"]) == 0
    assert memory.data[0x20000] == 0xE9


# -- exit codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["write"], "nothing to flash"),
        (["write", "0x1000"], "file is missing"),
        (["write", "zz", "x.bin"], "no address"),
        (["verify", "0", "/no/such/file.bin"], "/no/such/file.bin"),
        (["verify", "--project", "/no/such/folder"], "holds no build"),
        (["verify", "0", "x", "--project", "."], "not both"),
        (["write", "0", "x", "--app-only"], "--project"),
        (["erase"], "--all"),
        (["erase", "0", "0x1000", "--all"], "--all"),
        (["erase", "1", "0x1000"], "sectors"),
        (["read", "0", "0", "out.bin"], "SIZE is 0"),
        (["read", "0", "1", "/no/such/folder/out.bin"], "no folder"),
        (["info", "--baud", "0"], "not a rate"),
        (["info", "--table", "x"], "no address"),
    ],
)
def test_wrong_words_are_exit_code_2_and_open_nothing(
    words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flash.main([words[0], "/dev/does-not-exist", *words[1:], "--yes"]) == 2
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


def test_an_unknown_action_is_exit_code_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert flash.main(["burn", "/dev/x"]) == 2
    assert "burn" in capsys.readouterr().err


def test_help_names_the_actions(capsys: pytest.CaptureFixture[str]) -> None:
    assert flash.main(["--help"]) == 0
    assert "verify" in capsys.readouterr().out


def test_a_port_that_is_not_there_is_exit_code_3(binary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert flash.main(["verify", "/dev/does-not-exist", "0", str(binary), "--yes"]) == 3
    assert "/dev/does-not-exist" in capsys.readouterr().err


def test_a_board_that_does_not_answer_is_exit_code_4(
    binary: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espmon.rom.loader.ATTEMPTS", 1)
    with silent_listener() as url:
        assert flash.main(["verify", url, "0", str(binary), "--yes"]) == 4
    assert "BOOT" in capsys.readouterr().err


def test_a_file_that_does_not_fit_is_exit_code_1_and_names_the_way_to_force_it(
    port: str, memory: FlashImage, binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flash.main(["write", port, "0", str(binary), "--yes"]) == 1
    err = capsys.readouterr().err
    assert "0xe9" in err
    assert "Nothing was changed" in err
    assert "--force" in err
    assert set(memory.data) == {0xFF}
    assert flash.main(["write", port, "0", str(binary), "--yes", "--force"]) == 0


def test_debug_shows_where_it_failed_and_keeps_the_exit_code(
    port: str, binary: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert flash.main(["write", port, "0", str(binary), "--yes", "--debug"]) == 1
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "internal error" not in err


def test_an_image_for_a_later_revision_is_refused(
    port: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "app.bin"
    path.write_bytes(image(minimum=3))
    assert flash.main(["write", port, "0x10000", str(path), "--yes"]) == 1
    assert "needs revision 0.3 or later, and this ESP32-C3 has 0.0" in capsys.readouterr().err


def test_the_esp8266_rom_cannot_verify_and_says_so(binary: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with loader_over_tcp("esp8266", FlashImage()) as url:
        assert flash.main(["verify", url, "0", str(binary), "--yes", "--no-stub"]) == 4
        assert "stub" in capsys.readouterr().err
        assert flash.main(["verify", url, "0", str(binary), "--yes", "--json"]) == 1
        assert told(capsys)["loader"] == "stub"


def test_without_a_terminal_and_without_yes_nothing_is_opened() -> None:
    command = [sys.executable, "-m", "espmon", "flash", "erase", "/dev/does-not-exist", "--all"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert (result.returncode, result.stdout) == (2, "")
    assert "--yes" in result.stderr


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (["erase", "--all"], "ERASES ALL of its flash. Go on?"),
        (["erase", "0x200000", "0x1000"], "ERASES 4,096 bytes (0x1000) of its flash at 0x200000. Go on?"),
        (["read", "0x8000", "0xc00", "table.bin"], "reads 3,072 bytes of its flash at 0x8000. Go on?"),
        (["info"], "reads its flash. Go on?"),
    ],
)
def test_on_a_terminal_it_says_what_will_happen_and_no_touches_nothing(words: list[str], question: str) -> None:
    command = [sys.executable, "-m", "espmon", "flash", words[0], "/dev/does-not-exist", *words[1:]]
    with terminal() as (ours, theirs):
        os.write(ours, b"n\n")
        result = subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=30)
    assert result.returncode == 1
    assert question in result.stderr
    assert "Nothing was touched" in result.stderr


@pytest.mark.e2e
def test_ctrl_c_while_writing_says_what_is_unfinished(binary: Path) -> None:
    quirks = Quirks(silent=frozenset({Operation.FLASH_DEFL_DATA}))
    with BoardThread(lambda: SimulatedBoard("esp32c3", quirks=quirks)) as board:
        command = [sys.executable, "-m", "espmon", "flash", "write", board.url, "0x10000", str(binary), "--yes"]
        with subprocess.Popen([*command, "--no-stub"], stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if "Comparing" in line:
                    break
            while process.poll() is None and not _data_arrived(board.board):
                time.sleep(0.005)
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            assert process.wait(timeout=30) == 130
    assert "Unfinished" in rest
    assert "download mode" in rest
    assert "Traceback" not in rest


def _data_arrived(board: SimulatedBoard) -> bool:
    peer = board._peer
    return peer is not None and peer.counts[Operation.FLASH_DEFL_DATA] > 0


class _Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_on_a_terminal_progress_is_one_line_with_rate_and_time_left(monkeypatch: pytest.MonkeyPatch) -> None:
    screen, now = _Screen(), [10.0]
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("espmon.cli.flash.time.monotonic", lambda: now[0])
    progress = flash.Progress(quiet=False)
    progress("Writing app.bin", 0, 100 << 10)
    now[0] = 12.0
    progress("Writing app.bin", 50 << 10, 100 << 10)
    now[0] = 12.1
    progress("Writing app.bin", 60 << 10, 100 << 10)
    progress.end()
    assert "60 %" not in screen.getvalue()
    assert screen.getvalue().endswith("Writing app.bin  50 %, 25 KiB/s, 2 s left\n")


def test_flashing_imports_neither_the_screen_nor_the_records_nor_esptool() -> None:
    code = (
        "import sys; from espmon.cli import flash; flash.main(['info', '/dev/does-not-exist', '--yes']);"
        "import espmon.rom.loader_session, espmon.rom.flasher_stub, espmon.session.flash_job;"
        "print([m for m in ('textual', 'elftools', 'PIL', 'esptool', 'cbor2', 'intelhex', 'espmon.records.demux')"
        " if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert result.stdout.strip() == "[]"
