"""A board that crashes differently every time, or says that it runs another application every time.

    python -m tests.torture.storms [crashes|digests|frames] [--count N]

A session on a scripted port, in this process. Printed: resident memory that it took, seconds of CPU, and what is
listed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from espmon.port import PortIdentity
from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from tests.records.streams import frame
from tests.session.fakes import Port, ScriptedHandle

BATCH = 50
"""Events of one read."""

SETTLE_SECONDS = 2.0
"""After the last byte: what was queued is worked off."""

CRASH = (
    "Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n\r\n"
    "Core  0 register dump:\r\n"
    "PC      : 0x{pc:08x}  PS      : 0x00060330  A0      : 0x800d1a2b  A1      : 0x3ffb5e20\r\n"
    "A2      : 0x00000000  A3      : 0x3ffb5e40  A4      : 0x00000001  A5      : 0x3ffb5e60\r\n"
    "A6      : 0x00000000  A7      : 0x3ffb5e40  A8      : 0x00000001  A9      : 0x3ffb5e60\r\n"
    "EXCVADDR: 0x00000000  LBEG    : 0x400014fd  LEND    : 0x4000150d  LCOUNT  : 0xfffffffc\r\n\r\n"
    "Backtrace: 0x{pc:08x}:0x3ffb5e20 0x{caller:08x}:0x3ffb5e40 0x400d1b3c:0x3ffb5e60 0x400d1b4c:0x3ffb5e80\r\n\r\n"
    "ELF file SHA256: {sha:016x}\r\n\r\nRebooting...\r\n"
)
DIGEST = "I (30) app_init: Project name: blink\r\nI (34) app_init: ELF file SHA256:  {sha:016x}...\r\n"


def crash(index: int) -> bytes:
    return CRASH.format(pc=0x400D0000 + 4 * index, caller=0x40100000 + 4 * index, sha=0x1234).encode()


def digest(index: int) -> bytes:
    return b"rst:0x1 (POWERON_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n" + DIGEST.format(sha=index + 1 << 32).encode()


def payload(index: int) -> bytes:
    return frame(index.to_bytes(4, "big") + bytes(20_000), "trace")


STORMS: dict[str, tuple[Callable[[int], bytes], int]] = {
    "crashes": (crash, 20_000),
    "digests": (digest, 3_000),
    "frames": (payload, 5_000),
}


def resident() -> int:
    """Bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def batches(make: Callable[[int], bytes], count: int) -> Iterator[bytes]:
    for first in range(0, count, BATCH):
        yield b"".join(make(index) for index in range(first, min(first + BATCH, count)))


async def run(make: Callable[[int], bytes], count: int, folder: Path, *, recording: bool = True) -> Session:
    """An open session that has had the storm, and has worked it off."""
    handle = ScriptedHandle()

    async def back(identity: PortIdentity) -> str:
        return identity.url

    session = Session(
        settings=Settings(recording=recording),
        folder=folder,
        access=PortAccess(opener=Port(handle), waiter=back, resolver=lambda name: name),
    )
    await session.open(OpenRequest(url="fake://board"))
    for data in batches(make, count):
        handle.push(data)
        await handle.taken()
    await asyncio.sleep(SETTLE_SECONDS)
    return session


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("storm", choices=sorted(STORMS), nargs="?")
    parser.add_argument("--count", type=int)
    options = parser.parse_args()
    for name, (make, usual) in STORMS.items():
        if options.storm in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                measure(name, make, options.count or usual, Path(folder))


def measure(name: str, make: Callable[[int], bytes], count: int, folder: Path) -> None:
    """One storm."""

    async def measured() -> None:
        before, started = resident(), time.process_time()
        session = await run(make, count, folder)
        gc.collect()
        grown, seconds = resident() - before, time.process_time() - started
        entries = session.events
        print(
            f"{name}: {count:,} sent, {len(entries):,} listed, {grown / 1e6:.0f} MB, {seconds:.1f} s of CPU, "
            f"{sum(entry.report is not None for entry in entries):,} with a report"
        )
        await session.close()

    asyncio.run(measured())


if __name__ == "__main__":
    main()
