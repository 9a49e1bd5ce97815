"""Inspecting a stopped board in place, or handing the port to a real gdb: both over one lease, both give it back."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from espmon.port import PortError
from espmon.postmortem import PostmortemError, SegmentMemory, Symbolizer, unwind_riscv, unwind_xtensa
from espmon.postmortem.gdb_target import RISCV_MACHINE, XTENSA_MACHINE, Stop
from espmon.postmortem.panic_notes import note_on
from espmon.postmortem.rsp import RspError
from espmon.session.debugger import Bridge, Debugger
from espmon.session.decoder import Decoder
from espmon.session.lease import Lease
from espmon.session.link import Link
from espmon.session.state import Lifecycle, Trigger

OWNER = "gdb"
STACK_BYTES = 1024
"""Stack read for a backtrace: enough for a dozen frames, quick enough at 115200 baud."""

GDB_NAMES: Mapping[int, tuple[str, ...]] = {
    RISCV_MACHINE: ("riscv32-esp-elf-gdb", "gdb-multiarch"),
    XTENSA_MACHINE: ("xtensa-esp-elf-gdb", "xtensa-esp32-elf-gdb", "xtensa-esp32s3-elf-gdb", "xtensa-esp32s2-elf-gdb"),
}
"""ELF machine -> debuggers that know it, best first."""


class DebugError(Exception):
    """Debugging is not possible now; the message says why and what to do."""


class Debugging:
    """The session's debug lease.

    Args:
        link: the open port.
        lifecycle: the session's state.
        decoder: the ELF, and the thread that unwinds.
        changed: told the lease's owner, or None when it is given back.
        on_lost: called when the port went away under the debugger.
    """

    def __init__(
        self,
        link: Link,
        lifecycle: Lifecycle,
        decoder: Decoder,
        changed: Callable[[str | None], None],
        on_lost: Callable[[PortError], None],
    ) -> None:
        self._link = link
        self._lifecycle = lifecycle
        self._decoder = decoder
        self._changed = changed
        self._on_lost = on_lost
        self._lease: Lease | None = None
        self._debugger: Debugger | None = None
        self._bridge: Bridge | None = None
        self._stop: Stop | None = None

    @property
    def active(self) -> bool:
        """Whether the debug lease is out."""
        return self._lease is not None

    @property
    def _machine(self) -> int | None:
        return self._decoder.loaded.symbolizer.machine if self._decoder.loaded else None

    def _speaking(self) -> Debugger:
        if self._debugger is None:
            raise DebugError("The board is not being inspected")
        return self._debugger

    async def start(self) -> dict[str, Any]:
        """Take the port and ask the stub where it stopped; returns a snapshot. Raises `DebugError`, `PortError`."""
        await self._take()
        assert self._lease is not None
        self._debugger = Debugger(self._lease, machine=self._machine)
        try:
            async with self._errors():
                self._stop = await self._debugger.stop_reason()
            return await self.snapshot()
        except DebugError as error:
            self._give_back(b"")
            raise DebugError(f"{error}. Is it still in the debug stub? A reset brings the application back") from error

    @asynccontextmanager
    async def _errors(self) -> AsyncIterator[None]:
        """Errors of the stub and of the port in one kind; a lost port ends the lease."""
        try:
            yield
        except RspError as error:
            raise DebugError(str(error)) from error
        except PortError as error:
            self.drop()
            self._on_lost(error)
            raise DebugError(str(error)) from error

    def drop(self) -> None:
        """Forget the lease: the port is gone or being closed."""
        lease, self._lease = self._lease, None
        self._debugger = None
        if lease is not None:
            self._link.forfeit(lease)
            self._changed(None)

    async def _take(self) -> None:
        if self._lease is not None:
            raise DebugError("The port is used by the debugger already")
        self._lifecycle.fire(Trigger.LEASE)
        self._changed(OWNER)
        self._lease = await self._link.borrow(OWNER)

    def _give_back(self, pushback: bytes) -> None:
        lease, self._lease = self._lease, None
        self._debugger = None
        if lease is not None:
            self._link.give_back(lease, pushback)
            self._changed(None)
            self._lifecycle.fire(Trigger.RELEASE)

    async def snapshot(self) -> dict[str, Any]:
        """Registers, threads and backtrace of the selected thread, as plain data for the screen."""
        debugger = self._speaking()
        async with self._errors():
            registers = await debugger.registers()
            threads = await debugger.threads()
            sp = registers.get("SP", registers.get("A1", 0))
            stack = await self._stack(debugger, sp)
        return await self._decoder.run(
            lambda symbolizer: _describe(self._stop, registers, sp, stack, threads_json(threads), symbolizer)
        )

    async def _stack(self, debugger: Debugger, sp: int) -> bytes:
        # Xtensa keeps the caller's a0 and a1 just below the stack pointer.
        try:
            return await debugger.memory(max(sp - 16, 0), STACK_BYTES) if sp else b""
        except RspError:
            return b""

    async def memory(self, address: int, length: int) -> bytes:
        """Memory of the target. Raises `DebugError` with the stub's reason."""
        debugger = self._speaking()
        async with self._errors():
            return await debugger.memory(address, length)

    async def select(self, thread: str) -> dict[str, Any]:
        """Look at another thread. Raises `DebugError`."""
        debugger = self._speaking()
        async with self._errors():
            await debugger.select(thread)
        return await self.snapshot()

    async def step(self) -> dict[str, Any]:
        """One instruction. Raises `DebugError`."""
        debugger = self._speaking()
        async with self._errors():
            self._stop = await debugger.step()
        return await self.snapshot()

    async def resume(self, *, detach: bool = False) -> None:
        """Let the board run on; the log goes on."""
        debugger = self._speaking()
        async with self._errors():
            self._give_back(await debugger.resume(b"D" if detach else b"c"))

    async def abandon(self) -> None:
        """Give the port back without a word to the board (before a reset, or when it does not answer)."""
        if self._bridge is not None:
            await self._bridge.stop()
        self._give_back(b"")

    # -- a real gdb ---------------------------------------------------------------------------------------------

    async def hand_over(self) -> list[str]:
        """Open a bridge for a real gdb; returns the command to start. Raises `DebugError` when there is none."""
        program = find_gdb(self._machine)
        elf = self._decoder.loaded.paths[0] if self._decoder.loaded else None
        if self._debugger is None:
            await self._take()
        self._debugger = None
        assert self._lease is not None
        self._bridge = Bridge(self._lease)
        port = await self._bridge.start()
        command = [program, "-q", "-ex", "set remotetimeout 10", "-ex", f"target remote 127.0.0.1:{port}"]
        return [*command, *([str(elf)] if elf else [])]

    async def take_back(self) -> None:
        """gdb has ended: close the bridge, let the board run, and read the log again."""
        bridge, self._bridge = self._bridge, None
        if bridge is None or self._lease is None:
            return
        await bridge.stop()
        if bridge.last[:1] in (b"D", b"k"):
            self._give_back(b"")
            return
        self._debugger = Debugger(self._lease, machine=self._machine)
        async with self._errors():
            await self._lease.write(b"+")
            self._give_back(await self._debugger.resume())


