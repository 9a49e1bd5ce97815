"""Inspecting a stopped board in place, or handing the port to a real gdb: both over one lease, both give it back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from espmon.model.architecture import MACHINES, architecture_of
from espmon.model.chip_identity import chip_named
from espmon.port import PortError
from espmon.postmortem.gdb_target import Stop
from espmon.postmortem.rsp import RspError, TargetGone
from espmon.programs import command_line, find_program
from espmon.session.bridge import Bridge
from espmon.session.decoder import Decoder
from espmon.session.gdb_client import GdbClient, Thread
from espmon.session.lease import Lease, LeaseError
from espmon.session.port_link import Link, PortLoss
from espmon.session.reporter import Reporter
from espmon.session.state import Lifecycle, Trigger
from espmon.session.status import Activity, Severity
from espmon.session.stopped import Snapshot, StackReader, snapshot, stack_pointer
from espmon.session.tasks import stop_tasks
from espmon.time_limit import time_limit

NO_STARTUP_FILES = ("-nx", "-iex", "set auto-load off")
"""gdb reads no `.gdbinit`, neither the user's nor one of this folder, and runs nothing that an ELF brings along."""

OWNER = "gdb"
"""Name of the debug lease, in `Status.lease` and in the recording."""

LET_GO_SECONDS = 6.0
"""Longest wait for a stub that is told to let the program go on when the user leaves."""

STILL_HALTED = "The board may still wait in its debug stub: press its EN (RST) key"
"""Said where the stub did not say that it lets the program go on."""

MAX_STACK_PIECES = 24
"""Pieces of stack fetched for one backtrace at most."""


class DebugError(Exception):
    """DebugLease is not possible now; the message says why and what to do."""


