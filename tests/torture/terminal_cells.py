"""What a terminal shows against what the program means to show, cell by cell, through everything that is drawn.

The program runs in tmux on a board that sends a log in bursts: colours, long lines, wide characters, progress bars,
resets and crashes, with keys between them: scrolling, search, filter, times, panels, help, palette, raw keys, and other
sizes of the window. After each step, when nothing is drawn any more, the program writes down its whole picture as
Textual's compositor makes it; tmux's cells are compared with that, with colours and attributes.

python -m tests.torture.terminal_cells [MINUTES] [--seed N] [--no-diff] [--theme NAME] [--term NAME] [--no-color]
                                       [--size COLUMNSxROWS ...]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyte

from tests.torture.window import PtyBoard

LIMIT = 60.0
"""Seconds until the program must be quiet, on a busy machine."""

STAYS_SECONDS = 4.0
"""Time for which cells must differ."""

SIZES = ((120, 40), (160, 50), (80, 24), (101, 31), (120, 41))

WORDS = ("wifi connected", "heap 81234 free", "温度 21 度", "naïve café", "→ ok", "a\tb\tc", "── done ──", "x" * 180)

KEYS = {
    "up": "k", "down": "j", "page up": "\x1b[5~", "page down": "\x1b[6~", "newest": "G", "oldest": "g",
    "wrap": "w", "times": "t", "shape": "x", "events": "e", "locations": "d", "clear": "c", "bring back": "u",
    "help": "?", "palette": "\x10", "escape": "\x1b", "search": "/heap\r", "next": "n", "filter": "fwifi\r",
    "no filter": "F", "left": "h", "right": "l", "follow": " ", "raw": "r", "leave raw": "\x14\x1b",
    "mouse": "\x1b[<64;10;10M", "input": "ihello\x1b", "menu": "\x14i\x1b", "crash": "C",
    "fold": "\r", "fold all": "z", "previous crash": "[c",
}  # fmt: skip

Cells = list[list[pyte.screens.Char]]


def burst(chance: random.Random) -> bytes:
    """Some lines as a board might print them."""
    kind = chance.randrange(12)
    if kind == 0:
        return b"".join(f"\rProgress: {number}%".encode() for number in range(0, 101, 7)) + b"\r\n"
    if kind == 1:
        return b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\nconfigsip: 0, SPIWP:0xee\r\n"
    if kind == 2:
        return b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
    if kind == 3:
        return b"no end yet " + b"." * chance.randrange(40)
    lines = []
    for _ in range(chance.choice((1, 2, 5, 20, 200))):
        level = chance.choice("EWID")
        colour = {"E": 31, "W": 33, "I": 32, "D": 36}[level]
        text = f"{level} ({chance.randrange(10**6)}) {chance.choice(('wifi', 'app'))}: {chance.choice(WORDS)}"
        lines.append(f"\x1b[0;{colour}m{text}\x1b[0m\r\n" if chance.random() < 0.7 else text + "\r\n")
    return "".join(lines).encode()


# -- the program ------------------------------------------------------------------------------------------------------


def child(report: str, arguments: Sequence[str]) -> None:
    """espmon with a signal at which it writes its picture down."""
    from espmon.cli import program
    from espmon.tui.app import EspmonApp
    from espmon.tui.terminal.driver import TerminalDriver

    written = [0]
    mounted = EspmonApp.on_mount
    write, write_picture = TerminalDriver.write, TerminalDriver.write_picture

    def dump(app: EspmonApp) -> None:
        screen = app.screen
        busy = bool(screen._dirty_widgets or screen._compositor._dirty_regions or screen._layout_required)
        drawn = None
        if not busy and not app._driver.waiting:  # type: ignore[union-attr]
            for widget in list(screen._compositor.visible_widgets):
                # What it says now, whatever was drawn before and kept.
                widget._layout_cache.clear()
                widget._set_dirty()
                widget._exchange_repaint_regions()
            update = screen._compositor.render_update(full=True, screen_stack=app._background_screens)
            drawn = update.render_segments(app.console)  # type: ignore[union-attr]
        model = app.pictures.model
        found = {"written": written[0], "drawn": drawn, "size": [*app.size], "model": model is not None}
        Path(report + ".new").write_text(json.dumps(found))
        os.replace(report + ".new", report)

    def on_mount(app: EspmonApp) -> None:
        mounted(app)
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, dump, app)

    def counted(driver: TerminalDriver, data: str) -> None:
        written[0] += 1
        write(driver, data)

    def counted_picture(driver: TerminalDriver, data: str) -> bool:
        written[0] += 1
        return write_picture(driver, data)

    for kind, name, function in (
        (EspmonApp, "on_mount", on_mount),
        (TerminalDriver, "write", counted),
        (TerminalDriver, "write_picture", counted_picture),
    ):
        setattr(kind, name, function)
    sys.argv = ["espmon", *arguments]
    program()


# -- the terminal -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Look:
    """What the terminal is, and what the user wants to see in it."""

    theme: str = "espmon"
    term: str = "tmux-256color"
    """TERM; another than this one has no more colours than it says."""

    no_color: bool = False
    sizes: Sequence[tuple[int, int]] = SIZES


class Tmux:
    """The program in a tmux server of its own."""

    def __init__(self, folder: Path, arguments: Sequence[str], size: tuple[int, int], look: Look | None = None) -> None:
        look = look or Look()
        # By name, since the path of a socket must be short, and the folder's may be long.
        self._socket = f"espmon-cells-{os.getpid()}"
        self.report = folder / "report.json"
        environment = {
            **os.environ,
            "XDG_DATA_HOME": str(folder),
            "XDG_CONFIG_HOME": str(folder),
            "XDG_STATE_HOME": str(folder),
            "COLORTERM": "truecolor" if look.term == Look.term else "",
            **({"NO_COLOR": "1"} if look.no_color else {}),
        }
        environment.pop("TMUX", None)
        command = [sys.executable, "-m", "tests.torture.terminal_cells", "--child", str(self.report), "--", *arguments]
        self._run(
            "-f", "/dev/null", "start-server", ";", "set-option", "-g", "default-terminal", look.term, ";",
            "new-session", "-d", "-x", str(size[0]), "-y", str(size[1]), *command, environment=environment,
        )  # fmt: skip
        self._run("set-option", "-g", "window-size", "manual")
        self._run("set-option", "-g", "status", "off")
        # A program that ends leaves its last words and its exit code on the screen.
        self._run("set-option", "-g", "remain-on-exit", "on")
        self.resize(size)
        self.process = int(self._run("display-message", "-p", "#{pane_pid}"))

    def _run(self, *arguments: str, environment: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["tmux", "-L", self._socket, *arguments], capture_output=True, text=True, timeout=LIMIT, env=environment
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def type(self, keys: str) -> None:
        """Press keys."""
        self._run("send-keys", "-H", *(f"{byte:02x}" for byte in keys.encode()))

    def resize(self, size: tuple[int, int]) -> None:
        """Drag the window's corner."""
        self._run("resize-window", "-x", str(size[0]), "-y", str(size[1]))

    def text(self) -> str:
        """What is shown, without colours."""
        return self._run("capture-pane", "-p")

    def shown(self, size: Sequence[int]) -> Cells:
        """All cells that tmux shows."""
        return cells(self._run("capture-pane", "-p", "-e", "-N").replace("\n", "\r\n").removesuffix("\r\n"), size)

    def picture(self) -> dict[str, object]:
        """What the program means to show now."""
        self.report.unlink(missing_ok=True)
        os.kill(self.process, signal.SIGUSR1)
        end = time.monotonic() + LIMIT
        while not self.report.exists():
            assert time.monotonic() < end, f"the program does not answer; it shows\n{self.text()}"
            time.sleep(0.01)
        found: dict[str, object] = json.loads(self.report.read_text())
        return found

    def close(self) -> None:
        """End everything, and wait until the program has written its last."""
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, timeout=LIMIT)
        end = time.monotonic() + LIMIT
        while Path(f"/proc/{self.process}").exists() and time.monotonic() < end:
            time.sleep(0.01)


