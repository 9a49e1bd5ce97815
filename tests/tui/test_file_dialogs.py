"""A file of the board's is offered under a safe name, and nothing is overwritten."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from espmon.records.spans.frame import Frame
from espmon.tui.file_dialogs import MAX_FILE_NAME, proposed_name
from espmon.tui.screens.prompt import TextPrompt
from tests.tui.happening import happen, shown
from tests.tui.running import running


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("log.csv", "log.csv"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Windows\\a.dll", "a.dll"),
        (".bashrc", "bashrc"),
        ("-rf", "rf"),
        ("nul.txt", "file-nul.txt"),
        ("COM1", "file-COM1"),
        ("a b;$(x)`y`\n.sh", "a-b-x-y-.sh"),
        ("grüße.txt", "gr-e.txt"),
        ("..", "file.bin"),
        ("", "file.bin"),
        (None, "file.bin"),
    ],
)
def test_the_name_that_is_proposed_is_only_a_name(sent: str | None, name: str) -> None:
    assert proposed_name(sent) == name
    assert len(proposed_name("x" * 500 + ".csv")) == MAX_FILE_NAME


async def test_a_file_is_told_of_once_and_saved_where_the_user_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept.csv"
    kept.write_bytes(b"a,b\n")
    target = tmp_path / "target"
    target.mkdir()
    monkeypatch.chdir(target)
    async with running(size=(120, 40)) as case:
        record = Frame(0, 0, 0.0, kind="file", name="../log.csv", payload=b"a,b\n", crc="ok")
        entry = happen(case, record, path=kept)
        await case.until(lambda: "log.csv has come" in case.text())
        case.app.board.artifacts.show(entry)
        await shown(case, TextPrompt)
        await case.press("enter")
        await case.until(lambda: (target / "log.csv").exists())
        assert (target / "log.csv").read_bytes() == b"a,b\n"
        await case.until(lambda: "Saved" in case.text())
        (target / "log.csv").write_bytes(b"mine")
        case.app.board.artifacts.show(entry)
        await shown(case, TextPrompt)
        await case.press("enter")
        await case.until(lambda: "it stays as it is" in case.text())
        await case.press("escape")
        assert (target / "log.csv").read_bytes() == b"mine"
        assert os.listdir(target) == ["log.csv"]


async def test_a_file_that_cannot_be_saved_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with running(size=(120, 40)) as case:
        entry = happen(case, Frame(0, 0, 0.0, kind="file", name="x", payload=b"x"), path=tmp_path / "gone")
        case.app.board.artifacts.show(entry)
        await shown(case, TextPrompt)
        await case.press("enter")
        await case.until(lambda: "Not saved" in case.text())
