"""`espmon probe`: it asks first, tells scripts in JSON, and its exit code says what went wrong."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from espmon.cli import probe
from espmon.sim import BoardThread, SimulatedBoard
from espmon.sim.board_events import EventLog
from espmon.testing import Quirks
from tests.rom.server import pty_loader, silent_listener, tcp_loader, terminal

FIELDS = {
    "chip",
    "description",
    "revision",
    "mac",
    "crystal_mhz",
    "features",
    "flash",
    "usb_mode",
    "secure_download",
    "security",
    "loader",
    "after",
    "elapsed",
    "warnings",
}
EXTRA = {"eui64"}


@pytest.fixture(scope="module")
def loader() -> Iterator[str]:
    with tcp_loader("esp32c6") as url:
        yield url


def test_json_has_exactly_the_contracts_fields_on_one_line(loader: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main([loader, "--yes", "--json"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert set(json.loads(out)) == FIELDS | EXTRA


def test_json_tells_what_the_chip_is(loader: str, capsys: pytest.CaptureFixture[str]) -> None:
    probe.main([loader, "--yes", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["description"] == "ESP32-C6 (QFN40) (revision v0.0)"
    assert told["mac"] == "24:0a:c4:0f:43:5c"
    assert told["flash"] == {"manufacturer": "0x20", "device": "0x4016", "size": 4 << 20}


def test_text_shows_what_a_person_wants_to_know(loader: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main([loader, "--yes"]) == 0
    out = capsys.readouterr().out
    assert "Chip:       ESP32-C6 (QFN40) (revision v0.0)" in out
    assert "MAC:        24:0a:c4:0f:43:5c" in out
    assert "Now in:     download mode" in out


def test_warnings_and_progress_go_to_stderr(loader: str, capsys: pytest.CaptureFixture[str]) -> None:
    probe.main([loader, "--yes"])
    err = capsys.readouterr().err
    assert "cannot reset the board" in err
    assert "Asking which chip it is" in err


def test_the_transcript_can_be_had_for_a_bug_report(loader: str, capsys: pytest.CaptureFixture[str]) -> None:
    probe.main([loader, "--yes", "--json", "--transcript"])
    assert "-> c0 00 08 24" in capsys.readouterr().err


def test_a_pty_works_as_well(capsys: pytest.CaptureFixture[str]) -> None:
    with pty_loader("esp32s3") as path:
        assert probe.main([path, "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chip"] == "ESP32-S3"


def test_without_a_terminal_and_without_yes_nothing_is_opened() -> None:
    command = [sys.executable, "-m", "espmon", "probe", "/dev/does-not-exist"]
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30)
    assert result.returncode == 2
    assert "--yes" in result.stderr
    assert result.stdout == ""


def _on_a_terminal(url: str, answer: bytes) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "espmon", "probe", url]
    with terminal() as (ours, theirs):
        os.write(ours, answer)
        return subprocess.run(command, stdin=theirs, capture_output=True, text=True, timeout=30)


@pytest.mark.parametrize("answer", [b"n\n", b"\n", b"what?\n"])
def test_on_a_terminal_anything_but_yes_touches_nothing(answer: bytes) -> None:
    result = _on_a_terminal("/dev/does-not-exist", answer)
    assert result.returncode == 1
    assert "resets the board on /dev/does-not-exist" in result.stderr
    assert "Nothing was touched" in result.stderr


def test_on_a_terminal_yes_goes_on(loader: str) -> None:
    result = _on_a_terminal(loader, b"y\n")
    assert result.returncode == 0
    assert "ESP32-C6" in result.stdout


def test_a_port_that_is_not_there_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["/dev/does-not-exist", "--yes"]) == 3
    assert "/dev/does-not-exist" in capsys.readouterr().err


def test_a_board_that_does_not_answer_is_exit_code_4_with_a_way_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espmon.rom.loader.ATTEMPTS", 1)
    with silent_listener() as url:
        assert probe.main([url, "--yes"]) == 4
    err = capsys.readouterr().err
    assert "No loader answered" in err
    assert "BOOT" in err


def test_a_rate_that_is_none_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main(["/dev/does-not-exist", "--yes", "--baud", "0"]) == 2
    assert "not a rate" in capsys.readouterr().err


class _Modes(EventLog):
    """An event log that tells when the application runs after the loader did."""

    def __init__(self) -> None:
        super().__init__()
        self.back = threading.Event()

    def add(self, event: str, **fields: Any) -> None:
        was_in_loader = any(entry.get("mode") == "loader" for entry in self.events)
        super().add(event, **fields)
        if was_in_loader and fields.get("mode") == "application":
            self.back.set()


@pytest.mark.e2e
def test_ctrl_c_in_the_middle_brings_the_application_back() -> None:
    log = _Modes()
    with BoardThread(lambda: SimulatedBoard("esp32c3", quirks=Quirks(silent_after=2), events=log)) as board:
        command = [sys.executable, "-m", "espmon", "probe", board.url, "--yes"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if "Asking which chip" in line:
                    break
            process.send_signal(signal.SIGINT)
            rest = process.stderr.read()
            assert process.wait(timeout=30) == 130
        assert log.back.wait(10)
    assert "Traceback" not in rest


def test_probing_imports_neither_the_screen_nor_the_elf_reader() -> None:
    code = (
        "import sys; from espmon.cli import probe; probe.main(['/dev/does-not-exist', '--yes']);"
        "import espmon.rom.prober;"
        "print([m for m in ('textual', 'elftools', 'PIL', 'esptool', 'cbor2') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30)
    assert result.stdout.strip() == "[]"


def test_what_a_port_cannot_do_is_said_before_the_probe(loader: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert loader.startswith("socket://")
    assert probe.main([loader, "--yes"]) == 0
    said = capsys.readouterr().err
    assert said.index("has no DTR and RTS, so espmon cannot reset the board") < said.index("Asking")
