"""What a log costs on its way to the outer terminal: bytes written for each byte of log, and processor time a MB.

The installed program follows a pseudo-terminal port on a real terminal of 120x40 and of 160x50, at the speed of a
serial line (115200 baud: 11,520 bytes a second) and at 1 MB/s. In the same run `tio` and `picocom`, which pass bytes
through and keep nothing, follow the same log at 1 MB/s.

The log has errors and warnings for the map; `--crashes` adds a crash and the boot after it every 100 kB, which fold and
stand on the map, with a rail; `--boards 4` follows so many ports at once, in the timeline of all of them.

python -m tests.benchmarks.terminal_bytes [--seconds 20] [--rounds 1] [--size 120x40 --size 160x50] [--no-diff]
                                          [--crashes] [--boards 4]
"""

from __future__ import annotations

import argparse
import random
import shutil
import statistics
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from espmon.sim.xtensa import panic_text
from tests.benchmarks.session_follow import Run, feed, follow, idle
from tests.benchmarks.tui_terminal import Terminal

LINE_RATE, FAST_RATE = 11_520, 1_000_000
"""Bytes a second: a serial line at 115200 baud, and USB."""

FAST_SECONDS = 6.0

CRASH_EVERY = 100_000
"""Bytes of log between two crashes."""

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


def log(size: int, *, crash_every: int = 0) -> bytes:
    """About `size` bytes of ESP-IDF log as an application prints it: 65 bytes a line on average, colours included.

    Args:
        size: bytes.
        crash_every: bytes from one crash, and the boot after it, to the next; 0: there is none.
    """
    chance = random.Random(14)
    lines: list[str] = []
    milliseconds, left = 312, size
    crash = size - crash_every // 2 if crash_every else -1
    while left > 0:
        if left <= crash:
            crash -= crash_every
            lines.append(
                f"{panic_text('panic', '0' * 64)}\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
            )
            left -= len(lines[-1])
        level = chance.choice(LEVELS)
        tag, message = chance.choice(MESSAGES)
        text = message.format(a=chance.randrange(100), b=chance.randrange(100), n=chance.randrange(1_000_000))
        start = COLOURS[level]
        milliseconds += chance.randrange(12)
        lines.append(f"{start}{level} ({milliseconds}) {tag}: {text}{chr(27) + '[0m' if start else ''}\r\n")
        left -= len(lines[-1])
    return "".join(lines).encode()


def espmon(
    size: tuple[int, int], rate: int, seconds: float, *, diff: bool = True, crashes: bool = False, boards: int = 1
) -> Run:
    """One run of the installed program, recording included. With several boards in the timeline of all of them."""
    program = [str(Path(sys.executable).with_name("espmon"))]
    data = log(int(rate * seconds), crash_every=CRASH_EVERY if crashes else 0)
    with tempfile.TemporaryDirectory() as home:
        if not diff:
            (Path(home) / "espmon").mkdir()
            (Path(home) / "espmon" / "config.toml").write_text("terminal_diff = false\n")
        if boards > 1:
            return timeline(program, data, rate, Path(home), size, boards)
        return follow(program, b"rec", data, rate, Path(home), size=size)


def timeline(program: list[str], data: bytes, rate: int, home: Path, size: tuple[int, int], boards: int) -> Run:
    """One run on several boards that send the same, looking at all of them; the figures are for one board's bytes."""
    with ExitStack() as stack:
        feeds = [stack.enter_context(feed()) for _ in range(boards)]
        environment = dict.fromkeys(("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME"), str(home))
        command = [*program, *(one.path for one in feeds)]
        terminal = stack.enter_context(Terminal(command, columns=size[0], rows=size[1], environment=environment))
        terminal.wait_for(b"rec")
        while len(list(home.rglob("stream.bin"))) < boards:
            terminal.drain(0.1)
        terminal.drain(1.0)
        terminal.press(b"\x1b")
        terminal.drain(0.5)
        terminal.press(b"0")
        terminal.drain(1.0)
        before = terminal.cpu()
        senders = [one.send(data, rate) for one in feeds]
        seconds = len(data) / rate
        painted = terminal.drain(seconds)
        while any(sender.is_alive() for sender in senders):
            painted += terminal.drain(0.1)
        took = terminal.cpu() - before
        terminal.drain(1.0)
        recorded = [path.read_bytes() for path in home.rglob("stream.bin")]
        lost = sum(len(data) - len(one) if data.startswith(one) else len(data) for one in recorded)
        late = max(one.late for one in feeds)
    return Run(took / (seconds + late), took / boards, painted / seconds / boards, late, lost)


def main() -> None:
    """Measure each size at each rate beside the peers, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each run at 115200 baud (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--size", action="append", metavar="COLUMNSxROWS")
    parser.add_argument("--no-diff", action="store_true", help="Textual's own writes")
    parser.add_argument("--crashes", action="store_true", help="crashes in the log: folds, rails, signs on the map")
    parser.add_argument("--boards", type=int, default=1, help="so many ports, in their timeline (default: 1)")
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
                run = espmon(
                    (columns, rows),
                    rate,
                    seconds,
                    diff=not options.no_diff,
                    crashes=options.crashes,
                    boards=options.boards,
                )
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
