"""How much a log says, by level and by tag, over all of it and lately."""

from __future__ import annotations

import pytest

from espmon.session.mark_block import MarkBlock
from espmon.session.store import LogStore
from espmon.tui.log.log_statistics import LATELY_SECONDS, count_log, ranked
from espmon.tui.screens.report_screen import ReportScreen
from espmon.tui.statistics_reports import sections, sparks
from tests.tui.fake_session import block_of
from tests.tui.running import running

WIFI = b"I (10) wifi: up\n"
ERROR = b"E (20) app: it failed\n"
BARE = b"hello\n"


def store_of(*parts: tuple[bytes, float | None]) -> LogStore:
    store = LogStore()
    offset = 0
    for data, time in parts:
        store.append(block_of(data, offset, time))
        offset += len(data)
    return store


def test_lines_and_bytes_are_counted_by_level_and_by_tag_in_all_and_lately() -> None:
    store = store_of((WIFI * 3, 1000.0), (ERROR, 1000.5), (BARE * 2, 1010.0))
    store.append(MarkBlock("── a remark of the session ──", 0, 1011.0))
    store.append(block_of(WIFI, 1000, 1100.0))
    found = count_log(store)
    assert (found.total.lines, found.total.size) == (7, 4 * len(WIFI) + len(ERROR) + 2 * len(BARE))
    assert {level: amount.lines for level, amount in found.levels.items()} == {"I": 4, "E": 1, "": 2}
    assert {tag: amount.size for tag, amount in found.tags.items()} == {
        "wifi": 4 * len(WIFI),
        "app": len(ERROR),
        "": 2 * len(BARE),
    }
    assert (found.seconds, found.by_host, found.late_seconds) == (100.0, True, LATELY_SECONDS)
    assert (found.tags["wifi"].late_lines, found.tags["app"].late_lines) == (1, 0)
    assert found.busiest == (4, 3 * len(WIFI) + len(ERROR))
    assert found.over_time(10) == [6, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert [tag for tag, _ in ranked(found.tags)] == ["wifi", "", "app"]


def test_where_nobody_noted_when_lines_came_the_device_s_clocks_say_how_long_it_took() -> None:
    lines = b"I (100) a: 1\nI (2100) a: 2\nrst:0x1\nI (50) a: 3\nI (1050) a: 4\n"
    found = count_log(store_of((lines, None)))
    assert (found.seconds, found.by_host, found.late_seconds) == (3.0, False, None)
    assert found.over_time(10) == ()
    assert "3.0 s, by the device's clock" in dict(sections(found)[0].rows)["time"]


def test_lines_that_are_kept_nowhere_are_said_to_be_missing() -> None:
    store = LogStore(limit=40_000)
    for number in range(2000):
        store.append(block_of(WIFI * 10, number * 10 * len(WIFI), 1000.0 + number))
    found = count_log(store)
    assert store.first
    assert found.gone == store.first
    assert found.total.lines == len(store) - store.first
    assert f"{store.first:,} older lines" in dict(sections(found)[0].rows)["not counted"]


@pytest.mark.parametrize(("counts", "drawn"), [((0, 1, 8), " ▁█"), ((1, 1000), "▁█"), ((), ""), ((0, 0), "  ")])
def test_a_count_that_is_not_nothing_is_seen(counts: tuple[int, ...], drawn: str) -> None:
    assert sparks(counts) == drawn


async def test_a_key_shows_them_for_the_log_that_is_looked_at() -> None:
    async with running(size=(80, 24)) as case:
        await case.press("number_sign")
        await case.until(lambda: "No line has come yet" in case.text())
        for second in range(3):
            case.session.clock = 1_700_000_000.0 + second
            await case.feed(WIFI * 5 + ERROR)
        await case.press("number_sign")
        await case.until(lambda: isinstance(case.app.screen, ReportScreen))
        await case.until(lambda: "wifi" in case.text())
        rows = [row.strip("▎ ").split() for row in case.text().splitlines()]
        assert ["lines", "18"] in rows
        assert ["Error", "3", "16.7%", "66", "B", "1.5", "33", "B/s", "1.5"] in rows
        assert all(len(row) <= 80 for row in case.text().splitlines())
