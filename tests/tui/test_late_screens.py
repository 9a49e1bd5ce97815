"""Screens that come later than the user asked, questions that come again, and toasts that a screen makes needless."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from espmon.records.record import Record
from espmon.session.state import State
from espmon.session.status import Activity, Capture, Severity
from espmon.tui import boards
from espmon.tui import flash_dialogs as flashing
from espmon.tui.host import TOAST_SECONDS
from espmon.tui.screens.capture import CaptureScreen
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.core_dump_screen import CoreDumpReportScreen
from espmon.tui.screens.panic_screen import PanicReportScreen
from espmon.tui.screens.prompt import TextPrompt
from tests.tui.happening import BOOT, DUMP, PROMPT, RESET, happen, shown
from tests.tui.running import Running, running
from tests.tui.screens.crash_data import CORE, PANIC
from tests.tui.screens.host import toasts


@pytest.fixture
def gate() -> Iterator[threading.Event]:
    """Holds back what a thread looks for; open at the end, so that no thread is left waiting."""
    event = threading.Event()
    yield event
    event.set()


# -- what has to be looked for first ----------------------------------------------------------------------------


async def test_the_elf_question_does_not_open_over_what_is_typed_meanwhile(
    monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    monkeypatch.setattr(boards, "find_elfs", lambda folder: gate.wait(10.0) and [])
    async with running() as case:
        await case.press("E", "i", *"he")
        gate.set()
        await case.until(lambda: "E asks" in toasts(case.app))
        await case.press(*"lp", "enter")
        await case.until(lambda: case.session.sent == [b"help\r"])
        assert case.app.screen is case.screen


async def test_the_flash_question_does_not_open_over_what_is_typed_meanwhile(
    monkeypatch: pytest.MonkeyPatch, gate: threading.Event
) -> None:
    monkeypatch.setattr(flashing, "plan_for", lambda *words: gate.wait(10.0))
    async with running() as case:
        await case.press("ctrl+t", "f", "i", *"sa")
        gate.set()
        await case.until(lambda: "Not flashed while you type" in toasts(case.app))
        await case.press("y", "enter")
        await case.until(lambda: case.session.sent == [b"say\r"])
        assert case.session.flashed == []


async def test_what_is_asked_for_from_the_input_line_opens_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boards, "find_elfs", lambda folder: [])
    async with running() as case:
        await case.press("i", "x")
        case.app.board.questions.ask_elf()
        await shown(case, TextPrompt)


# -- a board that waits for Enter -------------------------------------------------------------------------------


async def waiting(case: Running) -> None:
    """The board waits, the user was asked and said no."""
    happen(case, PROMPT)
    await shown(case, ConfirmScreen)
    await case.press("n")
    await case.until(lambda: case.app.screen is case.screen)


async def test_k_asks_again_while_the_board_waits_for_enter() -> None:
    async with running() as case:
        await waiting(case)
        await case.press("K")
        await shown(case, ConfirmScreen)
        await case.press("y")
        await case.until(lambda: case.session.sent == [b"\r"])
        await case.press("K")
        await case.until(lambda: "No core dump has come yet" in toasts(case.app))


async def test_k_asks_where_the_question_was_only_told_of() -> None:
    async with running() as case:
        await case.press("w")
        happen(case, PROMPT)
        await case.until(lambda: "K asks" in toasts(case.app))
        await case.press("K")
        await shown(case, ConfirmScreen)
        assert "K asks" not in toasts(case.app)


@pytest.mark.parametrize("record", [RESET, BOOT, DUMP])
async def test_a_board_that_went_on_waits_no_longer(record: Record) -> None:
    async with running() as case:
        await waiting(case)
        happen(case, record)
        await case.until(lambda: not case.app.board.questions.ask_enter())


async def test_nobody_waits_at_a_port_that_is_gone() -> None:
    async with running() as case:
        await waiting(case)
        case.session.set(state=State.LOST, reason="unplugged", activity=Activity.RUNNING)
        await case.until(lambda: not case.app.board.questions.ask_enter())


async def test_a_dump_that_comes_is_shown_instead() -> None:
    async with running() as case:
        await waiting(case)
        case.session.set(capture=Capture("coredump", 10, None, 1, 0.1))
        await case.press("K")
        await shown(case, CaptureScreen)


# -- toasts -----------------------------------------------------------------------------------------------------


async def test_a_crash_report_is_not_covered_by_the_toast_about_its_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TOAST_SECONDS, "warning", 600.0)
    sentence = PANIC.sentence
    async with running(size=(120, 40)) as case:
        case.session.notify("Port lost", Severity.WARNING)
        case.session.notify(sentence, Severity.ERROR)
        case.session.add_event("panic", f"Panic: {sentence}", report=PANIC)
        await case.until(lambda: sentence in toasts(case.app))
        await case.press("C")
        await shown(case, PanicReportScreen)
        await case.until(lambda: toasts(case.app) == "Port lost")


async def test_a_report_that_opens_takes_the_invitation_away(tmp_path: Path) -> None:
    async with running(size=(120, 40)) as case:
        await case.press("w")
        case.session.add_event("coredump", "Core dump", path=tmp_path / "core.elf", report=CORE)
        await case.until(lambda: "C opens it" in toasts(case.app))
        await case.press("C")
        await shown(case, CoreDumpReportScreen)
        assert not len(case.app._notifications)


async def test_a_screen_that_opens_takes_away_what_was_said_in_passing() -> None:
    async with running(size=(80, 24)) as case:
        case.session.notify("The log file is closed")
        await case.until(lambda: "The log file" in toasts(case.app))
        await case.press("B")
        await shown(case, TextPrompt)
        assert toasts(case.app) == ""


async def test_a_toast_is_not_seen_twice_through_a_dialog() -> None:
    async with running(size=(120, 40)) as case:
        case.session.notify("gdb stub waits: signal 11", Severity.ERROR)
        await case.until(lambda: "signal 11" in case.text())
        await case.press("B")
        await shown(case, TextPrompt)
        await case.until(lambda: case.text().count("signal 11") == 1)
