"""Damaged dumps and ELFs: one exception type, bounded time and memory.

Each damaged dump is decoded with the right ELF and without one, shown, and saved as an ELF core that is decoded again.
With each damaged ELF addresses are looked up, a dump and printed panics are decoded, and a log line is decorated.

python -m tests.benchmarks.postmortem_mutations [--dumps 7000] [--elves 3000] [--seed 1]
"""

from __future__ import annotations

import argparse
import random
import resource
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from espmon.model.crash_facts import CrashFacts
from espmon.model.registers import RegisterSet
from espmon.postmortem import CoreReport, PostmortemError, SegmentMemory, StackFrame, Symbolizer, decode_core
from espmon.postmortem.core_format import parse_core
from espmon.postmortem.core_input import read_core
from espmon.postmortem.core_writer import elf_core
from espmon.postmortem.panic_report import decode_panic
from espmon.session.addresses import decorate

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "coredump"
MAX_SECONDS = 1.0
MAX_MEMORY = 200 << 20
INTERESTING = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0)


def mutate(rng: random.Random, data: bytes, spots: list[tuple[int, int]] | None = None) -> bytes:
    """Return damaged bytes: flips, wrong words, cuts, repeats; inside `spots` (start, end) when given."""
    damaged = bytearray(data)
    for _ in range(rng.choice((1, 1, 2, 4, 16))):
        start, end = rng.choice(spots) if spots and rng.random() < 0.8 else (0, len(damaged))
        at = rng.randrange(start, max(min(end, len(damaged)), start + 1))
        kind = rng.randrange(6)
        if kind == 0 and at < len(damaged):
            damaged[at] ^= 1 << rng.randrange(8)
        elif kind == 1:
            damaged[at : at + 4] = rng.choice(INTERESTING).to_bytes(4, "little")
        elif kind == 2:
            damaged[at : at + rng.randrange(1, 64)] = rng.randbytes(rng.randrange(1, 64))
        elif kind == 3 and rng.random() < 0.2:
            del damaged[at:]
        elif kind == 4:
            damaged[at : at + 1] = bytes([rng.choice((0, 0xFF, 0x80, 0x7F))])
        elif rng.random() < 0.3:
            size = rng.randrange(1, 256)
            damaged[at:at] = damaged[at : at + size]
    return bytes(damaged)


def text_mutate(rng: random.Random, text: bytes) -> bytes:
    """Return a damaged UART log: lines lost, doubled, mixed with other output, letters changed."""
    lines = text.splitlines(keepends=True)
    for _ in range(rng.choice((1, 2, 8))):
        at = rng.randrange(len(lines))
        kind = rng.randrange(5)
        if kind == 0:
            del lines[at]
        elif kind == 1:
            lines.insert(at, lines[at])
        elif kind == 2:
            lines.insert(at, b"I (1234) wifi: state: run -> init (0)\r\n")
        elif kind == 3:
            lines[at] = lines[at][: rng.randrange(len(lines[at]) + 1)]
        elif lines[at]:
            line = bytearray(lines[at])
            line[rng.randrange(len(line))] = rng.randrange(256)
            lines[at] = bytes(line)
        if not lines:
            return b""
    return b"".join(lines)


class Watch:
    """Runs one case and keeps what went wrong."""

    def __init__(self) -> None:
        self.outcomes: Counter[str] = Counter()
        self.slowest = 0.0
        self.bad: list[str] = []

    def run(self, name: str, case: Callable[[], object]) -> None:
        """Run a case: only `PostmortemError` may come out of it, in time."""
        started = time.process_time()
        try:
            case()
            self.outcomes["decoded"] += 1
        except PostmortemError as error:
            self.outcomes["refused"] += 1
            if len(str(error)) < 10:
                self.bad.append(f"{name}: a message that says nothing: {error}")
        except Exception as error:  # noqa: BLE001 this is what is looked for
            self.outcomes[type(error).__name__] += 1
            self.bad.append(f"{name}: {''.join(traceback.format_exception(error)[-3:])}")
        elapsed = time.process_time() - started
        self.slowest = max(self.slowest, elapsed)
        if elapsed > MAX_SECONDS:
            self.bad.append(f"{name}: took {elapsed:.2f} s")


