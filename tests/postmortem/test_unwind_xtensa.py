"""Unwinding of the Xtensa windowed ABI, on made-up stacks."""

from __future__ import annotations

import pytest

from espmon.model.stack_frame import MAX_FRAMES
from espmon.postmortem import Backtrace, SegmentMemory, Symbolizer, unwind_xtensa
from tests.postmortem.made import XTENSA_TEXT, XtensaStack, xtensa_a0, xtensa_program, xtensa_return

INSIDE_F0 = XTENSA_TEXT + 0x20
ON_ENTRY_OF_F0 = XTENSA_TEXT
PS_CALLINC = {1: 0x0001_0000, 2: 0x0002_0000, 3: 0x0003_0000}


@pytest.fixture(scope="module")
def symbolizer(tmp_path_factory: pytest.TempPathFactory) -> Symbolizer:
    return Symbolizer(xtensa_program(tmp_path_factory.mktemp("xtensa") / "windowed.elf"))


def names(trace: Backtrace) -> list[str | None]:
    return [frame.function for frame in trace.frames]


def unwind(symbolizer: Symbolizer, stack: XtensaStack, a0: int, a1: int, pc: int = INSIDE_F0, **more: int) -> Backtrace:
    return unwind_xtensa({"pc": pc, "a0": a0, "a1": a1, **more}, SegmentMemory([stack.segment]), symbolizer)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_chain_of_windowed_calls_is_followed_to_the_start(symbolizer: Symbolizer, step: int) -> None:
    stack = XtensaStack()
    trace = unwind(symbolizer, stack, *stack.chain([step] * 4))
    assert names(trace) == ["f0", "f1", "f2", "f3", "f4"]
    assert trace.complete
    assert [frame.pc for frame in trace.frames][1:] == [xtensa_return(n, step) for n in (1, 2, 3, 4)]


