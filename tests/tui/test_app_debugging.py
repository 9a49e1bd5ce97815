"""A board that waits in its debug stub: offered once, inspected here, handed over, and always given back."""

from __future__ import annotations

import os

import pytest

from espmon.records.spans.gdb_packets import Gdb
from espmon.session.debug_lease import DebugError
from espmon.session.session_events import SessionNote
from espmon.session.status import Activity
from espmon.tui.debug_dialogs import counter, run_in_terminal, thread_name
from espmon.tui.screens.gdb_inspector import GdbInspectScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.screens.stub_offer import StubScreen
from tests.tui.fake_session import FakeSession
from tests.tui.happening import STOP, happen, shown
from tests.tui.running import Running, running


async def inspecting(case: Running) -> GdbInspectScreen:
    happen(case, STOP)
    await shown(case, StubScreen)
    await case.press("i")
    screen: GdbInspectScreen = await shown(case, GdbInspectScreen)
    return screen


async def test_a_stop_is_offered_and_staying_sends_nothing() -> None:
    async with running() as case:
        happen(case, STOP)
        await shown(case, StubScreen)
        await case.until(lambda: "Stay (Esc)" in case.text())
        await case.press("enter")
        await case.until(lambda: case.app.screen is case.screen)
        assert case.session.calls == ["open"]
        assert case.session.sent == []


async def test_over_another_screen_a_stop_is_a_toast() -> None:
    async with running() as case:
        await case.press("question_mark")
        await case.until(lambda: case.app.screen is not case.screen)
        before = case.app.screen
        happen(case, STOP)
        await case.until(lambda: "waits in its debug stub" in case.text())
        assert case.app.screen is before


async def test_a_board_that_has_not_stopped_is_not_said_to_have() -> None:
    async with running(size=(120, 40)) as case:
        await case.press("D")
        await shown(case, StubScreen)
        assert "Is desk board in its debug stub?" in case.text()
        await case.press("escape")
        case.idle()
        happen(case, STOP)
        await shown(case, StubScreen)
        await case.until(lambda: "desk board waits in its debug stub" in case.text())


async def test_a_damaged_stop_packet_offers_nothing() -> None:
    async with running() as case:
        happen(case, Gdb(0, 7, 0.0, payload=b"T05", checksum="bad"))
        happen(case, SessionNote(0, 0.0, "after it"))
        await case.until(lambda: len(case.app.monitor.inspector.events.entries) >= 2)
        assert case.app.screen is case.screen


async def test_inspecting_shows_steps_reads_and_goes_on() -> None:
    async with running(size=(120, 40)) as case:
        screen = await inspecting(case)
        await case.until(lambda: "app_main" in case.text())
        await case.press("n")
        await case.until(lambda: "debug step" in case.session.calls)
        await case.until(lambda: 0x42001236 in screen._view.registers.values())
        await case.press("m")
        prompt = await shown(case, TextPrompt)
        prompt.query_one("#entry").value = "0x3fc90000 32"
        await case.press("enter")
        await case.until(lambda: "debug memory 0x3fc90000 32" in case.session.calls)
        await case.until(lambda: "0c 0d 0e 0f" in case.text())
        await case.press("g")
        await case.until(lambda: case.session.calls[-1] == "debug continue")
        await case.until(lambda: case.app.screen is case.screen)


@pytest.mark.parametrize(
    ("keys", "call"),
    [(("d",), "debug detach"), (("R", "y"), "reset"), (("escape",), "debug abandon")],
)
async def test_every_way_out_of_an_inspection_gives_the_port_back(keys: tuple[str, ...], call: str) -> None:
    async with running(size=(120, 40)) as case:
        await inspecting(case)
        await case.press(*keys)
        await case.until(lambda: call in case.session.calls)
        await case.until(lambda: case.app.screen is case.screen)


async def test_another_thread_is_read_when_it_is_chosen() -> None:
    async with running(size=(120, 40)) as case:
        await inspecting(case)
        await case.press("down", "enter")
        await case.until(lambda: "debug select 2" in case.session.calls)


async def test_an_inspection_that_ends_by_itself_closes() -> None:
    async with running(size=(120, 40)) as case:
        await inspecting(case)
        case.session.debugging.release()
        await case.until(lambda: case.app.screen is case.screen)


