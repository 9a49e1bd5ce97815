"""What the terminal says when the full screen has gone."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.cli.monitor import run_screen
from espmon.tui.app import EspmonApp
from tests.tui.running import running


async def test_the_folder_of_the_recording_is_remembered_after_the_port_is_closed(tmp_path: Path) -> None:
    async with running() as case:
        case.session.set(recording=tmp_path)
        await case.until(lambda: case.app.recorded == tmp_path)
        case.session.set(recording=None)
        await case.until(lambda: "● rec" not in case.text())
        assert case.app.recorded == tmp_path


@pytest.mark.parametrize(("folder", "said"), [(Path("/sessions/one"), "Recorded in /sessions/one\n"), (None, "")])
def test_leaving_says_where_the_recording_lies(
    folder: Path | None, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def run(app: EspmonApp) -> int:
        app.recorded = folder
        return 0

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr(EspmonApp, "run", run)
    assert run_screen(None) == 0
    assert capsys.readouterr().out == said
