"""A core dump as what a debugger is served: it stands still, and nothing of it can be changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from espmon.model.architecture import Architecture
from espmon.postmortem.gdb_target import Stop
from espmon.postmortem.memory import Memory
from espmon.postmortem.register_layouts import LAYOUTS
from espmon.postmortem.remote_target import FIRST, REFUSED, UNKNOWN, Resumed, TargetThread

PACKET_BYTES = 0x4000
"""Longest packet that gdb is told to send or to expect."""
STANDS_STILL = "A core dump cannot run: it is what was left behind.\n"
DEFAULT_SIGNAL = 6
SIGNALS: Mapping[str, int] = {"exception": 11, "task_wdt": 20, "int_wdt": 20, "stack_overflow": 11}
"""Kind of crash -> the signal that gdb shows; others are an abort."""
NO_LOOPS = frozenset({"ESP32-S2"})
"""Xtensa chips without loop registers."""


class DumpThread(NamedTuple):
    """A task as gdb sees it: its registers by lower-case name."""

    name: str
    registers: Mapping[str, int]
    words: str = ""
    """What else gdb shows of it: priority, state."""


class DumpSource(NamedTuple):
    """What is served; see `TargetSource` for the methods.

    Attributes:
        threads: the crashed one first.
        memory: the dump's, and the constants of the ELF.
        chip: its name, None where the dump does not say.
        kind: of the crash, for the signal.
    """

    architecture: Architecture
    threads: Sequence[DumpThread]
    memory: Memory
    chip: str | None = None
    kind: str = ""

    @property
    def packet_bytes(self) -> int:
        """See `TargetSource`."""
        return PACKET_BYTES

    async def stop_reason(self) -> Stop:
        """The crash, in the first thread."""
        return Stop(SIGNALS.get(self.kind, DEFAULT_SIGNAL), f"{FIRST:x}")

    async def thread_list(self) -> Sequence[TargetThread]:
        """The tasks."""
        return [TargetThread(thread.name, thread.words) for thread in self.threads]

    async def register_words(self, thread: int) -> Sequence[int | None]:
        """Those of a task."""
        loops = self.chip not in NO_LOOPS
        return LAYOUTS[self.architecture.name].stub_values(self.threads[thread - FIRST].registers, loops)

    async def read_memory(self, address: int, size: int) -> bytes:
        """What the dump and the ELF hold of a piece of memory, from its start on."""
        content = self.memory.read(address, size)
        if content is not None:
            return content
        low, high = 0, size
        while low < high:
            middle = (low + high + 1) // 2
            if self.memory.read(address, middle) is not None:
                low = middle
            else:
                high = middle - 1
        return (self.memory.read(address, low) or b"") if low else b""

    async def change(self, request: str, thread: int) -> bytes:
        """Nothing can be written, and there are no breakpoints."""
        return UNKNOWN if request[:1] in "Zz" else REFUSED

    async def resume(self, request: str, thread: int) -> Resumed:
        """It stays where it is: gdb waits for a stop, and there is only the one that the dump was made at."""
        return Resumed(await self.stop_reason(), STANDS_STILL)

    async def interrupt(self) -> None:
        """Nothing runs."""

    async def leave(self) -> None:
        """Nothing is to be done."""
