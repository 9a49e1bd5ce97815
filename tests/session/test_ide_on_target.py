"""A dump and a halted board as VS Code's adapter (cppdbg) asks for them: the commands that its launch sends to gdb."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from espmon.postmortem import decode_core
from espmon.session.dump_server import DumpServer
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Activity, OpenRequest
from espmon.session.stub_server import StubServer
from espmon.sim import BoardServer, SimulatedBoard
from tests.inputs import SIMULATED_ELF, dump_named
from tests.session.fakes import Watch
from tests.session.mi import MachineInterface, machine_interface

pytestmark = pytest.mark.e2e


async def look_around(gdb: MachineInterface, tasks: list[str]) -> None:
    """What the adapter asks when the program has stopped, for threads, call stack, variables, registers, memory."""
    threads = await gdb.ask("-thread-info")
    assert re.findall(r'target-id="Thread \d+",details="[^"]*",name="([^"]*)"', threads) == tasks
    frames = await gdb.ask("-stack-list-frames --thread 1 0 1000")
    assert 'func="read_register"' in frames
    assert 'func="app_main"' in frames
    assert 'name="registers",value="0x0"' in await gdb.ask("-stack-list-arguments 1 0 0")
    level = re.findall(r'level="(\d+)",[^}]*func="sensor_update"', frames)[0]
    variables = await gdb.ask(f"-stack-list-variables --thread 1 --frame {level} 2")
    assert 'name="samples"' in variables
    made = await gdb.ask(f"-var-create --thread 1 --frame {level} - * sensor")
    name = re.findall(r'name="(var\d+)"', made)[0]
    children = await gdb.ask(f"-var-list-children --simple-values {name} 0 1000")
    assert "exp=" in children
    await gdb.ask(f"-var-evaluate-expression {name}")
    assert '"pc"' in await gdb.ask("-data-list-register-names")
    values = await gdb.ask("-data-list-register-values --thread 2 x 2 32")
    pointer = re.findall(r'number="2",value="(0x[0-9a-f]+)"', values)[0]
    memory = await gdb.ask(f"-data-read-memory-bytes {pointer} 16")
    assert re.search(r'contents="[0-9a-f]{32}"', memory)
    await gdb.ask("-thread-select 3")
    await gdb.ask("-thread-select 1")


async def test_a_dump_is_shown_and_says_that_it_cannot_run() -> None:
    report = decode_core(dump_named("riscv_inlined").text, SIMULATED_ELF)
    async with DumpServer(report.target()).listening(0) as port, machine_interface(SIMULATED_ELF) as gdb:
        await gdb.ask(f"-target-select remote 127.0.0.1:{port}", "connected")
        await look_around(gdb, [task.name for task in report.tasks])
        await gdb.ask("-exec-continue", "running")
        await gdb.until(r"^@?.*A core dump cannot run")
        await gdb.until(r'^\*stopped,.*thread-id="1"')
        await gdb.ask("-target-detach")


async def test_a_halted_board_is_shown_runs_and_is_stopped_again(tmp_path: Path) -> None:
    board = SimulatedBoard("esp32c3", "quiet", power_delay=0)
    session = Session(settings=Settings(), folder=tmp_path)
    watch = Watch()
    session.subscribe(watch)
    async with BoardServer(board, "socket://127.0.0.1:0") as server:
        try:
            await session.open(OpenRequest(server.url, elf=(board.elf,)))
            await watch.until(lambda: len(session.store) > 0)
            await session.send(b"gdbstub\r")
            await asyncio.wait_for(watch.until(lambda: session.status.activity is Activity.HALTED), 30)
            async with StubServer(session).listening(0) as port, machine_interface(board.elf) as gdb:
                await gdb.ask(f"-target-select remote 127.0.0.1:{port}", "connected")
                await look_around(gdb, ["main", "esp_timer", "wifi", "IDLE", "display_render"])
                await gdb.ask("-exec-continue", "running")
                await asyncio.wait_for(watch.until(lambda: session.state is State.MONITORING), 30)
                await session.send(b"gdbstub\r")
                await gdb.until(r'^\*stopped,.*signal-name="SIGSEGV"')
                await gdb.ask("-target-detach")
                await asyncio.wait_for(watch.until(lambda: not session.status.debugger), 30)
            assert session.state is State.MONITORING
        finally:
            await session.close()
