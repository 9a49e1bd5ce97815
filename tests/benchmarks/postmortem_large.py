"""One address in a 60 MB ELF against one in a 3 MB ELF: time, and memory.

    python -m tests.benchmarks.postmortem_large [--megabytes 60]

The large ELF is linked from generated C (many units, each with many functions and types) with Debian's RISC-V compiler.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "coredump" / "esp32c3" / "app.elf"
BYTES_OF_OBJECTS = 4_300_000
"""What objects have for each megabyte that is left of them in the ELF."""

TOOL = "riscv64-unknown-elf-"
PROBE = """
import json, resource, sys, time
from espmon.postmortem import Symbolizer
elf, address = sys.argv[1], int(sys.argv[2], 16)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
started, cpu = time.perf_counter(), time.process_time()
symbolizer = Symbolizer(elf)
frames = symbolizer.lookup(address)
elapsed, used = time.perf_counter() - started, time.process_time() - cpu
assert frames and frames[0].line, frames
after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([elapsed, used, before * 1024, after * 1024, len(frames)]))
"""


def unit(number: int, functions: int) -> str:
    """Return a C file with types and functions that inline one another."""
    lines = [
        f"struct record_{number}_{n} {{ int a, b; const char *name; struct record_{number}_{n} *next; }};"
        for n in range(functions)
    ]
    for n in range(functions):
        record = f"struct record_{number}_{n}"
        lines.append(f"static inline __attribute__((always_inline)) int helper_{number}_{n}({record} *r, int x)")
        lines.append("{ int s = 0; for (int i = 0; i < x; i++) { s += r->a * i + r->b; r = r->next; } return s; }")
        lines.append(f"__attribute__((used)) int function_{number}_{n}({record} *r, int x, int y)")
        lines.append(f"{{ int u = helper_{number}_{n}(r, x); int v = helper_{number}_{n}(r->next, y); return u ^ v; }}")
    return "\n".join(lines)


def build(folder: Path, megabytes: int, extra: Sequence[Path] = ()) -> Path:
    """Link an ELF of about this size; a few units are compiled and the rest of the objects made from them by
    renaming. `extra`: sources whose names stay as they are.
    """
    units, functions = 40, 100
    objects: list[Path] = []
    for number in range(units):
        source, target = folder / f"u{number}.c", folder / f"u{number}.o"
        source.write_text(unit(number, functions))
        command = [
            TOOL + "gcc",
            "-march=rv32imc_zicsr",
            "-mabi=ilp32",
            "-O1",
            "-g3",
            "-ffunction-sections",
            "-gdwarf-4",
            "-c",
            str(source),
            "-o",
            str(target),
        ]
        subprocess.run(command, check=True, timeout=120)
        objects.append(target)
    size = sum(path.stat().st_size for path in objects)
    copies = []
    for copy in range(max(1, megabytes * BYTES_OF_OBJECTS // size)):
        for path in objects:
            target = folder / f"c{copy}_{path.name}"
            subprocess.run(
                [TOOL + "objcopy", f"--prefix-symbols=c{copy}_", str(path), str(target)], check=True, timeout=60
            )
            copies.append(target)
    for source in extra:
        target = folder / f"{source.stem}.o"
        options = ["-march=rv32imc_zicsr", "-mabi=ilp32", "-Og", "-g", "-gdwarf-4", "-ffunction-sections"]
        subprocess.run([TOOL + "gcc", *options, "-c", str(source), "-o", str(target)], check=True, timeout=120)
        copies.append(target)
    elf = folder / "large.elf"
    script = folder / "link.ld"
    script.write_text(
        "SECTIONS { . = 0x42000000; .text : { *(.text*) } "
        ".data 0x3fc80000 : { *(.data* .sdata* .bss* .sbss* .rodata*) } }"
    )
    command = [
        TOOL + "ld",
        "-m",
        "elf32lriscv",
        "--no-relax",
        "-e",
        "0",
        "-T",
        str(script),
        "-o",
        str(elf),
        *map(str, copies),
    ]
    subprocess.run(command, check=True, timeout=300, capture_output=True)
    # As toolchains link: without the labels that the compiler made. Renamed, the linker does not know them any more.
    labels = ["--wildcard", "--strip-symbol", "c*_.L*", "--strip-symbol", "c*_$*"]
    subprocess.run([TOOL + "objcopy", *labels, str(elf)], check=True, timeout=300)
    return elf


def probe(elf: Path, address: int, runs: int) -> list[list[float]]:
    """Look an address up in fresh processes."""
    command = [sys.executable, "-c", PROBE, str(elf), hex(address)]
    return [
        json.loads(subprocess.run(command, check=True, capture_output=True, timeout=60).stdout) for _ in range(runs)
    ]


def main() -> None:
    """Print both and their ratio."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--megabytes", type=int, default=60)
    parser.add_argument("--runs", type=int, default=7)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        elf = build(Path(name), options.megabytes)
        print(f"made {elf.stat().st_size / 1e6:.1f} MB")
        large = []
        for offset in (0x1234, 0x40000, 0x80000):
            large += probe(elf, 0x4200_0000 + offset, options.runs)
        small = [row for address in (0x42009354, 0x4038424E, 0x403887B6) for row in probe(DATA, address, options.runs)]
        for title, rows in (("3.7 MB", small), (f"{elf.stat().st_size / 1e6:.1f} MB", large)):
            elapsed, used = median(r[0] for r in rows) * 1e3, median(r[1] for r in rows) * 1e3
            peak, own = max(r[3] for r in rows) / 1e6, max(r[3] - r[2] for r in rows) / 1e6
            print(f"{title}: {elapsed:.1f} ms ({used:.1f} ms of processor time),", end=" ")
            print(f"peak memory {peak:.0f} MB ({own:.0f} MB of it for the ELF)")
        print(f"ratio {median(r[0] for r in large) / median(r[0] for r in small):.2f} (at most 3)")


if __name__ == "__main__":
    main()
