"""The 15 chips, field by field: espmon beside esptool, on the same loader with the same fuses.

    python -m tests.benchmarks.rom_table [SEED]

Seed 0 leaves the fuses as the mock has them; any other number fills them.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import sys

from espmon.rom import ProbeResult, load_chips, probe
from espmon.testing import MockChannel, Quirks
from tests.rom import peer
from tests.rom.fuses import made_up_fuses


async def _both(key: str, seed: int) -> tuple[ProbeResult, peer.Reference]:
    quirks = Quirks(error_repeats=8, registers=made_up_fuses(key, seed) if seed else {})
    async with MockChannel(key, quirks, in_loader=False) as channel:
        ours = await probe(channel)
    async with MockChannel(key, Quirks(registers=quirks.registers)) as channel:
        with contextlib.redirect_stdout(io.StringIO()):
            theirs = peer.ask(channel.peer)
    return ours, theirs


def _rows(ours: ProbeResult, theirs: peer.Reference) -> list[tuple[str, object, object]]:
    flash = ours.flash
    size = f"{flash.size >> 20}MB" if flash and flash.size else None
    return [
        ("chip", ours.chip, theirs.chip),
        ("description", ours.description, theirs.description),
        ("features", ", ".join(ours.features or []), ", ".join(theirs.features)),
        ("crystal", ours.crystal_mhz, theirs.crystal_mhz),
        ("mac", ours.mac, theirs.mac),
        ("eui64", ours.eui64, theirs.eui64),
        (
            "flash",
            flash and f"{flash.manufacturer:02x} {flash.device:04x}",
            f"{theirs.manufacturer:02x} {theirs.device:04x}",
        ),
        ("flash size", size, theirs.size),
    ]


def main() -> int:
    """Print the table; returns 1 when a field differs."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 0
    different = 0
    for key in load_chips().chips:
        ours, theirs = asyncio.run(_both(key, seed))
        print(f"{key} ({ours.loader}, after: {ours.after}, {ours.elapsed * 1000:.0f} ms)")
        for name, left, right in _rows(ours, theirs):
            same = str(left).lower() == str(right).lower()
            different += not same
            print(f"  {'=' if same else '#'} {name:<12}{left!s:<70}" + ("" if same else f"  esptool: {right}"))
    print(f"{different} fields differ")
    return 1 if different else 0


if __name__ == "__main__":
    raise SystemExit(main())