async def test_a_stub_that_does_not_answer_is_a_toast() -> None:
    async with running(size=(120, 40)) as case:
        case.session.debugging.fail = DebugError("the board does not answer")
        happen(case, STOP)
        await shown(case, StubScreen)
        await case.press("i")
        await case.until(lambda: "does not answer" in case.text())
        assert case.app.screen is case.screen


async def test_handing_over_without_a_gdb_says_what_was_looked_for() -> None:
    async with running(size=(120, 40)) as case:
        case.session.debugging.fail = DebugError("No debugger is installed: looked for gdb-multiarch")
        await case.press("D")
        await shown(case, StubScreen)
        await case.press("h")
        await case.until(lambda: "No debugger is installed" in case.text())


async def test_a_terminal_that_cannot_be_handed_over_shows_the_command_and_d_takes_the_port_back() -> None:
    async with running(size=(120, 40)) as case:
        await case.press("D")
        await shown(case, StubScreen)
        await case.press("h")
        await case.until(lambda: "cannot be handed over" in case.text())
        await case.press("D")
        await case.until(lambda: case.session.calls[-1] == "debug abandon")


async def test_a_board_is_served_until_the_user_has_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espmon.session.session.Session", FakeSession)
    async with running(size=(120, 40)) as case:
        happen(case, STOP)
        await shown(case, StubScreen)
        await case.press("s")
        await case.until(lambda: "get the board: target remote 127.0.0.1:" in case.text())
        await case.press("D")
        screen = await shown(case, StubScreen)
        await case.until(lambda: "It is served: target remote 127.0.0.1:" in case.text())
        await case.press("s")
        await case.until(lambda: "not served any more" in case.text())
        assert case.app.screen is not screen


async def test_who_only_looks_on_cannot_serve_the_board() -> None:
    async with running(size=(120, 40)) as case:
        happen(case, STOP)
        await shown(case, StubScreen)
        await case.press("s")
        await case.until(lambda: "Only the espmon that holds the port" in case.text())


def test_a_program_in_the_terminal_may_be_interrupted_without_ending_espmon(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    run_in_terminal(["/bin/sh", "-c", f"kill -INT {os.getpid()}; echo done"])
    assert "done" in capfd.readouterr().out
    with pytest.raises(FileNotFoundError):
        run_in_terminal(["/no/such/gdb"])


def test_the_name_of_a_thread_is_taken_out_of_what_the_stub_tells() -> None:
    assert thread_name("Name: main, State: Running, Priority: 1") == "main"
    assert thread_name("worker") == "worker"


async def test_with_an_ide_the_offer_is_the_ide_s() -> None:
    session = FakeSession()
    session.lends_to_ide = True
    async with running(session=session) as case:
        happen(case, STOP)
        await case.until(lambda: case.app.board.stub._activity is Activity.HALTED)
        assert case.app.screen is case.screen


async def test_a_step_says_where_it_led() -> None:
    async with running(size=(120, 40)) as case:
        await inspecting(case)
        await case.press("n")
        await case.until(lambda: "Stepped to 0x42001236, app_main, main.c:12" in case.text())


async def test_a_step_that_led_nowhere_says_so() -> None:
    async with running(size=(120, 40)) as case:
        await inspecting(case)
        await case.press("n")
        await case.until(lambda: "Stepped to" in case.text())
        await case.press("n")
        await case.until(lambda: "The step did not move it: still at 0x42001236" in case.text())


async def test_threads_that_were_not_read_say_how_they_are() -> None:
    async with running(size=(80, 24)) as case:
        await inspecting(case)
        assert "Enter reads" in case.text()


async def test_an_inspection_that_ends_closes_also_under_a_question() -> None:
    async with running() as case:
        await inspecting(case)
        await case.press("m")
        await shown(case, TextPrompt)
        case.session.debugging.release()
        await case.until(lambda: case.app.screen is case.screen)


async def test_the_offer_takes_its_invitation_away() -> None:
    async with running(size=(120, 40)) as case:
        await case.press("w")
        happen(case, STOP)
        await case.until(lambda: "waits in its debug stub: D" in case.text())
        await case.press("D")
        await shown(case, StubScreen)
        await case.until(lambda: "debug stub: D" not in case.text())


def test_the_program_counter_is_known_by_the_name_of_either_processor() -> None:
    assert counter({"MEPC": 0x42000000, "SP": 0x3FC90000}) == 0x42000000
    assert counter({"PC": 0x400D0000}) == 0x400D0000
    assert counter({"SP": 0x3FC90000}) is None
