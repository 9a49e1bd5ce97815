"""A core dump report, in process and as a whole process, against esp-coredump with gdb-multiarch.

python -m tests.benchmarks.postmortem_coredump [--runs 5]
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

from espmon.postmortem import decode_core

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "coredump"
PEER = """
import sys
from esp_coredump.corefile.gdb import EspGDB
# Debian's gdb names the threads of a core file "LWP n"; the tool expects "process n".
EspGDB.gdb2freertos_thread_id = staticmethod(lambda text: int(text.split()[-1], 0))
from esp_coredump.__main__ import main
sys.exit(main())
"""


def in_process(folder: Path, runs: int) -> list[float]:
    """Return the seconds of some decodes, each with everything read anew."""
    raw = (folder / "coredump.b64").read_bytes()
    taken = []
    for _ in range(runs):
        started = time.perf_counter()
        decode_core(raw, folder / "app.elf").to_json()
        taken.append(time.perf_counter() - started)
    return taken


def process(command: list[str]) -> tuple[float, float]:
    """Run a program; returns (seconds, seconds of processor time)."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    result = subprocess.run(command, capture_output=True, timeout=60)
    elapsed = time.perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if result.returncode:
        raise SystemExit(f"{command[0]} failed: {result.stderr.decode()[-500:]}")
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    for folder in sorted(DATA.iterdir()):
        taken = in_process(folder, options.runs)
        print(f"{folder.name}: report in process {median(taken) * 1e3:.1f} ms (best {min(taken) * 1e3:.1f})")
    folder = DATA / "esp32c3"
    dump, elf = str(folder / "coredump.b64"), str(folder / "app.elf")
    ours = [sys.executable, "-m", "espmon", "coredump", dump, "--elf", elf, "--json"]
    peer = [sys.executable, "-c", PEER, "--chip", "esp32c3", "info_corefile", "--core", dump]
    peer += ["--core-format", "b64", "--gdb", "/usr/bin/gdb-multiarch", elf]
    pairs = [(process(ours), process(peer)) for _ in range(options.runs)]
    for name, at in (("elapsed", 0), ("processor", 1)):
        mine, theirs = median(pair[0][at] for pair in pairs), median(pair[1][at] for pair in pairs)
        print(
            f"esp32c3, whole process, {name}: espmon {mine * 1e3:.0f} ms, esp-coredump with gdb {theirs * 1e3:.0f} ms,",
            end=" ",
        )
        print(f"ratio {mine / theirs:.2f} (at most 0.50)")


if __name__ == "__main__":
    main()
