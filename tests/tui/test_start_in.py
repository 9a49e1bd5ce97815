"""Where keys go when a session begins, and what may open by itself then."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from espmon.cli import demo, monitor
from espmon.session.settings import Settings, settings_from
from espmon.session.state import State
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.core_dump_screen import CoreDumpReportScreen
from tests.tui.fake_session import FakeSession
from tests.tui.running import BOARD, running
from tests.tui.screens.crash_data import CORE


async def test_a_session_starts_in_the_input_line_and_says_the_way_to_the_log() -> None:
    async with running(start_in=Settings().start_in) as case:
        assert case.screen.mode == "INPUT"
        assert "Esc for the log's keys" in case.text()
        await case.press(*"help", "enter")
        await case.until(lambda: case.session.sent == [b"help\r"])
        await case.press("escape")
        assert case.screen.mode == "LOG"
        assert "i: type to the board" in case.text()


async def test_the_question_before_a_probe_opens_over_an_empty_line() -> None:
    async with running(start_in="input", request=replace(BOARD, probe=True)) as case:
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        assert "decline" not in case.session.calls


async def test_it_does_not_open_over_a_line_that_was_begun() -> None:
    async with running(start_in="input") as case:
        await case.press("h", "backspace")
        case.session.set(state=State.AWAITING_CONSENT)
        await case.until(lambda: "decline" in case.session.calls)
        await case.until(lambda: "p asks (after Esc)" in case.text())


@pytest.mark.parametrize("typed", [False, True])
async def test_a_report_opens_by_itself_as_long_as_nothing_was_typed(typed: bool, tmp_path: Path) -> None:
    async with running(size=(120, 40), start_in="input") as case:
        if typed:
            await case.press("h", "backspace")
        case.idle()
        case.session.add_event("coredump", "Core dump", path=tmp_path / "core.elf", report=CORE)
        if typed:
            await case.until(lambda: "C opens it (after Esc)" in case.text())
        await case.until(lambda: isinstance(case.app.screen, CoreDumpReportScreen) is not typed)


async def test_raw_mode_begins_when_the_port_is_open() -> None:
    session = FakeSession()
    session.fail_open = ("no such port", "")
    async with running(start_in="raw", session=session) as case:
        assert case.screen.mode == "INPUT"
        case.session.set(state=State.MONITORING)
        await case.pilot.pause()
        assert case.screen.mode == "INPUT", "the list of ports lies over it"
        await case.press("escape")
        case.session.set(rate=1.0)
        await case.until(lambda: case.screen.mode == "RAW")


async def test_raw_mode_begins_once_and_can_be_left() -> None:
    async with running(start_in="raw") as case:
        await case.until(lambda: case.screen.mode == "RAW")
        await case.press("ctrl+t", "escape")
        case.session.set(rate=1.0)
        await case.feed(b"x\n")
        assert case.screen.mode == "INPUT"


@pytest.mark.parametrize(
    ("words", "start_in"),
    [([], None), (["--raw"], "raw"), (["--input"], "input"), (["--start-in", "log"], "log")],
)
def test_the_command_line_says_it_too(words: list[str], start_in: str | None) -> None:
    assert monitor.parser().parse_args(words).start_in == start_in


@pytest.mark.parametrize("main", [monitor.main, demo.main])
def test_two_of_them_are_refused(main: object, capsys: pytest.CaptureFixture[str]) -> None:
    assert callable(main)
    assert main(["--raw", "--input"]) == 2
    assert "not allowed with" in capsys.readouterr().err


def test_another_word_in_the_settings_is_named() -> None:
    settings, problems = settings_from({"start_in": "menu"}, "config.toml")
    assert settings.start_in == "input"
    assert problems == ["config.toml: start_in = 'menu' should be one of input, log, raw; the default is used"]
