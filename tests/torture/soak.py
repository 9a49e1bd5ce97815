"""A fast board for a long time: memory, keys, and every byte.

    python -m tests.torture.soak [--minutes N] [--rate BYTES] [--store BYTES]

The installed program, in a pseudo-terminal, on a board that sends `--rate` bytes a second of which 1 % are panics,
each at other addresses. Once a minute: resident memory, and the time from a key to the picture that it makes. At the
end: what is recorded is what was sent. The slope of the memory is taken from when the history is full.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import threading
import time
from itertools import count
from pathlib import Path

from tests.torture.window import KEYS_TO_LOG, PtyBoard, Window

PANIC = """\
Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.

Core  0 register dump:
PC      : 0x{pc:08x}  PS      : 0x00060330  A0      : 0x800d1a2b  A1      : 0x3ffb5e20
A2      : 0x00000000  A3      : 0x3ffb5e40  A4      : 0x00000001  A5      : 0x3ffb5e60
EXCVADDR: 0x00000000  LBEG    : 0x400014fd  LEND    : 0x4000150d  LCOUNT  : 0xfffffffc

Backtrace: 0x{pc:08x}:0x3ffb5e20 0x{caller:08x}:0x3ffb5e40 0x400d1b3c:0x3ffb5e60

ELF file SHA256: 0123456789abcdef

Rebooting...
ets Jul 29 2019 12:21:46

rst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)
"""
PANIC_SHARE = 0.01
"""Of all bytes."""

SLICE_SECONDS = 0.01
"""Between two writes of the board."""

KEY_SECONDS = 10.0
"""Longest wait for a picture."""


class Talker(threading.Thread):
    """Sends at a rate."""

    def __init__(self, board: PtyBoard, rate: int) -> None:
        super().__init__(daemon=True)
        self._board = board
        self._rate = rate
        self._stop_now = threading.Event()
        self.behind = 0.0
        """Longest time that a write was late: the program did not take it."""

    def run(self) -> None:
        """Send until stopped."""
        chance, numbers = random.Random(1), count()
        begin, sent, owed = time.monotonic(), 0, 0.0
        while not self._stop_now.is_set():
            due = int((time.monotonic() - begin) * self._rate) - sent
            if due < 1000:
                self._stop_now.wait(SLICE_SECONDS)
                continue
            parts, size = [], 0
            while size < min(due, 1 << 16):
                if owed > 0:
                    pc = 0x400D0000 + chance.randrange(0x40000)
                    text = PANIC.format(pc=pc, caller=0x400D0000 + chance.randrange(0x40000))
                    owed -= len(text)
                else:
                    number = next(numbers)
                    text = (
                        f"I ({number}) app: sensor {number % 7} says {number * 7919 % 10007}, heap {number % 4096}\r\n"
                    )
                    owed += len(text) * PANIC_SHARE
                parts.append(text)
                size += len(text)
            self._board.send("".join(parts).encode())
            sent += size
            self.behind = max(self.behind, time.monotonic() - begin - sent / self._rate)

    def stop(self) -> None:
        """Send no more."""
        self._stop_now.set()
        self.join()


def resident(pid: int) -> float:
    """Resident memory of a process, in MB."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise ProcessLookupError(pid)


def processor(pid: int) -> float:
    """Processor time of a process, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def key_to_picture(window: Window) -> float:
    """Seconds from a key to the picture that it makes: wrapping on, as the status row says."""
    del window.seen[:]
    begin = time.monotonic()
    window.type(b"w")
    window.until(lambda: b"wrap" in window.seen, "the picture of a key", KEY_SECONDS)
    seconds = time.monotonic() - begin
    window.type(b"w")
    return seconds


def main() -> int:
    """Run; the exit code says whether the recording is whole."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--rate", type=int, default=1_000_000, help="bytes a second (default: %(default)s)")
    parser.add_argument("--store", type=int, default=0, help="setting store_bytes")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        settings = 'start_in = "log"\n'
        settings += "recording_bytes = 100000000000\nsessions_bytes = 100000000000\n"
        if options.store:
            settings += f"store_bytes = {options.store}\n"
        (folder / "config" / "espmon").mkdir(parents=True)
        (folder / "config" / "espmon" / "config.toml").write_text(settings)
        board = PtyBoard()
        window = Window(folder, [board.path], settings=KEYS_TO_LOG)
        talker = Talker(board, options.rate)
        try:
            window.shows(b"rec")
            talker.start()
            begin = time.monotonic()
            samples: list[tuple[float, float]] = []
            keys: list[float] = []
            while (elapsed := time.monotonic() - begin) < options.minutes * 60:
                for _ in range(10):
                    keys.append(key_to_picture(window))
                    time.sleep(min(6.0, options.minutes * 6))
                pid = window.process.pid
                samples.append((elapsed / 60, resident(pid)))
                newest = sorted(keys[-10:])
                share = processor(pid) / (time.monotonic() - begin) * 100
                print(
                    f"{elapsed / 60:6.1f} min  {samples[-1][1]:7.1f} MB  key {newest[5] * 1e3:5.0f} ms median, "
                    f"{newest[-1] * 1e3:5.0f} ms worst  {share:4.0f} % of a core",
                    flush=True,
                )
            talker.stop()
            window.type(b"\x1d")
            code = window.ended(60)
            whole = (window.session_folder() / "stream.bin").stat().st_size
            half = samples[len(samples) // 2 :]
            slope = (half[-1][1] - half[0][1]) / max(1e-9, half[-1][0] - half[0][0])
            print(
                f"sent {board.sent:,} bytes, recorded {whole:,}; exit code {code}; late {talker.behind:.2f} s at most"
            )
            most = max(rss for _, rss in samples)
            print(f"memory {slope:+.2f} MB a minute over the second half, {most:.0f} MB most")
            keys.sort()
            median, late = (keys[len(keys) * share // 100] * 1e3 for share in (50, 95))
            print(f"key to picture: p50 {median:.0f} ms, p95 {late:.0f} ms; {len(keys)} keys")
            return 0 if whole == board.sent else 1
        finally:
            window.end()
            board.close()


if __name__ == "__main__":
    sys.exit(main())