class DebugLease:
    """The session's debug lease.

    Args:
        link: the open port.
        lifecycle: the session's state.
        decoder: the ELF, and the thread that unwinds.
        reporter: the session's voice.
        loss: told when the port went away under the debugger.
        startup_files: gdb may read its own (`.gdbinit`, what an ELF brings along): the user wants it.
    """

    def __init__(
        self,
        link: Link,
        lifecycle: Lifecycle,
        decoder: Decoder,
        reporter: Reporter,
        loss: PortLoss,
        *,
        startup_files: bool = False,
    ) -> None:
        self._startup_files = startup_files
        self._link = link
        self._lifecycle = lifecycle
        self._decoder = decoder
        self._reporter = reporter
        self._loss = loss
        self._lease: Lease | None = None
        self._debugger: GdbClient | None = None
        self._bridge: Bridge | None = None
        self._stop: Stop | None = None
        self._seen: int | None = None
        """The architecture as its registers showed it, where no ELF tells it."""
        self._selected: str | None = None
        self._threads: Sequence[Thread] | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        """Of whoever speaks to the stub: its answers belong to one at a time."""

    @property
    def active(self) -> bool:
        """Whether the debug lease is out."""
        return self._lease is not None

    @property
    def _machine(self) -> int | None:
        return self._decoder.loaded.symbolizer.machine if self._decoder.loaded else self._seen

    def _speaking(self) -> GdbClient:
        if self._debugger is None:
            raise DebugError("The board is not being inspected")
        return self._debugger

    async def start(self) -> Snapshot:
        """Take the port and ask the stub where it stopped; returns a snapshot. Raises `DebugError`, `PortError`."""
        async with self._begun() as debugger:
            return await self._snapshot(debugger)

    async def begin(self) -> Stop:
        """Take the port and ask the stub why it stopped, for a debugger that asks the rest. Raises as `start` does."""
        async with self._begun():
            assert self._stop is not None
            return self._stop

    @asynccontextmanager
    async def _begun(self) -> AsyncIterator[GdbClient]:
        await self._take()
        assert self._lease is not None
        self._debugger = GdbClient(self._lease, machine=self._machine)
        self._selected = self._threads = None
        try:
            async with self.asking() as debugger:
                self._stop = await debugger.stop_reason()
                yield debugger
        except DebugError as error:
            if self.active:
                self._give_back(b"", self._reporter.status.activity)
                raise DebugError(
                    f"{error}. Is it still in the debug stub? A reset brings the application back"
                ) from error
            raise

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[GdbClient]:
        """Speak to the stub. Its errors and the port's come in one kind; the end of the stub ends the lease."""
        async with self._turn, self._asking(self._speaking()) as debugger:
            yield debugger

    @asynccontextmanager
    async def _asking(self, debugger: GdbClient) -> AsyncIterator[GdbClient]:
        await stop_tasks(self._watcher)
        self._watcher = None
        try:
            yield debugger
        except TargetGone as error:
            self._ended(error)
            raise DebugError(f"{error}. The log goes on") from error
        except RspError as error:
            raise DebugError(str(error)) from error
        except PortError as error:
            self._lost(error)
            raise DebugError(str(error)) from error
        except LeaseError as error:
            if self.active:
                raise
            raise DebugError("The inspection was ended") from error  # the session was closed meanwhile
        finally:
            if self._debugger is debugger:
                self._watcher = asyncio.create_task(self._watch(debugger), name="espmon-gdb-watch")

    async def _watch(self, debugger: GdbClient) -> None:
        """Between requests: a board that is reset by hand must not keep its log waiting."""
        try:
            await debugger.watch()
        except TargetGone as error:
            self._watcher = None
            self._ended(error)
            self._reporter.notify(f"{error}. The log goes on", Severity.WARNING)
        except PortError as error:
            self._watcher = None
            self._lost(error)

    def _ended(self, error: TargetGone) -> None:
        if self._lease is not None:
            self._give_back(error.log, Activity.RUNNING)

    def _lost(self, error: PortError) -> None:
        self.drop()
        self._loss.lose(error)

    def drop(self) -> None:
        """Forget the lease: the port is gone or being closed."""
        self._stop_watching()
        lease, self._lease = self._lease, None
        self._debugger = None
        if lease is not None:
            self._link.forfeit(lease)
            self._holds(None)

    async def _take(self) -> None:
        if self._lease is not None:
            raise DebugError("The port is used by the debugger already")
        self._lifecycle.fire(Trigger.LEASE)
        self._holds(OWNER)
        self._lease = await self._link.borrow(OWNER)

    def _holds(self, owner: str | None) -> None:
        self._reporter.publish(replace(self._reporter.status, lease=owner))

    def _stop_watching(self) -> None:
        """The watcher lets go of the port before whoever is started next takes its first step."""
        if self._watcher is not None:
            self._watcher.cancel()
            self._watcher = None

    def _give_back(self, pushback: bytes, activity: Activity) -> None:
        """Read the log on; `activity` is what the board does from now on."""
        self._stop_watching()
        lease, self._lease = self._lease, None
        self._debugger = None
        if lease is not None:
            self._reporter.publish(replace(self._reporter.status, activity=activity))
            self._link.give_back(lease, pushback)
            self._holds(None)
            self._lifecycle.fire(Trigger.RELEASE)

    async def _snapshot(self, debugger: GdbClient) -> Snapshot:
        registers = await debugger.registers()
        seen = architecture_of(registers)
        self._seen = seen.elf_machine if seen is not None else None
        if self._threads is None:  # they do not change while the board stands still
            self._threads = await debugger.threads()
        stop, thread, threads = self._stop, self._selected, self._threads
        stack = StackReader(stack_pointer(registers))
        await self._fetch(debugger, stack, stack.first)
        for _ in range(MAX_STACK_PIECES):
            found = await self._decoder.run(
                lambda symbolizer: snapshot(stop, thread, threads, registers, stack, symbolizer)
            )
            wanted = stack.wanted
            if wanted is None or not await self._fetch(debugger, stack, wanted):
                break
        return found

    async def _fetch(self, debugger: GdbClient, stack: StackReader, wanted: tuple[int, int]) -> bool:
        try:
            data = await debugger.memory(*wanted)
        except TargetGone:
            raise
        except RspError:
            data = b""
        stack.add(wanted[0], data)
        return bool(data)

    async def memory(self, address: int, length: int) -> bytes:
        """Memory of the target. Raises `DebugError` with the stub's reason."""
        async with self.asking() as debugger:
            return await debugger.memory(address, length)

    async def select(self, thread: str) -> Snapshot:
        """Look at another thread. Raises `DebugError`."""
        async with self.asking() as debugger:
            await debugger.select(thread)
            self._selected = thread
            return await self._snapshot(debugger)

    async def step(self) -> Snapshot:
        """One instruction. Raises `DebugError`."""
        async with self.asking() as debugger:
            self._stop = await debugger.step()
            self._selected = self._threads = None
            return await self._snapshot(debugger)

    async def resume(self, *, detach: bool = False) -> None:
        """Let the board run on; the log goes on."""
        async with self.asking() as debugger:
            self._give_back(await debugger.resume(b"D" if detach else b"c"), Activity.RUNNING)

    async def abandon(self) -> None:
        """Give the port back without a word to the board (before a reset, or when it does not answer)."""
        if self._bridge is not None:
            await self._bridge.stop()
            self._bridge = None
        await stop_tasks(self._watcher)
        self._watcher = None
        self._give_back(b"", self._reporter.status.activity)

    async def let_go(self) -> str:
        """The user leaves: let the board run on, whoever has the lease. Returns how it was left."""
        try:
            async with time_limit(LET_GO_SECONDS):
                if self._bridge is not None:
                    await self.take_back()
                else:
                    if not self.active:
                        await self.begin()
                    debugger = self._speaking()
                    await self.resume(detach=True)
                    if not debugger.heard:
                        return STILL_HALTED
        except (DebugError, PortError) as error:
            return f"{error}. {STILL_HALTED}"
        except TimeoutError:
            return STILL_HALTED
        return "The board was let go from its debug stub"

    # -- a real gdb ---------------------------------------------------------------------------------------------

    async def hand_over(self) -> list[str]:
        """Open a bridge for a real gdb; returns the command to start. Raises `DebugError` when there is none."""
        self._gdb()  # before the port is taken
        if self._lease is None:
            await self._take()
        await stop_tasks(self._watcher)
        self._watcher = self._debugger = None
        assert self._lease is not None
        self._bridge = Bridge(self._lease)
        try:
            address = await self._bridge.start()
        except OSError as error:
            await self.abandon()
            raise DebugError(f"No debugger can be let in: {error.strerror or error}") from error
        return self.gdb_command(address)

    def _gdb(self) -> str:
        return find_gdb(self._machine, self._reporter.status.chip)

    def gdb_command(self, address: str) -> list[str]:
        """The words that start the gdb of this computer on an address. Raises `DebugError` when there is none."""
        program = self._gdb()
        elf = self._decoder.loaded.paths[0] if self._decoder.loaded else None
        commands = ["set remotetimeout 10", *self._architecture(program), f"target remote {address}"]
        options = ["-q", *(() if self._startup_files else NO_STARTUP_FILES)]
        for text in commands:
            options += ["-ex", text]
        return command_line(program, options, [elf] if elf else [])

    def _architecture(self, program: str) -> list[str]:
        """Without an ELF a debugger for many processors has to be told which one it speaks to."""
        many = self._decoder.loaded is None and "multiarch" in program
        known = MACHINES.get(self._machine or 0)
        return [f"set architecture {known.gdb_name}"] if many and known is not None else []

    async def take_back(self) -> None:
        """gdb has ended: close the bridge, let the board run, and read the log again."""
        bridge, self._bridge = self._bridge, None
        if bridge is None or self._lease is None:
            return
        await bridge.stop()
        if bridge.problem is not None:
            self._lost(bridge.problem)
            return
        if bridge.running:
            self._give_back(bridge.log, Activity.RUNNING)
            return
        self._debugger = GdbClient(self._lease, machine=self._machine)
        async with self.asking() as debugger:
            await self._lease.write(b"+")
            self._give_back(await debugger.resume(), Activity.RUNNING)


def find_gdb(machine: int | None, chip: str | None = None) -> str:
    """The best debugger on this computer for a processor; of Xtensa chips each has its own registers, and debugger.

    Raises `DebugError` naming what was looked for.
    """
    known = MACHINES.get(machine or 0)
    names = tuple(name for each in ([known] if known is not None else MACHINES.values()) for name in each.gdb)
    model = chip_named(chip or "")
    if model is not None and known is not None and known.gdb_of_chip:
        own = known.gdb_of_chip.format(model.key)
        names = (own, *(name for name in names if name != own))
    for name in names:
        if found := find_program(name):
            return found
    raise DebugError(f"No debugger is installed: looked for {', '.join(names)}. Inspecting here needs none")
