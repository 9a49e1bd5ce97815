"""Any result as parts that can be read, copied and saved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.tui.screens.report_screen import MAX_SHOWN_LINES, ReportScreen, Section
from tests.tui.screens.host import Host, run_before, screen_text, settle, toasts

SECTIONS = (
    Section("Chip", (("chip", "esp32s3"), ("MAC", "7c:df:a1:00:11:22"))),
    Section("Flash", (("device", "0x4018"), ("size", "16.0 MiB"))),
    Section("Exchange", text="0.010 -> SYNC\n0.020 <- SYNC ok"),
)


def report(**options: Any) -> ReportScreen:
    return ReportScreen("Probe of gfx-board", SECTIONS, **options)


async def test_every_part_is_shown_with_its_rows_and_its_text() -> None:
    app = Host(report)
    async with app.run_test() as pilot:
        await pilot.pause()
        text = screen_text(app)
        for section in SECTIONS:
            assert section.title in text
            for label, value in section.rows:
                assert any(label in line and value in line for line in text.splitlines())
        assert "0.020 <- SYNC ok" in text


async def test_c_copies_the_part_with_the_focus_and_does_not_promise() -> None:
    app = Host(report)
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("tab", "c")
        await pilot.pause()
        assert app.copied.splitlines()[0] == "Flash"
        assert "0x4018" in app.copied
        assert "esp32s3" not in app.copied
        assert "if it accepts that" in toasts(app)


async def test_a_copies_everything() -> None:
    app = Host(report)
    async with app.run_test() as pilot:
        await pilot.press("a")
        await pilot.pause()
        for part in ("Probe of gfx-board", "esp32s3", "0x4018", "0.020 <- SYNC ok"):
            assert part in app.copied


async def test_save_runs_in_a_thread_and_says_where() -> None:
    app = Host(lambda: report(save=lambda: Path("/data/[bold]report.txt")))
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("s")
        await settle(pilot)
        assert "Saved /data/[bold]report.txt" in toasts(app)


async def test_a_failed_save_says_why() -> None:
    def save() -> Path:
        raise OSError("No space left on device [/x]")

    app = Host(lambda: report(save=save))
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("s")
        await settle(pilot)
        assert "Not saved: No space left on device [/x]" in toasts(app)


async def test_without_a_way_to_save_no_key_is_offered() -> None:
    app = Host(report)
    async with app.run_test() as pilot:
        await pilot.press("s")
        await pilot.pause()
        assert "Save" not in screen_text(app)


async def test_a_huge_transcript_is_cut_on_the_screen_but_copied_whole() -> None:
    lines = "\n".join(f"line {index}" for index in range(MAX_SHOWN_LINES + 50))
    app = Host(lambda: ReportScreen("Big", [Section("transcript", text=lines)]))
    async with app.run_test() as pilot:
        await pilot.press("end")
        app.screen.query_one("#parts").scroll_end(animate=False)
        await pilot.pause()
        assert "50 more lines: copy or save to see them" in screen_text(app)
        await pilot.press("c")
        await pilot.pause()
        assert app.copied.endswith(f"line {MAX_SHOWN_LINES + 49}")


async def test_device_text_is_inert() -> None:
    hostile = Section("[red]part", (("[/]", "\x1b]0;owned\x07\u202e[bold]"),), "x\x9b2J")
    app = Host(lambda: ReportScreen("[/title]", [hostile], warnings=["[/warning]"]))
    async with app.run_test(notifications=True) as pilot:
        await pilot.press("c")
        await pilot.pause()
        text = screen_text(app)
        for part in ("[/title]", "[red]part", "[/warning]", "[bold]"):
            assert part in text
        assert not set(text + app.copied) & {"\x1b", "\x07", "\x9b", "\u202e"}


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(snap_compare: Any, size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert pilot.app.size == size
        for part in ("Probe of gfx-board", "! It did not come back", "Chip", "MAC", "Flash", "Copy part", "Save"):
            assert part in text

    app = Host(lambda: report(save=lambda: Path("/x"), warnings=["It did not come back"]))
    assert snap_compare(app, terminal_size=size, run_before=run_before(check))
