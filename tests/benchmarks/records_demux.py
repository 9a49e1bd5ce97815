"""How fast the stream is taken apart, beside esp-idf-monitor on the same stream through a PTY in the same run.

Run: python -m tests.benchmarks.records_demux [MEGABYTES]     (default 50 for espmon, a fifth of it for the peer)

What is compared: a sender process writes ESP-IDF log text (half of it coloured) into a PTY; this process reads the
other end and feeds each read to the pipeline. For espmon that is `Demultiplexer.feed`, once as blocks and once with a
record made of each line. The peer is measured twice, with a console that drops its output: its input handler alone
(`SerialHandlerNoElf.handle_serial_input` with line matcher and auto colour), and with its own `SerialReader` thread and
event queue in front, but without its timers and its terminal. Whole programs are compared in `records_peer`. Bytes are
counted per CPU second of this process, reading from the PTY included.
"""

from __future__ import annotations

import os
import queue
import random
import resource
import subprocess
import sys
import time
import tty
from collections.abc import Callable
from pathlib import Path
from typing import Any

from espmon.records import Demultiplexer, LineBlock
from espmon.session.binlog_strings import BinlogStrings

TAGS = (
    "wifi",
    "boot",
    "main_task",
    "heap_init",
    "esp_netif_handlers",
    "app",
    "sensor",
    "http_server",
    "nvs",
    "example",
)
MESSAGES = (
    "state: run -> init ({})", "Temperature is {}.{} C", "free heap {} bytes, largest block {}", "RTC: period {} us",
    "GET /api/v1/status from 192.168.1.{} took {} ms", "connected to ap, rssi -{}, channel {}", "task done {}",
)  # fmt: skip
PEER_LINES_PER_SECOND = 607
"""Binary log lines a second of esp-idf-monitor 1.10."""

SENDER = """
import os, sys
block = sys.stdin.buffer.read()
left = int(sys.argv[1])
while left:
    left -= os.write(1, block[:min(left, 65536)])
    block = block[65536:] + block[:65536]
"""


def log_text(lines: int = 20_000) -> bytes:
    """ESP-IDF log lines, every other one coloured; the same on each run."""
    chance = random.Random(1)
    rows = []
    for number in range(lines):
        level = chance.choices("IWEDV", (70, 10, 5, 10, 5))[0]
        text = chance.choice(MESSAGES).format(*(chance.randrange(1, 999) for _ in range(2)))
        row = f"{level} ({number * 13}) {chance.choice(TAGS)}: {text}"
        colour = {"I": 32, "W": 33, "E": 31}.get(level, 36)
        rows.append(f"\x1b[0;{colour}m{row}\x1b[0m\r\n" if number % 2 else row + "\r\n")
    return "".join(rows).encode()


def through_pty(block: bytes, size: int, take: Callable[[bytes], object]) -> float:
    """CPU seconds of this process for reading `size` bytes from a PTY and giving them to `take`."""
    master, slave = os.openpty()
    tty.setraw(slave)
    tty.setraw(master)
    sender = subprocess.Popen([sys.executable, "-c", SENDER, str(size)], stdin=subprocess.PIPE, stdout=master)
    assert sender.stdin is not None
    sender.stdin.write(block)
    sender.stdin.close()
    begin = time.process_time()
    left = size
    while left:
        data = os.read(slave, 65536)
        left -= len(data)
        take(data)
    spent = time.process_time() - begin
    sender.wait()
    os.close(master)
    os.close(slave)
    return spent


def peer() -> Callable[[bytes], object]:
    """The input handler of esp-idf-monitor, with a console that drops what it is given."""
    import serial
    from esp_idf_monitor.base.line_matcher import LineMatcher
    from esp_idf_monitor.base.logger import Logger
    from esp_idf_monitor.base.serial_handler import SerialHandlerNoElf

    class Console:
        def write_bytes(self, data: bytes) -> None:
            pass

    logger = Logger([], Console(), False, "", False, "")
    port = serial.serial_for_url("loop://", do_not_open=True)
    handler: Any = SerialHandlerNoElf(
        b"", logger, "disable", 0, b"", "esp32", False, False, port, False, [], "", False,
    )  # fmt: skip
    matcher = LineMatcher("")
    return lambda data: handler.handle_serial_input(data, None, None, None, matcher, None)


