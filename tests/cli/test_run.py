"""`espmon run`: the log and JSON lines without a screen, input, ends, exit codes."""

from __future__ import annotations

import hashlib
import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest

from espmon.cli import main
from espmon.cli.board_input import InputLines
from espmon.cli.headless_run import board_names
from espmon.sim import BoardThread, SimulatedBoard
from tests.records.streams import framed_png, png

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "espmon", "run")
SECONDS = 60.0
"""For a run on a machine that is busy with others."""


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture
def board() -> Iterator[BoardThread]:
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)) as server:
        yield server


class Talker:
    """A `socket://` board: sends what it is told, keeps what it hears, and can hang up."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self._server = socket.create_server(("127.0.0.1", 0))
        self.heard = b""
        self._hearing = threading.Condition()
        self.connections = 0
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self._thread = threading.Thread(target=self._main, daemon=True)

    def _main(self) -> None:
        for piece in self._pieces:
            try:
                client, _ = self._server.accept()
            except OSError:
                return  # nobody came, and the test is over
            self.connections += 1
            client.sendall(piece)
            if piece is not self._pieces[-1]:
                client.close()
                continue
            self._client = client
            with client:
                while data := client.recv(4096):
                    with self._hearing:
                        self.heard += data
                        self._hearing.notify_all()

    def say(self, data: bytes) -> None:
        self._client.sendall(data)

    def wait_for(self, text: bytes) -> None:
        with self._hearing:
            assert self._hearing.wait_for(lambda: text in self.heard, SECONDS), self.heard

    def __enter__(self) -> Talker:
        self._thread.start()
        return self

    def __exit__(self, *exc_info: object) -> None:
        with suppress(OSError):  # where a listening socket cannot be shut down, closing it has to do
            self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join(5)


def run(*arguments: str, data: bytes | None = b"", seconds: float = SECONDS) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*COMMAND, *arguments], input=data, capture_output=True, timeout=seconds, check=False)


@contextmanager
def running(*arguments: str, command: tuple[str, ...] = COMMAND, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    streams: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    process = subprocess.Popen([*command, *arguments], **(streams | options))
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def read_until(process: subprocess.Popen[bytes], text: bytes) -> bytes:
    assert process.stdout is not None
    seen = b""
    while text not in seen:
        data = os.read(process.stdout.fileno(), 4096)
        assert data, seen
        seen += data
    return seen


def last_line(result: subprocess.CompletedProcess[bytes]) -> str:
    return result.stderr.decode().splitlines()[-1]


def test_the_log_goes_to_stdout_and_an_expected_prompt_ends_it(board: BoardThread) -> None:
    result = run(board.url, "--expect", "app_main", "--expect", "esp> ", "--timeout", "40")
    assert result.returncode == 0, result.stderr
    assert b"main_task: Calling app_main()" in result.stdout
    assert b"--- Reset: POWERON" in result.stdout
    assert last_line(result) == "Seen all 2 expected, last in `esp> `"


def test_a_reply_is_sent_after_what_it_waits_for(board: BoardThread) -> None:
    result = run(board.url, "--send-after", "esp>", "help", "--expect", "store to a null pointer", "--timeout", "40")
    assert result.returncode == 0, result.stderr


def test_a_crash_fails_the_run_with_its_sentence(
    board: BoardThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    files = ("--summary", str(tmp_path / "run.md"), "--junit", str(tmp_path / "run.xml"))
    arguments = ("--elf", str(board.board.elf), "--send-after", "esp>", "panic", "--fail-on", "panic")
    result = run(board.url, *arguments, *files, "--timeout", "40")
    assert result.returncode == 1, result.stderr
    assert "Panic" in last_line(result)
    assert b"read_register" in result.stdout
    assert "read_register" in (tmp_path / "run.md").read_text()
    assert "read_register" in (tmp_path / "run.xml").read_text()
    assert b"::error file=" in result.stderr
    assert b"sensor.h,line=" in result.stderr
    assert not Path("gl-code-quality-report.json").exists()


def test_on_gitlab_a_crash_is_in_the_code_quality_report_unless_that_is_left(
    board: BoardThread, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITLAB_CI", "true")
    monkeypatch.setenv("CI_PROJECT_DIR", "/espmon-demo")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]))
    monkeypatch.chdir(tmp_path)
    arguments = ("--elf", str(board.board.elf), "--send", "panic", "--fail-on", "panic", "--timeout", "60")
    assert run(board.url, *arguments, "--no-annotations").returncode == 1
    assert not Path("gl-code-quality-report.json").exists()
    assert run(board.url, *arguments).returncode == 1
    (row,) = json.loads(Path("gl-code-quality-report.json").read_text())
    assert row.keys() == {"description", "check_name", "fingerprint", "severity", "location"}
    assert row["severity"] == "critical"
    assert row["location"]["path"].endswith("sensor.h")
    assert not row["location"]["path"].startswith(("/", ".."))
    assert row["location"]["lines"]["begin"] > 1


def test_json_lines_are_the_contract_s_and_the_last_one_says_why_it_failed() -> None:
    with Talker(b"I (5) app: hi\r\n") as talker:
        result = run(talker.url, "--json", "--expect", "never", "--max-bytes", "15")
    assert result.returncode == 5
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [row.get("type") for row in rows] == ["note", "link", "line", None]
    line, last = rows[-2:]
    assert (line["text"], line["level"], line["device_ms"]) == ("I (5) app: hi", "I", 5)
    assert last["ok"] is False
    assert last["error"]["kind"] == "limit"
    assert "still expected: `never`" in last["error"]["message"]


def test_a_timeout_alone_is_no_failure_and_the_unfinished_line_is_printed() -> None:
    with Talker(b"one\r\ntwo") as talker:
        result = run(talker.url, "--timeout", "3")
    assert result.returncode == 0, result.stderr
    assert result.stdout.endswith(b"--- Link opened\none\r\ntwo")
    assert last_line(result) == "3 s are over"


def test_an_empty_input_does_not_end_the_run() -> None:
    with Talker(b"one\r\n") as talker:
        result = run(talker.url, "--max-bytes", "5", data=None)
    assert (result.returncode, last_line(result)) == (5, "espmon: 5 bytes came, the limit is 5")


def test_lines_and_texts_are_sent_with_the_line_end_of_the_settings() -> None:
    with Talker(b"> ") as talker:
        run(talker.url, "--send", "first", "--send-after", "> ", "second", "--idle-timeout", "3", data=b"third\nrest")
    assert sorted(talker.heard.split(b"\r")) == [b"", b"first", b"rest", b"second", b"third"]


def test_raw_input_arrives_byte_for_byte() -> None:
    with Talker(b"> ") as talker:
        run(talker.url, "--raw-stdin", "--idle-timeout", "3", data=b"\x03a\nb")
    assert talker.heard == b"\x03a\nb"


def test_a_lost_port_is_opened_again_and_the_log_goes_on() -> None:
    with Talker(b"before\n", b"after\n") as talker:
        result = run(talker.url, "--expect", "before", "--expect", "after", "--timeout", "30")
    assert result.returncode == 0, result.stderr
    assert talker.connections == 2
    assert b"--- Link lost" in result.stdout
    assert b"--- Link reopened" in result.stdout


def test_without_reconnect_a_lost_port_ends_the_run() -> None:
    with Talker(b"before\n", b"after\n") as talker:
        result = run(talker.url, "--no-reconnect", "--timeout", "30")
    assert result.returncode == 3
    assert "The port was lost" in last_line(result)


def test_a_port_that_cannot_be_opened_is_3_also_in_json() -> None:
    result = run("/dev/nonexistent-board", "--json")
    assert result.returncode == 3
    (row,) = [json.loads(line) for line in result.stdout.splitlines()]
    assert (row["ok"], row["error"]["kind"]) == (False, "port")


def test_a_reset_without_a_terminal_needs_consent_and_opens_nothing() -> None:
    with Talker(b"x") as talker:
        result = run(talker.url, "--reset")
        assert talker.connections == 0
    assert result.returncode == 2
    assert "--yes" in last_line(result)


def test_a_reset_that_was_agreed_to_restarts_the_board() -> None:
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)) as server:
        result = run(server.url, "--reset", "--yes", "--fail-on", "panic", "--boots", "1", "--timeout", "15")
        moved = [event for event in server.board.events.events if event["event"] == "lines"]
    assert result.returncode == 0, result.stderr
    assert any(event["rts"] and not event["dtr"] for event in moved)


def test_lines_of_several_boards_carry_their_names() -> None:
    with Talker(b"from one\nrest") as one, Talker(b"from two\n") as two:
        result = run(one.url, two.url, "--max-bytes", "22")
    names = [url.removeprefix("socket://") for url in (one.url, two.url)]
    lines = set(result.stdout.decode().splitlines())
    assert {f"{names[0]} | from one", f"{names[0]} | rest", f"{names[1]} | from two"} <= lines


def test_json_of_several_boards_names_them() -> None:
    with Talker(b"from one\n") as one, Talker(b"from two\n") as two:
        result = run(one.url, two.url, "--json", "--max-bytes", "18")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert {row["board"] for row in rows if row.get("type") == "line"} == {
        url.removeprefix("socket://") for url in (one.url, two.url)
    }


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_in_order(number: signal.Signals, code: int) -> None:
    with Talker(b"hello\nworld") as talker, running(talker.url) as process:
        read_until(process, b"hello")
        process.send_signal(number)
        out, error = process.communicate(timeout=SECONDS)
    assert process.returncode == code
    assert out == b"world"
    assert error.count(b"\n") == 1


def test_a_second_signal_ends_it_while_the_output_hangs() -> None:
    with Talker(b"x" * 99 + b"\n" + b"y\n" * 400_000) as talker, running(talker.url) as process:
        read_until(process, b"x\n")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        assert process.wait(SECONDS) in (130, -signal.SIGINT)


def test_a_reader_that_leaves_ends_it_quietly() -> None:
    with (
        BoardThread(lambda: SimulatedBoard("esp32c3", "busy", power_delay=0)) as server,
        running(server.url) as process,
    ):
        read_until(process, b"flood")
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.wait(SECONDS) == 0
        assert process.stderr.read() == b""


def test_a_full_disk_is_one_sentence() -> None:
    with Talker(b"hello\n") as talker, open("/dev/full", "wb") as full, running(talker.url, stdout=full) as process:
        assert process.wait(SECONDS) == 1
        assert process.stderr is not None
        assert b"cannot be written" in process.stderr.read()


def test_closed_standard_streams_do_not_matter() -> None:
    with Talker(b"hello\n") as talker:
        code = subprocess.run(
            ["/bin/sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *COMMAND, talker.url, "--until", "hello"],
            timeout=SECONDS,
            check=False,
        ).returncode
    assert code == 0


def test_a_pseudo_terminal_is_a_port(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        with running(os.ttyname(slave), "--until", "ready> ") as process:
            read_until(process, b"Link opened")
            os.write(master, b"ready> ")
            assert process.wait(SECONDS) == 0
    finally:
        os.close(master)
        os.close(slave)


def test_a_port_into_a_pipe_is_run_without_a_screen_and_gets_nothing_of_the_input() -> None:
    with Talker(b"hello\n") as talker, running(talker.url, command=COMMAND[:-1], stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stderr is not None
        process.stdin.write(b"not for the board\n")
        process.stdin.close()
        read_until(process, b"hello\n")
        process.send_signal(signal.SIGTERM)
        assert process.wait(SECONDS) == 143
        said = process.stderr.read().splitlines()
    assert b"espmon run PORT" in said[0]
    assert talker.heard == b""


def test_what_only_the_screen_has_is_no_run(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["socket://127.0.0.1:1", "--timestamps", "--probe"]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "--probe, --timestamps is for the full screen" in error


def test_a_prompt_is_printed_while_it_waits_and_once() -> None:
    with Talker(b"I (1) a: b\nesp> ") as talker, running(talker.url, "-i", stdin=subprocess.PIPE) as process:
        seen = read_until(process, b"esp> ")
        assert process.stdin is not None
        process.stdin.write(b"heap\n")
        process.stdin.flush()
        talker.wait_for(b"heap\r")
        talker.say(b"heap\r\nfree: 7\r\n")
        seen += read_until(process, b"free: 7\r\n")
    assert b"esp> heap\r\nfree: 7\r\n" in seen
    assert seen.count(b"esp> ") == 1


def test_a_report_that_cannot_be_written_fails_the_run() -> None:
    with Talker(b"hello\n") as talker:
        result = run(talker.url, "--until", "hello", "--junit", "/nonexistent/run.xml")
    assert result.returncode == 1
    assert "/nonexistent" in last_line(result)


def test_payloads_of_several_boards_are_saved_apart(tmp_path: Path) -> None:
    out = tmp_path / "out"
    shown = framed_png(png()) + b"done\n"
    both = ("--expect", "done", "--expect", "done", "--timeout", "60")
    with Talker(shown) as one, Talker(shown) as two:
        result = run(one.url, two.url, "--save", str(out), *both)
    assert result.returncode == 0, result.stderr
    rows = json.loads((out / "index.json").read_text())["artifacts"]
    assert len({row["board"] for row in rows}) == 2
    assert [(out / row["file"]).read_bytes() for row in rows] == [png(), png()]


def png_path(result: subprocess.CompletedProcess[bytes]) -> str | None:
    (picture,) = (row for row in map(json.loads, result.stdout.splitlines()) if row["type"] == "png")
    assert picture["sha256"] == hashlib.sha256(png()).hexdigest()
    return cast("str | None", picture["path"])


def test_the_path_of_a_payload_is_where_the_recording_has_it(tmp_path: Path) -> None:
    with Talker(framed_png(png()) + b"done\n") as talker:
        result = run(talker.url, "--until", "done", "--json")
    assert result.returncode == 0, result.stderr
    path = png_path(result)
    assert path is not None
    assert Path(path).read_bytes() == png()
    (folder,) = (tmp_path / "data" / "espmon" / "sessions").iterdir()
    assert Path(path).parent == folder
    sidecar = [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]
    assert [row["path"] for row in sidecar if row.get("type") == "png"] == [Path(path).name]


def test_the_path_of_a_payload_is_where_it_was_saved_on_demand(tmp_path: Path) -> None:
    with Talker(framed_png(png()) + b"done\n") as talker:
        result = run(talker.url, "--until", "done", "--json", "--save", str(tmp_path / "out"))
    assert result.returncode == 0, result.stderr
    path = png_path(result)
    assert path is not None
    assert Path(path).parent == tmp_path / "out"
    assert Path(path).read_bytes() == png()


def test_a_payload_that_is_kept_nowhere_has_no_path(tmp_path: Path) -> None:
    (tmp_path / "config" / "espmon").mkdir(parents=True)
    (tmp_path / "config" / "espmon" / "config.toml").write_text("recording = false\n")
    with Talker(framed_png(png()) + b"done\n") as talker:
        result = run(talker.url, "--until", "done", "--json")
    assert result.returncode == 0, result.stderr
    assert png_path(result) is None


def test_the_run_is_recorded(tmp_path: Path) -> None:
    with Talker(b"hello\n") as talker:
        assert run(talker.url, "--until", "hello").returncode == 0
    (stream,) = (tmp_path / "data" / "espmon" / "sessions").glob("*/stream.bin")
    assert stream.read_bytes() == b"hello\n"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--expect", "("], "Not a regular expression"),
        (["--expect-any"], "--expect-any needs --expect"),
        (["--timeout", "0"], "--timeout"),
        (["--elf", "/nonexistent.elf"], "no such ELF"),
        (["socket://127.0.0.1:1"], "named twice"),
        (["--print-filter", ":I"], "no tag"),
    ],
)
def test_wrong_usage_opens_nothing(arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "socket://127.0.0.1:1", *arguments]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("variable", ["ESPPORT", "ESPTOOL_PORT"])
def test_the_port_may_stand_in_the_environment(
    board: BoardThread, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], variable: str
) -> None:
    monkeypatch.setenv(variable, board.url)
    assert main(["run", "--no-stdin", "--max-bytes", "1"]) == 5
    assert f"{variable}: port {board.url}" in capfd.readouterr().err


def test_input_is_cut_into_lines_wherever_it_is_read() -> None:
    lines = InputLines(b"\r")
    assert [*lines.feed(b"one\r\ntw"), *lines.feed(b"o\nrest"), *lines.end()] == [b"one\r", b"two\r", b"rest\r"]


def test_boards_are_named_by_their_last_part_unless_two_are_alike() -> None:
    assert board_names(["/dev/ttyUSB0", "rfc2217://host:4000"]) == ["ttyUSB0", "host:4000"]
    assert board_names(["socket://h:1", "rfc2217://h:1"]) == ["socket://h:1", "rfc2217://h:1"]


def test_the_log_says_what_was_sent_and_when() -> None:
    with Talker(b"> ") as talker:
        arguments = ("--send", "first", "--idle-timeout", "1", "--no-reconnect")
        log = run(talker.url, *arguments, data=b"second\n")
    assert b"--- Sent: first\n" in log.stdout
    assert b"--- Sent: second\n" in log.stdout


def test_json_has_what_was_sent_as_an_event() -> None:
    with Talker(b"> ") as talker:
        result = run(talker.url, "--json", "--send", "first", "--idle-timeout", "1")
    (row,) = [row for row in map(json.loads, result.stdout.splitlines()) if row.get("type") == "sent"]
    assert (row["derived"], row["length"], row["bytes"], row["data"]) == (True, 0, 6, "Zmlyc3QN")
