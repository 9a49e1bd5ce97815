"""Ten million lines in a file: how long paging, jumping and the next match take, how much memory, and the loop's lag.

The whole screen at 160x50 without a terminal (Textual's test driver), on `espmon open`'s own store and panes: the time
of each key is from the press until the rows that it brings are drawn. The floors of the issue: p95 50 ms each, 700 MB.
With `--live` the same on a running session that records, with its usual memory, while more lines come.

python -m tests.benchmarks.log_history [--lines 10000000] [--keys 60] [--live] [--rate 1000000]
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from espmon.cli import YOUNG_OBJECTS
from espmon.session import LoopThread, Session, Settings
from espmon.session.connection import PortAccess
from espmon.session.replay.opened_source import open_source
from espmon.session.replay.replay import Replay, ReplayWish
from espmon.session.status import OpenRequest
from espmon.testing.handles import MemoryHandle
from espmon.time_limit import time_limit
from espmon.tui.app import EspmonApp
from espmon.tui.host import SWITCH_SECONDS
from espmon.tui.log.query import LineFilter, TextQuery
from espmon.tui.widgets.log_pane import LogPane
from tests.benchmarks.tui_log_pane import lines

TICK = 0.005
SIZE = (160, 50)
PIECE = 64 << 10
"""Bytes that come at once."""

MAX_WAITING = 4 << 20
"""Bytes on their way to the session."""

RARE = b"W (99) heap: needle in the hay"


def make(path: Path, count: int) -> None:
    """A log of so many lines, one of ten thousand with the needle."""
    block = lines(10_000 - 1) + RARE + b"\r\n"
    with path.open("wb") as file:
        for _ in range(count // 10_000):
            file.write(block)


class Lag:
    """How much later than asked for the loop's turns come."""

    def __init__(self) -> None:
        self.seen: list[float] = []
        self._task = asyncio.create_task(self._look())

    async def _look(self) -> None:
        while True:
            asked = time.perf_counter()
            await asyncio.sleep(TICK)
            self.seen.append(time.perf_counter() - asked - TICK)

    def stop(self) -> None:
        """Look no more."""
        self._task.cancel()


def told(name: str, seconds: Sequence[float]) -> None:
    """One row of the table."""
    found = sorted(seconds)
    at = [found[min(len(found) - 1, int(len(found) * part))] * 1e3 for part in (0.5, 0.95, 0.999)]
    print(f"{name:34}{at[0]:8.1f}{at[1]:8.1f}{at[2]:8.1f}{found[-1] * 1e3:8.1f}{len(found):7}", flush=True)