class Screen(pyte.Screen):
    """pyte's, which knows no dim text (SGR 2): it stands in the place of blinking, which nothing here does."""

    def select_graphic_rendition(self, *attributes: int) -> None:
        """Colours and attributes."""
        super().select_graphic_rendition(*attributes)
        at, dim = 0, self.cursor.attrs.blink
        numbers = attributes or (0,)
        while at < len(numbers):
            number = numbers[at]
            if number in (38, 48):
                at += 4 if numbers[at + 1 : at + 2] == (2,) else 2
            elif number in (0, 2, 22):
                dim = number == 2
            at += 1
        self.cursor.attrs = self.cursor.attrs._replace(blink=dim)


def cells(data: str, size: Sequence[int]) -> Cells:
    """A whole picture as cells, with colours and attributes."""
    screen = Screen(size[0], size[1])
    stream = pyte.Stream(screen)
    stream.feed("\x1b[?7l" + re.sub(r"\x1b\]8;[^\x1b]*\x1b\\|\x0e|\x0f", "", data))
    return [[screen.buffer[y][x] for x in range(size[0])] for y in range(size[1])]


@dataclass
class Result:
    """What a run showed."""

    compared: int = 0
    without_model: int = 0
    """Pictures compared while Textual wrote itself."""

    differing: list[str] = field(default_factory=list)


