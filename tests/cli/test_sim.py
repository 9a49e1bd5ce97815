"""`espmon sim` as other tools use it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from espmon.cli.sim import main
from tests.sim.client import Client

ESPMON = [sys.executable, "-m", "espmon", "sim"]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The program and the URL it printed; killed if it does not end by itself."""
    process = subprocess.Popen([*ESPMON, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


async def test_the_first_line_is_the_url_and_the_board_answers_there() -> None:
    with running("--listen", "rfc2217://127.0.0.1:0", "--chip", "esp32c6", "--settle", "0") as (_, url):
        assert url.startswith("rfc2217://127.0.0.1:")
        async with Client(url) as client:
            assert b"ESP-ROM:esp32c6" in await client.until(b"esp> ")


async def test_the_events_file_follows_the_contract_while_the_board_runs(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    with running("--events", str(log), "--settle", "0", "--scenario", "quiet") as (_, url):
        async with Client(url) as client:
            await client.until(b"esp> ")
            await client.classic_reset()
            await client.until(b"waiting for download")
            events = [json.loads(line) for line in log.read_text().splitlines()]
    assert [event["event"] for event in events] == ["connect", "mode", "lines", "lines", "lines", "mode"]
    assert all(isinstance(event["t"], float) for event in events)
    assert [event["t"] for event in events] == sorted(event["t"] for event in events)
    assert events[1]["mode"] == "application"
    assert [(event["dtr"], event["rts"]) for event in events[2:5]] == [(False, True), (True, True), (True, False)]
    assert events[5]["mode"] == "loader"
    assert all(set(event) <= {"t", "event", "mode", "dtr", "rts"} for event in events)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 0)])
async def test_a_signal_ends_it_cleanly_with_a_client_connected(number: signal.Signals, code: int) -> None:
    with running("--settle", "0", "--scenario", "busy") as (process, url):
        async with Client(url) as client:
            await client.until(b"flood")
            process.send_signal(number)
            assert process.wait(10) == code
        assert process.stderr is not None
        assert process.stderr.read() == ""


async def test_a_replay_file_arrives_byte_for_byte(tmp_path: Path) -> None:
    capture = tmp_path / "capture.bin"
    capture.write_bytes(bytes(range(256)) * 1000)
    with running("--replay", str(capture), "--listen", "socket://127.0.0.1:0") as (_, url):
        async with Client(url) as client:
            while len(client.received) < 256_000:
                await client.read()
    assert bytes(client.received) == capture.read_bytes()


async def test_all_logs_replay_complete(inputs: Path, tmp_path: Path) -> None:
    capture = tmp_path / "all.log"
    capture.write_bytes(b"".join(path.read_bytes() for path in sorted((inputs / "logs").glob("*.log"))))
    size = capture.stat().st_size
    with running("--replay", str(capture), "--settle", "0") as (_, url):
        async with Client(url) as client:
            while len(client.received) < size:
                await client.read()
    assert bytes(client.received) == capture.read_bytes()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--listen", "http://127.0.0.1:0"], "expected rfc2217://"),
        (["--replay", "/nonexistent/file"], "/nonexistent/file"),
        (["--events", "/nonexistent/file"], "/nonexistent/file"),
        (["--rate", "0"], "--rate"),
    ],
)
def test_wrong_usage_is_exit_code_2_and_one_line(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert words in error
    assert error.count("\n") == 1


@pytest.mark.parametrize("arguments", [["--chip", "esp99"], ["--scenario", "nothing"], ["--bogus"]])
def test_unknown_words_are_exit_code_2(arguments: list[str]) -> None:
    assert main(arguments) == 2


def test_an_address_in_use_is_exit_code_3(capsys: pytest.CaptureFixture[str]) -> None:
    with running() as (_, url):
        assert main(["--listen", url]) == 3
    assert "cannot listen" in capsys.readouterr().err


def esptool(*arguments: str) -> str:
    program = shutil.which("esptool", path=str(Path(sys.executable).parent))
    if not program:
        pytest.skip("esptool is not installed")
    done = subprocess.run([program, *arguments], capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.e2e
def test_esptool_identifies_the_chip_and_leaves_the_application_running(tmp_path: Path) -> None:
    log = tmp_path / "events.jsonl"
    with running("--events", str(log)) as (_, url):
        text = esptool("--port", url, "--no-stub", "chip-id")
    assert "ESP32-C3" in text
    modes = [json.loads(line).get("mode") for line in log.read_text().splitlines() if '"mode"' in line]
    assert modes == ["application", "loader", "application"]


@pytest.mark.e2e
def test_esptool_writes_flash_and_finds_it_right(tmp_path: Path) -> None:
    image = tmp_path / "image.bin"
    image.write_bytes(bytes(index * 31 & 0xFF for index in range(4_000)))
    with running("--chip", "esp32s3") as (_, url):
        assert "Hash of data verified" in esptool("--port", url, "--no-stub", "write-flash", "0x10000", str(image))


def test_a_pseudo_terminal_prints_its_device() -> None:
    with running("--listen", "pty:") as (process, url):
        assert Path(url).is_char_device()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
