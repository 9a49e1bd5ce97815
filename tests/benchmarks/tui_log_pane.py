"""Processor time of the whole program following a fast log on a real 160x50 terminal, and while idle.

A child process in a pseudo-terminal runs the app on a session whose port delivers bytes at a fixed rate; this process
reads what is painted and reads the child's processor time from /proc. At the end every line must be in the store.

python -m tests.benchmarks.tui_log_pane [--rate 1000000] [--seconds 8]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import tempfile
import time
from pathlib import Path

from tests.benchmarks.tui_terminal import Terminal

TICK = 0.01
"""Seconds between two reads of the pretended port."""


def lines(count: int) -> bytes:
    """Coloured and plain ESP-IDF lines, 83 bytes each on average."""
    texts = []
    for number in range(count):
        level, colour = (("I", b"\x1b[0;32m"), ("W", b"\x1b[0;33m"), ("E", b"\x1b[0;31m"), ("D", b""))[number % 4]
        end = b"\x1b[0m" if colour else b""
        text = f"{level} ({number * 3}) wifi: packet {number:8d} received from the access point, rssi -{number % 90}"
        texts.append(colour + text.encode() + end + b"\r\n")
    return b"".join(texts)


def child(rate: int, seconds: float, report: str) -> None:
    """Run the app; after `seconds` of `rate` bytes a second it goes idle. Writes counts to the file `report`."""
    from espmon.session import LoopThread, Session, Settings
    from espmon.session.connection import PortAccess
    from espmon.session.status import OpenRequest
    from espmon.testing.handles import MemoryHandle
    from espmon.tui.app import EspmonApp

    handle = MemoryHandle("memory://board")

    async def opener(url: str, *, baud: int, no_reset: bool) -> MemoryHandle:
        return handle

    async def feed() -> None:
        data = lines(12_000)
        size = int(rate * TICK)
        sent = 0
        start = time.perf_counter()
        await asyncio.sleep(1.0)
        start += 1.0
        while sent < rate * seconds:
            due = int((time.perf_counter() - start) * rate)
            while sent < due:
                at = sent % len(data)
                part = data[at : at + size]
                handle.inject(part)
                sent += len(part)
            await asyncio.sleep(TICK)
        await asyncio.sleep(0.3)
        store = app.link.session.store
        stored = store.bytes + (0 if store.unfinished is None else store.unfinished.length)
        counts = {"sent": sent, "stored": stored, "frames": app.link.frames}
        await asyncio.to_thread(Path(report).write_text, json.dumps(counts))

    with tempfile.TemporaryDirectory() as folder, LoopThread() as runner:
        settings = Settings(recording=bool(rate), start_in="log")
        session = runner.make(lambda: Session(settings=settings, folder=Path(folder), access=PortAccess(opener=opener)))
        app = EspmonApp(runner, session, OpenRequest("memory://board", name="bench"), settings=settings)
        if rate:
            runner.submit(feed())
        app.run()


def measure(rate: int, seconds: float) -> None:
    """One run: busy share of a core while following (or idle when `rate` is 0)."""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, "report.json")
        command = [sys.executable, "-m", "tests.benchmarks.tui_log_pane", "--child", report]
        command += ["--rate", str(rate), "--seconds", str(seconds)]
        with Terminal(command, environment={"PYTHONPATH": str(Path(__file__).resolve().parents[2])}) as terminal:
            terminal.wait_for(b"rec")
            terminal.drain(1.5 if rate else 2.5)
            before, start = terminal.cpu(), time.perf_counter()
            painted = terminal.drain(seconds - 1.5)
            share = (terminal.cpu() - before) / (time.perf_counter() - start)
            if not rate:
                print(f"idle: {share:.1%} of a core")
                return
            terminal.drain(2.5)
            counts = json.loads(Path(report).read_text())
        frames = counts["frames"] / seconds
        print(
            f"{rate / 1e6:.2f} MB/s: {share:.1%} of a core, {frames:.1f} frames/s, "
            f"{painted / (seconds - 1.5) / 1e3:.0f} kB/s painted, "
            f"{counts['stored']} of {counts['sent']} bytes in the store"
        )


def main() -> None:
    """Parse the command line, run."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rate", type=int, default=1_000_000, help="bytes a second")
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--child", metavar="REPORT")
    options = parser.parse_args()
    if options.child:
        child(options.rate, options.seconds, options.child)
        return
    for rate in (options.rate, 11_520, 0):
        measure(rate, options.seconds)
    print("floors: 35 % of a core at 1 MB/s, 2 % idle, nothing lost")


if __name__ == "__main__":
    main()
