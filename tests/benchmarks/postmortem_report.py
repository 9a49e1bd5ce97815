"""A report with everything on a dump of a 70 MB ELF: time in process, and memory. Limits: 150 ms, 300 MB.

The time that passes is what counts; on a machine that does other things too, the processor time of the thread that
decodes says what it would be. The ELF's SHA-256 is worked out on another thread meanwhile.

    python -m tests.benchmarks.postmortem_report [--megabytes 70] [--tasks 12] [--elf KEPT]

The ELF is that of `postmortem_large` with the structures of a FreeRTOS kernel; the dump has tasks that stand in its
functions, each with a stack of three calls, and the kernel's variables. Everything: the report, the variables of every
frame of every task, what the RTOS did, its timers and buffers, the heaps.
"""

from __future__ import annotations

import argparse
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from espmon.postmortem.elf import Elf
from tests.benchmarks.postmortem_large import build
from tests.postmortem.made import RISCV, MadeTask, elf_core, wrap
from tests.postmortem.rtos_images import Types, types_of

FOLDER = Path(__file__).resolve().parents[1] / "fixtures" / "elf"
WANTED = ("tskTaskControlBlock", "xLIST")
STACKS, BLOCKS, STACK_BYTES = 0x3FD0_0000, 0x3FE0_0000, 0x400
PROBE = """
import json, resource, sys, time
from espmon.postmortem import Symbolizer, decode_core
from espmon.session.file_hash import hash_ahead
dump, elf = open(sys.argv[1], "rb").read(), sys.argv[2]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started, cpu, own = time.perf_counter(), time.process_time(), time.thread_time()
symbolizer = Symbolizer(elf)
hash_ahead(symbolizer)
report = decode_core(dump, symbolizer)
plain = time.process_time() - cpu
text = report.to_text() + report.variables_text() + report.rtos_text() + report.heap_text()
told = report.to_json(), report.variables_json(), report.rtos_json(), report.inspector.heaps.to_json()
elapsed, used, own = time.perf_counter() - started, time.process_time() - cpu, time.thread_time() - own
peak = 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
assert report.elf_match
variables = sum(len(frame["variables"]) for task in told[1] for frame in task["frames"])
frames = sum(len(task.frames) for task in report.tasks)
print(json.dumps([elapsed, used, own, plain, peak - 1024 * before, peak, len(report.tasks), frames, variables]))
"""


class KernelTask(MadeTask):
    """A task whose control block has the layout of the kernel's sources."""

    types: Types

    def block(self, dual: bool) -> bytes:
        """The control block by the structure's members."""
        data = bytearray(self.types.sizes["tskTaskControlBlock"])
        for name, value in (
            ("pxTopOfStack", self.stack_start), ("pxStack", self.stack_start - 0x100), ("uxPriority", self.priority),
            ("pxEndOfStack", self.stack_start + len(self.stack)), ("uxBasePriority", self.priority),
        ):  # fmt: skip
            offset = self.types.structures["tskTaskControlBlock"][name][0]
            struct.pack_into("<I", data, offset, value)
        at = self.types.structures["tskTaskControlBlock"]["pcTaskName"][0]
        data[at : at + 10] = self.name.encode()[:9].ljust(10, b"\0")
        return bytes(data)


def made_dump(elf: Path, tasks: int) -> bytes:
    """A dump whose tasks stand in functions all over the program."""
    kernel = types_of(FOLDER / "kernel_vanilla.elf", ("kernel.c",), WANTED)
    KernelTask.types = kernel
    program = Elf(elf)
    low, high = program.code_ranges[0]
    found: list[MadeTask] = []
    for number in range(tasks):
        places = [low + ((high - low) * (7 * number + 3 * depth + 1) // (8 * tasks + 40) & ~1) for depth in range(4)]
        stack = STACKS + number * STACK_BYTES
        words = [
            places[1 + at // 16] if at % 16 == 11 and at < 48 else stack + 4 * at for at in range(STACK_BYTES // 4)
        ]
        registers = [places[0], places[1], stack + 160, *([stack] * 29)]
        exception = struct.pack("<32I", *registers) + struct.pack("<5I", 0x1881, low | 1, 5, 0x10, 1)
        data = exception.ljust(160, b"\0") + struct.pack(f"<{len(words)}I", *words)[160:]
        found.append(KernelTask(BLOCKS + number * 0x100, f"task{number}", registers, stack, data))
    names = [name for name in kernel.symbols if name.startswith(("x", "px")) and not name.startswith("xQueue")]
    symbols = program.symbols_named([name.encode() for name in names])
    more = [
        (symbol.address, bytes(max(symbol.size, 4))) for symbol in symbols.values() if symbol.address >> 20 == 0x3FC
    ]
    return wrap(5, 0x104, elf_core(RISCV, found, more=more, sha=program.sha256[:16]))


def main() -> None:
    """Print the figures beside their limits."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=70)
    parser.add_argument("--tasks", type=int, default=12)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--elf", type=Path, help="where the ELF is kept between runs")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        elf = options.elf
        if elf is None or not elf.exists():
            made = build(Path(name), options.megabytes, [FOLDER / "src" / "kernel.c"])
            elf = made if elf is None else made.rename(elf)
        dump = Path(name) / "dump"
        dump.write_bytes(made_dump(elf, options.tasks))
        command = [sys.executable, "-c", PROBE, str(dump), str(elf)]
        rows = [
            json.loads(subprocess.run(command, check=True, capture_output=True, timeout=300).stdout)
            for _ in range(options.runs)
        ]
    elapsed, used, thread, plain = (median(row[column] for row in rows) * 1e3 for column in range(4))
    own, peak = (max(row[column] for row in rows) / 1e6 for column in (4, 5))
    _, _, _, _, _, _, tasks, frames, variables = rows[0]
    print(f"ELF of {Path(elf).stat().st_size / 1e6 if Path(elf).exists() else options.megabytes:.1f} MB: ", end="")
    print(f"{tasks} tasks, {frames} frames, {variables} variables")
    print(f"everything: {elapsed:.0f} ms (at most 150), the fastest run {min(row[0] for row in rows) * 1e3:.0f} ms")
    print(
        f"processor time: {thread:.0f} ms of the decoding thread, {used:.0f} with the hash, {plain:.0f} to the report"
    )
    print(f"memory: {own:.0f} MB for it, {peak:.0f} MB in all (at most 300)")


if __name__ == "__main__":
    main()