def threads_json(threads: list[Any]) -> list[dict[str, str]]:
    """Threads as plain data."""
    return [{"id": thread.id, "name": thread.name} for thread in threads]


def find_gdb(machine: int | None) -> str:
    """The best debugger on this computer for a processor. Raises `DebugError` naming what was looked for."""
    names = GDB_NAMES.get(machine or 0) or tuple(name for group in GDB_NAMES.values() for name in group)
    for name in names:
        if found := shutil.which(name):
            return found
    raise DebugError(f"No debugger is installed: looked for {', '.join(names)}. Inspecting here needs none")


def _describe(
    stop: Stop | None,
    registers: Mapping[str, int],
    sp: int,
    stack: bytes,
    threads: list[dict[str, str]],
    symbolizer: Symbolizer | None,
) -> dict[str, Any]:
    frames, warnings = _unwind(registers, sp, stack, symbolizer)
    start = max(sp - 16, 0)
    return {
        "reason": stop.words if stop else "stopped",
        "signal": stop.signal if stop else None,
        "thread": stop.thread if stop else None,
        "threads": threads,
        "registers": {name: f"0x{value:08x}" for name, value in registers.items()},
        "notes": {
            name: note
            for name, value in registers.items()
            if (note := note_on(name, value, stack=[(start, start + len(stack))])) is not None
        },
        "backtrace": frames,
        "stack": {"address": f"0x{start:08x}", "bytes": stack.hex()},
        "warnings": warnings,
    }


def _unwind(
    registers: Mapping[str, int], sp: int, stack: bytes, symbolizer: Symbolizer | None
) -> tuple[list[dict[str, object]], list[str]]:
    pc = registers.get("MEPC", registers.get("PC"))
    if symbolizer is None:
        bare: dict[str, object] = {
            "pc": f"0x{pc or 0:08x}",
            "function": None,
            "file": None,
            "line": None,
            "inlined": False,
        }
        return [bare], ["No ELF: addresses are not decoded"]
    named = {name.lower().split("/")[0]: value for name, value in registers.items()}
    if pc is not None:
        named["pc"] = pc
    memory = SegmentMemory([(max(sp - 16, 0), stack)])
    try:
        trace = (unwind_xtensa if "A1" in registers and "SP" not in registers else unwind_riscv)(
            named, memory, symbolizer
        )
    except PostmortemError as error:
        return [], [str(error)]
    warnings = [] if trace.complete or not trace.end else [f"The chain ends here: {trace.end}"]
    return [frame.to_json() for frame in trace], warnings
