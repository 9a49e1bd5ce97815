"""Building from the screen: asked once, shown, its errors opened, what changed flashed."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest
from textual.widgets import Input

from espmon.tui.screens.build_screen import BuildScreen
from espmon.tui.screens.flash_screens import FlashConfirmScreen
from espmon.tui.screens.prompt import TextPrompt
from tests.session.test_builds import idf_project
from tests.tui.running import Running, running
from tests.tui.test_app_flashing import project as project  # a fixture

FAILING = "print('main.c:2:9: error: expected [b]x'); print('main.c:1:1: warning: old'); raise SystemExit(2)"


async def build(case: Running, code: str) -> None:
    """Choose a command that runs `code`, and start it."""
    await case.press("b")
    await case.until(lambda: isinstance(case.app.screen, TextPrompt), "the question")
    await case.pilot.pause()
    case.app.screen.query_one(Input).value = shlex.join([sys.executable, "-c", code])
    await case.press("enter")


async def test_a_failed_build_lists_its_errors_and_each_opens_in_the_editor(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = idf_project(tmp_path / "project")
    (folder / "main.c").write_text("int\nmain;\n")
    opened: list[str] = []
    monkeypatch.setattr("espmon.tui.build_dialogs.open_in_editor", lambda app, place: opened.append(place.text))
    async with running(choices=tmp_path / "state" / "screen.json") as case:
        case.app.project = folder
        await case.press("b")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt), "the question")
        assert case.app.screen.query_one(Input).value == "idf.py build"
        await case.press("escape")
        await build(case, FAILING)
        await case.until(lambda: "FAILED, exit code 2" in case.text(), "the end")
        assert "1 error  1 warning" in case.text()
        assert "error: expected [b]x" in case.text()
        await case.press("enter")
        assert opened == [f"{folder}/main.c:2"]
        await case.press("escape")
        await case.press("b")
        await case.until(lambda: isinstance(case.app.screen, BuildScreen), "the second build, not asked again")
        await case.until(lambda: "FAILED" in case.text())
        kept = json.loads((tmp_path / "state" / "builds.json").read_text())
        assert kept[str(folder)][0] == sys.executable


async def test_what_a_build_made_is_flashed_after_a_question(project: Path) -> None:
    async with running() as case:
        case.app.project = project
        await build(case, "print('done')")
        await case.until(lambda: isinstance(case.app.screen, FlashConfirmScreen), "the question")
        assert case.session.flashed == []
        await case.press("y")
        await case.until(lambda: case.session.flashed)


async def test_a_hidden_build_says_when_it_has_ended_and_a_running_one_can_be_stopped(tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    waiting = (
        f"import os, time\nprint('compiling', flush=True)\nwhile not os.path.exists({str(gate)!r}): time.sleep(0.02)"
    )
    async with running() as case:
        case.app.project = tmp_path
        await build(case, waiting)
        await case.until(lambda: "compiling" in case.text(), "output")
        await case.press("escape")
        gate.write_text("")
        case.idle()
        await case.until(lambda: "b shows its output" in case.text(), "the end")
        gate.unlink()
        await case.press("b")
        await case.until(lambda: isinstance(case.app.screen, BuildScreen) and "Built" in case.text(), "its output")
        await case.press("r")
        await case.until(lambda: "Building" in case.text() and "compiling" in case.text(), "the second build")
        await case.press("k")
        await case.until(lambda: "Stopped" in case.text(), "the end of the second")
