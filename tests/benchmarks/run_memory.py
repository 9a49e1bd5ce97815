"""`espmon run` over many gigabytes: its resident memory, gigabyte by gigabyte.

Run: python -m tests.benchmarks.run_memory [GIGABYTES] [--json]     (default 10; Linux)

A socket sends ESP-IDF log text as fast as it is taken, with a boot, a crash and a picture every 20 MB; the program
prints into /dev/null and records nothing, so that no disk is needed. The memory is `VmRSS` of `/proc`, read while the
program works; the largest and the least of each gigabyte are printed. The last line says by how much the largest of
the second half exceeds the largest of the first: flat is none.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from tests.benchmarks.records_demux import log_text
from tests.benchmarks.run_peer import RUN, scratch_environment, socket_source
from tests.records.streams import BANNER, framed_png, png

CRASH = (
    b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
    b"Core  0 register dump:\r\n"
    b"PC      : 0x400d1234  PS      : 0x00060030  A0      : 0x800d5678  A1      : 0x3ffb1c30\r\n"
    b"\r\nBacktrace: 0x400d1234:0x3ffb1c30 0x400d5678:0x3ffb1c50\r\n\r\nRebooting...\r\n"
)
EVENTS_BYTES = 20_000_000
SAMPLE_SECONDS = 0.05


def resident(process: int) -> float:
    """MiB."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def main() -> None:
    """Measure and print."""
    arguments = [word for word in sys.argv[1:] if word != "--json"]
    gigabytes = int(arguments[0]) if arguments else 10
    log = log_text()
    block = CRASH + BANNER + framed_png(png()) + log * (EVENTS_BYTES // len(log))
    sent = 0

    def send_all() -> None:
        nonlocal sent
        while sent < gigabytes * 1_000_000_000:
            send(block)
            sent += len(block)

    with scratch_environment() as folder, socket_source() as (url, accept), tempfile.TemporaryFile() as said:
        settings = Path(folder, "XDG_CONFIG_HOME", "espmon", "config.toml")
        settings.parent.mkdir(parents=True)
        settings.write_text("recording = false\n")
        options = ["--json"] if "--json" in sys.argv else []
        program = subprocess.Popen([*RUN, url, *options], stdout=subprocess.DEVNULL, stderr=said)
        send = accept()
        sender = threading.Thread(target=send_all)
        begin = time.monotonic()
        sender.start()
        seen: dict[int, list[float]] = {}
        while sender.is_alive():
            seen.setdefault(sent // 1_000_000_000, []).append(resident(program.pid))
            sender.join(SAMPLE_SECONDS)
        seconds = time.monotonic() - begin
        program.terminate()
        program.wait()
    for gigabyte, samples in sorted(seen.items()):
        print(f"gigabyte {gigabyte + 1:3}: {min(samples):6.1f} to {max(samples):6.1f} MiB", flush=True)
    most = [max(seen[gigabyte]) for gigabyte in sorted(seen)]
    half = (len(most) + 1) // 2
    print(
        f"{sent / 1e9:.1f} GB in {seconds:.0f} s, {sent / seconds / 1e6:.0f} MB/s;"
        f" the second half has {max(most[half:] or most) - max(most[:half]):+.1f} MiB"
    )


if __name__ == "__main__":
    main()
