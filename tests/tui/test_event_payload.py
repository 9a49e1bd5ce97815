"""What events carry: drawn beside the list, and what the list shows at first."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from espmon.records.notes import Caps
from espmon.records.spans.frame import Frame
from espmon.records.spans.png import Png
from espmon.session.status import EventEntry, Severity
from espmon.tui.screens.report_screen import ReportScreen
from espmon.tui.widgets.event_list import EVERYTHING
from espmon.tui.widgets.event_payload import MAX_HEX, MAX_PICTURE_ROWS, payload_content
from tests.tui.running import running


def entry_of(record: Any, path: Path | None = None) -> EventEntry:
    return EventEntry(0, record, "an event", Severity.INFO, 1.0, None, 0, path=path)


def drawn(record: Any, cells: int = 40, path: Path | None = None) -> str:
    content = payload_content(entry_of(record, path), cells)
    assert content is not None
    return content.plain


def test_a_value_is_a_tree_and_its_text_is_harmless() -> None:
    text = drawn(Frame(0, 1, 1.0, kind="json", value={"heap": {"free": 1024}, "name": "\x1b[31m\x9b"}))
    assert '{\n "heap": {\n  "free": 1024\n }' in text
    assert not {"\x1b", "\x9b"} & set(text)
    content = payload_content(entry_of(Frame(0, 1, 1.0, kind="json", value={"a": 1})), 40)
    assert content is not None
    assert content.spans
    assert '"app": "demo"' in drawn(Caps(0, 1, 1.0, value={"app": "demo"}))


def test_objects_in_a_list_are_a_table_that_fits() -> None:
    rows = [{"task": f"task number {number}", "stack": number, "state": "blocked"} for number in range(300)]
    lines = drawn(Frame(0, 1, 1.0, kind="json", value=rows), 24).splitlines()
    assert lines[0].startswith("task")
    assert all(len(line) <= 24 for line in lines)
    assert lines[-1] == "… 100 more rows"


def test_bytes_are_hex_also_once_they_are_on_disk_only(tmp_path: Path) -> None:
    payload = bytes(range(256)) * 8
    text = drawn(Frame(0, 1, 1.0, kind="acme", payload=payload), 40)
    assert text.splitlines()[0] == "000000  00 01 02 03 04 05 06 07 ........"
    assert text.splitlines()[-1] == f"… {len(payload) - MAX_HEX:,} more bytes"
    assert "30 31 32 33 34 35 36 37 38 39 3a 3b 3c 3d 3e 3f 0123456789:;<=>?" in drawn(
        Frame(0, 1, 1.0, kind="acme", payload=payload), 80
    )
    path = tmp_path / "frame.bin"
    path.write_bytes(b"from the disk")
    assert "from the" in drawn(Frame(0, 1, 1.0, kind="acme"), 40, path)
    assert "cannot be read" in drawn(Frame(0, 1, 1.0, kind="acme"), 40, tmp_path / "none.bin")
    assert payload_content(entry_of(Frame(0, 1, 1.0, kind="acme")), 40) is None


def test_a_picture_is_drawn_in_half_cells(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    Image.new("RGB", (320, 240), (255, 0, 0)).save(buffer, "PNG")
    path = tmp_path / "screen.png"
    path.write_bytes(buffer.getvalue())
    record = Png(0, 10, 1.0, payload=b"", width=320, height=240)
    lines = drawn(record, 30, path).splitlines()
    assert 0 < len(lines) <= MAX_PICTURE_ROWS
    assert set("".join(lines)) == {"▀"}
    path.write_bytes(b"no picture")
    assert "cannot be read as a picture" in drawn(record, 30, path)


async def test_the_inspector_shows_what_the_event_under_the_cursor_carries() -> None:
    async with running(size=(120, 40)) as case:
        case.session.add_event("frame", "Frame json", record=Frame(0, 1, 1.0, kind="json", value={"free": 1024}))
        case.session.add_event("note", "a note")
        await case.press("e", "up")
        await case.until(lambda: '"free": 1024' in case.text())
        await case.press("down")
        await case.until(lambda: '"free"' not in case.text())


async def test_noise_is_hidden_at_first_and_one_key_away() -> None:
    async with running(size=(120, 40)) as case:
        session, events = case.session, case.screen.inspector.events
        for kind in ("link", "boot", "reset"):
            session.add_event(kind, f"a {kind}")
        session.add_event("link", "Link lost", severity=Severity.WARNING)
        await case.until(lambda: len(events.entries) == 4)
        await case.press("e")
        assert [entry.title for entry in events.shown] == ["a reset", "Link lost"]
        await case.until(lambda: "v shows 2 more" in case.text())
        await case.press("v")
        assert events.kind == EVERYTHING
        assert len(events.shown) == 4
        await case.until(lambda: "more" not in case.text().splitlines()[1])


@pytest.mark.parametrize("kind", ["panic", "coredump"])
async def test_the_newest_crash_is_selected_when_the_events_are_opened(kind: str) -> None:
    async with running(size=(120, 40)) as case:
        events = case.screen.inspector.events
        for number in range(3):
            case.session.add_event(kind, f"crash {number}", severity=Severity.ERROR, boot=number)
            case.session.add_event("reset", f"reset {number}", severity=Severity.WARNING, boot=number + 1)
        await case.until(lambda: len(events.entries) == 6)
        await case.press("e")
        assert events.highlighted is not None
        assert events.highlighted.title == "crash 2"
        await case.press("g", "escape", "e", "e")
        assert events.highlighted.title == "crash 0", "who has gone elsewhere is left there"


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_what_an_event_carries_stands_before_its_rows_and_the_rest_is_scrolled_to(size: tuple[int, int]) -> None:
    async with running(size=size) as case:
        rows = tuple((f"row {number}", "x") for number in range(40))
        frame = Frame(0, 1, 1.0, kind="json", value={"free": {"heap": 1024}})
        case.session.add_event("frame", "Frame json", record=frame, details=rows)
        await case.press("e")
        await case.until(lambda: '"heap": 1024' in case.text())
        assert "row 39" not in case.text()
        for _ in range(20):
            await case.press("ctrl+down")
        await case.until(lambda: "row 39" in case.text())
        for _ in range(20):
            await case.press("ctrl+up")
        await case.until(lambda: '"heap": 1024' in case.text())
        await case.press("o")
        await case.until(lambda: isinstance(case.app.screen, ReportScreen))
        await case.until(lambda: '▎   "heap": 1024' in case.text(), "the tree in the report")
