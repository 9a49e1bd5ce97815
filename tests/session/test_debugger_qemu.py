"""Peers that nobody here wrote: QEMU's debug stub, and gdb-multiarch through the bridge."""

from __future__ import annotations

import asyncio
import re

import pytest

from espmon.postmortem import Symbolizer
from espmon.postmortem.gdb_target import parse_stop
from espmon.session.bridge import Bridge
from espmon.session.gdb_client import GdbClient
from espmon.session.lease import Wire
from espmon.sim.firmware_image import ELF
from tests.session.qemu import needs, stopped_program
from tests.session.stub import unwound

pytestmark = pytest.mark.e2e

PANIC, ABORT, ASSERT, STACK, LOAD = 1, 2, 3, 4, 6
"""What `console_request` asks the program for."""

MAIN = "app_main"


def address_of(name: str) -> int:
    symbol = Symbolizer(ELF).elf.symbol_named(name)
    assert symbol is not None
    return symbol.address


async def run_to(debugger: GdbClient, name: str, request: int) -> None:
    await debugger.request(b"M%x,4:%s" % (address_of("console_request"), request.to_bytes(4, "little").hex().encode()))
    await debugger.request(b"Z0,%x,2" % address_of(name))
    stop = parse_stop(await debugger.request(b"c", 20.0, once=True))
    assert stop is not None


async def chain(debugger: GdbClient) -> list[str | None]:
    """The functions on the stack, inlined ones included, as espmon unwinds them from the stub's registers."""
    return await unwound(debugger, Symbolizer(ELF))


async def gdb(program: str, address: str, *commands: str) -> str:
    arguments = [part for command in commands for part in ("-ex", command)]
    process = await asyncio.create_subprocess_exec(
        program, "-q", "-nx", "-batch", "-ex", f"target remote {address}", *arguments, str(ELF),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode()


async def test_registers_memory_and_threads_are_read() -> None:
    async with stopped_program(ELF) as handle:
        debugger = GdbClient(Wire(handle, lambda owner, data: None).lease("gdb"))
        assert (await debugger.stop_reason()).signal == 5
        entry = (await debugger.registers())["MEPC"]
        assert int.from_bytes(await debugger.register(32), "little") == entry
        code = Symbolizer(ELF).elf.read(address_of(MAIN), 300)
        assert await debugger.memory(address_of(MAIN), 300) == code
        assert len(await debugger.threads()) == 1


async def test_a_step_executes_one_instruction() -> None:
    async with stopped_program(ELF) as handle:
        debugger = GdbClient(Wire(handle, lambda owner, data: None).lease("gdb"))
        before = (await debugger.registers())["MEPC"]
        assert (await debugger.step()).signal == 5
        assert 0 < abs((await debugger.registers())["MEPC"] - before) < 0x1000_0000


@pytest.mark.parametrize(
    ("function", "crash", "outer"),
    [
        ("sensor_sample", PANIC, "main_task"),
        ("draw_glyph", LOAD, "vPortTaskWrapper"),
        ("esp_system_abort", ABORT, "main_task"),
        ("__assert_func", ASSERT, "main_task"),
        ("vApplicationStackOverflowHook", STACK, "main_task"),
        ("vPortYield", STACK, "vPortTaskWrapper"),
    ],
)
async def test_the_chain_of_calls_is_the_one_that_gdb_finds_through_the_bridge(
    function: str, crash: int, outer: str
) -> None:
    needs("gdb-multiarch")
    async with stopped_program(ELF) as handle:
        lease = Wire(handle, lambda owner, data: None).lease("gdb")
        debugger = GdbClient(lease)
        await run_to(debugger, function, crash)
        ours = await chain(debugger)
        bridge = Bridge(lease)
        try:
            shown = await gdb("gdb-multiarch", await bridge.start(), "bt", "detach")
            await asyncio.wait_for(bridge.gone.wait(), 10)
        finally:
            await bridge.stop()
    theirs = re.findall(r"^#\d+ +(?:0x[0-9a-f]+ in )?(\w+) \(", shown, re.MULTILINE)
    assert ours == theirs
    assert outer in ours
    assert bridge.running
    assert bridge.problem is None


async def test_after_continue_the_board_runs_until_the_next_stop() -> None:
    async with stopped_program(ELF) as handle:
        lease = Wire(handle, lambda owner, data: None).lease("gdb")
        debugger = GdbClient(lease)
        await debugger.request(b"Z0,%x,2" % address_of(MAIN))
        log = await debugger.resume()
        while b"$T05" not in log:
            log += await asyncio.wait_for(lease.read(None), 10)
        await lease.write(b"+")
        assert (await debugger.registers())["MEPC"] == address_of(MAIN)
