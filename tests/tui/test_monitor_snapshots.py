"""How the monitor looks, at three sizes, and what it says."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from espmon.records.capabilities import Command
from espmon.session.runner import LoopThread
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Capture, ElfState, Severity
from espmon.tui.app import EspmonApp
from espmon.tui.plot.plot_panel import PlotPanel
from espmon.tui.widgets.header import BoardHeader
from espmon.tui.widgets.status_bar import StatusBar
from tests.tui.fake_session import FakeSession
from tests.tui.running import BOARD, Running
from tests.tui.sized_pictures import SIZES

LOG = b"".join(
    [
        b"ESP-ROM:esp32s3-20210327\r\nrst:0x1 (POWERON),boot:0x8 (SPI_FAST_FLASH_BOOT)\r\n",
        b"\x1b[0;32mI (24) boot: ESP-IDF v5.4 2nd stage bootloader\x1b[0m\r\n",
        b"\x1b[0;32mI (310) app_init: App version: 1.4.2\x1b[0m\r\n",
        b"\x1b[0;32mI (352) main_task: Calling app_main()\x1b[0m\r\n",
        b"\x1b[0;33mW (398) i2c: bus recovered after 3 tries\x1b[0m\r\n",
        b"D (401) gfx: framebuffer at 0x3fcb1000\r\nV (402) gfx: tick\r\n",
        b"\x1b[0;31mE (420) wifi: no reply from \xe4\xb8\xad\xe6\x96\x87 \x1b]0;title\x07\x1b[0m\r\n",
    ]
) + b"".join(
    b"\x1b[0;32mI (%d) wifi: beacon %d, rssi -%d\x1b[0m\r\n" % (500 + n * 40, n, 50 + n % 9) for n in range(60)
)


def set_zone() -> None:
    """Take the zone from the environment, on systems that do."""
    if hasattr(time, "tzset"):
        time.tzset()


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[EspmonApp, FakeSession]]:
    monkeypatch.setenv("TZ", "UTC")
    set_zone()
    session = FakeSession()
    with LoopThread() as runner:
        yield EspmonApp(runner, session, BOARD, settings=Settings(start_in="log")), session
    monkeypatch.undo()
    set_zone()


async def fill(case: Running) -> None:
    await case.until(lambda: case.app.monitor.completed)
    await case.until(lambda: case.session.opened)
    await case.feed(LOG)
    session = case.session
    session.add_event("reset", "Power on", line=1, boot=1)
    session.add_event(
        "panic",
        "LoadProhibited in gfx_loop",
        severity=Severity.ERROR,
        line=40,
        boot=1,
        count=3,
        details=(("cause", "read of 0x00000000 (null pointer)"), ("at", "gfx_draw, main/gfx.c:120")),
    )
    session.add_event("reset", "Panic", severity=Severity.WARNING, line=55, boot=2)
    session.decorate(60, "gfx_draw at main/gfx.c:120")
    session.set(
        boot=2, chip="ESP32-S3 (revision v0.2)", elf_state=ElfState.MATCH, elf=Path("build/app.elf"), rate=11_520.0
    )
    await case.until(lambda: "ESP32-S3" in case.text())


Step = Callable[[Running], Awaitable[None]]


async def plain(case: Running) -> None:
    assert "beacon 59" in case.text()
    assert "following" in case.text()


async def inspector(case: Running) -> None:
    await case.press("e")
    await case.until(lambda: "null pointer" in case.text())
    assert "×3" in case.text()


async def held(case: Running) -> None:
    await case.press("g")
    await case.feed(b"I (9000) app: one more\r\n")
    assert "held, 1 new" in case.text()
    assert "no reply from 中文 ␛]0;title␇" in case.text()


async def search(case: Running) -> None:
    await case.press("slash", *"beacon 5", "enter")
    await case.until(lambda: not case.pane.queries.searching)
    await case.until(lambda: "11/11" in case.text())


async def filtered(case: Running) -> None:
    await case.press("f", *"i2c")
    await case.until(lambda: not case.pane.queries.filtering and len(case.pane.view) == 1)
    await case.until(lambda: "1 of 69 lines" in case.text())


async def raw(case: Running) -> None:
    await case.press("r")
    await case.until(lambda: "beacon 59" in case.text())
    assert "RAW KEYS" in case.text()


async def menu(case: Running) -> None:
    await case.press("ctrl+t")
    assert "bootloader" in case.text()


async def capture(case: Running) -> None:
    case.session.set(capture=Capture("png", 41_000, 150_000, 0, 1.5))
    await case.until(lambda: "41.0 kB of 150.0 kB" in case.text())


async def lost(case: Running) -> None:
    case.session.set(state=State.LOST, loop="boot loop: 12 resets in 30 s")
    await case.press("t")
    await case.until(lambda: "lost" in case.text())


async def completing(case: Running) -> None:
    commands = (Command("help", "this list"), Command("wifi_join", "join a network", "<ssid> [<pass>]"))
    case.session.set(console_commands=commands)
    await case.press("i", "w")
    await case.until(lambda: "<ssid> [<pass>]" in case.text())


async def no_pictures(case: Running) -> None:
    case.session.set(pictured=False)
    await case.press("s")
    await case.until(lambda: "espmon firmware --lang c DIR" in case.text())


async def plotted(case: Running) -> None:
    for at in range(100):
        case.session.feed(b"I (%d) mon: heap free: %d bytes, rssi=%d\r\n" % (at, 200_000 - 800 * at, at % 9 - 60))
    await case.press("P")
    panel = case.screen.query_one(PlotPanel)
    await case.until(lambda: panel.picture is not None and panel.picture.lines == 169)
    await case.press("left", "left", "left", "left")
    await case.until(lambda: panel.picture is not None and panel.picture.at is not None)
    await case.until(lambda: "169 lines" in case.text())


STEPS = (plain, inspector, held, search, filtered, raw, menu, capture, lost, completing, no_pictures, plotted)
SCENES: dict[str, Step] = {step.__name__: step for step in STEPS}


async def mapped(case: Running) -> None:
    """Wait until the map shows what there is: also before a dialog lies over it."""
    await case.until(lambda: not case.pane.levels.behind and not case.pane.vertical_scrollbar.waits, "the map")


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scene", list(SCENES))
def test_looks_as_accepted(
    snap_compare: Any, board: tuple[EspmonApp, FakeSession], scene: str, size: tuple[int, int]
) -> None:
    compare(snap_compare, board, scene, size)


def compare(snap_compare: Any, board: tuple[EspmonApp, FakeSession], scene: str, size: tuple[int, int]) -> None:
    """Set the scene, and compare its picture with the accepted one."""
    app, session = board

    async def before(pilot: Pilot[int]) -> None:
        case = Running(app, pilot, session)
        await fill(case)
        await mapped(case)
        await SCENES[scene](case)
        assert app.size == size
        for field in case.screen.query(Input):  # also those that the scene brought
            field.cursor_blink = False
            field._restart_blink()
        await case.until(lambda: not case.screen.query_one(BoardHeader).waits, "the header's newest state")
        await case.until(lambda: not case.screen.query_one(StatusBar).waits, "the newest counts")
        await mapped(case)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=before)
