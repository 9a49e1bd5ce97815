"""How several boards look: the row of tabs, the timeline, and what is folded in it; dark, light and without colours."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.session.runner import LoopThread
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import OpenRequest
from espmon.tui.app import EspmonApp
from espmon.tui.widgets.paced_row import PacedRow
from espmon.tui.widgets.tab_bar import TabBar
from tests.tui.crash_text import CRASH, RESET
from tests.tui.fake_session import FakeSession
from tests.tui.running import Running
from tests.tui.test_folds import BASE64
from tests.tui.test_monitor_snapshots import mapped, set_zone
from tests.tui.test_timeline_folds import happened, interleaved

BOARDS = [OpenRequest(f"/dev/ttyUSB{number}", name=name) for number, name in enumerate(("sensor", "gate", "camera"))]


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The times of events are those of one zone."""
    monkeypatch.setenv("TZ", "UTC")
    set_zone()
    yield
    monkeypatch.undo()
    set_zone()


class Desk:
    """An app with a board that crashes, one in a boot loop, and one that was lost.

    Args:
        runner: the sessions' thread.
        theme: the theme.
    """

    def __init__(self, runner: LoopThread, theme: str) -> None:
        self.sessions = [FakeSession()]
        settings = Settings(start_in="log", theme=theme)
        first, *more = BOARDS
        self.app = EspmonApp(runner, self.sessions[0], first, settings=settings, more=more, another=self._make)

    def _make(self) -> FakeSession:
        self.sessions.append(FakeSession())
        return self.sessions[-1]

    async def fill(self, case: Running) -> None:
        """The boards say what they say; the timeline is looked at."""
        app = self.app
        await case.until(lambda: app.monitor.completed, "the screen")
        await case.until(lambda: len(self.sessions) == 3 and all(one.opened for one in self.sessions), "the ports")
        await case.until(lambda: case.screen.query(TabBar), "the tabs")
        crashing, looping, lost = self.sessions
        crashing.feed(b"I (310) app: version 1.4.2\nW (398) i2c: bus recovered after 3 tries\n")
        lost.feed(b"E (420) wifi: no reply\nD (421) gfx: framebuffer at 0x3fcb1000\n")
        interleaved(crashing, CRASH, lost)
        loop = (CRASH + RESET) * 4
        for number, line in enumerate(loop.splitlines(keepends=True)):
            looping.feed(line)
            if number % 20 == 0:
                lost.feed(b"I (%d) wifi: beacon %d\n" % (500 + number, number))
        happened(looping, loop)
        for line in BASE64.splitlines(keepends=True)[:6]:
            crashing.feed(line)
            lost.feed(b"I (800) other: tick\n")
        crashing.feed(b"I (900) app: running\n")
        looping.set(crashes=4)
        crashing.set(crashes=1)
        lost.set(state=State.LOST)
        await case.press("0")
        await case.until(lambda: app.tabs.current.name == "All" and case.screen.completed, "the timeline")
        await case.until(lambda: "boot loop ×4" in case.text() and "base64" in case.text(), "its folds")
        await case.until(lambda: "2 gate ✖4  3 camera ✗ lost E1" in case.text(), "the tabs")


async def opened(case: Running) -> None:
    """A crash among lines of another board is open."""
    await case.press("g", "right_square_bracket", "c", "enter")
    await case.until(lambda: any("┃ Backtrace" in row for row in case.rows()), "its lines")


async def in_its_tab(case: Running) -> None:
    """The board in a boot loop is looked at."""
    await case.press("2")
    await case.until(lambda: case.app.tabs.current.name == "gate" and case.screen.completed, "its tab")
    await case.until(lambda: "boot loop ×4" in case.text() and case.screen.query(TabBar), "its fold")
    await case.until(lambda: "2 gate  3 camera ✗ lost E1" in case.text(), "the tabs")


SCENES = {"timeline": None, "opened": opened, "in its tab": in_its_tab}


@pytest.mark.parametrize(
    ("scene", "size", "theme", "colours"),
    [
        ("timeline", (80, 24), "espmon", True),
        ("timeline", (200, 60), "espmon-light", True),
        ("timeline", (80, 24), "ansi-dark", False),
        ("opened", (120, 40), "espmon", True),
        ("opened", (80, 24), "espmon-light", True),
        ("in its tab", (120, 40), "espmon-light", True),
    ],
)
def test_looks_as_accepted(
    snap_compare: Any,
    monkeypatch: pytest.MonkeyPatch,
    scene: str,
    size: tuple[int, int],
    theme: str,
    *,
    colours: bool,
) -> None:
    if not colours:
        monkeypatch.setenv("NO_COLOR", "1")
    with LoopThread() as runner:
        desk = Desk(runner, theme)

        async def before(pilot: Pilot[int]) -> None:
            case = Running(desk.app, pilot, desk.sessions[0])
            await desk.fill(case)
            if (step := SCENES[scene]) is not None:
                await step(case)
            await case.until(lambda: not any(row.waits for row in case.screen.query(PacedRow)), "the newest state")
            await mapped(case)
            await pilot.pause()

        assert snap_compare(desk.app, terminal_size=size, run_before=before)
