"""What the terminal says when the full screen has gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.cli.monitor import run_screen
from espmon.session.status import OpenRequest
from espmon.tui.app import EspmonApp
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.picker import PickerScreen
from espmon.tui.screens.probing_screen import ProbingScreen
from tests.tui.fake_session import FakeSession
from tests.tui.running import Running, running


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
