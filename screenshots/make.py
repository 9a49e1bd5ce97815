"""Makes the pictures of this folder from a real run: the full screen on the simulated board.

Usage: python screenshots/make.py [FOLDER]. Needs the extras `demo` and `test`. Each picture is taken only when the
screen shows what the picture is of; otherwise the script fails.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from textual.pilot import Pilot

from espmon.port import PortInfo, list_ports
from espmon.session import LoopThread, Session, Settings
from espmon.session.flash_plan import from_pairs
from espmon.session.view import ElfState, OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from espmon.sim.image import SOURCE_PREFIX, SOURCES
from espmon.tui.app import EspmonApp

WAIT_SECONDS = 20.0
FONT = "DejaVu Sans Mono"
"""A monospaced font that has the box drawing characters."""

SIZES = {"wide": (120, 40), "narrow": (80, 24)}


class Camera:
    """Takes pictures of one running app.

    Args:
        pilot: drives the app.
        session: the session behind it.
        folder: where pictures go.
        size: "wide" or "narrow", part of the file names.
    """

    def __init__(self, pilot: Pilot[int], session: Session, folder: Path, size: str) -> None:
        self.pilot = pilot
        self.session = session
        self._folder = folder
        self._size = size

    def text(self) -> str:
        """What the screen shows, as text."""
        screen = self.pilot.app.screen
        return "\n".join("".join(segment.text for segment in strip) for strip in screen._compositor.render_strips())

    async def until(self, what: str, condition: Callable[[], bool]) -> None:
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
        await self.pilot.pause(0.1)
        svg = self.pilot.app.export_screenshot(title="espmon").replace("Fira Code", FONT)
        path = self._folder / f"{name}-{self._size}.png"
        svg2png(bytestring=svg.encode(), write_to=str(path), output_width=1600 if self._size == "wide" else 1100)
        print(path.name)

    async def type(self, line: str) -> None:
        """Type a line at the board's console."""
        await self.pilot.press("i", *[{" ": "space"}.get(key, key) for key in line], "enter", "escape")

    def has(self, kind: str) -> bool:
        """Whether an event of this kind was listed."""
        return any(entry.record.type == kind for entry in self.session.events)


def simulated_port(url: str) -> list[PortInfo]:
    """This computer's ports, for the picker."""
    return list(list_ports())


async def pictures(folder: Path, size: str) -> None:
    """All pictures at one size."""
    data = Path(tempfile.mkdtemp(prefix="espmon-pictures-"))
    settings = replace(Settings(), path_map={SOURCE_PREFIX: str(SOURCES)})
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as board, LoopThread() as runner:
        session = runner.make(lambda: Session(settings=settings, folder=data / "sessions"))
        request = OpenRequest(board.url, probe=True, name="Simulated ESP32-C3", elf=(board.board.elf,))
        app = EspmonApp(runner, session, request, settings=settings, discover=lambda: simulated_port(board.url))
        async with app.run_test(size=SIZES[size], notifications=True) as pilot:
            camera = Camera(pilot, session, folder, size)
            await camera.shoot("confirm", "Probe Simulated ESP32-C3?", "Cancel")
            await pilot.press("y")
            await camera.until("the probe", lambda: camera.has("probe"))
            await camera.until("the ELF", lambda: session.status.elf_state is ElfState.MATCH)
            await camera.shoot("monitor", "esp>", "ESP32-C3")
            await camera.type("help")
            await camera.shows("coredump")
            await pilot.press("slash", *"sensor", "enter")
            await camera.shoot("search", "sensor")
            await pilot.press("escape")
            await camera.type("panic")
            await camera.until("the panic", lambda: camera.has("panic"))
            await pilot.press("e")
            await camera.shoot("inspector", "Panic")
    print(from_pairs.__name__ and "done", size)


def main() -> None:
    """Make all pictures."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent
    os.environ.setdefault("COLORTERM", "truecolor")
    for size in SIZES:
        asyncio.run(pictures(folder, size))


if __name__ == "__main__":
    main()