def test_calls_of_different_sizes_mix(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    assert names(unwind(symbolizer, stack, *stack.chain([2, 3, 1, 2, 3]))) == ["f0", "f1", "f2", "f3", "f4", "f5"]


def test_the_stack_pointers_of_the_callers_are_given(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    trace = unwind(symbolizer, stack, *stack.chain([2, 2]))
    assert [frame.sp for frame in trace.frames] == [stack.base, stack.base + stack.frame, stack.base + 2 * stack.frame]


@pytest.mark.parametrize("step", [1, 2, 3])
def test_on_entry_the_return_address_waits_in_the_callers_window(symbolizer: Symbolizer, step: int) -> None:
    stack = XtensaStack()
    a0, a1 = stack.chain([2, 2], first=2)
    window = {f"a{4 * step}": xtensa_a0(1, step)}
    trace = unwind(symbolizer, stack, a0, a1, pc=ON_ENTRY_OF_F0, ps=PS_CALLINC[step], **window)
    assert names(trace) == ["f0", "f1", "f2", "f3"]
    assert trace.complete


def test_a_task_that_never_ran_stands_on_entry_without_a_caller(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    trace = unwind(symbolizer, stack, 0, stack.base, pc=ON_ENTRY_OF_F0, ps=PS_CALLINC[1], a4=0)
    assert (names(trace), trace.complete) == (["f0"], True)


def test_a_function_called_with_call0_ends_the_chain_with_the_reason(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    trace = unwind(symbolizer, stack, xtensa_return(1, 0) & 0x3FFF_FFFF, stack.base)
    assert names(trace) == ["f0", "f1"]
    assert (trace.complete, trace.end) == (False, "called with call0: the caller's own return address is not kept")


def test_a_return_address_that_is_not_code_is_never_a_frame(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    a0, a1 = stack.chain([2, 2, 2])
    stack.words[stack.base - 16] = 0xBFFB_1234
    trace = unwind(symbolizer, stack, a0, a1)
    assert names(trace) == ["f0", "f1"]
    assert trace.end == "the stack is damaged: return address 0x7ffb1234 is not code"


def test_a_return_address_with_no_call_before_it_is_never_a_frame(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    a0, a1 = stack.chain([2, 2, 2])
    stack.words[stack.base - 16] = (INSIDE_F0 + 0x11) & 0x3FFF_FFFF | 2 << 30
    trace = unwind(symbolizer, stack, a0, a1)
    assert names(trace) == ["f0", "f1"]
    assert "no matching call before return address" in trace.end


def test_a_call_size_that_the_code_does_not_have_is_damage(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    trace = unwind(symbolizer, stack, xtensa_return(1, 2) & 0x3FFF_FFFF | 3 << 30, stack.base)
    assert names(trace) == ["f0"]
    assert "no matching call" in trace.end


@pytest.mark.parametrize("wrong", [0x3FFB_0F00, 0x3FFB_1044, 0x3FFF_0000, 0xFFFF_FFF0])
def test_a_stack_pointer_that_goes_wrong_ends_the_chain(symbolizer: Symbolizer, wrong: int) -> None:
    stack = XtensaStack()
    a0, a1 = stack.chain([2, 2, 2])
    stack.words[stack.base - 12] = wrong
    trace = unwind(symbolizer, stack, a0, a1)
    assert names(trace) == ["f0", "f1"]
    assert trace.end == f"the stack is damaged at 0x{stack.base - 16:08x}: next stack pointer 0x{wrong:08x}"


def test_a_circle_on_the_stack_ends(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    a0, a1 = stack.chain([2, 2])
    stack.words[stack.base - 12] = stack.base
    assert len(unwind(symbolizer, stack, a0, a1).frames) == 2


def test_memory_that_is_not_there_ends_the_chain_with_its_address(symbolizer: Symbolizer) -> None:
    trace = unwind_xtensa({"pc": INSIDE_F0, "a0": xtensa_a0(1, 2), "a1": 0x3FFB_8000}, SegmentMemory([]), symbolizer)
    assert names(trace) == ["f0", "f1"]
    assert trace.end == "the stack at 0x3ffb7ff0 is not in the dump"


def test_a_stack_in_psram_is_like_any_other(symbolizer: Symbolizer) -> None:
    stack = XtensaStack(base=0x3F80_4000)
    assert names(unwind(symbolizer, stack, *stack.chain([2, 2]))) == ["f0", "f1", "f2"]


def test_a_chain_longer_than_the_limit_says_so(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    trace = unwind(symbolizer, stack, *stack.chain([2] * (MAX_FRAMES + 10)))
    assert (trace.complete, trace.end) == (False, f"more than {MAX_FRAMES} frames")


def test_a_jump_to_a_null_pointer_shows_who_called(symbolizer: Symbolizer) -> None:
    stack = XtensaStack()
    a0, a1 = stack.chain([2], first=2)
    trace = unwind(symbolizer, stack, a0, a1, pc=0, ps=PS_CALLINC[2], a8=xtensa_a0(1, 2))
    assert names(trace) == [None, "f1", "f2"]
    assert trace.complete


def test_code_nobody_knows_ends_at_once(symbolizer: Symbolizer) -> None:
    trace = unwind(symbolizer, XtensaStack(), 0x1234_5678, 0x3FFB_1000, pc=0x1111_1110)
    assert (names(trace), trace.end) == ([None], "0x11111110 is not code")


def test_windows_still_in_the_register_file_are_taken_from_there(symbolizer: Symbolizer) -> None:
    # f0 runs in window 4; its caller's window (2 back) was never spilled: a0 and a1 of it are ar8 and ar9.
    stack = XtensaStack()
    outer_sp = stack.base + 0x40
    registers = {f"ar{n}": 0 for n in range(64)}
    registers.update({"ar8": xtensa_a0(2, 2), "ar9": outer_sp, "windowbase": 4, "windowstart": 0b10100})
    stack.words.update({outer_sp - 16: 0, outer_sp - 12: outer_sp + 0x40})
    trace = unwind(symbolizer, stack, xtensa_a0(1, 2), stack.base, **registers)
    assert names(trace) == ["f0", "f1", "f2"]
    assert trace.complete


def test_missing_registers_are_said(symbolizer: Symbolizer) -> None:
    assert unwind_xtensa({}, SegmentMemory([]), symbolizer).end == "the program counter is not known"
    assert unwind_xtensa({"pc": INSIDE_F0}, SegmentMemory([]), symbolizer).end == "a0 and a1 are not known"
