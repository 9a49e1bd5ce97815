"""One unwinder an architecture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from espmon.model.architecture import RISCV, XTENSA, Architecture
from espmon.model.stack_frame import Backtrace
from espmon.postmortem.memory import DAMAGED, Memory
from espmon.postmortem.raw_code import RawCode
from espmon.postmortem.riscv_code import call_before
from espmon.postmortem.riscv_unwinder import unwind_riscv
from espmon.postmortem.symbolizer import CodeSource, Symbolizer
from espmon.postmortem.xtensa_code import call_size_before
from espmon.postmortem.xtensa_unwinder import unwind_xtensa


class Unwinder(NamedTuple):
    """What is done with the code and the stack of an architecture."""

    unwind: Callable[[Mapping[str, int], Memory, Symbolizer | None, int | None, str], Backtrace]
    """See `unwind`."""

    follows_call: Callable[[CodeSource, int], bool]
    """Whether the instruction before an address may be a call: else it is no return address."""


def _unwind_xtensa(
    registers: Mapping[str, int], memory: Memory, symbolizer: Symbolizer | None, top: int | None, wrong: str
) -> Backtrace:
    return unwind_xtensa(registers, memory, symbolizer or RawCode(XTENSA), wrong)


def _unwind_riscv(
    registers: Mapping[str, int], memory: Memory, symbolizer: Symbolizer | None, top: int | None, wrong: str
) -> Backtrace:
    if symbolizer is not None:
        return unwind_riscv(registers, memory, symbolizer, top, wrong)
    # Its frame information is all that leads further.
    trace = Backtrace(end="without the ELF only the program counter is known")
    if "pc" in registers:
        trace.add(registers["pc"], registers.get("sp", 0), [])
    return trace


UNWINDERS: Mapping[str, Unwinder] = {
    XTENSA.name: Unwinder(_unwind_xtensa, lambda source, address: call_size_before(source, address) != -1),
    RISCV.name: Unwinder(_unwind_riscv, lambda source, address: call_before(source, address) is not None),
}
"""Name of the architecture -> its unwinder. The ESP8266 has none: its stack is searched for return addresses."""


def unwind(
    architecture: Architecture,
    registers: Mapping[str, int],
    memory: Memory,
    symbolizer: Symbolizer | None,
    stack_top: int | None = None,
    wrong: str = DAMAGED,
) -> Backtrace:
    """Returns the chain of calls; empty, saying so, for an architecture that cannot be unwound.

    Args:
        architecture: whose registers and code these are.
        registers: by their lower-case names.
        memory: holds the stack.
        symbolizer: the program; None where there is no ELF.
        stack_top: the end of the task's stack, None when it is not known.
        wrong: begins the reason for an end where the stack and the code do not go together.
    """
    known = UNWINDERS.get(architecture.name)
    if known is None:
        return Backtrace(end=f"{architecture.title} code cannot be unwound")
    return known.unwind(registers, memory, symbolizer, stack_top, wrong)