def memory() -> int:
    """Most megabytes so far."""
    status = Path("/proc/self/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in status.splitlines() if line.startswith("VmHWM"))


async def until(condition: object, limit: float = 600.0) -> float:
    """Wait; returns how long it took."""
    assert callable(condition)
    begun = time.perf_counter()
    async with time_limit(limit):
        while not condition():  # noqa: ASYNC110 not all of it is announced
            await asyncio.sleep(0.001)
    return time.perf_counter() - begun


def drawn(pane: LogPane) -> list[str]:
    """The rows on the screen, drawn now."""
    return [strip.text for strip in pane.render_lines(pane.size.region)]


async def press(name: str, app: EspmonApp, pane: LogPane, keys: Sequence[str]) -> None:
    """Print the seconds from each press until its page is drawn, and the screen's processor time for it.

    On a machine that is busy with something else only the second says what the program needs.
    """
    found, used = [], []
    for key in keys:
        before, begun, busy = pane.pager.place, time.perf_counter(), time.thread_time()
        app.simulate_key(key)
        await asyncio.sleep(0)
        async with time_limit(10):
            while pane.pager.place == before and time.perf_counter() - begun < 0.5:  # noqa: ASYNC110
                await asyncio.sleep(0)
        drawn(pane)
        found.append(time.perf_counter() - begun)
        used.append(time.thread_time() - busy)
        await asyncio.sleep(0.02)
    told(name, found)
    told("    processor", used)


async def measure(app: EspmonApp, count: int, keys: int) -> None:
    """Everything on one log."""
    async with app.run_test(size=SIZE) as pilot:
        opened = time.perf_counter()
        await until(lambda: app.monitor.pane.size.height > 10 and "packet" in "".join(drawn(app.monitor.pane)))
        print(f"first page after {time.perf_counter() - opened:.2f} s; {memory()} MB")
        lag, begun = Lag(), time.perf_counter()
        await until(lambda: len(app.monitor.pane.store) >= count)
        print(f"all {count:,} lines read after {time.perf_counter() - begun:.1f} s; {memory()} MB")
        told("loop lag while reading", lag.seen)
        lag.stop()
        lag, begun = Lag(), time.perf_counter()
        pane = app.monitor.pane
        pane.focus()
        await until(lambda: not pane.levels.behind)
        print(f"all heads read after {time.perf_counter() - begun:.1f} s; {memory()} MB")
        told("loop lag while reading heads", lag.seen)
        lag.stop()
        pane.go_to_line(count // 2)
        await press("page up", app, pane, ["pageup"] * keys)
        await press("page down", app, pane, ["pagedown"] * keys)
        await press("home, end", app, pane, ["home", "end"] * (keys // 2))
        await asyncio.sleep(0.5)
        for name, query in (("needle", TextQuery("needle")), ("/need.e in/", TextQuery("need.e in", regex=True))):
            lag, begun = Lag(), time.perf_counter()
            pane.set_search(query)
            await until(lambda: pane.queries.count > 0)
            first = time.perf_counter() - begun
            await until(lambda: not pane.queries.searching)
            print(f"search for {name}: first {first:.2f} s, all {time.perf_counter() - begun:.2f} s; {memory()} MB")
            told("loop lag while searching", lag.seen)
            lag.stop()
        await press("next match", app, pane, ["n"] * keys)
        for name, show in (
            ("E W", LineFilter(frozenset("EW"))),
            ("rssi -77", LineFilter(include=TextQuery("rssi -77"))),
            ("needle", LineFilter(include=TextQuery("needle"))),
        ):
            lag, begun = Lag(), time.perf_counter()
            pane.set_search(None)
            pane.set_filter(show)
            await until(lambda: pane.view.scan is not None)
            first = time.perf_counter() - begun
            await until(lambda: not pane.queries.filtering)
            words = f"{len(pane.view):,} rows; {memory()} MB"
            print(f"filter {name}: first {first:.2f} s, all {time.perf_counter() - begun:.2f} s, {words}")
            told("loop lag while filtering", lag.seen)
            lag.stop()
            pane.go_to_end()
            await press("page up in it", app, pane, ["pageup"] * min(keys, len(pane.view) // SIZE[1]))
            pane.set_filter(LineFilter())
        await pilot.pause()
        app.exit(0)


class Flood:
    """A board that sends so many lines as fast as they are taken, and goes on at a rate.

    Args:
        count: lines that come first.
        rate: bytes a second after them.
    """

    def __init__(self, count: int, rate: int) -> None:
        self.handle = MemoryHandle("memory://board")
        self._blocks = count // 10_000
        self._rate = rate

    async def open(self, url: str, *, baud: int, no_reset: bool) -> MemoryHandle:
        """The port."""
        return self.handle

    async def send(self) -> None:
        """Send until the loop ends."""
        block = lines(10_000 - 1) + RARE + b"\r\n"
        for _ in range(self._blocks):
            for at in range(0, len(block), PIECE):
                self.handle.inject(block[at : at + PIECE])
                while self.handle.unread > MAX_WAITING:  # noqa: ASYNC110 nothing announces it
                    await asyncio.sleep(TICK)
        begun, sent = time.perf_counter(), 0
        while True:
            await asyncio.sleep(TICK)
            due = int((time.perf_counter() - begun) * self._rate)
            self.handle.inject((block * 2)[sent % len(block) :][: due - sent])
            sent = due


def recorded(path: Path, runner: LoopThread) -> EspmonApp:
    """The screen on a file."""
    replay = Replay(open_source(path), ReplayWish())
    settings = Settings(recording=False, start_in="log")
    session = runner.make(lambda: replay.begin(settings, lambda whole: app.supersede(whole)))
    app = EspmonApp(runner, session, OpenRequest(str(path), name="bench"), settings=settings)
    return app


def live(folder: Path, runner: LoopThread, flood: Flood, store_bytes: int) -> EspmonApp:
    """The screen on a running session."""
    settings = Settings(store_bytes=store_bytes, recording_bytes=1 << 34, sessions_bytes=1 << 35, start_in="log")
    access = PortAccess(opener=flood.open)
    session = runner.make(lambda: Session(settings=settings, folder=folder, access=access))
    runner.submit(flood.send())
    return EspmonApp(runner, session, OpenRequest("memory://board", name="bench"), settings=settings)


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=10_000_000)
    parser.add_argument("--keys", type=int, default=60)
    parser.add_argument("--live", action="store_true", help="a running session in place of a file")
    parser.add_argument("--rate", type=int, default=1_000_000, help="with --live: bytes a second behind them")
    parser.add_argument("--memory", type=int, default=512, help="with --live: megabytes, the others are read from disk")
    options = parser.parse_args()
    # As the program has it.
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(YOUNG_OBJECTS)
    gc.freeze()
    with tempfile.TemporaryDirectory() as folder, LoopThread() as runner:
        print(f"{'':34}{'p50':>8}{'p95':>8}{'p99.9':>8}{'worst':>8}{'n':>7}  (ms)")
        if options.live:
            app = live(Path(folder), runner, Flood(options.lines, options.rate), options.memory << 20)
        else:
            path = Path(folder) / "board.log"
            make(path, options.lines)
            print(f"{options.lines:,} lines, {path.stat().st_size / 1e6:.0f} MB")
            app = recorded(path, runner)
        asyncio.run(measure(app, options.lines, options.keys))
        print(f"most memory: {memory()} MB")


if __name__ == "__main__":
    main()
