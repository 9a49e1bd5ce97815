"""labgrid places where a port is asked for: acquired after a question, released at the end."""

from __future__ import annotations

import asyncio
import io
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from espmon import BlockingBoard
from espmon.cli import main, monitor
from espmon.cli.place_consent import lent_port, may_acquire
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import LinesAppended, OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from espmon.time_limit import time_limit
from tests.port.fake_labgrid import ME, FakeLab

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the labgrid-client of these tests is a shell script")


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[BoardThread]:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)) as server:
        yield server


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, board: BoardThread) -> FakeLab:
    lab = FakeLab(tmp_path, monkeypatch)
    lab.add("board1", board.url)
    lab.add("board2", "rfc2217://127.0.0.1:1")
    lab.hold("board2", "bench/bob")
    return lab


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_run_acquires_and_releases(lab: FakeLab, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "labgrid:board1", "--yes", "--send", "version", "--until", "esp>", "--no-stdin"]) == 0
    assert "-p board1 acquire" in lab.calls
    assert lab.calls[-1] == "-p board1 release"
    assert lab.holder("board1") == "None"


def test_what_an_espmon_left_acquired_is_used_and_how_to_free_it_is_told(
    lab: FakeLab, capfd: pytest.CaptureFixture[str]
) -> None:
    lab.hold("board1", ME)  # by hand, or by an espmon that was killed
    assert main(["run", "labgrid:board1", "--yes", "--send", "version", "--until", "esp>", "--no-stdin"]) == 0
    assert "stays acquired, as it was found. Give it back: labgrid-client -p board1 release" in capfd.readouterr().err
    assert lab.holder("board1") == ME


def test_a_probe_acquires_and_releases(lab: FakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "labgrid:board1", "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chip"] == "ESP32-C3"
    assert lab.holder("board1") == "None"


def test_a_place_of_somebody_else_ends_the_command(lab: FakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    for words in (["run", "--no-stdin"], ["probe"], ["screenshot", "-o", "x.png"], ["selftest"]):
        assert main([*words, "labgrid:board2", "--yes"]) == 3
        assert "espmon: Place board2 is held by bench/bob" in capsys.readouterr().err


@pytest.mark.parametrize(("answer", "acquired"), [("y\n", True), ("n\n", False)])
def test_a_free_place_is_asked_for(
    lab: FakeLab, monkeypatch: pytest.MonkeyPatch, answer: str, acquired: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(answer))
    assert main(["run", "labgrid:board1", "--until", "esp>", "--send", "version", "--no-stdin"]) == (not acquired)
    assert "Place board1 is free: it is acquired, and released at the end. Go on?" in capfd.readouterr().err
    assert ("-p board1 acquire" in lab.calls) == acquired
    assert lab.holder("board1") == "None"


def test_without_a_terminal_nothing_is_acquired(lab: FakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
    assert main(["run", "labgrid:board1"]) == 2
    assert "-p board1 acquire" not in lab.calls


def test_a_place_is_released_when_its_port_does_not_open(lab: FakeLab, capfd: pytest.CaptureFixture[str]) -> None:
    lab.hold("board2", "None")
    assert main(["run", "labgrid:board2", "--yes", "--no-stdin"]) == 3
    assert lab.holder("board2") == "None"
    assert "-p board2 acquire" in lab.calls


def test_what_cannot_be_released_is_told(lab: FakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    with lent_port("labgrid:board1", yes=True) as port:
        assert port.startswith("rfc2217://")
        lab.mark("down")
    assert "the place was not released: No labgrid coordinator answers" in capsys.readouterr().err
    assert not may_acquire("/dev/ttyUSB0", yes=True)


def test_scan_lists_places(lab: FakeLab, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["scan", "--labgrid"]) == 0
    out = capsys.readouterr().out
    assert "labgrid:board1  free\n" in out
    assert "labgrid:board2  held by bench/bob\n" in out
    assert main(["scan", "--labgrid", "h:1", "--json"]) == 0
    places = json.loads(capsys.readouterr().out)["places"]
    assert places[1] == {"place": "board2", "url": "labgrid:board2", "holder": "bench/bob", "comment": ""}
    assert lab.calls[-1] == "-x h:1 -v places"
    lab.mark("down")
    assert main(["scan", "--labgrid", "--json"]) == 3


def test_python_takes_the_same_url(lab: FakeLab) -> None:
    with BlockingBoard("labgrid:board1", record=False) as board:
        board.send("version\r\n")
        board.expect("esp>", timeout=30)
        assert lab.holder("board1") == ME
    assert lab.holder("board1") == "None"


def test_the_screen_asks_before_it_is_drawn(lab: FakeLab, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[OpenRequest | None] = []

    def show(request: OpenRequest | None, **options: object) -> int:
        asked.append(request)
        return 0

    monkeypatch.setattr(monitor, "screen_problem", lambda: "")
    monkeypatch.setattr(monitor, "run_screen", show)
    assert main(["labgrid:board1", "--yes"]) == 0
    assert main(["labgrid:board2", "--yes"]) == 3
    (request,) = asked
    assert request is not None
    assert request.acquire


async def test_a_place_whose_server_comes_back_elsewhere_is_found_again(
    lab: FakeLab, tmp_path: Path, board: BoardThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espmon.port.watch.PLACE_RETRY_SECONDS", 0.01)
    session = Session(settings=Settings(recording=False), folder=tmp_path)
    await session.open(OpenRequest("labgrid:board1", acquire=True))
    assert session.state is State.MONITORING
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)) as other:
        env = lab.folder / "places" / "board1" / "env"
        env.write_text(env.read_text().replace(board.url.rpartition(":")[2], other.url.rpartition(":")[2]))
        lab.hold("board1", "None")  # a coordinator that was started anew has forgotten who had it
        back, said = asyncio.Event(), asyncio.Event()
        session.subscribe(lambda change: back.set() if session.connection.opens == 2 else None)
        await asyncio.to_thread(board.stop)
        async with time_limit(30):
            await back.wait()
        assert lab.holder("board1") == ME
        session.subscribe(lambda change: said.set() if isinstance(change, LinesAppended) else None)
        async with time_limit(30):
            await session.send(b"version\r\n")
            await said.wait()
        await session.close()
    assert lab.holder("board1") == "None"
