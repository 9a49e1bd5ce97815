"""Makes the pictures of this folder from a real run: the full screen on the simulated board.

Usage: python screenshots/make.py [FOLDER]. Needs the extras `demo` and `test`. Each picture is taken only when the
screen shows what the picture is of; otherwise the script fails.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from shutil import copytree

from textual.pilot import Pilot

from espmon.port import PortInfo, list_ports
from espmon.session import LoopThread, Session, Settings
from espmon.session.state import State
from espmon.session.status import ElfState, EventEntry, OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from espmon.sim.firmware_image import ELF, SOURCE_PREFIX, SOURCES
from espmon.tui.app import EspmonApp
from espmon.tui.screens.flash_panel import LATE_SECONDS

WAIT_SECONDS = 20.0
FONT = "DejaVu Sans Mono"
"""A monospaced font that has the box drawing characters."""

SCALE = 11 / 12.2
"""Textual draws cells of 12.2 pixels; of whole pixels they are as wide as cairo's letters, and frames have no gaps."""

BRAILLE_FONT = "DejaVu Sans"
"""One that has the braille patterns, of which curves are made."""

BRAILLE = re.compile("(<text )([^>]*>[\u2800-\u28ff])")

SIZES = {"wide": (120, 40), "narrow": (80, 24)}
LOOKS = (("wide", "espmon", ""), ("narrow", "espmon", ""), ("wide", "espmon-light", "-light"))
"""Size, theme, and what the names of the pictures end in."""


class Camera:
    """Takes pictures of one running app.

    Args:
        pilot: drives the app.
        session: the session behind it.
        folder: where pictures go.
        size: "wide" or "narrow", part of the file names.
        ending: what the file names end in.
    """

    def __init__(self, pilot: Pilot[int], session: Session, folder: Path, size: str, ending: str) -> None:
        self.pilot = pilot
        self.session = session
        self._folder = folder
        self._size = size
        self._ending = ending

    def text(self) -> str:
        """What the screen shows, as text."""
        screen = self.pilot.app.screen
        return "\n".join("".join(segment.text for segment in strip) for strip in screen._compositor.render_strips())

    async def until(self, what: str, condition: Callable[[], object]) -> None:
        """Wait for a condition. Raises `SystemExit` when it does not come true."""
        try:
            async with asyncio.timeout(WAIT_SECONDS):
                while not condition():
                    await self.pilot.pause(0.05)
        except TimeoutError:
            raise SystemExit(f"{what} did not come; the screen shows:\n{self.text()}") from None

    async def shows(self, *texts: str) -> None:
        """Wait until the screen shows all texts."""
        await self.until(f"{texts!r}", lambda: all(text in self.text() for text in texts))

    async def shoot(self, name: str, *texts: str) -> None:
        """Take a picture of a screen that shows all texts."""
        from cairosvg import svg2png

        await self.shows(*texts)
        self.pilot.app.clear_notifications()
        await self.until("the footer", lambda: self.text().splitlines()[-1].strip())
        await self.pilot.pause(0.1)
        svg = self.pilot.app.export_screenshot(title="espmon").replace("Fira Code", FONT)
        svg = BRAILLE.sub(rf'\1style="font-family: {BRAILLE_FONT}" \2', svg)
        path = self._folder / f"{name}-{self._size}{self._ending}.png"
        svg2png(bytestring=svg.encode(), write_to=str(path), scale=SCALE)
        print(path.name)

    async def type(self, line: str) -> None:
        """Type a line at the board's console. The input line keeps the focus: nothing opens by itself meanwhile."""
        await self.pilot.press("i", *[{" ": "space"}.get(key, key) for key in line], "enter")

    @property
    def app(self) -> EspmonApp:
        """The app."""
        assert isinstance(self.pilot.app, EspmonApp)
        return self.pilot.app

    def entry(self, kind: str) -> EventEntry:
        """The newest event of a kind. Raises `SystemExit` when there is none."""
        found = [entry for entry in self.session.events if entry.record.type == kind]
        if not found:
            raise SystemExit(f"no {kind} was listed")
        return found[-1]

    def has(self, kind: str) -> bool:
        """Whether an event of this kind was listed."""
        return any(entry.record.type == kind for entry in self.session.events)


