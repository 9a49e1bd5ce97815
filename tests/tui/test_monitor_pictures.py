"""States of the monitor that are met while working, each in three sizes of one running app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator

import pytest
from syrupy.assertion import SnapshotAssertion
from textual.widgets import Input

from espmon.session.state import State
from espmon.session.status import Activity, ElfState, Severity
from espmon.tui.host import TOAST_SECONDS
from espmon.tui.screens.leaving_screen import LeavingScreen
from espmon.tui.widgets.header import BoardHeader
from espmon.tui.widgets.status_bar import StatusBar
from tests.tui.crash_text import CRASH, RESET
from tests.tui.running import Running, numbered, running
from tests.tui.sized_pictures import SIZES, PictureExtension, picture, pictures
from tests.tui.test_board_tabs import RIGHT, desk
from tests.tui.test_folds import board
from tests.tui.test_monitor_snapshots import LOG, set_zone

Setting = Callable[[Running], Awaitable[None]]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day as they are there; toasts stay."""
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.setitem(TOAST_SECONDS, "warning", 600.0)
    set_zone()
    yield
    monkeypatch.undo()
    set_zone()


async def crash_closed(case: Running) -> None:
    """A crash is one row."""
    await board(case, LOG[:600], CRASH)
    await case.until(lambda: "▸ ✖" in case.text())


async def crash_opened(case: Running) -> None:
    """Its raw lines with their rail, registers folded."""
    await crash_closed(case)
    await case.press("left_square_bracket", "c", "enter")
    await case.until(lambda: "▾ ✖" in case.text() and "┃" in case.text())


async def boot_loop(case: Running) -> None:
    """A boot loop of crashes."""
    await board(case, *[CRASH + RESET] * 5)
    await case.until(lambda: "↻ boot loop ×5" in case.text())


async def marked(case: Running) -> None:
    """Two marks with what is between them, and a selection."""
    await case.feed(numbered(40))
    await case.press("apostrophe", *"10", "enter", "m", "apostrophe", *"20", "enter", "m", "shift+up", "shift+up")
    await case.until(lambda: "rows selected" in case.text())


async def nothing_passes(case: Running) -> None:
    """A filter of no lines says how to see all."""
    await case.feed(numbered(79))
    await case.press("f", *"zzz")
    await case.until(lambda: any("0 of 79 lines" in row for row in case.rows()))


async def tags(case: Running) -> None:
    """The tags that were seen, with counts and bars."""
    await case.feed(LOG)
    await case.press("f", "tab", "tab")
    await case.until(lambda: "██" in case.text())


async def walks(case: Running) -> None:
    """After `]`: what comes next."""
    await case.feed(LOG)
    await case.press("right_square_bracket")
    await case.until(lambda: "Esc back" in case.text() and "w warning" in case.text())


async def silent(case: Running) -> None:
    """Nothing has been received: why that may be."""
    case.session.set(quiet=8)
    await case.until(lambda: "Nothing received for 8 s" in case.text())


async def standing(case: Running) -> None:
    """What lasts stands in the header: halted, a wrong ELF, a recording that stopped."""
    await case.feed(LOG)
    case.session.set(activity=Activity.HALTED, elf_state=ElfState.MISMATCH, chip="ESP32-S3")
    await case.until(lambda: "ESP32-S3" in case.text())


async def closed(case: Running) -> None:
    """The port could not be opened."""
    case.session.set(state=State.CLOSED, reason="/dev/ttyUSB0: permission denied", hint="Join the group dialout.")
    await case.until(lambda: "closed" in case.text())


async def told(case: Running) -> None:
    """A toast beside the newest lines."""
    await case.feed(numbered(5))
    case.session.notify("The log file is closed", Severity.WARNING)
    await case.until(lambda: "The log file is closed" in case.text())


async def leaving(case: Running) -> None:
    """What is still done before the program ends."""
    await case.app.push_screen(LeavingScreen("Ctrl-]"))
    assert isinstance(case.app.screen, LeavingScreen)
    case.app.screen.show({"": case.app.status})
    await case.until(lambda: "The port is being closed." in case.text())


STATES: tuple[Setting, ...] = (
    crash_closed, crash_opened, boot_loop, marked, nothing_passes, tags, walks, silent, standing, closed, told, leaving,
)  # fmt: skip
BY_NAME = {state.__name__: state for state in STATES}


async def in_each_size(case: Running) -> str:
    """The app's pictures in the three sizes, each when nothing changes any more."""
    seen = []
    for field in case.app.screen.query(Input):
        field.cursor_blink = False
        field._restart_blink()
    for size in SIZES:
        await case.pilot.resize_terminal(*size)
        await case.until(lambda size=size: case.app.screen._compositor.size == size, "the size")  # type: ignore[misc]
        drawn, same = "", 0
        while same < 3:
            await case.until(lambda: not case.screen.query_one(BoardHeader).waits, "the header")
            await case.until(lambda: not case.screen.query_one(StatusBar).waits, "the counts")
            await case.until(lambda: not case.pane.levels.behind and not case.pane.vertical_scrollbar.waits, "the map")
            await case.pilot.pause()
            before, drawn = drawn, picture(case.app)
            same = same + 1 if drawn == before else 0
        seen.append(drawn)
    return pictures(seen)


@pytest.mark.parametrize("state", BY_NAME)
async def test_a_state_of_the_monitor_looks_as_accepted(state: str, snapshot: SnapshotAssertion) -> None:
    async with running(size=SIZES[0]) as case:
        await BY_NAME[state](case)
        assert await in_each_size(case) == snapshot(extension_class=PictureExtension)


async def test_one_of_several_boards_looks_as_accepted(snapshot: SnapshotAssertion) -> None:
    async with desk(RIGHT, size=SIZES[0]) as made:
        for session in made.sessions:
            session.feed(LOG[:600])
        await made.look_at("2", "right")
        await made.case.until(lambda: "main_task" in made.case.text())
        assert await in_each_size(made.case) == snapshot(extension_class=PictureExtension)
