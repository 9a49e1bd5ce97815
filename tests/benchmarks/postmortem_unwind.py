"""RISC-V unwinding against gdb, at every instruction of a program that runs in qemu.

    python -m tests.benchmarks.postmortem_unwind [--steps 600]

Builds the sources of the ELF fixtures for qemu's board, steps through them one instruction at a time and compares the
whole chain of frames (inlined and tail-called ones included) with gdb's. Needs qemu-system-riscv32, gdb-multiarch and
gcc-riscv64-unknown-elf.
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from espmon.postmortem import SegmentMemory, Symbolizer, unwind_riscv

SOURCES = Path(__file__).resolve().parents[1] / "fixtures" / "elf" / "src"
TOOL = "riscv64-unknown-elf-"
MACHINE = ["-march=rv32imac_zicsr", "-mabi=ilp32"]
VARIANTS = [f"-O{level} -gdwarf-{version}" for level in ("g", "1", "2", "s") for version in (4, 5)]
LINK = """
ENTRY(_start)
SECTIONS {
  . = 0x80000000;
  .text : { *(.text.start) *(.text .text.*) }
  .data : { *(.rodata* .srodata* .data* .sdata*) }
  .bss : { *(.bss* .sbss* COMMON) }
  . = ALIGN(16); . = . + 0x2000; __stack_top = .;
}
"""
GDB = """
import base64, json
gdb.execute("set pagination off")
gdb.execute("set confirm off")
gdb.execute("set backtrace past-main on")
gdb.execute("set backtrace past-entry on")
gdb.execute("target remote :{port}")
gdb.execute("break main")
gdb.execute("continue")
names = "pc ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6".split()
top = int(gdb.parse_and_eval("(unsigned)&__stack_top"))
low = min(int(gdb.parse_and_eval("(unsigned)&" + name)) for name in ("sink", "other_stack")) & ~15
steps = []
for number in range({steps}):
    frame = gdb.newest_frame()
    frames = []
    while frame is not None and len(frames) < 60:
        sal = frame.find_sal()
        frames.append([frame.pc(), frame.name(), frame.type(), sal.line if sal.symtab else 0])
        try:
            frame = frame.older()
        except gdb.error:
            break
    if frames and frames[-1][1] == "_start" and len(frames) == 1:
        break
    registers = {{name: int(gdb.parse_and_eval("(unsigned)$" + name)) for name in names}}
    memory = base64.b64encode(bytes(gdb.selected_inferior().read_memory(low - 64, top - low + 64))).decode()
    steps.append([registers, low - 64, memory, frames])
    gdb.execute("stepi", to_string=True)
open("{out}", "w").write(json.dumps([top, steps]))
gdb.execute("kill")
"""
QEMU = ["qemu-system-riscv32", "-machine", "virt", "-cpu", "rv32", "-bios", "none", "-nographic", "-S"]
TAIL = 5


def build(folder: Path, flags: str) -> Path:
    """Compile and link the fixture's C program for qemu's board."""
    (folder / "link.ld").write_text(LINK)
    elf = folder / "program.elf"
    command = [TOOL + "gcc", *MACHINE, *flags.split(), "-ffreestanding", "-fno-asynchronous-unwind-tables", "-nostdlib"]
    command += ["-nostartfiles", "-Wl,--no-warn-rwx-segments", "-T", str(folder / "link.ld"), "-o", str(elf)]
    command += [str(SOURCES / name) for name in ("start.S", "main.c", "chain.c")]
    subprocess.run(command, check=True, timeout=60)
    return elf


def trace(folder: Path, elf: Path, steps: int, port: int) -> tuple[int, list[Any]]:
    """Step through the program; returns the stack's top and for each step registers, memory and gdb's frames."""
    out = folder / "steps.json"
    script = folder / "script.py"
    script.write_text(GDB.format(port=port, steps=steps, out=out))
    qemu = subprocess.Popen(
        [*QEMU, "-gdb", f"tcp:127.0.0.1:{port}", "-kernel", str(elf)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    try:
        time.sleep(0.5)
        subprocess.run(
            ["gdb-multiarch", "-q", "-nx", "-batch", "-x", str(script), str(elf)],
            check=True,
            timeout=300,
            capture_output=True,
        )
    finally:
        qemu.kill()
        qemu.wait(10)
    top, rows = json.loads(out.read_text())
    return int(top), rows


def compare(elf: Path, top: int, rows: list[Any]) -> Counter[str]:
    """Print where chains differ and count how they compare."""
    counts: Counter[str] = Counter()
    symbolizer = Symbolizer(elf)
    for registers, low, memory, frames in rows:
        chain = unwind_riscv(registers, SegmentMemory([(low, base64.b64decode(memory))]), symbolizer, top)
        ours = [(frame.function, frame.line or 0) for frame in chain.frames]
        theirs = [(name, line) for _, name, _, line in frames]
        if ours == theirs:
            kind = "same"
        elif [name for name, _ in ours] == [name for name, _ in theirs]:
            kind = "line"
        else:
            kind = "function"
        kind += " with tail calls" if any(frame[2] == TAIL for frame in frames) else ""
        counts[kind] += 1
        if not kind.startswith("same") and counts[kind] <= 3:
            print(f"   {kind} at 0x{registers['pc']:08x}\n      ours {ours} ({chain.end})\n      gdb  {theirs}")
    return counts


def main() -> None:
    """Run every variant."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--port", type=int, default=34570)
    options = parser.parse_args()
    for number, flags in enumerate(VARIANTS):
        with tempfile.TemporaryDirectory() as name:
            elf = build(Path(name), flags)
            top, rows = trace(Path(name), elf, options.steps, options.port + number)
            print(f"{flags}: {len(rows)} instructions", dict(compare(elf, top, rows)))


if __name__ == "__main__":
    main()