def compare(tmux: Tmux) -> tuple[list[str], bool]:
    """Wait until nothing is drawn, then compare. Returns the cells that differ, and whether the writer was at work.

    Widgets that are being replaced are in no picture for a moment, without one being drawn: only what stays counts.
    """
    end, since = time.monotonic() + LIMIT, None
    while time.monotonic() < end:
        before = tmux.picture()
        size = before["size"]
        assert isinstance(size, list)
        if before["drawn"] is not None:
            time.sleep(0.1)
            shown = tmux.shown(size)
            if tmux.picture() == before:
                found = differences(shown, cells(str(before["drawn"]).replace("\n", "\r\n"), size))
                since = since or time.monotonic()
                if not found or time.monotonic() - since > STAYS_SECONDS:
                    return found, bool(before["model"])
        time.sleep(0.02)
    raise AssertionError(f"the program never stopped to draw:\n{tmux.text()}")


def differences(shown: Cells, meant: Cells) -> list[str]:
    """The cells that differ."""
    return [
        f"row {y}, column {x}: shown {here}, meant {there}"
        for y, (row, other) in enumerate(zip(shown, meant, strict=True))
        for x, (here, there) in enumerate(zip(row, other, strict=True))
        if here != there
    ]


def run(seconds: float, seed: int, *, diff: bool = True, most: int = 1 << 30, look: Look | None = None) -> Result:
    """Take steps for so long, or until so many were taken, and compare after each."""
    chance, result, end = random.Random(seed), Result(), time.monotonic() + seconds
    board, look = PtyBoard(), look or Look()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "espmon").mkdir()
        (folder / "espmon" / "config.toml").write_text(
            f'start_in = "log"\ntheme = "{look.theme}"\nterminal_diff = {"true" if diff else "false"}\n'
        )
        tmux = Tmux(folder, [board.path, "--no-probe"], look.sizes[0], look)
        try:
            wait_for(tmux, "●")
            while time.monotonic() < end and result.compared < most:
                step = take_step(tmux, board, chance, look.sizes)
                try:
                    differing, at_work = compare(tmux)
                except (AssertionError, OSError) as error:
                    raise AssertionError(f"after {step}, picture {result.compared}: {error}") from error
                result.compared += 1
                result.without_model += not at_work
                if differing:
                    result.differing.append(f"after {step}: {len(differing)} cells, {'; '.join(differing[:3])}")
                    print(result.differing[-1], flush=True)
        finally:
            tmux.close()
            board.close()
    return result


def wait_for(tmux: Tmux, text: str) -> None:
    """Wait for a text on the screen."""
    end = time.monotonic() + LIMIT
    while text not in tmux.text():
        assert time.monotonic() < end, f"{text!r} was never shown, but\n{tmux.text()}"
        time.sleep(0.05)


def take_step(tmux: Tmux, board: PtyBoard, chance: random.Random, sizes: Sequence[tuple[int, int]] = SIZES) -> str:
    """Something happens. Returns what."""
    kind = chance.random()
    if kind < 0.08:
        size = chance.choice(sizes)
        board.send(burst(chance))
        tmux.resize(size)
        return f"a window of {size[0]}x{size[1]}"
    if kind < 0.55:
        data = b"".join(burst(chance) for _ in range(chance.randrange(1, 4)))
        board.send(data)
        return f"{len(data)} bytes of log"
    name = chance.choice(list(KEYS))
    if chance.random() < 0.3:
        board.send(burst(chance))
    tmux.type(KEYS[name])
    return f"the key for {name}"


def main() -> None:
    """Run for some minutes; exit code 1 when a cell differed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("minutes", type=float, nargs="?", default=1.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--no-diff", action="store_true", help="Textual's own writes")
    parser.add_argument("--theme", default=Look.theme)
    parser.add_argument("--term", default=Look.term, help="TERM (default: %(default)s, with all colours)")
    parser.add_argument("--no-color", action="store_true", help="set NO_COLOR")
    parser.add_argument("--size", action="append", metavar="COLUMNSxROWS", help="of the window, one after the other")
    options = parser.parse_args()
    print(f"seed {options.seed}", flush=True)
    sizes = [(int(columns), int(rows)) for columns, _, rows in (one.partition("x") for one in options.size or ())]
    look = Look(options.theme, options.term, options.no_color, sizes or SIZES)
    result = run(options.minutes * 60, options.seed, diff=not options.no_diff, look=look)
    print(
        f"{result.compared} pictures compared, {result.without_model} of them written by Textual; "
        f"{len(result.differing)} with cells that differ"
    )
    sys.exit(bool(result.differing))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[sys.argv.index("--") + 1 :])
    else:
        main()
