"""A real gdb on the simulated board's stub."""

from __future__ import annotations

import asyncio
import shutil

import pytest

from espmon.sim import BoardServer, SimulatedBoard
from tests.sim.client import Client


@pytest.mark.e2e
async def test_gdb_reads_registers_threads_and_the_backtrace_and_continues() -> None:
    program = shutil.which("gdb-multiarch")
    if not program:
        pytest.skip("gdb-multiarch is not installed")
    board = SimulatedBoard(scenario="quiet")
    async with BoardServer(board, "socket://127.0.0.1:0") as server:
        async with Client(server.url) as client:
            await client.until(b"esp> ")
            await client.write(b"gdbstub\r")
            await client.until(b"$T0b#e6")
        await board.events.wait_for("disconnect")
        commands = [
            f"target remote {server.url.removeprefix('socket://')}",
            "info threads",
            "bt",
            "x/2xw $sp",
            "break sensor_update",
            "continue",
            "delete",
            "detach",
        ]
        arguments = [part for command in commands for part in ("-ex", command)]
        gdb = await asyncio.create_subprocess_exec(
            program,
            "-q",
            "-nx",
            "-batch",
            *arguments,
            str(board.elf),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await asyncio.wait_for(gdb.communicate(), 60)
        shown = output.decode()
        async with Client(server.url) as client:
            assert b"screenshot" in await client.command("help")
    assert "read_register (registers=0x0)" in shown
    assert "sensor_update" in shown
    assert "app_main () at main.c" in shown
    assert "Name: wifi, Priority: 23" in shown
    assert "detached" in shown
    assert "Cannot insert breakpoint 1" in shown
