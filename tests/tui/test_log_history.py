"""A long log: what is looked at is filtered first, how far it is is said, and so is what is not kept any more."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator

import pytest

from espmon.tui.log.history_scan import MAX_STEP_LINES, Scan
from espmon.tui.log.query import LineFilter, TextQuery
from tests.tui.fake_session import FakeSession
from tests.tui.running import Running, numbered, running

LONG = 5 * MAX_STEP_LINES


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Scans of all the log stand still half way until the gate is opened."""
    event, step = threading.Event(), Scan.step

    def held(scan: Scan, limit: int = MAX_STEP_LINES) -> bool:
        if not scan.start and scan.next > LONG // 2:
            event.wait(30)
        return step(scan, limit)

    monkeypatch.setattr(Scan, "step", held)
    yield event
    event.set()


async def filled(case: Running, count: int) -> None:
    case.session.feed(numbered(count))
    await case.until(lambda: len(case.pane.view) == count, "the lines")


async def test_what_is_on_the_screen_is_filtered_first_and_the_rest_follows(gate: threading.Event) -> None:
    async with running(size=(120, 30)) as case:
        await filled(case, LONG)
        case.pane.set_filter(LineFilter(include=TextQuery("7")))
        await case.until(lambda: case.rows()[-1] == f"line {LONG - 3}", "the newest lines, filtered")
        await case.until(lambda: bool(re.search(r"filter 7 \d+ %", case.text())), "how far it is")
        assert case.pane.queries.filtering
        gate.set()
        await case.until(lambda: not case.pane.queries.filtering)
        assert case.pane.view.line(0) == 7
        assert case.rows()[-1] == f"line {LONG - 3}"


async def test_the_place_that_is_looked_at_stays_while_the_rest_is_filtered(gate: threading.Event) -> None:
    async with running(size=(120, 30)) as case:
        await filled(case, LONG)
        case.pane.go_to_line(1234)
        case.pane.set_filter(LineFilter(include=TextQuery("7")))
        await case.until(lambda: case.pane.view.scan is not None, "the part that is looked at")
        top = case.rows()[0]
        assert "7" in top
        gate.set()
        await case.until(lambda: not case.pane.queries.filtering)
        assert case.rows()[0] == top


async def test_a_search_over_lines_that_are_gone_says_so() -> None:
    session = FakeSession(limit=50_000)
    async with running(session=session, size=(120, 30)) as case:
        for start in range(0, 6000, 100):
            session.feed(numbered(100, start))
        await case.until(lambda: session.store.first > 0 and len(session.store) == 6000)
        gone = f"{session.store.first:,} older"
        assert f"{gone} ones gone" not in case.text()
        await case.press("slash", *"line")
        await case.until(lambda: f"{gone} lines are gone" in case.text())
        await case.until(lambda: f"{gone} ones gone" in case.text())
