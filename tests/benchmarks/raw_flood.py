"""A board that floods raw mode: neither reading nor keys stall, memory stays, and every byte is in the recording.

python -m tests.benchmarks.raw_flood [--seconds 30] [--rate 1000000] [--kind "log lines"]
"""

from __future__ import annotations

import argparse
import os
import select
import statistics
import sys
import tempfile
import time
import tty
from pathlib import Path

from tests.benchmarks.tui_terminal import Terminal
from tests.torture.raw_floods import CALM, RAW_FLOODS

STEP_SECONDS = 0.005
"""Time between two writes of the board."""

KEY_SECONDS = 0.1
"""Time between two keys."""

ROOM_SECONDS = 1.0
"""Longest that reading may stop, and that a key may take."""


class Flood:
    """A board on a pseudo-terminal that sends at a rate, and hears keys."""

    def __init__(self, master: int, data: bytes) -> None:
        self._master = master
        self._data = data
        self._at = 0
        self._waits_since: float | None = None
        self.sent = 0
        self.stall = 0.0
        """Longest time that nothing was read, in seconds."""

    def send(self, size: int) -> None:
        """Send so many bytes, or what is taken of them."""
        while size > 0:
            piece = self._data[self._at : self._at + min(size, 4096)]
            now = time.perf_counter()
            try:
                taken = os.write(self._master, piece)
            except BlockingIOError:
                self._waits_since = self._waits_since or now
                self.stall = max(self.stall, now - self._waits_since)
                return
            self._waits_since = None
            self.sent += taken
            size -= taken
            self._at = (self._at + taken) % len(self._data)

    def hears(self, key: bytes) -> bool:
        """Whether `key` has come; answers of the emulator come, too."""
        found = False
        while select.select([self._master], [], [], 0)[0]:
            found = key in os.read(self._master, 1 << 16) or found
        return found


def memory(process: int) -> float:
    """Megabytes that a process has resident."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


def run(kind: str, rate: int, seconds: float) -> bool:
    """One flood; prints what was measured and returns whether the floors hold."""
    master, slave = os.openpty()
    tty.setraw(slave)
    os.set_blocking(master, False)
    keys: list[float] = []
    with tempfile.TemporaryDirectory() as home:
        program = [str(Path(sys.executable).with_name("espmon")), os.ttyname(slave), "--raw"]
        environment = {"XDG_DATA_HOME": home, "XDG_CONFIG_HOME": home, "XDG_STATE_HOME": home}
        with Terminal(program, columns=120, rows=40, environment=environment) as terminal:
            terminal.wait_for(b"RAW KEYS")
            terminal.drain(1.0)
            before = memory(terminal.process.pid)
            flood, painted = Flood(master, RAW_FLOODS[kind]), 0
            begin = last = time.perf_counter()
            pressed, due = None, begin + KEY_SECONDS
            while (now := time.perf_counter()) < begin + seconds or pressed is not None:
                flood.send(int(rate * (now - last)))
                last = now
                if pressed is not None and flood.hears(b"k"):
                    keys.append(now - pressed)
                    pressed = None
                elif pressed is not None and now - pressed > 10 * ROOM_SECONDS:
                    raise TimeoutError(f"{kind}: a key did not come in {10 * ROOM_SECONDS:g} s")
                elif pressed is None and now >= due:
                    terminal.press(b"k")
                    pressed, due = now, now + KEY_SECONDS
                painted += terminal.drain(STEP_SECONDS if pressed is None else 0.0005)
            after = memory(terminal.process.pid)
            os.set_blocking(master, True)
            flood.sent += os.write(master, CALM)
            terminal.press(b"\x1d")
            while terminal.process.poll() is None and time.perf_counter() < last + 30:
                terminal.read(0.01)
        (recording,) = Path(home).rglob("stream.bin")
        whole = recording.stat().st_size == flood.sent
    os.close(master)
    os.close(slave)
    p95 = statistics.quantiles(keys, n=20)[-1]
    kept = whole and flood.stall <= ROOM_SECONDS and p95 <= ROOM_SECONDS
    print(
        f"{kind:25} {flood.sent / seconds / 1e6:5.2f} MB/s taken, longest stall {flood.stall * 1000:5.0f} ms, key p95 "
        f"{p95 * 1000:6.1f} max {max(keys) * 1000:6.1f} ms of {len(keys)}, memory {before:.0f} to {after:.0f} MB, "
        f"{painted / seconds / 1e3:.0f} kB/s painted, {'all' if whole else 'NOT all'} recorded"
        f"{'' if kept else ': MISSED'}"
    )
    return kept


def main() -> int:
    """Flood with one kind or with all; the exit code is 1 when a floor was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30.0)
    parser.add_argument("--rate", type=int, default=1_000_000, help="bytes a second (default: %(default)s)")
    parser.add_argument("--kind", choices=RAW_FLOODS, default="log lines", help="or all of them with --all")
    parser.add_argument("--all", action="store_true", help="every kind, one after the other")
    options = parser.parse_args()
    kinds = list(RAW_FLOODS) if options.all else [options.kind]
    return 0 if all(run(kind, options.rate, options.seconds) for kind in kinds) else 1


if __name__ == "__main__":
    sys.exit(main())
