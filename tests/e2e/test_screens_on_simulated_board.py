"""The full screen on a real session and the simulated board: from a console command to the screen it brings."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from espmon.session.runner import LoopThread
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import ElfState, OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from espmon.sim.firmware_image import SOURCE_PREFIX, SOURCES
from espmon.tui.app import EspmonApp
from espmon.tui.screens.capture import CaptureScreen
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.core_dump_screen import CoreDumpReportScreen
from espmon.tui.screens.flash_screens import FlashConfirmScreen
from espmon.tui.screens.gdb_inspector import GdbInspectScreen
from espmon.tui.screens.panic_screen import PanicReportScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.screens.report_screen import ReportScreen
from espmon.tui.screens.screenshot_screen import ScreenshotScreen
from espmon.tui.screens.stub_offer import StubScreen
from tests.session.fakes import shown

pytestmark = pytest.mark.e2e

LIMIT = 30.0
"""Seconds after which a condition counts as never met."""


@dataclass
class Desk:
    """An app, the session behind it, the board behind that."""

    app: EspmonApp
    pilot: Pilot[int]
    session: Session
    elf: Path

    async def until(self, condition: Callable[[], object], what: str = "the condition") -> None:
        end = time.monotonic() + LIMIT
        while not condition():
            assert time.monotonic() < end, f"{what} never came true:\n{self.text()}"
            await self.pilot.pause(0.02)

    def text(self) -> str:
        return "\n".join(strip.text.rstrip() for strip in self.app.screen._compositor.render_strips())

    def log(self) -> list[str]:
        return shown(self.session.store)

    async def says(self, text: str) -> None:
        await self.until(lambda: text in self.text(), f"{text!r} on the screen")

    async def shows(self, kind: type) -> Any:
        await self.until(lambda: isinstance(self.app.screen, kind), kind.__name__)
        await self.pilot.pause()
        return self.app.screen

    async def monitor(self) -> None:
        await self.until(lambda: self.app.screen is self.app.monitor, "the monitor")

    async def type(self, line: str) -> None:
        await self.until(lambda: any("esp>" in text for text in self.log()), "the prompt")
        await self.monitor()
        await self.pilot.press("i", *(("space" if key == " " else key) for key in line), "enter")

    async def goes_on(self) -> None:
        before = len(self.session.store)
        await self.until(lambda: len(self.session.store) > before + 1, "the log going on")


async def run(tmp_path: Path, *, elf: bool) -> AsyncIterator[Desk]:
    settings = Settings(path_map={SOURCE_PREFIX: str(SOURCES)}, start_in="log")
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as board, LoopThread() as runner:
        session = runner.make(lambda: Session(settings=settings, folder=tmp_path / "sessions"))
        request = OpenRequest(board.url, name="bench", elf=(board.board.elf,) if elf else ())
        app = EspmonApp(runner, session, request, settings=settings)
        app.project = tmp_path
        async with app.run_test(size=(120, 40), notifications=True) as pilot:
            desk = Desk(app, pilot, session, board.board.elf)
            await desk.until(lambda: app.monitor.completed, "the screen")
            if elf:
                await desk.until(lambda: session.status.elf_state is ElfState.MATCH, "the ELF")
            yield desk


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async for made in run(tmp_path, elf=True):
        yield made


@pytest.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Desk]:
    async for made in run(tmp_path, elf=False):
        yield made


async def test_a_panic_is_told_at_once_and_its_report_with_source_is_one_key_away(desk: Desk) -> None:
    await desk.type("panic")
    await desk.says("null pointer")
    await desk.monitor()
    await desk.pilot.press("escape", "C")
    await desk.shows(PanicReportScreen)
    await desk.says("registers->control = SENSOR_START")
    await desk.pilot.press("escape")
    await desk.monitor()
    await desk.goes_on()


async def test_a_core_dump_opens_by_itself_with_its_tasks(desk: Desk) -> None:
    await desk.until(lambda: any("esp>" in text for text in desk.log()), "the prompt")
    desk.app.link.send(b"coredump\r")
    await desk.shows(CoreDumpReportScreen)
    await desk.says("display_render")
    await desk.says("registers->control = SENSOR_START")


async def test_a_core_dump_that_comes_at_the_input_line_leaves_the_keys_there(desk: Desk) -> None:
    await desk.type("coredump")
    await desk.says("C opens it")
    await desk.monitor()
    await desk.pilot.press("e", "escape", "C")
    await desk.shows(CoreDumpReportScreen)


async def test_a_core_dump_without_an_elf_is_named_once_one_is_chosen(bare: Desk) -> None:
    await bare.type("coredump")
    await bare.says("C opens it")
    await bare.pilot.press("escape", "C")
    await bare.shows(CoreDumpReportScreen)
    assert "sensor_sample" not in bare.text(), "without an ELF there are no names"
    await bare.pilot.press("e")
    prompt = await bare.shows(TextPrompt)
    prompt.query_one("#entry").value = str(bare.elf)
    await bare.pilot.press("enter")
    panel = await bare.shows(CaptureScreen)
    await bare.until(lambda: panel._ready, "the report")
    await bare.pilot.press("r")
    await bare.shows(CoreDumpReportScreen)
    await bare.says("sensor_sample")


async def test_the_screenshot_key_ends_in_the_picture(desk: Desk) -> None:
    await desk.until(lambda: any("esp>" in text for text in desk.log()), "the prompt")
    await desk.pilot.press("s")
    screen = await desk.shows(ScreenshotScreen)
    await desk.says("240 x 135 pixels")
    await desk.says(screen._path.name)
    assert screen._path.suffix == ".png"


async def test_a_screenshot_that_fails_is_a_toast(desk: Desk) -> None:
    desk.app.board.artifacts.expect_picture()
    await desk.type("screenshot fail")
    await desk.says("No screenshot")
    await desk.monitor()


async def test_a_probe_ends_in_a_report_with_every_field_and_the_exchange(desk: Desk) -> None:
    await desk.pilot.press("p")
    await desk.shows(ConfirmScreen)
    await desk.pilot.press("y")
    await desk.until(lambda: desk.session.status.probe, "the probe")
    await desk.monitor()
    entry = next(entry for entry in desk.session.events if entry.record.type == "probe")
    desk.app.board.artifacts.show(entry)
    await desk.shows(ReportScreen)
    await desk.says("ESP32-C3")
    await desk.says("MAC")


async def test_the_stub_is_inspected_here_and_the_log_goes_on(desk: Desk) -> None:
    await desk.type("gdbstub")
    await desk.says("debug stub: D")
    await desk.pilot.press("escape", "D")
    await desk.shows(StubScreen)
    await desk.pilot.press("i")
    screen = await desk.shows(GdbInspectScreen)
    await desk.says("read_register")
    assert desk.session.state is State.LEASED
    await desk.pilot.press("down", "enter")
    await desk.until(lambda: not screen._view.busy, "the thread")
    await desk.pilot.press("g")
    await desk.monitor()
    await desk.until(lambda: desk.session.state is State.MONITORING, "the port")
    await desk.goes_on()


def make_project(folder: Path) -> None:
    """A build as ESP-IDF leaves it, of random images for an ESP32-C3."""
    header = bytearray(24)
    header[:4] = bytes((0xE9, 1, 2, 0x20))
    struct.pack_into("<H", header, 12, 5)
    files = {"0x0": "bootloader.bin", "0x10000": "app.bin"}
    for name in files.values():
        (folder / name).write_bytes(bytes(header) + os.urandom(50_000))
    parts = {
        "bootloader": {"offset": "0x0", "file": "bootloader.bin", "encrypted": "false"},
        "app": {"offset": "0x10000", "file": "app.bin", "encrypted": "false"},
    }
    arguments = {"flash_files": files, **parts, "extra_esptool_args": {"chip": "esp32c3"}}
    (folder / "flasher_args.json").write_text(json.dumps(arguments))


async def test_a_project_is_flashed_from_the_menu_and_the_result_opens(desk: Desk, tmp_path: Path) -> None:
    await asyncio.to_thread(make_project, tmp_path)
    await desk.until(lambda: any("esp>" in text for text in desk.log()), "the prompt")
    await desk.pilot.press("ctrl+t", "f")
    await desk.shows(FlashConfirmScreen)
    await desk.says("app.bin")
    await desk.pilot.press("y")
    await desk.until(lambda: any(entry.record.type == "flash" for entry in desk.session.events), "the end")
    await desk.until(lambda: desk.session.state is State.MONITORING, "the port")
    await desk.monitor()
    entry = next(entry for entry in desk.session.events if entry.record.type == "flash")
    assert entry.record.fields().get("error") is None
    desk.app.board.artifacts.show(entry)
    await desk.shows(ReportScreen)
    await desk.says("0x00010000")
    await desk.says("right")
    await desk.pilot.press("escape")
    await desk.goes_on()


async def test_erasing_is_asked_twice_and_cancel_touches_nothing(desk: Desk, tmp_path: Path) -> None:
    await asyncio.to_thread(make_project, tmp_path)
    await desk.until(lambda: any("esp>" in text for text in desk.log()), "the prompt")
    await desk.pilot.press("ctrl+t", "e")
    await desk.shows(FlashConfirmScreen)
    await desk.pilot.press("y")
    await desk.shows(ConfirmScreen)
    await desk.says("no way back")
    await desk.pilot.press("n")
    await desk.shows(FlashConfirmScreen)
    await desk.pilot.press("n")
    await desk.monitor()
    assert [entry for entry in desk.session.events if entry.record.type == "flash"] == []
