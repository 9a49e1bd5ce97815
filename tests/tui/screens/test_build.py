"""The build's pane: output, errors before warnings, and what can be done when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.session.build_run import BuildRun
from espmon.session.compiler_messages import CompilerMessage
from espmon.tui.screens.build_screen import BuildScreen
from tests.tui.screens.host import Host, run_before, screen_text, settle

OUTPUT = (
    "[1/3] Building C object esp-idf/main/CMakeFiles/__idf_main.dir/main.c.obj",
    "/home/dev/blink/main/main.c: In function 'app_main':",
    "/home/dev/blink/main/main.c:12:9: warning: unused variable 'x' [-Wunused-variable]",
    "/home/dev/blink/main/main.c:14:5: error: expected ';' before 'return'",
    "ninja: build stopped: subcommand failed.",
)


class EndedRun(BuildRun):
    """A build that has ended."""

    def __init__(self, code: int = 2, output: tuple[str, ...] = OUTPUT) -> None:
        super().__init__(("idf.py", "build"), Path("/home/dev/blink"))
        self._output = output
        self._code = code

    @property
    def running(self) -> bool:
        return False

    @property
    def seconds(self) -> float:
        return 12.0

    @property
    def code(self) -> int:
        return self._code

    def lines(self, first: int = 0, most: int = 1000) -> tuple[list[str], int]:
        found = list(self._output[first : first + most])
        return found, first + len(found)


def pane(opened: list[CompilerMessage] | None = None, run: BuildRun | None = None) -> BuildScreen:
    """A build that failed."""
    return BuildScreen(
        run or EndedRun(),
        open_place=(opened if opened is not None else []).append,
        built=lambda: None,
        stop=lambda: None,
        again=lambda: None,
        seen=True,
    )


async def test_errors_stand_before_warnings_and_enter_opens_the_one_under_the_cursor() -> None:
    opened: list[CompilerMessage] = []
    app = Host(lambda: pane(opened))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "FAILED, exit code 2  1 error  1 warning  12 s" in text
        assert text.rindex("expected ';'") < text.rindex("unused variable")
        await pilot.press("enter", "tab", "down", "enter")
        assert [message.line for message in opened] == [14, 12]


async def test_only_a_build_that_went_well_can_be_flashed() -> None:
    app = Host(lambda: pane(run=EndedRun(0, ("[1/1] done",))))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "f Flash" in screen_text(app)
        assert "Editor" not in screen_text(app)


async def test_a_flood_is_drawn_in_pieces_to_its_end() -> None:
    output = tuple(f"line {number}" for number in range(2500))
    app = Host(lambda: pane(run=EndedRun(1, (*output, OUTPUT[3]))))
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        screen = app.screen
        assert isinstance(screen, BuildScreen)
        for _ in range(3):
            screen.look()
        await settle(pilot)
        assert screen.errors == 1
        assert "FAILED, exit code 1  1 error" in screen_text(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (200, 60)])
def test_a_failed_build_looks_like_this(snap_compare: Callable[..., bool], size: tuple[int, int]) -> None:
    async def check(pilot: Pilot[Any]) -> None:
        assert "main.c:14" in screen_text(pilot.app)

    assert snap_compare(Host(pane), terminal_size=size, run_before=run_before(check))
