"""A dump beside another one on the screen: the file is asked for, what differs is a report, what fails is said."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest
from textual.app import App
from textual.widgets import Input, OptionList

from espmon.session.archive.crash_names import sighting_lines
from espmon.session.status import Status
from espmon.tui.dump_comparison import DumpComparison, sections, sightings
from espmon.tui.host import Host
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.screens.report_screen import ReportScreen
from tests.tui.screens.crash_data import CORE, core_bytes
from tests.tui.screens.host import screen_text, settle


class Asking(App[None]):
    """An app that has what the dialog needs."""

    status = Status()


async def test_another_dump_is_compared(tmp_path: Path) -> None:
    own, other = tmp_path / "1.coredump.bin", tmp_path / "2.coredump.bin"
    other.write_bytes(core_bytes("panic"))
    own.write_bytes(core_bytes("abort"))
    app = Asking()
    async with app.run_test(size=(120, 40)) as pilot:
        DumpComparison(cast(Host, app)).ask(CORE, own)
        await settle(pilot)
        assert isinstance(app.screen, TextPrompt)
        field = app.screen.query_one(Input)
        field.value = str(tmp_path / "none")
        await pilot.press("enter")
        await settle(pilot)
        assert "There is no such file" in screen_text(app)
        [other_shown] = app.screen.query_one(OptionList).options
        assert str(other_shown.prompt).endswith("2.coredump.bin")
        field.value = str(other)
        await pilot.press("enter")
        for _ in range(3000):
            if isinstance(app.screen, ReportScreen):
                break
            await pilot.pause(0.01)
        await settle(pilot)
        text = screen_text(app)
        assert "another crash" in text
        assert "what happened" in text


async def test_a_file_without_a_dump_is_told(tmp_path: Path) -> None:
    path = tmp_path / "text"
    path.write_text("no dump\n")
    app = Asking()
    async with app.run_test() as pilot:
        await DumpComparison(cast(Host, app))._compare(CORE, path, None)
        await settle(pilot)
        assert "no core dump found" in "".join(notice.message for notice in app._notifications)


def test_a_comparison_without_a_difference_has_a_part_that_says_so() -> None:
    from espmon.postmortem.dump_compare import compare

    first, last = sections(compare(CORE, CORE))
    assert first.text == "the same crash; nothing differs"
    assert last.rows[0][0] == "compared"


def test_past_sessions_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert list(sightings(CORE)) == sighting_lines([])
