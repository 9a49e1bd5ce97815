"""What `espmon decode` does with a large file: speed and memory, as text, in colour and as JSON.

Run: python -m tests.benchmarks.records_decode [MEGABYTES]     (default 200; 1000 shows that memory stays flat)

The file is ESP-IDF log text, half of it coloured. Counted is all CPU time of the command, its start included, and the
largest memory it held, beside that for a file of one line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.records_demux import log_text

PROGRAM = """
import runpy, sys
try:
    runpy.run_module("espmon", run_name="__main__")
finally:
    peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM:"))
    print(peak.split()[1], file=sys.stderr)
"""


def spent(path: Path, *options: str) -> tuple[float, float]:
    """CPU seconds and peak memory in MiB of `espmon decode`."""
    command = [sys.executable, "-c", PROGRAM, "decode", *options, str(path)]
    # What wait4 says of memory would count this process too, which is there before the other program is loaded.
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as program:
        assert program.stderr is not None
        peak = int(program.stderr.read())
        _, _, usage = os.wait4(program.pid, 0)
        program.returncode = 0
    return usage.ru_utime + usage.ru_stime, peak / 1024


def main() -> None:
    """Measure and print."""
    size = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    block = log_text()
    with tempfile.TemporaryDirectory() as folder:
        small, large = Path(folder, "small.log"), Path(folder, "large.log")
        small.write_bytes(block[: block.index(b"\n") + 1])
        with large.open("wb") as file:
            for _ in range(size * 1_000_000 // len(block)):
                file.write(block)
        megabytes = large.stat().st_size / 1e6
        for name, options in (("text", ()), ("text, colour", ("--color", "always")), ("json", ("--json",))):
            _, least = spent(small, *options)
            seconds, most = spent(large, *options)
            print(
                f"decode {name:13} {megabytes:6.0f} MB: {megabytes / seconds:6.1f} MB a CPU second, "
                f"peak {most:.1f} MiB ({least:.1f} MiB for one line)",
                flush=True,
            )


if __name__ == "__main__":
    main()
