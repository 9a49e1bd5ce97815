"""A picture or a text from the events opens in the system's viewer; nothing that runs does, whatever it is called."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from espmon.port.posix_viewer import viewer_command
from espmon.session.status import Severity
from tests.tui.running import Running, running

pytestmark = pytest.mark.skipif(os.name == "nt" or sys.platform == "darwin", reason="the viewers of a Linux desktop")


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file that a viewer writes its words to; it is the only one on PATH."""
    told = tmp_path / "opened"
    viewer = tmp_path / "bin" / "xdg-open"
    viewer.parent.mkdir()
    viewer.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{told}.part"\nmv "{told}.part" "{told}"\n')
    viewer.chmod(0o755)
    monkeypatch.setenv("PATH", f"{viewer.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("DISPLAY", ":9")
    return told


def words_of(opened: Path) -> list[str]:
    return opened.read_text().splitlines() if opened.exists() else []


async def event_with(case: Running, path: Path | None) -> None:
    entry = case.session.add_event("note", "a payload", severity=Severity.WARNING, path=path)
    if not case.screen.shows_events:
        await case.press("e")
    await case.until(lambda: case.screen.inspector.events.highlighted == entry)


async def test_the_file_of_an_event_opens_beside_the_log(tmp_path: Path, opened: Path) -> None:
    picture = tmp_path / "a picture; rm -rf $HOME.png"
    picture.write_bytes(b"\x89PNG")
    async with running(size=(120, 30)) as case:
        await event_with(case, picture)
        await case.press("O")
        await case.until(opened.exists, "the viewer")
    assert words_of(opened) == [str(picture)]


@pytest.mark.parametrize("name", ["0001-file-run.desktop", "a.html", "png"])
async def test_what_may_run_is_not_opened(tmp_path: Path, opened: Path, name: str) -> None:
    (tmp_path / name).write_text("x")
    async with running(size=(120, 30)) as case:
        await event_with(case, tmp_path / name)
        await case.press("O")
        await case.until(lambda: "only pictures and texts" in case.text())
    assert words_of(opened) == []


async def test_why_nothing_opens_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with running(size=(120, 30)) as case:
        await event_with(case, None)
        await case.press("O")
        await case.until(lambda: "no file" in case.text())
        monkeypatch.delenv("DISPLAY", raising=False)
        monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
        (tmp_path / "a.png").write_bytes(b"")
        await event_with(case, tmp_path / "a.png")
        await case.press("O")
        await case.until(lambda: "no desktop" in case.text())


def test_the_words_are_a_program_and_an_absolute_path(tmp_path: Path, opened: Path) -> None:
    path = Path("-rf.png")
    words = viewer_command(path)
    assert words[1:] == [os.path.abspath(path)]
    with pytest.raises(OSError, match="no xdg-open and no gio"):
        viewer_command(path, {"PATH": str(tmp_path), "DISPLAY": ":9"})
