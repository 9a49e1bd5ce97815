"""`espmon run` called as a function: what it prints, saves and reports, and how each of its ends is told."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from espmon.cli import main
from espmon.cli.board_input import InputLines, forward_input
from espmon.cli.outlet import StandardOutput
from espmon.session import LoopThread, Session
from espmon.session.settings import Settings
from espmon.session.share_state import Grants
from espmon.session.state import State
from espmon.session.status import OpenRequest
from espmon.session.viewing.holder_finder import HolderFinder
from espmon.sim import BoardThread, SimulatedBoard
from tests.cli.test_run import Talker
from tests.records.streams import framed_png, png
from tests.session.fakes import Watch, shown

Captured = pytest.CaptureFixture[str]

LIMIT_SECONDS = 30.0

READY = ("--no-stdin", "--timeout", "60")
PANIC = ("--send-after", "esp>", "panic", "--fail-on", "panic")


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def board() -> Iterator[BoardThread]:
    with BoardThread(lambda: SimulatedBoard("esp32c3", "coredump", power_delay=0)) as server:
        yield server


def rows(capfd: Captured) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


def last(capfd: Captured) -> str:
    return capfd.readouterr().err.splitlines()[-1]


def test_a_core_dump_is_saved_as_it_came_as_elf_and_as_a_report(board: BoardThread, capfd: Captured) -> None:
    after = ("--send-after", "esp>", "panic", "--expect", "esp> ", "--expect", "Guru Meditation", "--expect", "esp> ")
    code = main(["run", board.url, *READY, *after, "--save", "kept", "--json", "--elf", str(board.board.elf)])
    found = rows(capfd)
    assert code == 0, found[-1]
    [dump] = [row for row in found if row["type"] == "coredump"]
    [listed] = json.loads(Path("kept/index.json").read_text())["artifacts"]
    assert dump["path"] == str(Path("kept", listed["file"]).absolute())
    assert Path("kept", listed["elf"]).read_bytes().startswith(b"\x7fELF")
    assert "read_register" in Path("kept", listed["report"]).read_text()
    assert dump["report"]["crashed"]["task"] == "main"


def test_payloads_of_two_boards_are_saved_apart_and_named(capfd: Captured) -> None:
    pictures = framed_png(png()) + b"done\r\n"
    with Talker(pictures) as one, Talker(b"ready\r\n") as two:
        ends = ("--expect", "done", "--expect", "ready")
        code = main(["run", one.url, two.url, *READY, "--save", "kept", *ends, "--json"])
    found = rows(capfd)
    assert code == 0
    [listed] = json.loads(Path("kept/index.json").read_text())["artifacts"]
    assert listed["board"] == one.url.removeprefix("socket://")
    assert Path("kept", listed["file"]).read_bytes() == png()
    assert {row["board"] for row in found if "board" in row} >= {listed["board"]}


@pytest.mark.parametrize("where", ["/dev/null/x", "file"])
def test_a_folder_that_cannot_be_made_is_wrong_usage(where: str, capfd: Captured) -> None:
    Path("file").write_text("")
    assert main(["run", "socket://127.0.0.1:1", "--save", where, "--no-stdin"]) == 2
    assert where in last(capfd)


def test_a_crash_is_in_the_log_the_annotation_and_every_report(
    board: BoardThread, capfd: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    files = ("--summary", "run.md", "--junit", "run.xml", "--code-quality", "run.json")
    arguments = (*READY, *PANIC, "--elf", str(board.board.elf), "--color", "always", *files)
    assert main(["run", board.url, *arguments]) == 1
    shown = capfd.readouterr()
    assert "in read_register" in shown.out
    assert "::error file=" in shown.err
    assert "\x1b[0;32mI (" in shown.out
    assert shown.err.splitlines()[-1].startswith("espmon: Panic: ")
    for name in ("run.md", "run.xml"):
        assert "read_register" in Path(name).read_text()
    [row] = json.loads(Path("run.json").read_text())
    assert row["location"]["lines"]["begin"] > 0


def test_annotations_can_be_left(board: BoardThread, capfd: Captured, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    assert main(["run", board.url, *READY, *PANIC, "--no-annotations", "--color", "never"]) == 1
    shown = capfd.readouterr()
    assert "::error" not in shown.err
    assert "\x1b" not in shown.out


def test_a_report_that_cannot_be_written_fails_a_run_that_passed(capfd: Captured) -> None:
    with Talker(b"ready\r\n") as talker:
        assert main(["run", talker.url, *READY, "--until", "ready", "--summary", "/dev/null/x"]) == 1
    assert last(capfd).startswith("espmon: Seen: `ready`")


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 1, "The output cannot be written: No space left on device"),
        (BrokenPipeError(), 0, ""),
        (ValueError("odd"), 1, "internal error: ValueError: odd"),
    ],
    ids=["full", "closed", "a defect"],
)
def test_an_output_that_cannot_be_written_ends_the_run(
    error: Exception, code: int, said: str, capfd: Captured, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write(output: StandardOutput, data: bytes) -> None:
        if b"ready" in data:
            raise error

    monkeypatch.setattr(StandardOutput, "write", write)
    monkeypatch.setattr("espmon.cli.headless_run.silence_output", lambda: None)
    with Talker(b"ready\r\n") as talker:
        assert main(["run", talker.url, *READY]) == code
    assert capfd.readouterr().err.splitlines()[-1:] in ([f"espmon: {said}"], []) if said else True


def test_a_lost_port_ends_a_run_that_may_not_reconnect(capfd: Captured) -> None:
    with Talker(b"ready\r\n", b"") as talker:
        assert main(["run", talker.url, *READY, "--no-reconnect", "--json"]) == 3
    assert rows(capfd)[-1]["error"]["kind"] == "port"


def test_what_comes_in_small_pieces_is_expected_and_shown_as_it_stands(capfd: Captured) -> None:
    def talk() -> None:
        talker.wait_for(b"hello\r")
        for piece in (b"I (1) app: one\r\n", b"password", b": "):
            talker.say(piece)

    with Talker(b"> ") as talker:
        speaker = threading.Thread(target=talk)
        speaker.start()
        arguments = ("--send-after", "> $", "hello", "--until", "password: $", "-i", "--no-stdin")
        assert main(["run", talker.url, "--timeout", "60", *arguments]) == 0
        speaker.join()
    assert "password: " in capfd.readouterr().out


def test_a_filter_holds_lines_back_in_json_and_in_the_log(capfd: Captured) -> None:
    log = b"I (1) wifi: up\r\nW (2) wifi: slow\r\nI (3) app: end\r\n"
    for more in ((), ("--json",)):
        with Talker(log) as talker:
            assert main(["run", talker.url, *READY, "--until", "end", "--print-filter", "wifi:W", *more]) == 0
        shown = capfd.readouterr().out
        assert "slow" in shown
        assert "up" not in shown


def test_what_the_user_can_do_stands_in_the_hint(capfd: Captured) -> None:
    assert main(["run", "/dev/nothing", "--no-stdin", "--json"]) == 3
    shown = capfd.readouterr()
    error = json.loads(shown.out)["error"]
    assert error["hint"]
    assert shown.err.splitlines()[-1] == f"espmon: {error['message']}. {error['hint']}"


def test_limits_are_told_with_the_port_that_is_gone(capfd: Captured) -> None:
    with Talker(b"ready\r\n") as talker:
        assert main(["run", talker.url, *READY, "--idle-timeout", "0.1", "--expect", "never"]) == 5
        assert last(capfd) == "espmon: Nothing came for 0.1 s; still expected: `never`"
        assert main(["run", talker.url, "--no-stdin", "--timeout", "0.2"]) in (0, 3)


def test_a_port_without_lines_cannot_be_reset(capfd: Captured) -> None:
    with Talker(b"ready\r\n") as talker:
        assert main(["run", talker.url, *READY, "--reset", "--yes"]) == 3
    assert "has no DTR/RTS to reset the board with" in last(capfd)


@pytest.mark.parametrize(("eol", "sent"), [(b"\r", [b"one\r", b"two\r", b"rest\r"]), (None, [b"one\r\ntwo\nrest"])])
def test_input_is_forwarded_until_it_ends(eol: bytes | None, sent: list[bytes]) -> None:
    reading, writing = os.pipe()
    os.write(writing, b"one\r\ntwo\nrest")
    os.close(writing)
    heard: list[bytes] = []
    forward_input(reading, InputLines(eol), heard.append).join(30)
    os.close(reading)
    assert heard == sent


def test_an_input_that_is_closed_is_no_input() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)
    forward_input(reading, InputLines(b"\r"), print).join(30)


def test_a_run_is_looked_at_by_another_espmon_and_hands_nothing_over(capfd: Captured) -> None:
    async def look(url: str) -> None:
        finder, watch = HolderFinder(Settings()), Watch()
        while (link := await finder.find(url)) is None:  # noqa: ASYNC110 - nothing tells that somebody listens
            await asyncio.sleep(0.01)
        looking = await finder.look_on(link)
        session = looking.session
        session.subscribe(watch)
        await session.open(looking.request)
        assert session.turn is not None
        session.turn.change()
        await watch.until(lambda: "one" in shown(session.store), LIMIT_SECONDS)
        await watch.until(lambda: "`espmon run` has it" in str(watch.changes), LIMIT_SECONDS)
        await session.close()

    with Talker(b"one\r\n") as talker, LoopThread("looks-on") as other:

        def watch() -> None:
            other.submit(look(talker.url)).result(LIMIT_SECONDS)
            talker.say(b"two\r\n")

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = main(["run", talker.url, *READY, "--until", "two"])
        watcher.join(LIMIT_SECONDS)
    assert code == 0
    assert [line for line in capfd.readouterr().out.splitlines() if "---" not in line] == ["one", "two"]


def test_a_run_looks_on_at_another_espmon_and_prints_what_comes(tmp_path: Path, capfd: Captured) -> None:
    with Talker(b"before\r\n") as talker, LoopThread("holds") as holder:
        session = holder.make(lambda: Session(settings=Settings(), shared=Grants.WHEN_ALLOWED))
        holder.submit(session.open(OpenRequest(talker.url))).result(LIMIT_SECONDS)
        ended = threading.Event()

        def speak() -> None:
            while not ended.wait(0.05):  # what comes while the run begins may be what came before, to it
                talker.say(b"after\r\n")

        speaker = threading.Thread(target=speak)
        speaker.start()
        code = main(["run", talker.url, *READY, "--look-on", "--json", "--until", "after", "--fail-on", "before"])
        ended.set()
        speaker.join(LIMIT_SECONDS)
        found = rows(capfd)
        assert code == 0, found
        assert [row["text"] for row in found if row["type"] == "line"][-1] == "after"
        assert session.state is State.MONITORING
        closing = threading.Timer(0, lambda: holder.submit(session.close()))
        closing.start()
        code = main(["run", talker.url, *READY, "--look-on"])
        assert code == 3
        assert last(capfd)


def test_who_looks_on_needs_somebody_and_sends_nothing(capfd: Captured) -> None:
    assert main(["run", "socket://127.0.0.1:1", "--look-on", *READY]) == 3
    assert "no other espmon holds socket://127.0.0.1:1" in last(capfd)
    assert main(["run", "socket://127.0.0.1:1", "--look-on", "--send", "x"]) == 2
    assert "it goes without --send" in last(capfd)
