"""Unwinding of RISC-V by call frame information."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from espmon.model.architecture import RISCV
from espmon.model.stack_frame import MAX_FRAMES, Backtrace, FrameState
from espmon.postmortem.cfi import (
    EXPRESSION,
    OFFSET,
    REGISTER,
    SAME,
    UNDEFINED,
    VAL_EXPRESSION,
    VAL_OFFSET,
    FrameTable,
    Row,
)
from espmon.postmortem.expression import Context, Location, evaluate
from espmon.postmortem.memory import DAMAGED, Memory, word
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.postmortem.riscv_code import CALLEE_SAVED, Call, call_before
from espmon.postmortem.rom_code import in_rom, is_rom
from espmon.postmortem.symbolizer import Symbolizer
from espmon.postmortem.tail_calls import tail_path

RA, SP, PC = 1, 2, -1
MAX_SCAN_BYTES = 1024
"""How far above the stack pointer a frame behind ROM code is searched for."""
MAX_ABOVE_RETURN = 32
"""How far above its return address a frame can end: compilers put variable arguments there, nothing else."""
TOP_SLACK = 64
"""A chain has reached the top of a stack when its last frame ends this near to it."""
TASK_STARTS = frozenset(
    {
        "vPortTaskWrapper", "main_task", "prvIdleTask", "prvTimerTask", "ipc_task", "timer_task",
        "call_start_cpu0", "call_start_cpu1", "start_cpu0", "start_cpu1", "start_cpu_other_cores",
    }
)  # fmt: skip
"""Functions that nothing calls: the outermost frame of a stack."""
MIN_PROVEN_CALLS = 3
"""Direct calls that must each go to the right function before a chain is believed whose end is not the top of a known
stack, nor the start of a task.
"""

Registers = dict[int, int]


class _Frame(NamedTuple):
    """A physical frame: its registers, its address (CFA) and the entry of its function (None without CFI)."""

    registers: Registers
    cfa: int
    entry: int | None


def unwind_riscv(
    registers: Mapping[str, int],
    memory: Memory,
    symbolizer: Symbolizer,
    stack_top: int | None = None,
    wrong: str = DAMAGED,
) -> Backtrace:
    """Unwind from the registers `pc`, `ra`, `sp`, `s0`.. (lower case) and stack memory; `stack_top` is the end of the
    task's stack.

    A frame behind ROM code, which has no frame information, is taken from the stack only when the chain that starts
    there reaches `stack_top` and every direct call on it goes to the function it should; it is marked recovered. Where
    the top is not known, as in a printed panic, the chain has to reach the start of a task, or to be proven by
    several direct calls.

    `wrong` begins the reason for an end where the stack and the code do not go together.
    """
    return _Unwinder(memory, symbolizer, stack_top, wrong).run(registers)


def tables_of(symbolizer: Symbolizer) -> list[FrameTable]:
    """Return the frame tables of all files of a symbolizer, each read once."""
    return [image.frames for image in symbolizer.images]


class _Unwinder:
    def __init__(self, memory: Memory, symbolizer: Symbolizer, stack_top: int | None, wrong: str) -> None:
        self.memory = memory
        self.wrong = wrong
        self.symbolizer = symbolizer
        self.tables = tables_of(symbolizer)
        self.stack_top = stack_top

    def run(self, named: Mapping[str, int]) -> Backtrace:
        trace = Backtrace()
        registers = {RISCV.numbers[name]: value for name, value in named.items() if name in RISCV.numbers}
        pc = named.get("pc", named.get("mepc"))
        if pc is None:
            trace.end = "the program counter is not known"
            return trace
        registers[PC] = pc
        trace.add(pc, registers.get(SP, 0), self.symbolizer.lookup(pc, statements=True))
        if not self.symbolizer.is_code(pc) and not in_rom(pc, self.symbolizer):
            # A jump to a bad address leaves the caller in ra and nothing on the stack.
            ra = registers.get(RA, 0)
            if call_before(self.symbolizer, ra) is None:
                trace.end = f"0x{pc:08x} is not code"
                return trace
            registers = {**registers, PC: ra}
            trace.add(ra, registers.get(SP, 0), self.symbolizer.lookup_caller(ra, statements=True))
            self._chain(trace, registers, innermost=False)
        else:
            self._chain(trace, registers, innermost=True)
        return trace

    def _chain(self, trace: Backtrace, registers: Registers, innermost: bool, recovered: bool = False) -> None:
        for _ in range(MAX_FRAMES):
            if len(trace.frames) >= 4 * MAX_FRAMES:
                break
            pc = registers[PC]
            try:
                row = self._row(pc if innermost else pc - 1)
                if row is None:
                    if not self._through_unknown_code(trace, registers, innermost):
                        return
                    registers, recovered = self._resumed
                    innermost = False
                    continue
                frame = self._frame(registers, row)
                trace.states.append(FrameState(pc if innermost else pc - 1, registers, frame.cfa, trace.latest))
                caller = self._caller(frame, row, innermost)
            except PostmortemError as error:
                trace.end = str(error)
                return
            ra = caller[PC]
            trace.states[-1] = trace.states[-1]._replace(returns_to=ra)
            if ra == 0:
                trace.complete, trace.end = True, "start of the task"
                return
            if not self.symbolizer.is_code(ra - 1) and not in_rom(ra, self.symbolizer):
                trace.end = f"{self.wrong}: return address 0x{ra:08x} is not code"
                return
            backwards = caller[SP] < registers.get(SP, 0) or (caller[SP] == registers.get(SP, 0) and ra == pc)
            if backwards and row.cfa_expression is None:
                trace.end = f"{self.wrong}: stack pointer 0x{caller[SP]:08x} does not move up"
                return
            call = call_before(self.symbolizer, ra)
            if call is None and self.symbolizer.is_code(ra - 1) and not row.signal:
                trace.end = f"{self.wrong}: no call before return address 0x{ra:08x}"
                return
            self._add_tail_calls(trace, call, frame, caller[SP], recovered)
            trace.add(ra, caller[SP], self.symbolizer.lookup_caller(ra, statements=True), recovered)
            registers, innermost = caller, False
        trace.end = f"more than {MAX_FRAMES} frames"

    def _add_tail_calls(self, trace: Backtrace, call: Call | None, frame: _Frame, sp: int, recovered: bool) -> None:
        if call is None or call.target is None or frame.entry is None or call.target == frame.entry:
            return
        for place in reversed(tail_path(self.symbolizer, call.target, frame.entry)):
            trace.add(place, sp, self.symbolizer.lookup_caller(place, statements=True), recovered)

    def _row(self, address: int) -> Row | None:
        for table in self.tables:
            row = table.row(address)
            if row is not None:
                return row
        return None

    def _frame(self, registers: Registers, row: Row) -> _Frame:
        if row.cfa_expression is not None:
            found = evaluate(row.cfa_expression, Context(registers.get, self.memory.read))
            cfa = self._plain(found, registers)
        else:
            base = registers.get(row.cfa_register)
            if base is None:
                raise PostmortemError(f"register {row.cfa_register}, which finds the frame, is not known")
            cfa = (base + row.cfa_offset) & 0xFFFFFFFF
        return _Frame(registers, cfa, row.start)

    def _plain(self, found: Location, registers: Registers) -> int:
        if found.kind == "register":
            value = registers.get(found.value)
            if value is None:
                raise PostmortemError(f"register {found.value} is not known")
            return value
        return found.value

    def _caller(self, frame: _Frame, row: Row, innermost: bool) -> Registers:
        registers, cfa = frame.registers, frame.cfa
        caller = {number: value for number, value in registers.items() if number in CALLEE_SAVED}
        caller[SP] = cfa
        return_register = row.return_register
        if return_register not in row.rules:
            if not innermost or return_register not in registers:
                raise PostmortemError("the return address was not saved")
            caller[PC] = registers[return_register]
        for number, (kind, value, expression) in row.rules.items():
            restored = self._restore(kind, value, expression, registers, number, cfa)
            if number == return_register:
                if restored is None:
                    if kind == UNDEFINED:
                        caller[PC] = 0
                        continue
                    raise PostmortemError(f"the stack at 0x{(cfa + value) & 0xFFFFFFFF:08x} is not in the dump")
                caller[PC] = restored
            elif restored is None:
                caller.pop(number, None)
            else:
                caller[number] = restored
        return caller

    def _restore(
        self, kind: int, value: int, expression: bytes, registers: Registers, number: int, cfa: int
    ) -> int | None:
        if kind == OFFSET:
            return word(self.memory, cfa + value)
        if kind == SAME:
            return registers.get(number)
        if kind == VAL_OFFSET:
            return (cfa + value) & 0xFFFFFFFF
        if kind == REGISTER:
            return registers.get(value)
        if kind in (EXPRESSION, VAL_EXPRESSION):
            found = evaluate(expression, Context(registers.get, self.memory.read, cfa), cfa)
            plain = self._plain(found, registers)
            return word(self.memory, plain) if kind == EXPRESSION else plain
        return None

    def _through_unknown_code(self, trace: Backtrace, registers: Registers, innermost: bool) -> bool:
        """Go on behind code without frame information; False (with the reason set) when that is not certain."""
        pc, sp = registers[PC], registers.get(SP)
        where = "ROM code" if in_rom(pc, self.symbolizer) else "code"
        trace.end = f"{where} at 0x{pc:08x} has no frame information"
        if sp is None:
            return False
        ra = registers.get(RA, 0) if innermost else 0
        if ra and call_before(self.symbolizer, ra) is not None and self._leads_up(ra, sp, registers, pc):
            self._resumed = {**self._kept(registers), PC: ra, SP: sp}, True
            trace.add(ra, sp, self.symbolizer.lookup_caller(ra, statements=True), recovered=True)
            return True
        top = self.stack_top if self.stack_top is not None else sp + MAX_SCAN_BYTES
        limit = min(sp + MAX_SCAN_BYTES, top)
        for slot in range(sp, limit, 4):
            candidate = word(self.memory, slot) or 0
            if not self.symbolizer.is_code(candidate - 2) or call_before(self.symbolizer, candidate) is None:
                continue
            first = (slot + 4 + 15) & ~15
            bases = [
                base
                for base in range(first, min(first + MAX_ABOVE_RETURN, top) + 1, 16)
                if self._leads_up(candidate, base, registers, pc)
            ]
            if len(bases) == 1:
                self._resumed = {**self._kept(registers), PC: candidate, SP: bases[0]}, True
                trace.add(
                    candidate, bases[0], self.symbolizer.lookup_caller(candidate, statements=True), recovered=True
                )
                return True
        return False

    def _kept(self, registers: Registers) -> Registers:
        # What ROM code saved of the callee-saved registers is not known; only those that never change stay.
        return {number: value for number, value in registers.items() if number in (3, 4)}

    def _leads_up(self, return_address: int, sp: int, registers: Registers, rom_pc: int) -> bool:
        """Whether frame information leads from a candidate to the top of the stack, each direct call to the right
        function.
        """
        call = call_before(self.symbolizer, return_address)
        if call is None or (call.target is not None and not self._may_enter(call.target, rom_pc)):
            return False
        current = {**self._kept(registers), PC: return_address, SP: sp}
        proven = 0
        for _ in range(MAX_FRAMES):
            try:
                row = self._row(current[PC] - 1)
                if row is None or row.cfa_expression is not None:
                    return False
                frame = self._frame(current, row)
                if self._ends_memory(frame, row):
                    return proven >= MIN_PROVEN_CALLS
                caller = self._caller(frame, row, innermost=False)
            except PostmortemError:
                return False
            if self.stack_top is not None and caller[SP] > self.stack_top:
                return False
            if caller[PC] == 0:
                return self._is_top(caller[SP], current[PC], proven)
            call = call_before(self.symbolizer, caller[PC])
            if call is None or (
                call.target is not None and call.target != frame.entry and not self._reaches(call.target, frame)
            ):
                return False
            if caller[SP] <= current[SP] and caller[SP] != current[SP]:
                return False
            proven += call.target is not None
            current = caller
        return False

    def _ends_memory(self, frame: _Frame, row: Row) -> bool:
        """Whether the return address lies beyond the memory that was printed, of a stack whose top is not known."""
        kind, offset, _ = row.rules.get(row.return_register, (UNDEFINED, 0, b""))
        return self.stack_top is None and kind == OFFSET and word(self.memory, frame.cfa + offset) is None

    def _is_top(self, end: int, pc: int, proven: int) -> bool:
        """Whether nothing but a task's first words lie above an address: near the top, and none of them a return
        address.
        """
        if self.stack_top is None:
            return self.symbolizer.function_name(pc - 1) in TASK_STARTS or proven >= MIN_PROVEN_CALLS
        if self.stack_top - end > TOP_SLACK:
            return False
        above = (word(self.memory, slot) or 0 for slot in range(end, self.stack_top, 4))
        return not any(self.symbolizer.is_code(w - 2) and call_before(self.symbolizer, w) for w in above)

    def _reaches(self, target: int, frame: _Frame) -> bool:
        return frame.entry is not None and bool(tail_path(self.symbolizer, target, frame.entry))

    def _may_enter(self, target: int, rom_pc: int) -> bool:
        if target == rom_pc:
            return True
        if is_rom(rom_pc, self.symbolizer.machine):
            return is_rom(target, self.symbolizer.machine)
        name = self.symbolizer.function_name(rom_pc)
        return name is not None and self.symbolizer.function_name(target) == name
