"""Symbol lookups against addr2line and llvm-symbolizer: same answers, and how long each takes.

python -m tests.benchmarks.postmortem_symbols [ELF ...] [--count 2000]
"""

from __future__ import annotations

import argparse
import random
import shutil
import subprocess
import time
from collections import Counter
from pathlib import Path

from espmon.model.architecture import XTENSA
from espmon.postmortem import Symbolizer

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "coredump"
Chain = list[tuple[str, str, int]]


def sample(symbolizer: Symbolizer, count: int, seed: int = 7) -> list[int]:
    """Return random addresses inside the code of the ELF."""
    rng = random.Random(seed)
    ranges = symbolizer.elf.code_ranges
    sizes = [end - start for start, end in ranges]
    return [_pick(rng, ranges, sizes) for _ in range(count)]


def _pick(rng: random.Random, ranges: list[tuple[int, int]], sizes: list[int]) -> int:
    start, end = rng.choices(ranges, sizes)[0]
    return rng.randrange(start, end)


def _normal(path: str) -> str:
    parts: list[str] = []
    for part in path.split("/"):
        if part == ".." and parts and parts[-1] not in ("", ".."):
            parts.pop()
        elif part != ".":
            parts.append(part)
    return "/".join(parts)


def parse_addr2line(text: str) -> dict[int, Chain]:
    """Read the output of `addr2line -a -f -i`."""
    found: dict[int, Chain] = {}
    lines = text.splitlines()
    at = 0
    chain: Chain = []
    while at < len(lines):
        if lines[at].startswith("0x") and ":" not in lines[at]:
            chain = found[int(lines[at], 16)] = []
            at += 1
            continue
        name, place = lines[at], lines[at + 1].split(" (discriminator")[0]
        file, _, line = place.rpartition(":")
        chain.append((name, _normal(file), int(line) if line.isdigit() else 0))
        at += 2
    return found


def addr2line(tool: str, elf: Path, addresses: list[int]) -> tuple[dict[int, Chain], float]:
    """Run a peer of the addr2line family; returns its chains and the seconds it took."""
    started = time.perf_counter()
    result = subprocess.run(
        [tool, "-a", "-f", "-i", "-e", str(elf)],
        input="\n".join(hex(a) for a in addresses),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return parse_addr2line(result.stdout), time.perf_counter() - started


def llvm_symbolizer(elf: Path, addresses: list[int]) -> tuple[dict[int, Chain], float]:
    """Run llvm-symbolizer in its addr2line manner."""
    started = time.perf_counter()
    result = subprocess.run(
        ["llvm-symbolizer", "--output-style=GNU", "-a", "-f", "-i", "--no-demangle", "-e", str(elf)],
        input="\n".join(hex(a) for a in addresses),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return parse_addr2line(result.stdout), time.perf_counter() - started


def own(symbolizer: Symbolizer, address: int) -> Chain:
    """Return our chain in the peers' terms."""
    return [(f.function or "??", _normal(f.file or "??"), f.line or 0) for f in symbolizer.lookup(address)] or [
        ("??", "??", 0)
    ]


def compare(symbolizer: Symbolizer, addresses: list[int], theirs: dict[int, Chain]) -> tuple[Counter[str], list[str]]:
    """Count how our chains and a peer's differ, with examples."""
    counts: Counter[str] = Counter()
    examples: list[str] = []
    for address in addresses:
        mine, other = own(symbolizer, address), theirs.get(address, [])
        kind = difference(mine, other)
        counts[kind] += 1
        if kind not in ("same", "no debug information") and counts[kind] <= 3:
            examples.append(f"{kind} 0x{address:08x}\n   ours  {mine}\n   peer  {other}")
    return counts, examples


def difference(mine: Chain, other: Chain) -> str:
    """Name how two chains differ."""
    if [(f, n) for _, f, n in mine] == [(f, n) for _, f, n in other]:
        return "same" if [n for n, _, _ in mine] == [n for n, _, _ in other] else "name"
    if all(f == "??" for _, f, _ in mine) and all(f == "??" for _, f, _ in other):
        return "no debug information"
    if len(mine) != len(other):
        return "depth"
    return "line" if [f for _, f, _ in mine] == [f for _, f, _ in other] else "file"


def main() -> None:
    """Print agreement and times for each ELF."""
    parser = argparse.ArgumentParser()
    parser.add_argument("elf", nargs="*", type=Path)
    parser.add_argument("--count", type=int, default=2000)
    options = parser.parse_args()
    for elf in options.elf or sorted(DATA.glob("*/app.elf")):
        symbolizer = Symbolizer(elf)
        addresses = sample(symbolizer, options.count)
        print(f"{elf} ({elf.stat().st_size / 1e6:.1f} MB)")
        times = []
        for count in (1, 20, len(addresses)):
            best = []
            for trial in range(5 if count < 100 else 2):
                fresh = Symbolizer(elf)
                started = time.perf_counter()
                for address in addresses[trial * count % len(addresses) :][:count]:
                    fresh.lookup(address)
                best.append(time.perf_counter() - started)
            times.append(sorted(best)[len(best) // 2])
            print(f"  {count:5} addresses cold, in process: {times[-1] * 1e3:8.2f} ms (worst {max(best) * 1e3:.2f})")
        tool = (
            "xtensa-lx106-elf-addr2line"
            if symbolizer.machine == XTENSA.elf_machine
            else "riscv64-unknown-elf-addr2line"
        )
        for name, run in (
            (tool, lambda a, t=tool, e=elf: addr2line(t, e, a)),
            ("llvm-symbolizer", lambda a, e=elf: llvm_symbolizer(e, a)),
        ):
            if not shutil.which(name):
                print(f"  {name}: not installed")
                continue
            theirs, seconds = run(addresses)
            _, single = run(addresses[:1])
            print(
                f"  {name}: {seconds * 1e3:.0f} ms for {len(addresses)} (ours {times[2] / seconds:.2f} of it), ", end=""
            )
            print(f"{single * 1e3:.1f} ms for 1 (ours {times[0] / single:.2f})")
            counts, examples = compare(symbolizer, addresses, theirs)
            print("   ", dict(counts.most_common()))
            for example in examples:
                print("    " + example)


if __name__ == "__main__":
    main()
