"""What a whole program spends on the log of a board: esp-idf-monitor as its user runs it, and espmon.

Run: python -m tests.benchmarks.records_peer [MEGABYTES]     (default 50 for espmon, a fifth of it for the peer)

A sender writes ESP-IDF log text (half of it coloured) into a PTY. A program in a process of its own reads the other
end until a last line. What is counted is all CPU time of that process, user and system, as `wait4` reports it:
interpreter start and imports included, which lowers the rate of the faster one.

The peer runs with a terminal as stdin and stdout, which the benchmark reads. It refuses a PTY as a port for one reason:
right after opening it sets RTS and DTR, a PTY has no such lines and answers EINVAL or ENOTTY, and the peer takes that
for a port that cannot be opened. It is started here by a launcher that lets these two settings fail in silence and
changes nothing else. Two programs of espmon stand against it: a reader that gives each read to `Demultiplexer.feed` (as
blocks, and with a record made of each line) and prints nothing, and `espmon decode`, which prints the log as the peer
does. The peer's rows with a console that drops its output are in `records_demux`.
"""

from __future__ import annotations

import os
import select
import subprocess
import sys
import tempfile
import threading
import tty
from collections.abc import Callable
from pathlib import Path

from tests.benchmarks.records_demux import log_text

LAST = b"I (1) the: end of it\r\n"
PATIENCE = 60.0
"""Seconds without output after which a program counts as stuck."""

PEER = """
import errno
from serial.serialposix import Serial
def without_lines(name):
    own = getattr(Serial, name)
    def call(self):
        try:
            own(self)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTTY):
                raise
    setattr(Serial, name, call)
for name in ("_update_dtr_state", "_update_rts_state"):
    without_lines(name)
from esp_idf_monitor.idf_monitor import main
main()
"""
READER = """
import os, sys
from espmon.records import Demultiplexer
port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)
print("ready", flush=True)
feed = Demultiplexer().feed
last = sys.argv[3].encode()
while True:
    data = os.read(port, 65536)
    found = feed(data)
    if sys.argv[2] == "records":
        for record in found:
            pass
    if data.endswith(last):
        break
print("the: end of it", flush=True)
"""


def spent(command: Callable[[str], list[str]], block: bytes, size: int, *, leave: bytes = b"") -> tuple[float, int]:
    """CPU seconds of a program that reads `size` bytes from a PTY, and how many bytes it wrote."""
    port, port_end = os.openpty()
    screen, screen_end = os.openpty()
    tty.setraw(port_end)
    tty.setraw(screen_end)
    with tempfile.TemporaryFile() as said:
        program = subprocess.Popen(
            command(os.ttyname(port_end)), stdin=screen_end, stdout=screen_end, stderr=said, close_fds=True
        )
        os.close(screen_end)
        sender = threading.Thread(target=send, args=(port, block, size), daemon=True)
        written = 0
        seen = b""
        started = False
        try:
            while LAST.strip()[6:] not in seen:
                # Sending begins when the program has its port: at its first output, or when it keeps quiet.
                if not select.select([screen], [], [], PATIENCE if started else 3)[0]:
                    if started:
                        raise SystemExit(f"{program.args!r} stopped reading")
                elif output := os.read(screen, 65536):
                    written += len(output)
                    seen = (seen + output)[-200:]
                if not started:
                    started = True
                    sender.start()
            os.write(screen, leave)
            os.close(port_end)
            os.close(port)
            while True:
                try:
                    if not os.read(screen, 65536):
                        break
                except OSError:
                    break
        finally:
            _, _, usage = os.wait4(program.pid, 0)
            program.returncode = 0
            os.close(screen)
    return usage.ru_utime + usage.ru_stime, written


def send(port: int, block: bytes, size: int) -> None:
    """Write `size` bytes of whole lines and the last line."""
    for _ in range(size // len(block)):
        at = 0
        while at < len(block):
            at += os.write(port, block[at : at + 65536])
    os.write(port, LAST)


def main() -> None:
    """Measure and print."""
    block = log_text()
    size = int(sys.argv[1] if len(sys.argv) > 1 else 50) * 1_000_000 // len(block) * len(block)
    share = max(size // 5 // len(block), 1) * len(block)
    last = LAST.decode()
    with tempfile.TemporaryDirectory() as folder:
        launcher = Path(folder, "peer.py")
        launcher.write_text(PEER)
        python = sys.executable
        programs: tuple[tuple[str, Callable[[str], list[str]], int, bytes], ...] = (
            ("esp-idf-monitor", lambda port: [python, str(launcher), "--no-reset", "-p", port], share, b"\x1d"),
            ("espmon, feed", lambda port: [python, "-c", READER, port, "blocks", last], size, b""),
            ("espmon, feed, a record a line", lambda port: [python, "-c", READER, port, "records", last], size, b""),
            ("espmon decode", lambda port: [python, "-m", "espmon", "decode", "--color", "always", port], size, b""),
        )
        peer = 0.0
        for name, command, count, leave in programs:
            seconds, written = spent(command, block, count, leave=leave)
            rate = count / seconds / 1e6
            peer = peer or rate
            print(
                f"whole program  {name:30} {rate:7.1f} MB a CPU second, {rate / peer:5.1f} times"
                f"   ({count / 1e6:.0f} MB in, {written / 1e6:.1f} MB out)",
                flush=True,
            )


if __name__ == "__main__":
    main()
