"""Flash beside esptool, in one run, over TCP and over a PTY: 2.4 MB in three regions.

    python -m tests.benchmarks.flash_speed [ROUNDS]

The loader runs in a process of its own. Prints medians and ratios: a verify in process (at most 1/10 of the process
`esptool verify-flash`), the process `espmon flash verify` (at most 0.5 over TCP), the process `espmon flash write` on
an empty flash (at most 1/3 of `esptool write-flash`), and the commands that a second verify in the same stay sends.
Returns 1 when a limit is missed. Times of both sides are taken alternately, since other work slows both down.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from espmon.port import open_handle
from espmon.rom.loader_session import LoaderSession
from espmon.rom.protocol import Op
from espmon.session.flash_job import FlashJob, run_flash
from espmon.session.flash_plan import FlashPlan, from_pairs
from espmon.testing import MockChannel
from tests.benchmarks.flash_server import FlashServer
from tests.rom.test_image import image

SECONDS = 120
LIMITS = {"verify in process": 0.1, "espmon flash verify": 0.5, "espmon flash write": 1 / 3}
PTY_VERIFY = "the mock keeps a stub on its PTY between clients, so esptool uploads none there"


def firmware(size: int, seed: int) -> bytes:
    """Bytes that compress as code does, to about half."""
    source = random.Random(seed)
    words = [source.randbytes(24) for _ in range(400)]
    out = bytearray(image(minimum=0))
    while len(out) < size:
        out += source.choice(words) if source.random() < 0.6 else source.randbytes(16)
    return bytes(out[:size])


def files(folder: Path) -> list[str]:
    """ADDR FILE pairs: bootloader, partition table, application."""
    parts = {"0x0": ("boot", 24 << 10), "0x8000": ("table", 3 << 10), "0x10000": ("app", 2370 << 10)}
    words = []
    for seed, (address, (name, size)) in enumerate(parts.items()):
        path = folder / f"{name}.bin"
        path.write_bytes(firmware(size, seed))
        words += [address, str(path)]
    return words


def _process(*command: str) -> float:
    start = time.perf_counter()
    subprocess.run([sys.executable, "-m", *command], check=True, capture_output=True, timeout=SECONDS)
    return time.perf_counter() - start


def _esptool(url: str, *words: str) -> float:
    return _process("esptool", "--port", url, "--before", "no-reset", "--after", "no-reset", *words)


def _in_process(url: str, plan: FlashPlan) -> float:
    async def work() -> float:
        handle = await open_handle(url)
        start = time.perf_counter()
        end = await run_flash(handle, FlashJob("verify", plan), lambda step, done, total: None)
        seconds = time.perf_counter() - start
        await handle.close()
        assert end.outcome.ok
        return seconds

    return asyncio.run(work())


def _second_verify(plan: FlashPlan) -> Counter[str]:
    """Commands of the second verify in a session that verified, wrote (with a stub) and verified before."""

    async def work() -> Counter[str]:
        pieces = FlashJob("verify", plan).pieces
        async with MockChannel("esp32c3") as channel:
            stay = LoaderSession(channel)
            await stay.enter()
            await stay.verify(pieces)
            await stay.write(pieces)
            before = len(channel.peer.requests)
            assert (await stay.verify(pieces)).ok
            assert channel.peer.counts[Op.MEM_END] == 1
            return Counter(Op(number).name for number, _ in channel.peer.requests[before:])

    return asyncio.run(work())


def compare(kind: str, words: list[str], rounds: int) -> int:
    """Measure one transport; the number of limits that were missed."""
    plan = from_pairs(words)
    times: dict[str, list[float]] = {}

    def note(name: str, seconds: float) -> None:
        times.setdefault(name, []).append(seconds)

    for _ in range(rounds):
        with FlashServer(kind, "esp32c3") as url:
            note("esptool write-flash", _esptool(url, "write-flash", "--flash-size", "keep", *words))
            note("esptool verify-flash", _esptool(url, "verify-flash", *words))
            note("verify in process", _in_process(url, plan))
            note("espmon flash verify", _process("espmon", "flash", "verify", url, *words, "--yes"))
        with FlashServer(kind, "esp32c3") as url:
            note("espmon flash write", _process("espmon", "flash", "write", url, *words, "--yes"))
    medians = {name: statistics.median(values) for name, values in times.items()}
    missed = 0
    for name, limit in LIMITS.items():
        peer = "esptool write-flash" if name.endswith("write") else "esptool verify-flash"
        ratio = medians[name] / medians[peer]
        counts = not (kind == "pty" and name == "espmon flash verify")
        missed += counts and ratio > limit
        print(
            f"{kind}: {name:<20} {medians[name] * 1000:7.1f} ms   {peer} {medians[peer] * 1000:7.1f} ms   "
            f"ratio {ratio:.3f} (at most {limit:.3f}{'' if counts else '; not judged here: ' + PTY_VERIFY})",
            flush=True,
        )
    return missed


def main() -> int:
    """Measure and print; returns 1 when a limit is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    with tempfile.TemporaryDirectory() as folder:
        words = files(Path(folder))
        missed = sum(compare(kind, words, rounds) for kind in ("tcp", "pty"))
        commands = _second_verify(from_pairs(words))
    print("second verify in one session: " + ", ".join(f"{count} {name}" for name, count in commands.items()))
    return 1 if missed or any(name.startswith("MEM") for name in commands) else 0


if __name__ == "__main__":
    raise SystemExit(main())