def dumps(count: int, seed: int, watch: Watch) -> None:
    """Decode damaged dumps with the right ELF."""
    symbolizers = {folder.name: Symbolizer(folder / "app.elf") for folder in sorted(DATA.iterdir())}
    texts = {folder.name: (folder / "coredump.b64").read_bytes() for folder in sorted(DATA.iterdir())}
    raws = {name: read_core(text).data for name, text in texts.items()}
    for number in range(count):
        rng = random.Random(seed * 1_000_003 + number)
        name = rng.choice(sorted(raws))
        data = text_mutate(rng, texts[name]) if rng.random() < 0.3 else mutate(rng, raws[name], [(0, 64), (64, 1024)])

        def use(data: bytes = data, name: str = name) -> None:
            core = parse_core(read_core(data))
            report = decode_core(core, symbolizers[name], force=True)
            report.to_text()
            report.memory_text()
            report.to_json()
            decode_core(elf_core(core), symbolizers[name], force=True)

        watch.run(f"dump {name} {seed}/{number}", use)
        watch.run(f"dump {name} {seed}/{number} alone", partial(decode_core, data, None))


def elves(count: int, seed: int, watch: Watch, folder: Path) -> None:
    """Look addresses up in damaged ELFs, and decode a dump with them."""
    originals = {source.name: (source / "app.elf").read_bytes() for source in sorted(DATA.iterdir())}
    texts = {source.name: (source / "coredump.b64").read_bytes() for source in sorted(DATA.iterdir())}
    spots: dict[str, list[tuple[int, int]]] = {}
    addresses: dict[str, list[int]] = {}
    for source in sorted(DATA.iterdir()):
        symbolizer = Symbolizer(source / "app.elf")
        spots[source.name] = [(0, 64), (len(originals[source.name]) - 1640, len(originals[source.name]))]
        spots[source.name] += [
            (section.offset, section.offset + section.size)
            for name, section in symbolizer.elf.sections.items()
            if name.startswith((".debug", ".symtab", ".strtab", ".eh"))
        ]
        rng = random.Random(seed)
        addresses[source.name] = [rng.randrange(*rng.choice(symbolizer.elf.code_ranges)) for _ in range(40)]
    panics = {name: printed(decode_core(texts[name], DATA / name / "app.elf")) for name in texts}
    lines = {
        name: b"Backtrace: " + b" ".join(b"0x%08x:0x3ffb0000" % address for address in known)
        for name, known in addresses.items()
    }
    path = folder / "damaged.elf"
    for number in range(count):
        rng = random.Random(seed * 7_000_003 + number)
        name = rng.choice(sorted(originals))
        data = originals[name]
        for _ in range(rng.choice((1, 4, 16))):
            data = mutate(rng, data, spots[name])
        path.write_bytes(data)

        def use(name: str = name) -> None:
            symbolizer = Symbolizer(path)
            for address in addresses[name]:
                symbolizer.lookup(address)
            decode_core(texts[name], symbolizer, force=True).to_text()
            for facts in panics[name]:
                decode_panic(facts, symbolizer).to_text()
            decorate(lines[name], symbolizer)

        watch.run(f"elf {name} {seed}/{number}", use)


def printed(report: CoreReport) -> list[CrashFacts]:
    """The tasks of a dump as panics: by a backtrace, by registers alone, by registers and stack memory."""
    memory, facts = SegmentMemory(report.segments), []
    for task in report.tasks:
        riscv = "mepc" in task.registers or "ra" in task.registers
        names = {"pc": "MEPC"} if riscv else {}
        registers = RegisterSet((names.get(name, name.upper()), value) for name, value in task.registers.items())
        pc, sp = task.registers.get("pc"), task.registers.get("sp", task.registers.get("a1", 0))
        end = memory.end_of(sp)
        stack = [(sp, memory.read(sp, end - sp) or b"")] if end else []
        frames = [StackFrame(frame.pc, frame.sp) for frame in task.frames]
        arch = "riscv" if riscv else "xtensa"
        facts += [
            CrashFacts(kind="exception", arch=arch, pc=pc, registers=registers, backtrace=frames),
            CrashFacts(kind="exception", arch=arch, pc=pc, registers=registers),
            CrashFacts(kind="exception", arch=arch, pc=pc, registers=registers, stack=list(stack)),
        ]
    return facts


def main() -> None:
    """Run both and print what came out; the exit code is 1 when something went wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--dumps", type=int, default=7000)
    parser.add_argument("--elves", type=int, default=3000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bad: list[str] = []
    watch = Watch()
    dumps(options.dumps, options.seed, watch)
    print(f"dumps: {dict(watch.outcomes)}, slowest {watch.slowest:.2f} s of processor time")
    bad += watch.bad
    with tempfile.TemporaryDirectory() as folder:
        watch = Watch()
        elves(options.elves, options.seed, watch, Path(folder))
        print(f"elves: {dict(watch.outcomes)}, slowest {watch.slowest:.2f} s of processor time")
        bad += watch.bad
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"peak memory {peak / 1e6:.0f} MB")
    if peak > MAX_MEMORY:
        bad.append(f"memory went up to {peak / 1e6:.0f} MB")
    print("\n".join(bad[:30]))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
