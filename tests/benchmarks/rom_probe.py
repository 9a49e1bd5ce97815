"""A probe beside `esptool flash-id`, in one run, over TCP and over a PTY.

    python -m tests.benchmarks.rom_probe [ROUNDS]

Prints for each transport the least time of `await probe(handle)` in process (at most 1/30 of esptool's process), of
the whole `espmon probe --json` process (at most 0.6 of it), and the time a probe without flash id takes from reset to
result at 115200 baud's line time, with every byte paced (at most 0.3 s).
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from espmon.port import open_handle
from espmon.rom import load_chips, probe
from espmon.testing import MockChannel, Quirks
from tests.benchmarks.flash_server import FlashServer
from tests.rom.server import pty_loader
from tests.rom.virtual import Board, run

LOADERS: dict[str, Callable[[str], AbstractContextManager[str]]] = {
    "tcp": lambda chip: FlashServer("tcp", chip),
    "pty": pty_loader,
}
"""Transport -> a mock loader in a process of its own, which shares no interpreter lock with what is measured."""

PYTHON = Path(sys.executable)


def _in_process(url: str) -> float:
    async def work() -> float:
        handle = await open_handle(url)
        start = time.perf_counter()
        await probe(handle)
        seconds = time.perf_counter() - start
        await handle.close()
        return seconds

    return asyncio.run(work())


def _process(command: Sequence[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, timeout=60)
    return time.perf_counter() - start


def _compared(kind: str, rounds: int) -> tuple[float, float, float]:
    """Least seconds of esptool, of the probe alone and of espmon: other load on the machine only ever adds.

    Taken in turns, so that all see the same machine, and each on a loader that was just entered, as after a reset.
    """
    tool, ours = str(PYTHON.with_name("esptool")), str(PYTHON.with_name("espmon"))
    times = []
    for _ in range(rounds):
        with LOADERS[kind]("esp32c3") as url:
            peer = _process([tool, "--port", url, "--before", "no-reset", "--after", "no-reset", "flash-id"])
        with LOADERS[kind]("esp32c3") as url:
            times.append((peer, _in_process(url), _process([ours, "probe", url, "--yes", "--json"])))
    peer, alone, whole = (min(column) for column in zip(*times, strict=True))
    return peer, alone, whole


def _line_time(chip: str) -> tuple[float, float]:
    """Seconds from the reset to the identity, and to the end of the probe, on the wall clock with paced bytes."""

    async def work() -> tuple[float, float]:
        quirks = Quirks(paced=True)
        async with MockChannel(chip, quirks) as channel:
            start = time.perf_counter()
            known = start

            def tell(text: str) -> None:
                nonlocal known
                known = time.perf_counter() if text.startswith("Restarting") else known

            await probe(channel, flash_id=False, on_progress=tell)
            return known - start, time.perf_counter() - start

    return asyncio.run(work())


def _virtual_line_time(registers: dict[int, int], chip_id: int | None) -> float:
    """The same on a virtual clock, exactly, from the start of the entry sequence (0.15 s) to the identity."""

    async def work() -> float:
        loop = asyncio.get_running_loop()
        times: list[tuple[float, str]] = []
        board = Board(chip_id=chip_id, registers=registers, paced=True)
        await probe(board, flash_id=False, on_progress=lambda text: times.append((loop.time(), text)))
        start = next(when for when, text in times if text.startswith("Resetting"))
        return next(when for when, text in times if text.startswith("Restarting")) - start

    return run(work())


def main() -> int:
    """Measure and print; returns 1 when a limit is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    missed = 0
    for kind in ("tcp", "pty"):
        peer, ours, whole = _compared(kind, rounds)
        print(f"{kind}: esptool flash-id {peer * 1000:7.1f} ms")
        print(f"{kind}: probe in process {ours * 1000:7.1f} ms   1/{peer / ours:.0f} (at most 1/30)")
        print(f"{kind}: espmon probe     {whole * 1000:7.1f} ms   {whole / peer:.2f} (at most 0.60)")
        missed += (ours > peer / 30) + (whole > 0.6 * peer)
    slowest = max((_line_time(key), key) for key in load_chips().chips)
    print(f"115200 baud, paced bytes: identity in {slowest[0][0]:.3f} s, all in {slowest[0][1]:.3f} s ({slowest[1]})")
    exact = max(_virtual_line_time({0x40001000: 0x00F01D83}, None), _virtual_line_time({}, 9))
    print(f"115200 baud, virtual clock, start of the reset (0.15 s) to identity: {exact:.3f} s (at most 0.30)")
    missed += exact > 0.3
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
