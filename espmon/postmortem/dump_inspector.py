"""What a core dump holds beyond its report, read when it is asked for: variables, what the RTOS did, the heaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from espmon.model.architecture import Architecture
from espmon.model.stack_frame import Backtrace, FrameState
from espmon.postmortem.cache import Cache
from espmon.postmortem.memory import Memory
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.postmortem.symbolizer import Symbolizer
from espmon.postmortem.variables import FrameVariables, variables_of

if TYPE_CHECKING:
    from espmon.postmortem.global_variables import GlobalVariables
    from espmon.postmortem.heap_state import HeapReport
    from espmon.postmortem.heap_trace import HeapTrace
    from espmon.postmortem.rtos_objects import RtosObjects
    from espmon.postmortem.rtos_reader import RtosTypes, TaskInput
    from espmon.postmortem.rtos_state import RtosState

CACHED_TASKS = 64


class DumpInspector:
    """Reads a dump's variables.

    Args:
        symbolizer: the program.
        memory: the dump's, and the constants of the ELF.
        architecture: of the chip.
    """

    def __init__(self, symbolizer: Symbolizer, memory: Memory, architecture: Architecture) -> None:
        self.symbolizer, self.memory, self.architecture = symbolizer, memory, architecture
        self._tasks: Cache[int, list[FrameVariables]] = Cache(CACHED_TASKS)
        self._rtos: RtosState | None = None
        self._kernel: RtosTypes | None = None
        self._objects: RtosObjects | None = None

    def frames(self, key: int, registers: Mapping[str, int], trace: Backtrace) -> list[FrameVariables]:
        """Return the variables of each line of a task's backtrace that has a description; `key` tells tasks apart."""
        known = self._tasks.get(key)
        if known is None:
            states = self.states(registers, trace)
            found = [part for index in range(len(states)) for part in self.frame(states[index:])]
            known = self._tasks.put(key, found)
        return known

    def frame(self, states: Sequence[FrameState]) -> list[FrameVariables]:
        """Return the variables of the first of some frames, innermost function first."""
        return variables_of(self.symbolizer, self.memory, states, self.architecture.call_bytes)

    def rtos(self, tasks: Sequence[TaskInput]) -> RtosState:
        """Return what the RTOS was doing; the tasks are the same each time."""
        from espmon.postmortem.rtos_reader import RtosTypes, read_rtos

        if self._rtos is None:
            self._kernel = RtosTypes(self.symbolizer.images[0])
            self._rtos = read_rtos(self._kernel, self.memory, tasks)
        return self._rtos

    def rtos_objects(self, state: RtosState) -> RtosObjects:
        """Return timers, buffers and event groups; `state` is what `rtos` gave."""
        from espmon.postmortem.rtos_objects import read_objects

        if self._objects is None:
            symbolizer = self.symbolizer
            name_of = symbolizer.symbol_and_offset
            self._objects = read_objects(symbolizer.images[0], self.memory, state, name_of, self._kernel)
        return self._objects

    @cached_property
    def heaps(self) -> HeapReport:
        """The heaps."""
        from espmon.postmortem.heap_reader import HeapTypes, read_heaps

        return read_heaps(HeapTypes(self.symbolizer.images[0]), self.memory)

    @cached_property
    def heap_trace(self) -> HeapTrace:
        """What heap tracing recorded."""
        from espmon.postmortem.heap_trace import read_heap_trace

        return read_heap_trace(self.globals, self.memory)

    @cached_property
    def globals(self) -> GlobalVariables:
        """The global variables."""
        from espmon.postmortem.global_variables import GlobalVariables

        return GlobalVariables(self.symbolizer, self.memory)

    def states(self, registers: Mapping[str, int], trace: Backtrace) -> list[FrameState]:
        """Return the physical frames of a task, the one where it stopped among them."""
        if "pc" not in registers or (trace.states and trace.states[0].address == registers["pc"]):
            return trace.states
        return [self._first(registers, trace), *trace.states]

    def _first(self, registers: Mapping[str, int], trace: Backtrace) -> FrameState:
        """The frame where a task stopped, which unwinding by the stack alone does not describe."""
        numbers = self.architecture.numbers
        numbered = {numbers[name]: value for name, value in registers.items() if name in numbers}
        cfa, image = None, self.symbolizer.image_at(registers["pc"])
        try:
            row = image.frames.row(registers["pc"]) if image is not None else None
            if row is not None and row.cfa_expression is None and row.cfa_register in numbered:
                cfa = numbered[row.cfa_register] + row.cfa_offset
        except PostmortemError:
            cfa = None
        following = trace.states[0].address + self.architecture.call_bytes if trace.states else None
        return FrameState(registers["pc"], numbered, cfa, 0, following)
