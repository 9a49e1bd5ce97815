"""What the terminal says when the full screen has gone."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from textual.widgets import Input

from espmon.cli.monitor import run_screen
from espmon.session.session_events import Failure, FlashEvent
from espmon.session.state import State
from espmon.session.status import PANEL_LEASE, TRANSFER_LEASE, Capture, OpenRequest, Progress
from espmon.tui.app import EspmonApp
from espmon.tui.interruptible_work import CAPTURE_SECONDS
from espmon.tui.log.export import Exported
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.picker import PickerScreen
from espmon.tui.screens.probing_screen import ProbingScreen
from espmon.tui.screens.prompt import TextPrompt
from tests.session.test_builds import idf_project
from tests.tui.fake_session import FakeSession
from tests.tui.happening import happen
from tests.tui.running import Running, numbered, running
from tests.tui.test_board_tabs import RIGHT, desk
from tests.tui.test_building import build


async def test_the_folder_of_the_recording_is_remembered_after_the_port_is_closed(tmp_path: Path) -> None:
    async with running() as case:
        case.session.set(recording=tmp_path)
        await case.until(lambda: case.app.board.recorded == tmp_path)
        case.session.set(recording=None)
        await case.until(lambda: "● rec" not in case.text())
        assert case.app.board.recorded == tmp_path


@pytest.mark.parametrize(("folder", "said"), [(Path("/sessions/one"), "Recorded in /sessions/one\n"), (None, "")])
def test_leaving_says_where_the_recording_lies(
    folder: Path | None, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(app: EspmonApp) -> int:
        app.board.recorded = folder
        return 0

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(EspmonApp, "run", run)
    assert run_screen(None) == 0
    assert capsys.readouterr().out == said


async def asked_while_probing(case: Running) -> None:
    """A probe runs, and the user is asked whether to leave it."""
    await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
    await case.press("y")
    await case.until(lambda: isinstance(case.app.screen, ProbingScreen))
    await case.press("ctrl+q")
    await case.until(lambda: "Probing: really leave?" in case.text())


PROBED = OpenRequest("/dev/ttyUSB0", name="desk board", probe=True)


async def test_the_question_stays_when_what_ran_has_ended_and_its_key_leaves() -> None:
    async with running(request=PROBED) as case:
        await asked_while_probing(case)
        question = case.app.screen
        case.app._runner.call(case.session.finish_probe)
        await case.until(lambda: "It has ended meanwhile: leave?" in case.text())
        assert case.app.screen is question
        await case.press("y")
        await case.until(lambda: case.app._exit)
        assert case.app.return_value == 0
    assert case.app.exit_message == ""


async def test_who_stays_after_it_has_ended_is_back_in_the_log() -> None:
    async with running(request=PROBED) as case:
        await asked_while_probing(case)
        case.app._runner.call(case.session.finish_probe)
        await case.until(lambda: "It has ended meanwhile: leave?" in case.text())
        await case.press("n")
        await case.until(lambda: case.app.screen is case.screen)
        await case.press("ctrl+q")
        await case.until(lambda: case.app._exit)


async def test_nothing_opens_over_the_question_when_the_probe_fails() -> None:
    session = FakeSession()
    session.fail_probe = ("The chip did not answer", "Hold BOOT and try again")
    async with running(request=PROBED, session=session) as case:
        await asked_while_probing(case)
        question = case.app.screen
        case.app._runner.call(session.finish_probe)
        await case.until(lambda: "It has ended meanwhile: leave?" in case.text())
        assert case.app.screen is question
        await case.press("n")
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        await case.until(lambda: "The chip did not answer" in case.text())


WORKS: list[tuple[dict[str, object], str]] = [
    ({"state": State.LEASED, "lease": "flash"}, "Flashing: really leave?"),
    ({"state": State.LEASED, "lease": PANEL_LEASE}, "The board waits in its loader: really leave?"),
    ({"state": State.LEASED, "lease": TRANSFER_LEASE}, "A file is on its way: really leave?"),
    ({"state": State.LEASED, "lease": "gdb"}, "The board is held in its debug stub: really leave?"),
    ({"sending": Progress("app.txt", "3 of 9 lines", 3, 9)}, "A text is being sent: really leave?"),
    ({"capture": Capture("coredump", 4096, None, 60, CAPTURE_SECONDS)}, "The board is sending: really leave?"),
]
"""The status while something runs, and the question then."""


async def test_whatever_runs_is_asked_about_and_what_is_let_go_is_told() -> None:
    async with running() as case:
        quiet = case.session.status

        def asked(question: str) -> Callable[[], bool]:
            return lambda: question in case.text()

        for status, question in WORKS:
            case.session.set(state=quiet.state, lease=None, sending=None, capture=None)
            await case.until(lambda: case.app.screen is case.screen)
            case.session.set(**status)
            await case.press("ctrl+q")
            await case.until(asked(question), question)
            await case.press("n")
            await case.until(lambda: not isinstance(case.app.screen, ConfirmScreen))
        case.session.set(capture=None, state=State.LEASED, lease="gdb")
        await case.press("ctrl+q", "y", "y", "n")
        await case.until(lambda: case.app._exit)
        assert case.app.return_value == 1
    assert case.app.exit_message == "The board was let go from its debug stub"
    assert case.session.calls.count("debug let go") == 1


async def test_a_text_that_is_cut_off_is_told_with_how_far_it_came() -> None:
    async with running() as case:
        case.session.set(sending=Progress("app.txt", "3 of 9 lines", 3, 9))
        await case.press("ctrl+q", "y")
        await case.until(lambda: case.app._exit)
    assert case.app.exit_message == "app.txt: stopped after 3 of 9 lines"


async def test_a_payload_that_has_just_begun_asks_nothing() -> None:
    async with running() as case:
        case.session.set(capture=Capture("frame", 10, None, 1, CAPTURE_SECONDS / 2))
        await case.press("ctrl+q")
        await case.until(lambda: case.app._exit)
        assert case.app.return_value == 0


async def test_what_a_capture_left_is_named_with_its_file(tmp_path: Path) -> None:
    async with running() as case:
        case.session.set(capture=Capture("coredump", 4096, None, 60, CAPTURE_SECONDS))
        await case.press("ctrl+q")
        await case.until(lambda: "The board is sending" in case.text())
        await case.press("y")
        case.session.add_event("coredump", "Core dump damaged: the stream ended", path=tmp_path / "dump.bin")
        await case.until(lambda: case.app._exit)
    assert case.app.exit_message == f"Core dump damaged: the stream ended, kept in {tmp_path / 'dump.bin'}"


async def test_a_build_is_asked_about_and_ended(tmp_path: Path) -> None:
    folder = idf_project(tmp_path / "project")
    async with running() as case:
        case.app.project = folder
        await build(case, "import time; print('begun', flush=True); time.sleep(600)")
        await case.until(lambda: "begun" in case.text(), "the build")
        run = case.app.building._run
        assert run is not None
        await case.press("ctrl+q")
        await case.until(lambda: "A build runs: really leave?" in case.text())
        await case.press("y")
        await case.until(lambda: case.app._exit)
        assert not run.running
        assert run.stopped
    assert case.app.exit_message.startswith("Build stopped: ")


async def test_a_file_that_is_being_saved_is_asked_about_and_not_left_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log.txt"

    def endless(exported: Exported) -> Iterator[str]:
        while True:
            yield "line\n"
            time.sleep(0.001)

    monkeypatch.setattr("espmon.tui.log_saving.format_of", lambda name: endless)
    async with running() as case:
        await case.feed(numbered(5))
        await case.press("S")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt), "the name")
        await case.pilot.pause()
        case.app.screen.query_one(Input).value = str(path)
        await case.press("enter")
        await case.until(path.exists, "the file")
        await case.press("ctrl+q")
        await case.until(lambda: "A file is being saved: really leave?" in case.text())
        await case.press("y")
        await case.until(lambda: case.app._exit)
    assert case.app.exit_message == f"Not saved, since you left: {path}"
    assert not path.exists()


async def test_nothing_opens_over_the_question() -> None:
    async with running() as case:
        case.session.set(state=State.LEASED, lease="gdb")
        await case.press("ctrl+q")
        await case.until(lambda: "really leave?" in case.text())
        question = case.app.screen
        case.app.push_screen(ConfirmScreen("Refused: do it all the same?", ["It may not start."], "Do it"))
        await case.press("ctrl+p")
        assert case.app.screen is question
        await case.press("n")
        await case.until(lambda: case.app.screen is not question)
        assert any("Refused" in str(screen._title) for screen in case.app.screen_stack if hasattr(screen, "_title"))


async def test_the_question_follows_a_board_that_nobody_looks_at() -> None:
    async with desk(RIGHT) as made:
        case, hidden = made.case, made.sessions[1]
        made.sessions[0].set(sending=Progress("app.txt", "3 of 9 lines", 3, 9))
        hidden.set(state=State.LEASED, lease="flash")
        await case.press("ctrl+q")
        await case.until(lambda: "right: The board stays half written" in case.text())
        assert "left: The rest of it is not sent" in case.text()
        question = case.app.screen
        await case.press("f7", "f8", "0", "ctrl+pagedown")
        assert case.app.screen is question, "another tab would be looked at, and the question be nowhere"
        hidden.set(state=State.MONITORING, lease=None)
        await case.until(lambda: "half written" not in case.text())
        made.sessions[0].set(sending=None)
        await case.until(lambda: "It has ended meanwhile: leave?" in case.text())
        await case.press("n")
        await case.until(lambda: case.app.screen is case.screen)


async def test_closing_a_tab_ends_what_runs_there_and_says_how() -> None:
    async with desk(RIGHT) as made:
        case = made.case
        made.sessions[0].set(state=State.LEASED, lease="gdb")
        case.app.action_close_tab()
        await case.until(lambda: "Close left now?" in case.text())
        await case.press("y")
        await case.until(lambda: "left: The board was let go from its debug stub" in case.text(), "the toast")
        assert made.sessions[0].calls[-1] == "close"


async def test_a_program_that_is_taken_away_says_that_the_board_still_waits() -> None:
    async with running() as case:
        case.session.set(state=State.LEASED, lease="gdb")
        case.app.exit(143)  # as for a signal
        await case.until(lambda: case.app._exit)
    assert case.app.exit_message == "The board still waits in its debug stub: press its EN (RST) key"
    assert "debug let go" not in case.session.calls


async def test_what_failed_while_the_question_stood_is_said_in_it_and_at_the_end() -> None:
    async with running() as case:
        case.session.set(state=State.LEASED, lease="flash")
        await case.press("ctrl+q")
        await case.until(lambda: "Flashing: really leave?" in case.text())
        record = FlashEvent(0, 0.0, "write", Failure("The port was lost", "Flash it again"), "")
        happen(case, record)
        case.session.set(state=State.LOST, lease=None)
        await case.until(lambda: "It has ended meanwhile: leave?" in case.text())
        assert "desk board: The port was lost. Flash it again" in case.text()
        assert "Nothing is lost" not in case.text()
        await case.press("y")
        await case.until(lambda: case.app._exit)
    assert case.app.exit_message == "desk board: The port was lost. Flash it again"