async def pictures(folder: Path, size: str, theme: str, ending: str) -> None:
    """All pictures of one look."""
    with tempfile.TemporaryDirectory(prefix="espmon-pictures-") as scratch:
        # A registry and settings of their own, so that nothing of this computer's user is in the pictures.
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = scratch
        await _pictures(folder, size, theme, ending, Path(scratch))


async def _pictures(folder: Path, size: str, theme: str, ending: str, scratch: Path) -> None:
    sources = scratch / "demo"
    copytree(SOURCES, sources)
    settings = replace(Settings(), path_map={SOURCE_PREFIX: str(sources)}, start_in="log", theme=theme)
    project = make_project(scratch / "project")
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as board, LoopThread() as runner:
        session = runner.make(lambda: Session(settings=settings, folder=scratch / "sessions"))
        request = OpenRequest(board.url, probe=True, name="Simulated ESP32-C3", elf=(project / "app.elf",))
        app = EspmonApp(runner, session, request, settings=settings, discover=lambda: [*list_ports(), port_of(board)])
        async with app.run_test(size=SIZES[size], notifications=True) as pilot:
            camera = Camera(pilot, session, folder, size, ending)
            for scene in SCENES:
                await scene(camera)


async def boards(folder: Path, size: str, theme: str, ending: str) -> None:
    """Two boards in one timeline."""
    with tempfile.TemporaryDirectory(prefix="espmon-pictures-") as scratch, LoopThread() as runner:
        os.environ["XDG_CONFIG_HOME"] = os.environ["XDG_DATA_HOME"] = scratch
        settings = replace(Settings(), start_in="log", theme=theme)

        def make() -> Session:
            return Session(settings=settings, folder=Path(scratch) / "sessions")

        chips = {"gateway": "esp32s3", "sensor": "esp32c3"}
        with ExitStack() as running:
            requests = [
                OpenRequest(running.enter_context(BoardThread(partial(SimulatedBoard, chip))).url, name=name)
                for name, chip in chips.items()
            ]
            session = runner.make(make)
            app = EspmonApp(runner, session, requests[0], settings=settings, more=requests[1:], another=make)
            async with app.run_test(size=SIZES[size], notifications=True) as pilot:
                camera = Camera(pilot, session, folder, size, ending)
                await camera.shows("gateway", "sensor", "esp>")
                await camera.pilot.press("0")
                await camera.shoot("boards", "2 boards", "gateway I", "sensor  I", "temperature")


def port_of(board: BoardThread) -> PortInfo:
    """The simulated board as a port of this computer."""
    return PortInfo(
        device=board.url,
        kind="uart",
        rank=0,
        product="Simulated board",
        nickname="demo",
        chip_guess=board.board.chip.title,
        reason="the simulated board of these pictures",
    )


def make_project(folder: Path) -> Path:
    """A build folder as ESP-IDF leaves it, for the flash picture; returns the folder of the ELF."""
    build = folder / "build"
    build.mkdir(parents=True)
    (build / "app.elf").write_bytes(ELF.read_bytes())
    (build / "data.bin").write_bytes(bytes(range(256)) * 1024)
    (build / "flasher_args.json").write_text(
        json.dumps({"flash_files": {"0x110000": "data.bin"}, "extra_esptool_args": {"chip": "esp32c3"}})
    )
    return build


async def first_steps(camera: Camera) -> None:
    """The question, the probe, the log."""
    await camera.shoot("confirm", "Probe Simulated ESP32-C3?", "Cancel")
    await camera.pilot.press("y")
    await camera.until("the probe", lambda: camera.has("probe"))
    await camera.until("the log", lambda: camera.session.status.state is State.MONITORING)
    await camera.until("the ELF", lambda: camera.session.status.elf_state is ElfState.MATCH)
    await camera.shoot("monitor", "● open  ESP32-C3", "boot 2", "esp>")


