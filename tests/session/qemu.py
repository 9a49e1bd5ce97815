"""QEMU as a real debug stub: the simulated board's program on a bare RISC-V machine, stopped before its first step."""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from espmon.port import Handle, PortError
from espmon.session.port_lookup import open_url
from espmon.time_limit import time_limit

QEMU = "qemu-system-riscv32"
LISTEN_SECONDS = 20.0


def needs(*programs: str) -> None:
    """Skip the test where a system program is missing."""
    for program in programs:
        if not shutil.which(program):
            pytest.skip(f"{program} is not installed")


@asynccontextmanager
async def stopped_program(elf: Path) -> AsyncIterator[Handle]:
    """The port of a program that waits in QEMU's stub."""
    needs(QEMU)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [QEMU, "-M", "none", "-cpu", "rv32,pmp=on", "-m", "1200M", "-display", "none", "-S", "-serial", "none"]
    command += ["-monitor", "none", "-gdb", f"tcp:127.0.0.1:{port}", "-device", f"loader,file={elf},cpu-num=0"]
    qemu = await asyncio.create_subprocess_exec(*command)
    try:
        async with time_limit(LISTEN_SECONDS):
            handle = await _opened(f"socket://127.0.0.1:{port}", qemu)
        try:
            yield handle
        finally:
            await handle.close()
    finally:
        if qemu.returncode is None:
            qemu.kill()
        await qemu.wait()


async def _opened(url: str, qemu: asyncio.subprocess.Process) -> Handle:
    while True:
        try:
            return await open_url(url, baud=115200, no_reset=True)
        except PortError:
            assert qemu.returncode is None, "qemu ended"
            await asyncio.sleep(0.05)
