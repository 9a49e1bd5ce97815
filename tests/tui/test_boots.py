"""Boots: their facts in the events, and two of them beside each other."""

from __future__ import annotations

from espmon.tui.monitor.boots import compare
from espmon.tui.screens.report_screen import ReportScreen
from tests.tui.running import Running, running

FIRST = b"rst:0x1 (POWERON)\nI (24) boot: at 0x1000\nI (30) app: heap 120 KiB\nI (99) net: up\nE (120) net: lost\n"
FIRST += b"ESP-ROM:esp32c3-api1-20210207\nBuild:Feb  7 2021\n"  # of the boot after it
SECOND = b"rst:0xc (SW)\nI (25) boot: at 0x2000\nI (31) app: heap 90 KiB\nW (33) app: slow\nW (44) app: slow\n"


async def two_boots(case: Running) -> None:
    for number, data in enumerate((FIRST, SECOND), 1):
        line = len(case.session.store)
        case.session.feed(data)
        case.session.clock += 9.99
        case.session.add_event("reset", "Power on", line=line, boot=number)
    await case.feed(b"I (77) app: done\n")
    await case.until(lambda: case.screen.boots.newest == 2 and not case.pane.levels.behind)


async def test_what_is_new_and_what_is_missing_without_times_and_addresses() -> None:
    async with running() as case:
        await two_boots(case)
        left, right = case.screen.boots.facts(1), case.screen.boots.facts(2)
        assert left is not None
        assert right is not None
        assert (left.errors, left.warnings, left.crashes, left.seconds) == (1, 0, 0, 0.0)
        assert (right.errors, right.warnings, right.seconds) == (0, 2, 10.0)
        found = compare(case.session.store, left, right)
        assert found.new == ["rst:0xc (SW)", "W (33) app: slow  ×2", "I (77) app: done"]
        assert found.missing == ["rst:0x1 (POWERON)", "I (99) net: up", "E (120) net: lost"]
        assert case.screen.boots.facts(3) is None


async def test_boots_are_compared_from_the_palette_and_on_an_event() -> None:
    async with running(size=(120, 40)) as case:
        case.app.action_compare_boots()
        await case.until(lambda: "No two boots" in case.text())
        await two_boots(case)
        case.app.action_compare_boots()
        await case.until(lambda: isinstance(case.app.screen, ReportScreen))
        await case.until(lambda: "Boot 2 beside boot 1" in case.text() and "W (33) app: slow  ×2" in case.text())
        await case.press("escape", "e", "b")
        await case.until(lambda: "Boot 2 beside boot 1" in case.text())


async def test_each_boot_in_the_events_says_how_it_went() -> None:
    async with running(size=(140, 40)) as case:
        await two_boots(case)
        await case.press("e")
        await case.until(lambda: "boot 1 · POWERON · 0.0 s · 1 error" in case.text(), "the heading")
