"""Runs the app on a fake session, and waits for conditions instead of for time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from espmon.session.runner import LoopThread
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.tui.app import EspmonApp
from espmon.tui.monitor.screen import MonitorScreen
from espmon.tui.widgets.log_pane import LogPane
from tests.tui.fake_session import FakeSession

LIMIT = 10.0
"""Seconds after which a condition counts as never met."""

BOARD = OpenRequest("/dev/ttyUSB0", name="desk board")


@dataclass
class Running:
    """An app that runs."""

    app: EspmonApp
    pilot: Pilot[int]
    session: FakeSession

    @property
    def screen(self) -> MonitorScreen:
        return self.app.monitor

    @property
    def pane(self) -> LogPane:
        return self.app.monitor.pane

    async def until(self, condition: Callable[[], object], what: str = "the condition") -> None:
        """Wait until `condition()` is true."""
        end = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < end, f"{what} never came true"
            await self.pilot.pause()

    async def feed(self, data: bytes) -> None:
        """Bytes arrive, and the screen has taken them in."""
        self.session.feed(data)
        frames = self.app.link.frames
        await self.until(lambda: self.app.link.frames > frames, "a frame")
        await self.pilot.pause()

    async def grow(self, data: bytes) -> None:
        """The line that is still being received has these bytes now, and the screen has taken them in."""
        self.session.grow(data)
        frames = self.app.link.frames
        await self.until(lambda: self.app.link.frames > frames, "a frame")
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    def idle(self) -> None:
        """As if no key had been pressed for long."""
        self.app.last_key = float("-inf")

    def rows(self) -> list[str]:
        """What the log pane shows, row by row."""
        pane = self.pane
        return [pane._strip(y).text.rstrip() for y in range(pane.size.height)]

    def text(self) -> str:
        """The whole screen, row by row."""
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())


@asynccontextmanager
async def running(
    *,
    size: tuple[int, int] = (100, 30),
    request: OpenRequest | None = BOARD,
    session: FakeSession | None = None,
    settings: Settings | None = None,
    start_in: str = "log",
    history: Path | None = None,
    **options: Any,
) -> AsyncIterator[Running]:
    """The app on `session`, ready for keys; they go to the log unless a test is about where they go at first."""
    session = session or FakeSession()
    settings = replace(settings or Settings(), start_in=start_in)
    with LoopThread() as runner:
        app = EspmonApp(runner, session, request, settings=settings, history=history, **options)
        async with app.run_test(size=size, notifications=True) as pilot:
            case = Running(app, pilot, session)
            await case.until(lambda: app.monitor.completed, "the screen")
            if request is not None:
                await case.until(lambda: session.opened, "the port")
            await pilot.pause()
            yield case


def numbered(count: int, start: int = 0) -> bytes:
    """Lines `line 0`, `line 1`, ..."""
    return b"".join(b"line %d\n" % number for number in range(start, start + count))
