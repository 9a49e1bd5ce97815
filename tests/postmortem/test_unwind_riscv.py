"""Unwinding of RISC-V by call frame information, on made-up stacks."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from pathlib import Path

import pytest

from espmon.model.stack_frame import MAX_FRAMES
from espmon.postmortem import Backtrace, SegmentMemory, Symbolizer, unwind_riscv
from espmon.postmortem.riscv_code import call_before
from tests.postmortem.made import (
    FUNCTION_BYTES,
    RISCV_TEXT,
    ROM_FUNCTION,
    after_call,
    after_pointer_call,
    after_rom_call,
    debug_frame,
    riscv_program,
    riscv_stack,
    rom_program,
)

STACK = 0x3FC9_0000
INSIDE_G0 = RISCV_TEXT + 0x10
ROM_PC = ROM_FUNCTION + 0x124


@pytest.fixture(scope="module")
def symbolizer(tmp_path_factory: pytest.TempPathFactory) -> Symbolizer:
    return Symbolizer(riscv_program(tmp_path_factory.mktemp("riscv") / "frames.elf"))


def names(trace: Backtrace) -> list[str | None]:
    return [frame.function for frame in trace.frames]


def unwind(
    symbolizer: Symbolizer, returns: Sequence[int], pc: int = INSIDE_G0, ra: int = 0, base: int = STACK
) -> Backtrace:
    start, data = riscv_stack(base, returns)
    return unwind_riscv(
        {"pc": pc, "sp": start, "ra": ra}, SegmentMemory([(start, data)]), symbolizer, start + len(data)
    )


def test_a_chain_is_followed_to_the_start_of_the_task(symbolizer: Symbolizer) -> None:
    trace = unwind(symbolizer, [after_call(1), after_call(2), after_call(3)])
    assert names(trace) == ["g0", "g1", "g2", "g3"]
    assert (trace.complete, trace.end) == (True, "start of the task")
    assert [frame.sp for frame in trace.frames] == [STACK + 32 * n for n in range(4)]


def test_a_stack_in_psram_is_like_any_other(symbolizer: Symbolizer) -> None:
    assert names(unwind(symbolizer, [after_call(1)], base=0x3C20_0000)) == ["g0", "g1"]


def test_a_return_address_that_is_not_code_is_never_a_frame(symbolizer: Symbolizer) -> None:
    trace = unwind(symbolizer, [after_call(1), 0xA5A5_A5A5])
    assert names(trace) == ["g0", "g1"]
    assert trace.end == "the stack is damaged: return address 0xa5a5a5a5 is not code"


def test_a_return_address_without_a_call_before_it_is_never_a_frame(symbolizer: Symbolizer) -> None:
    trace = unwind(symbolizer, [after_call(1), RISCV_TEXT + 0x88])
    assert names(trace) == ["g0", "g1"]
    assert "no call before return address" in trace.end


def test_memory_that_is_not_there_ends_the_chain(symbolizer: Symbolizer) -> None:
    trace = unwind_riscv({"pc": INSIDE_G0, "sp": 0x3FC9_0000, "ra": 0}, SegmentMemory([]), symbolizer)
    assert (names(trace), trace.end) == (["g0"], "the stack at 0x3fc9001c is not in the dump")


def test_a_chain_longer_than_the_limit_says_so(symbolizer: Symbolizer) -> None:
    trace = unwind(symbolizer, [after_call(1 + n % 70) for n in range(MAX_FRAMES + 8)])
    assert trace.end == f"more than {MAX_FRAMES} frames"


def test_a_jump_to_a_null_pointer_shows_who_called(symbolizer: Symbolizer) -> None:
    trace = unwind(symbolizer, [after_call(2)], pc=0, ra=after_pointer_call(1))
    assert names(trace) == [None, "g1", "g2"]


def test_a_jump_to_a_null_pointer_from_nowhere_is_not_guessed_at(symbolizer: Symbolizer) -> None:
    trace = unwind(symbolizer, [after_call(2)], pc=0, ra=INSIDE_G0)
    assert (names(trace), trace.end) == ([None], "0x00000000 is not code")


def test_frames_behind_rom_code_are_recovered_when_all_of_them_fit(symbolizer: Symbolizer) -> None:
    words = [0x1234, after_rom_call(1), 0, 0]  # what the ROM function has on its stack
    data = struct.pack("<4I", *words) + riscv_stack(0, [after_call(2), after_call(3)])[1]
    trace = unwind_riscv(
        {"pc": ROM_PC, "sp": STACK, "ra": 0}, SegmentMemory([(STACK, data)]), symbolizer, STACK + len(data)
    )
    assert [(f.function, f.recovered) for f in trace.frames] == [
        (None, False),
        ("g1", True),
        ("g2", True),
        ("g3", True),
    ]
    assert trace.complete


def test_a_return_address_on_the_stack_that_does_not_lead_up_is_not_recovered(symbolizer: Symbolizer) -> None:
    # An old return address: what lies above it is no chain.
    data = struct.pack("<16I", 0, after_rom_call(1), *[0xA5A5_A5A5] * 14)
    trace = unwind_riscv(
        {"pc": ROM_PC, "sp": STACK, "ra": 0}, SegmentMemory([(STACK, data)]), symbolizer, STACK + len(data)
    )
    assert names(trace) == [None]
    assert "no frame information" in trace.end


def test_a_chain_whose_direct_call_goes_elsewhere_is_not_recovered(symbolizer: Symbolizer) -> None:
    # g1 calls g0, so it cannot be what called g5's frame below it.
    data = struct.pack("<4I", 0, after_rom_call(5), 0, 0) + riscv_stack(0, [after_call(2), after_call(3)])[1]
    trace = unwind_riscv(
        {"pc": ROM_PC, "sp": STACK, "ra": 0}, SegmentMemory([(STACK, data)]), symbolizer, STACK + len(data)
    )
    assert names(trace) == [None]


def test_a_caller_that_does_not_call_the_rom_is_not_recovered(symbolizer: Symbolizer) -> None:
    data = struct.pack("<4I", 0, after_call(1), 0, 0) + riscv_stack(0, [after_call(2)])[1]
    trace = unwind_riscv(
        {"pc": ROM_PC, "sp": STACK, "ra": 0}, SegmentMemory([(STACK, data)]), symbolizer, STACK + len(data)
    )
    assert names(trace) == [None]


MANY_REGISTERS = b"".join(bytes([0x05, 0x80 | n & 0x7F, 1 + (n >> 7), 0x01]) for n in range(8_000))


def with_frames(path: Path, instructions: bytes) -> Symbolizer:
    everything = [(RISCV_TEXT + n * FUNCTION_BYTES, FUNCTION_BYTES, instructions if n == 0 else b"") for n in range(80)]
    return Symbolizer(riscv_program(path, debug_frame(everything)))


def test_a_frame_address_by_expression_is_computed(tmp_path: Path) -> None:
    # DW_CFA_def_cfa_expression { breg2 32 }
    symbolizer = with_frames(tmp_path / "a.elf", b"\x0f\x02\x72\x20")
    assert names(unwind(symbolizer, [after_call(1), after_call(2)])) == ["g0", "g1", "g2"]


def test_a_register_saved_at_an_expression_is_read(tmp_path: Path) -> None:
    # ra: DW_CFA_expression { const1s -4, plus } on top of the frame address
    symbolizer = with_frames(tmp_path / "b.elf", b"\x10\x01\x03\x09\xfc\x22")
    assert names(unwind(symbolizer, [after_call(1)])) == ["g0", "g1"]


@pytest.mark.parametrize(
    ("instructions", "reason"),
    [
        pytest.param(b"\x0a" * 20_000, "remembered states", id="remember_state 20,000 times"),
        pytest.param(MANY_REGISTERS, "too many registers", id="8,000 registers"),
        pytest.param(b"\x0e\x20" * 30_000, "frame instructions", id="30,000 instructions"),
        pytest.param(b"\x0f\x03\x2f\xfd\xff", "does not end", id="an expression that jumps to itself"),
        pytest.param(b"\x0f\x02\x12\x13", "damaged", id="an expression that empties its stack"),
        pytest.param(b"\x0f\xff\xff\x03", "too long", id="an expression beyond its entry"),
        pytest.param(b"\x0b", "not remembered", id="restore without remember"),
        pytest.param(b"\x3f", "unknown frame instruction", id="an unknown instruction"),
    ],
)  # fmt: skip
def test_hostile_frame_information_ends_the_chain_with_the_reason(
    tmp_path: Path, instructions: bytes, reason: str
) -> None:
    trace = unwind(with_frames(tmp_path / "c.elf", instructions), [after_call(1)])
    assert names(trace) == ["g0"]
    assert reason in trace.end


FIXTURES = Path(__file__).resolve().parents[1] / "fixtures" / "elf"


@pytest.mark.parametrize("name", ["optimized", "optimized4"])
def test_functions_that_left_by_a_tail_call_are_named_as_far_as_that_is_certain(name: str) -> None:
    # saves_many calls tail_caller, which jumps to last_step, which jumps to with_alloca: only saves_many has a frame.
    symbolizer = Symbolizer(FIXTURES / f"{name}.elf")
    image = symbolizer.images[0]
    found = {wanted: image.elf.symbol_named(wanted) for wanted in ("saves_many", "tail_caller", "with_alloca")}
    caller, called, running = found["saves_many"], found["tail_caller"], found["with_alloca"]
    assert caller is not None
    assert called is not None
    assert running is not None
    returns = [
        address
        for address in range(caller.address + 2, caller.address + caller.size, 2)
        if (call := call_before(symbolizer, address)) is not None and call.target == called.address
    ]
    trace = unwind_riscv({"pc": running.address, "sp": STACK, "ra": returns[0]}, SegmentMemory([]), symbolizer)
    functions = [name for name in names(trace) if name]
    # Two jumps lead from tail_caller to last_step: which of them it was is not known.
    assert functions == ["with_alloca", "last_step", "saves_many"]


@pytest.mark.parametrize("given", ["no ELF", "names only", "frames too"])
def test_a_rom_elf_adds_names_and_never_takes_frames_away(tmp_path: Path, given: str) -> None:
    symbolizer = Symbolizer(riscv_program(tmp_path / "app.elf"))
    if given != "no ELF":
        frames = debug_frame([(ROM_FUNCTION, 64, b"")]) if given == "frames too" else None
        symbolizer = symbolizer.extended(rom_program(tmp_path / "rom.elf", "rom_function", frames))
    base, words = riscv_stack(0x3FC9_0000, (after_rom_call(3), after_call(4), after_call(5)))
    registers = {"pc": ROM_FUNCTION + 8, "ra": 0, "sp": base}
    trace = unwind_riscv(registers, SegmentMemory([(base, words)]), symbolizer, base + len(words))
    assert [frame.function for frame in trace.frames] == [
        "rom_function" if given != "no ELF" else None, "g3", "g4", "g5",
    ]  # fmt: skip
    assert [frame.recovered for frame in trace.frames[1:]] == [given != "frames too"] * 3
    assert trace.complete