async def finding(camera: Camera) -> None:
    """Search and filter."""
    await camera.type("help")
    await camera.shows("software restart")
    await camera.pilot.press("escape", "slash", *"boot", "enter", *"NNNNNN")
    await camera.shoot("search", "boot:", "held", "/ boot ")
    await camera.pilot.press("escape", "slash", "ctrl+u", "enter", "escape", "G", "f", "tab", "tab", *"app_init wifi ")
    await camera.shoot("filter", "other", "app_init wifi", "main_task", " of ")
    await camera.pilot.press("escape", "F", "G")


async def crashing(camera: Camera) -> None:
    """A panic, the events, its report."""
    await camera.type("panic")
    await camera.until("the report", lambda: camera.entry("panic").report is not None)
    await camera.shows("esp>")
    await camera.pilot.press("escape", "e")
    await camera.shoot("inspector", "Panic: Core 0 wrote")
    await camera.pilot.press("escape", "left_square_bracket", "c")
    await camera.shoot("folded", "▸ ✖", "Enter opens")
    await camera.pilot.press("G")
    camera.app.action_crash()
    await camera.shoot("panic", "read_register", "sensor.h:26")
    await camera.pilot.press("escape")


async def dumping(camera: Camera) -> None:
    """A core dump, captured and decoded."""
    await camera.type("coredump")
    await camera.shows("Core dump decoded: C")
    await camera.pilot.press("escape", "C")
    await camera.shoot("coredump", "esp_timer", "sensor.h:26")
    await camera.pilot.press("escape")


async def picturing(camera: Camera) -> None:
    """What the board's display shows."""
    await camera.pilot.press("s")
    await camera.until("the picture", lambda: camera.has("png"))
    await camera.shoot("screenshot", "240")
    await camera.pilot.press("escape")


async def plotting(camera: Camera) -> None:
    """Numbers of the board's payloads, below the log; then what the last boot said that the one before did not."""
    for _ in range(8):
        await camera.type("json")
        await camera.pilot.press("escape")
    await camera.pilot.press("P")
    await camera.shoot("plot", "json")
    await camera.pilot.press("escape", "P")
    camera.app.action_compare_boots()
    await camera.shoot("boots", "beside boot")
    await camera.pilot.press("escape")


async def flashing(camera: Camera) -> None:
    """What a flash would do."""
    camera.app.action_flash("flash")
    await camera.shoot("flash", "data.bin", "0x00110000")
    await camera.pilot.press("n")


async def partitions(camera: Camera) -> None:
    """What the flash holds, partition by partition."""
    await camera.pilot.press("M")
    await camera.shows("Cancel")
    await camera.pilot.press("y")
    await camera.shoot("partitions", "otadata", "starts")
    await camera.pilot.pause(LATE_SECONDS)  # an Esc until then is taken for one that was meant to cancel
    await camera.pilot.press("escape")
    await camera.until("the log", lambda: camera.session.status.state is State.MONITORING)


async def debugging(camera: Camera) -> None:
    """The debug stub, inspected in place."""
    await camera.type("gdbstub")
    await camera.until("the stub", lambda: camera.has("gdb"))
    await camera.pilot.press("escape", "D")
    await camera.shows("nspect")
    await camera.pilot.press("i")
    await camera.shoot("debugger", "esp_timer", "sensor.h:26")
    await camera.pilot.press("g")
    await camera.until("the log", lambda: camera.session.status.state is State.MONITORING)


async def helping(camera: Camera) -> None:
    """Keys, and the list of ports."""
    camera.app.action_help()
    await camera.shoot("help", "Search")
    await camera.pilot.press("escape")
    camera.app.action_ports()
    await camera.shoot("picker", "Simulated board")


SCENES = (first_steps, finding, crashing, dumping, picturing, plotting, flashing, partitions, debugging, helping)
"""In the order of a session."""


def main() -> None:
    """Make all pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    os.environ.setdefault("COLORTERM", "truecolor")
    for size, theme, ending in LOOKS:
        asyncio.run(pictures(folder, size, theme, ending))
        asyncio.run(boards(folder, size, theme, ending))


if __name__ == "__main__":
    main()
