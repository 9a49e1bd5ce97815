"""What a log costs on its way to the outer terminal: bytes written for each byte of log, and processor time a MB.

The installed program follows a pseudo-terminal port on a real terminal of 120x40 and of 160x50, at the speed of a
serial line (115200 baud: 11,520 bytes a second) and at 1 MB/s. In the same run `tio` and `picocom`, which pass bytes
through and keep nothing, follow the same log at 1 MB/s.

python -m tests.benchmarks.terminal_bytes [--seconds 20] [--rounds 1] [--size 120x40 --size 160x50] [--no-diff]
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.session_follow import Run, follow, idle

LINE_RATE, FAST_RATE = 11_520, 1_000_000
"""Bytes a second: a serial line at 115200 baud, and USB."""

FAST_SECONDS = 6.0

MAX_BYTES_PER_BYTE = 4.0
MAX_RATIO_LINE, MAX_RATIO_FAST = 10.0, 0.3
"""Processor time a MB, as parts of what tio takes at 1 MB/s."""

PEERS = {"tio": b"onnected", "picocom": b"erminal ready"}
"""Program -> what it prints when it follows."""

MESSAGES = (
    ("wifi", "state: {a} -> {b} (b0)"),
    ("wifi", "connected with workshop, aid = {a}, channel {b}, BW20, bssid = 84:0d:8e:{a:02x}:{b:02x}:3c"),
    ("esp_netif_handlers", "sta ip: 192.168.{a}.{b}, mask: 255.255.255.0, gw: 192.168.{a}.1"),
    ("mqtt_client", "Sending MQTT PUBLISH message, type: 3, id: {n}, length {a}"),
    ("sensor", "temperature {a}.{b} C, humidity {b} %, pressure 10{a:02d} hPa"),
    ("main", "free heap {n} bytes, largest block {n}"),
    ("heap_init", "At 3FFAE6E0 len 00001920 (6 KiB): DRAM"),
    (
        "http_server",
        "GET /api/v1/values?from={n}&to={n} 200 {a} ms from 10.0.{a}.{b}, keep-alive, gzip, {n} bytes sent",
    ),
    ("task_wdt", "loop {n}"),
    ("bt", "gap event {a} handle {b} reason 0x{a:02x}"),
)
LEVELS = "IIIIIIDDWE"
COLOURS = {"I": "\x1b[0;32m", "W": "\x1b[0;33m", "E": "\x1b[0;31m", "D": ""}


def log(size: int) -> bytes:
    """About `size` bytes of ESP-IDF log as an application prints it: 65 bytes a line on average, colours included."""
    chance = random.Random(14)
    lines: list[str] = []
    milliseconds, left = 312, size
    while left > 0:
        level = chance.choice(LEVELS)
        tag, message = chance.choice(MESSAGES)
        text = message.format(a=chance.randrange(100), b=chance.randrange(100), n=chance.randrange(1_000_000))
        start = COLOURS[level]
        milliseconds += chance.randrange(12)
        lines.append(f"{start}{level} ({milliseconds}) {tag}: {text}{chr(27) + '[0m' if start else ''}\r\n")
        left -= len(lines[-1])
    return "".join(lines).encode()


def espmon(size: tuple[int, int], rate: int, seconds: float, *, diff: bool = True) -> Run:
    """One run of the installed program, recording included."""
    program = [str(Path(sys.executable).with_name("espmon"))]
    with tempfile.TemporaryDirectory() as home:
        if not diff:
            (Path(home) / "espmon").mkdir()
            (Path(home) / "espmon" / "config.toml").write_text("terminal_diff = false\n")
        return follow(program, b"rec", log(int(rate * seconds)), rate, Path(home), size=size)


def main() -> None:
    """Measure each size at each rate beside the peers, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run at 115200 baud (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--size", action="append", metavar="COLUMNSxROWS")
    parser.add_argument("--no-diff", action="store_true", help="Textual's own writes")
    options = parser.parse_args()
    names = options.size or ["120x40", "160x50"]
    fast = log(int(FAST_RATE * FAST_SECONDS))
    raw: dict[str, list[float]] = {}
    ours: dict[tuple[str, int], list[tuple[float, float]]] = {}
    for _ in range(options.rounds):
        for peer, ready in PEERS.items():
            if found := shutil.which(peer):
                run = follow([found], ready, fast, FAST_RATE, None)
                raw.setdefault(peer, []).append(run.cost / len(fast) * 1e6)
        for name in names:
            columns, rows = (int(number) for number in name.split("x"))
            for rate, seconds in ((LINE_RATE, options.seconds), (FAST_RATE, FAST_SECONDS)):
                run = espmon((columns, rows), rate, seconds, diff=not options.no_diff)
                assert not run.lost, f"{run.lost} bytes are missing in the recording"
                sent = rate * seconds
                ours.setdefault((name, rate), []).append((run.painted * seconds / sent, run.cost / sent * 1e6))
    peers = {peer: statistics.median(costs) for peer, costs in raw.items()}
    for peer, cost in peers.items():
        print(f"{peer}: {cost:.3f} processor seconds a MB at 1 MB/s")
    for (name, rate), runs in ours.items():
        painted, cost = (statistics.median(one) for one in zip(*runs, strict=True))
        beside = ", ".join(f"{cost / max(other, 1e-3):.2f} x {peer}" for peer, other in peers.items())
        print(f"{name} at {rate:,} bytes/s: {painted:.2f} bytes a byte, {cost:.3f} processor seconds a MB ({beside})")
    print(f"idle: {idle([str(Path(sys.executable).with_name('espmon'))], b'rec', options.seconds):.2%} of a core")
    print(
        f"wanted: at most {MAX_BYTES_PER_BYTE:g} bytes a byte at 115200 baud; of tio's processor time at most "
        f"{MAX_RATIO_LINE:g} times at 115200 baud, {MAX_RATIO_FAST:g} times at 1 MB/s"
    )


if __name__ == "__main__":
    main()
