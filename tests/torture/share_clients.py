"""Real programs on a shared port: esptool flashes and verifies, socat types, a second client is refused.

    python -m tests.torture.share_clients

esptool takes about 16 s for each of its connections over RFC 2217, whoever serves them. Fails where something
is not as it should be.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from espmon.port import PortError, open_handle
from espmon.session.port_share import PortShare
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.sim import BoardThread, SimulatedBoard

IMAGE_BYTES = 200_000
SECONDS = 120.0


async def ran(*command: str, typed: bytes = b"") -> bytes:
    """What a program printed. Raises `CalledProcessError`."""
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=asyncio.subprocess.STDOUT)
    printed, _ = await asyncio.wait_for(process.communicate(typed), SECONDS)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command, printed)
    return printed


async def work(folder: Path) -> None:
    """Everything on one session."""
    image = folder / "image.bin"
    image.write_bytes(os.urandom(IMAGE_BYTES))
    board = await asyncio.to_thread(BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)).start)
    session = Session(settings=Settings(), folder=folder / "sessions")
    await session.open(OpenRequest(board.url))
    url = await PortShare(session, ("127.0.0.1", 0)).start()
    esptool = (sys.executable, "-m", "esptool", "--port", url)
    printed = await ran(*esptool, "--baud", "460800", "write-flash", "0x100000", str(image))
    assert b"Hash of data verified" in printed, printed
    printed = await ran(*esptool, "--no-stub", "verify-flash", "0x100000", str(image))
    assert b"Verification successful" in printed, printed
    print("esptool: written at 460800 baud and verified")
    first = await open_handle(url)
    try:
        await open_handle(url)
        raise AssertionError("two clients at once")
    except PortError as error:
        print(f"a second client: {error.message}")
    await first.close()
    printed = await ran("socat", "-t", "2", "-", f"TCP:{url.rpartition('/')[2]}", typed=b"heap\r\n")
    assert b"heap\r\n" in printed, printed
    print("socat: typed and read")
    log = [session.store.record(line).text for line in range(len(session.store))]
    assert sum("speaks to the loader" in line for line in log) >= 2
    assert any("Calling app_main" in line or "esp> " in line for line in log[-12:]), log[-12:]
    assert all(line.isprintable() for line in log), [line for line in log if not line.isprintable()][:3]
    await session.close()
    await asyncio.to_thread(board.stop)


def main() -> int:
    """Run it; returns the exit code."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(work(Path(folder)))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
