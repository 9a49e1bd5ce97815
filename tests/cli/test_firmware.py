"""`espmon firmware`: writes what boards copy, and nothing over what somebody has changed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from espmon.cli import firmware, main

LANGUAGES = sorted(firmware.LANGUAGES)


@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_files_are_written_and_named(lang: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "new" / "folder"
    assert main(["firmware", "--lang", lang, str(folder), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["lang"] == lang
    paths = [Path(row["path"]) for row in told["files"]]
    assert sorted(paths) == sorted(folder.iterdir())
    for row, name in zip(told["files"], firmware.LANGUAGES[lang], strict=True):
        content = (firmware.SOURCES / name).read_bytes()
        assert Path(row["path"]).read_bytes() == content
        assert (row["bytes"], row["written"]) == (len(content), True)
    assert main(["firmware", "--lang", lang, str(folder)]) == 0
    shown = capsys.readouterr()
    assert shown.out.count("the same") == len(paths)
    assert firmware.NEXT[lang] in shown.err


def test_a_changed_file_is_not_overwritten_unasked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    mine = tmp_path / "espmon_emit.py"
    mine.write_text("# mine\n")
    assert main(["firmware", "--lang", "micropython", str(tmp_path), "--json"]) == 2
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "usage"
    assert mine.read_text() == "# mine\n"
    assert main(["firmware", "--lang", "micropython", str(tmp_path), "--yes"]) == 0
    assert "class Emitter" in mine.read_text()


@pytest.mark.parametrize(("answer", "code"), [("y\n", 0), ("n\n", 1), ("", 1)])
def test_it_asks_on_a_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
    mine = tmp_path / "espmon_emit.py"
    mine.write_text("# mine\n")

    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return answer

    monkeypatch.setattr("sys.stdin", Terminal())
    assert main(["firmware", "--lang", "micropython", str(tmp_path)]) == code
    assert (mine.read_text() == "# mine\n") is bool(code)


def test_what_is_in_the_way_stays(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("mine")
    assert main(["firmware", "--lang", "c", str(file)]) == 2
    assert main(["firmware", "--lang", "c", str(file / "below")]) == 1
    elsewhere = tmp_path / "elsewhere.py"
    elsewhere.write_text("mine")
    (tmp_path / "espmon_emit.py").symlink_to(elsewhere)
    assert main(["firmware", "--lang", "micropython", str(tmp_path), "--yes"]) == 2
    assert elsewhere.read_text() == "mine"


def test_an_unknown_language_is_wrong_usage(tmp_path: Path) -> None:
    assert main(["firmware", "--lang", "cobol", str(tmp_path)]) == 2
    assert main(["firmware", str(tmp_path)]) == 2