def peer_with_its_reader(block: bytes, size: int) -> float:
    """CPU seconds of the peer's reader thread, event queue and input handler for `size` bytes from a PTY."""
    import serial
    from esp_idf_monitor.base.serial_reader import SerialReader

    master, slave = os.openpty()
    tty.setraw(slave)
    tty.setraw(master)
    port = serial.Serial(os.ttyname(slave), 115200)
    events: queue.Queue[tuple[int, bytes]] = queue.Queue()
    reader = SerialReader(port, events, False, 1, "esp32")
    handle = peer()
    sender = subprocess.Popen([sys.executable, "-c", SENDER, str(size)], stdin=subprocess.PIPE, stdout=master)
    assert sender.stdin is not None
    sender.stdin.write(block)
    sender.stdin.close()
    begin = time.process_time()
    reader.start()
    left = size
    while left > 0:
        _, data = events.get(timeout=30)
        left -= len(data)
        handle(data)
    spent = time.process_time() - begin
    sender.wait()
    reader.stop()
    os.close(master)
    os.close(slave)
    return spent


def portions(block: bytes, size: int, *, records: bool, count: int) -> float:
    """Best nanoseconds a byte of feeding `block` in reads of `size`, over `count` runs."""
    chunks = [block[at : at + size] for at in range(0, len(block), size)]
    best = float("inf")
    for _ in range(count):
        feed = Demultiplexer().feed
        begin = time.process_time()
        if records:
            for chunk in chunks:
                for _record in feed(chunk):
                    pass
        else:
            for chunk in chunks:
                feed(chunk)
        best = min(best, (time.process_time() - begin) / len(block) * 1e9)
    return best


def binary_log(folder: Path) -> None:
    """Lines a second of the binary log stream, if the real one is there."""
    if not folder.is_dir():
        print("binary log: no stream beside the checkout, not measured")
        return
    data = (folder / "stream.bin").read_bytes()
    frames = data[data.index(b"\x01\x0c\x31") :]
    demux = Demultiplexer(strings=BinlogStrings([folder / "log.elf", folder / "bootloader.elf"]))
    begin = time.process_time()
    lines = 0
    for _ in range(1000):
        lines += sum(len(part) for part in demux.feed(frames).parts if isinstance(part, LineBlock))
    rate = lines / (time.process_time() - begin)
    print(f"binary log: {rate:,.0f} lines a CPU second, {rate / PEER_LINES_PER_SECOND:.0f} times the peer's 607")


def main() -> None:
    """Measure and print."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 50
    block = log_text()
    by_line = Demultiplexer()
    share = size * 1_000_000 // 5
    rates = {"esp-idf-monitor, reader and handler": share / peer_with_its_reader(block, share) / 1e6}
    runs: tuple[tuple[str, Callable[[bytes], object], int], ...] = (
        ("esp-idf-monitor, its handler alone", peer(), share),
        ("espmon, feed", Demultiplexer().feed, share * 5),
        ("espmon, feed and a record a line", lambda data: sum(1 for _ in by_line.feed(data)), share * 5),
    )
    for name, take, count in runs:
        rates[name] = count / through_pty(block, count, take) / 1e6
    for name, rate in rates.items():
        print(f"PTY  {name:36} {rate:7.1f} MB a CPU second, {rate / next(iter(rates.values())):5.1f} times")
    for records in (False, True):
        costs = {width: portions(block, width, records=records, count=5) for width in (65536, 4096, 64)}
        costs[1] = portions(block[:100_000], 1, records=records, count=3)
        for width, cost in costs.items():
            what = "feed and records" if records else "feed"
            print(
                f"{what:17} reads of {width:5}: {cost:7.1f} ns a byte, {cost / costs[65536]:5.1f} times that of 64 KiB"
            )
    binary_log(Path(__file__).resolve().parents[3] / "shared" / "data" / "binlog")
    feed = Demultiplexer().feed
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(1_000_000_000 // len(block)):
        for at in range(0, len(block), 65536):
            feed(block[at : at + 65536])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"memory: the peak grew by {grown / 1024:.1f} MiB over 1 GB")


if __name__ == "__main__":
    main()
