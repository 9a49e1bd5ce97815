"""`espmon selftest`: every step on a simulated board, the report, an unplug, and what does not work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from espmon.cli import main
from espmon.cli.selftest import Report, markdown, report_json
from espmon.port import PortIdentity
from espmon.session import self_test
from espmon.session.connection import PortAccess
from espmon.session.self_test import SelfTest, StepOutcome, StepResult
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from tests.session.fakes import Port, ScriptedHandle

Captured = pytest.CaptureFixture[str]


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr(self_test, "LISTEN_SECONDS", 0.05)
    monkeypatch.setattr(self_test, "BOOT_SECONDS", 30.0)
    monkeypatch.setattr(self_test, "RATES", (115200, 460800))


@pytest.fixture
def board() -> Iterator[BoardThread]:
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet")) as server:
        yield server


def outcomes(report: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["outcome"] for step in report["steps"]}


def test_every_step_on_a_board_that_works_and_then_on_one_with_a_damaged_image(
    board: BoardThread, tmp_path: Path, capsys: Captured
) -> None:
    path = tmp_path / "report.md"
    arguments = ["selftest", board.url, "--yes", "--json", "--no-stub", "--pause", "0.1"]
    assert main([*arguments, "-o", str(path)]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is True
    assert outcomes(report) == {
        "open": "worked",
        "reset lines": "worked",
        "probe": "worked",
        "rate 115200": "worked",
        "rate 460800": "worked",
        "images in flash": "worked",
        "pause": "worked",
        "unplug": "skipped",
        "close": "worked",
    }
    assert report["path"] == str(path)
    assert report["board"]["mac"] == "24:0a:c4:..."
    text = path.read_text()
    assert text.startswith("## espmon selftest: all of it worked\n")
    assert "| images in flash | worked |" in text

    board.board._flash.data[0x10000 + 200] ^= 1
    assert main(arguments) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    assert "images in flash" in report["error"]["message"]
    assert outcomes(report)["images in flash"] == "did not work"
    (detail,) = [step["detail"] for step in report["steps"] if step["name"] == "images in flash"]
    assert detail == "the SHA-256 of factory does not fit"


def test_a_rate_is_not_tried_where_the_rom_cannot_read_and_no_stub_may(capsys: Captured) -> None:
    with BoardThread(lambda: SimulatedBoard("esp8266", "quiet")) as server:
        assert main(["selftest", server.url, "--yes", "--json", "--no-stub", "--pause", "0.01"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert outcomes(report)["rate 115200"] == outcomes(report)["images in flash"] == "skipped"
    assert outcomes(report)["probe"] == "worked"


def test_nothing_is_opened_without_consent(capsys: Captured) -> None:
    assert main(["selftest", "socket://127.0.0.1:1", "--json"]) == 2
    assert "--yes" in json.loads(capsys.readouterr().out)["error"]["message"]


def test_a_port_that_cannot_be_opened_is_3(capsys: Captured) -> None:
    assert main(["selftest", "/dev/nonexistent-board", "--yes", "--json"]) == 3
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "port"


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_report_that_cannot_be_written_is_said(board: BoardThread, capsys: Captured) -> None:
    assert main(["selftest", board.url, "--yes", "-o", "/nonexistent/report.md"]) == 2
    assert main(["selftest", board.url, "--yes", "--pause", "0.01", "--no-stub", "-o", "/dev/full"]) == 1
    assert "disk is full" in capsys.readouterr().err


async def test_an_unplug_is_seen_and_the_port_opened_again() -> None:
    first, second = ScriptedHandle(modem_lines=False), ScriptedHandle(modem_lines=False)

    async def waiter(identity: PortIdentity) -> str:
        return "fake://board"

    access = PortAccess(opener=Port(first, second), resolver=str, identifier=PortIdentity, waiter=waiter)
    session = Session(settings=Settings(recording=False), access=access)

    def tell(text: str) -> None:
        if "pull" in text:
            first.lose()

    test = SelfTest(session, OpenRequest("fake://board"), pause=0.01, tell=tell, unplug=True)
    results = {}
    for name, work in (("open", test._open), ("unplug", test._unplug), ("close", test._close)):
        results[name] = await test._step(name, work)
    assert {result.outcome for result in results.values()} == {StepOutcome.WORKED}, results
    assert "open again" in results["unplug"].detail
    assert second.closed


async def test_a_board_that_says_nothing_after_a_reset_did_not_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(self_test, "BOOT_SECONDS", 0.1)
    access = PortAccess(opener=Port(ScriptedHandle()), resolver=str, identifier=PortIdentity)
    session = Session(settings=Settings(recording=False), access=access)
    test = SelfTest(session, OpenRequest("fake://board"), pause=0.01, tell=bool)
    await test._step("open", test._open)
    result = await test._step("reset lines", test._reset)
    await session.close()
    assert (result.outcome, result.detail) == (StepOutcome.FAILED, "nothing came within 0.1 s")


def test_nothing_that_a_board_says_acts_in_the_report() -> None:
    step = StepResult("probe", StepOutcome.FAILED, 0.1, "\x1b[2J | <script> [x](y) \n# head")
    report = Report("rfc2217://user@host", [step], None, (0x303A, 0x1001), ["`warning` | \x07"])
    text = markdown(report)
    assert not set(text) & {"\x1b", "\x07"}
    assert "<script>" not in text.replace("\\<", "")
    assert "host" not in text
    assert "\x1b" not in json.dumps(report_json(report, None, "x"), ensure_ascii=False)
