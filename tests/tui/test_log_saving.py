"""Getting things out of the log: files of every format, the clipboard, the editor."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest
from rich.style import Style
from textual.geometry import Offset
from textual.selection import Selection

from espmon.records.events.boot import Boot
from espmon.session.settings import Settings
from espmon.session.store import LogStore
from espmon.tui.log.export import FORMATS, Exported, format_of
from espmon.tui.log.painter import Painter
from espmon.tui.log.query import LineFilter, TextQuery
from espmon.tui.log_saving import write_pieces
from espmon.tui.screens.crash_parts import FramesTable
from espmon.tui.screens.panic_screen import PanicReportScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.source_places import SourcePlace, editor_command, place_said, places_in
from tests.tui.crash_text import CRASH
from tests.tui.fake_session import block_of
from tests.tui.running import Running, numbered, running
from tests.tui.screens.crash_data import PANIC
from tests.tui.test_folds import board, folded

LOG = b"I (1) app: <b>one</b>\n\x1b[31mE (2) app: \x1b]0;evil\x07two\x1b[0m\n10%\r20%\rdone ``` here\n"


def exported(rows: range | None = None) -> Exported:
    store = LogStore(cr_overwrites=True)
    store.append(block_of(LOG))
    painter = Painter(Style.parse("#ffffff on #000000"))
    ids = range(0, 3) if rows is None else rows
    return Exported(store, ids, lambda line: ("main at /src/main.c:7",) if line == 0 else (), painter, "desk: <this>")


def written(end: str) -> str:
    return "".join(FORMATS[end](exported()))


def test_text_is_what_the_rows_show() -> None:
    assert written(".txt") == "I (1) app: <b>one</b>\nE (2) app: ␛]0;evil␇two\ndone ``` here\n"
    assert written(".decoded.txt").splitlines()[1] == "  ↳ main at /src/main.c:7"


def test_json_lines_are_records_with_every_byte_of_a_row() -> None:
    records = [json.loads(line) for line in written(".jsonl").splitlines()]
    assert records[0]["text"] == "I (1) app: <b>one</b>"
    assert [record["eol"] for record in records] == ["\n", "\n", "\r", "\r", "\n"]
    assert records[0]["level"] == "I"


def test_markdown_has_a_fence_that_the_log_does_not_end() -> None:
    text = written(".md")
    assert text.startswith("desk: <this>\n\n````text\n")
    assert text.endswith("````\n")


def test_html_has_colours_and_nothing_that_acts() -> None:
    page = written(".html")
    assert "<b>" not in page
    assert "&lt;b&gt;one" in page
    assert "<title>desk: &lt;this&gt;</title>" in page
    assert "color:#" in page
    assert "\x1b" not in page
    assert "↳ main at /src/main.c:7" in page


def test_rows_that_are_gone_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    assert write_pieces(exported(range(0, 50)), path) >= 3
    with pytest.raises(FileExistsError):
        write_pieces(exported(), path)


@pytest.mark.parametrize(
    ("name", "end"),
    [("a.TXT", ".txt"), ("a.decoded.txt", ".decoded.txt"), ("a.html", ".html"), ("a", None), ("txt", None)],
)
def test_the_end_of_a_name_says_the_format(name: str, end: str | None) -> None:
    assert format_of(name) is (None if end is None else FORMATS[end])


def test_places_are_found_in_a_boards_words_and_in_locations() -> None:
    assert places_in("assert failed: f main/app.c:12 (x)") == [SourcePlace("main/app.c", 12)]
    assert places_in("no place: 12:30, file.txt:3") == []
    assert place_said("0x42000000: update at C:/my work/a b.c:21 (inlined)") == SourcePlace("C:/my work/a b.c", 21)
    assert place_said("0x42000000: update") is None
    assert places_in("a/" * 40_000 + "x.c:1") == []


def editor(folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {folder}/asked\n')
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


@pytest.mark.parametrize(
    ("variables", "name", "words", "windowed"),
    [
        ({"VISUAL": "vi"}, "vi", ["+7", "{file}"], False),
        ({"VISUAL": "", "EDITOR": "nano -w"}, "nano", ["-w", "+7", "{file}"], False),
        ({"EDITOR": "vi", "TERM_PROGRAM": "vscode"}, "code", ["--goto", "{file}:7"], True),
        ({"VISUAL": "hx", "TERM_PROGRAM": "vscode"}, "hx", ["{file}:7"], False),
    ],
)
def test_the_users_editor_opens_the_line_by_words(
    tmp_path: Path, variables: dict[str, str], name: str, words: list[str], windowed: bool
) -> None:
    program, source = editor(tmp_path, name), tmp_path / "a file; rm.c"
    source.write_text("x")
    command = editor_command(SourcePlace(str(source), 7), {**variables, "PATH": str(tmp_path)})
    assert not isinstance(command, str)
    assert command.words == [str(program), *(word.format(file=source) for word in words)]
    assert command.windowed is windowed


def test_what_cannot_be_opened_is_said(tmp_path: Path) -> None:
    source = tmp_path / "a.c"
    source.write_text("x")
    here = SourcePlace(str(source), 7)
    assert editor_command(SourcePlace("/nowhere/a.c", 1), {}) == "/nowhere/a.c is not on this computer"
    assert editor_command(SourcePlace("a.c", 1), {"EDITOR": "vi"}) == "a.c is not on this computer"
    assert "Set VISUAL or EDITOR" in str(editor_command(here, {}))
    assert editor_command(here, {"EDITOR": "no-such", "PATH": str(tmp_path)}) == "There is no editor no-such"
    assert "cannot be read" in str(editor_command(here, {"EDITOR": "'"}))


@pytest.fixture
def copies(tmp_path: Path) -> Path:
    """What was copied last; `history` beside it makes the app keep it."""
    return tmp_path / "clipboard.txt"


def read(path: Path) -> str:
    return path.read_text()


async def save_as(case: Running, path: Path) -> None:
    await case.until(lambda: isinstance(case.app.screen, TextPrompt) and case.app.screen.query("#entry"))
    case.app.screen.query_one("#entry").value = str(path)  # type: ignore[attr-defined]
    await case.press("enter")
    await case.until(lambda: "Saved" in case.text(), "the file")


async def test_what_the_filter_shows_is_saved(tmp_path: Path) -> None:
    async with running() as case:
        await case.feed(numbered(200))
        case.pane.set_filter(LineFilter(include=TextQuery("line 19")))
        await case.until(lambda: len(case.pane.view) == 11)
        await case.press("S")
        await save_as(case, tmp_path / "some.txt")
        assert read(tmp_path / "some.txt").split("\n")[:2] == ["line 19", "line 190"]


async def test_a_boot_and_all_are_saved_also_what_is_folded(tmp_path: Path) -> None:
    async with running(size=(110, 30)) as case:
        await board(case, numbered(3), CRASH, numbered(2))
        await case.until(lambda: folded(case))
        boot = case.session.add_event("reset", "Power on", line=3, boot=1)
        await case.until(
            lambda: boot.id in [mark.event for marks in case.pane.drawing.marks.values() for mark in marks]
        )
        case.app.action_save_log("boot")
        await save_as(case, tmp_path / "boot.txt")
        assert read(tmp_path / "boot.txt").startswith("Guru Meditation")
        case.app.clear_notifications()
        await case.until(lambda: "Saved" not in case.text())
        case.app.action_save_log("all")
        await save_as(case, tmp_path / "all.txt")
        assert (
            read(tmp_path / "all.txt").encode()
            == b"".join([numbered(3), CRASH, numbered(2)]) + b"I (99) app: on we go\n"
        )


async def test_a_selection_that_scrolled_away_is_copied_whole_and_kept_in_a_file(copies: Path) -> None:
    async with running(history=copies.parent / "history") as case:
        await case.feed(numbered(300))
        case.screen.selections = {case.pane: Selection(Offset(0, 10), Offset(3, 250))}
        await case.press("y")
        await case.until(copies.exists, "the file")
        assert read(copies).split("\n")[-1] == "lin"
        assert case.app.clipboard == "\n".join(f"line {number}" for number in range(10, 250)) + "\nlin"


async def test_a_crash_is_copied_as_the_text_of_an_issue(copies: Path) -> None:
    async with running(history=copies.parent / "history", size=(110, 30)) as case:
        await board(case, numbered(2) + b"ssid: attic\n", CRASH, numbered(2))
        await case.until(lambda: folded(case))
        case.session.set(chip="ESP32 (revision v3.0)")
        started = Boot(0, 0)
        started.app, started.app_version, started.idf_version = "lamp", "1.2", "v5.3"
        case.session.happen(started)
        await case.press("Y")
        await case.until(copies.exists, "the file")
        text = case.app.clipboard
        assert text.startswith("## ")
        assert "LoadProhibited" in text.split("\n")[0]
        assert "- Chip: ESP32 (revision v3.0)\n- Program: lamp 1.2\n- ESP-IDF: v5.3\n" in text
        assert "### Log before it\n\n```text\nline 0\nline 1\nssid: *****\n```" in text
        assert text.endswith("Taken out: 1 secret.\n")


async def test_the_place_of_a_location_is_copied_and_opened(
    copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "main.c"
    source.write_text("x")
    program = editor(tmp_path, "code")
    monkeypatch.setenv("VISUAL", str(program))
    async with running(history=copies.parent / "history", size=(110, 30)) as case:
        await case.feed(numbered(5))
        await case.press("V")
        await case.until(lambda: "No source line stands here" in case.text())
        case.session.decorate(4, f"0x42000000: app_main at {source}:12")
        await case.press("V")
        await case.until(copies.exists, "the copy")
        assert case.app.clipboard == f"{source}:12"
        await case.press("v")
        asked = tmp_path / "asked"
        await case.until(lambda: asked.exists() and read(asked) == f"--goto\n{source}:12\n", "the editor")


async def test_a_frame_of_a_report_opens_in_the_editor_where_its_source_is_here(
    copies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = next(one for one in PANIC.frames if one.file and one.file.endswith("/sensor.c"))
    (tmp_path / "sensor.c").write_text("x")
    monkeypatch.setenv("VISUAL", str(editor(tmp_path, "code")))
    settings = Settings(path_map={frame.file.rpartition("/")[0]: str(tmp_path)} if frame.file else {})
    async with running(history=copies.parent / "history", size=(110, 30), settings=settings) as case:
        await case.app.push_screen(PanicReportScreen(PANIC))
        case.app.screen.query_one(FramesTable).move_to(str(PANIC.frames.index(frame)))
        await case.press("V")
        await case.until(lambda: case.app.clipboard == f"{tmp_path}/sensor.c:{frame.line}", "its place")
        await case.press("v")
        asked = tmp_path / "asked"
        await case.until(lambda: asked.exists() and read(asked) == f"--goto\n{case.app.clipboard}\n", "the editor")
