"""A printed panic and an ELF become a report: the sentence, the place, the chain, and how far to trust it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.model.crash_facts import CoreState, CrashFacts
from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import StackFrame
from espmon.postmortem import Symbolizer
from espmon.postmortem.panic_report import PanicReport, decode_panic
from espmon.sim.firmware_image import ELF, KINDS, Image

IMAGE = Image()
KIND_OF = {
    "panic": "exception",
    "load": "exception",
    "illegal": "exception",
    "busy": "int_wdt",
    "stack": "stack_overflow",
}


@pytest.fixture(scope="module")
def symbolizer() -> Symbolizer:
    return Symbolizer(ELF)


def facts(kind: str, **changes: Any) -> CrashFacts:
    """What the simulated board prints of one of its crashes."""
    shot = IMAGE.snapshot(kind)
    registers = {"MEPC" if name == "mepc" else name.upper(): value for name, value in shot.registers.items()}
    sp = registers["SP"]
    fields: dict[str, Any] = {
        "kind": KIND_OF.get(kind, kind),
        "arch": "riscv",
        "core": 0,
        "pc": registers["MEPC"],
        "registers": registers,
        "stack": [(sp, shot.memory.read(sp, 1024))],
        "excvaddr": registers["MTVAL"],
        "elf_sha256": IMAGE.sha256[:9],
        "cause": "Store access fault",
        **changes,
    }
    return CrashFacts(**{**fields, "registers": RegisterSet(fields["registers"])})


def names(report: PanicReport) -> list[str | None]:
    return [frame.function for frame in report.frames]


def address(symbolizer: Symbolizer, name: str, offset: int = 0) -> int:
    symbol = symbolizer.elf.symbol_named(name)
    assert symbol is not None
    return symbol.address + offset


@pytest.mark.parametrize(
    ("kind", "function"),
    [
        ("panic", "read_register"),
        ("abort", "command_abort"),
        ("assert", "command_assert"),
        ("stack", "parse_nested"),
        ("busy", "draw_glyph"),
        ("load", "draw_glyph"),
        ("illegal", "command_illegal"),
    ],
)
def test_the_place_of_a_crash_is_the_program_s_own_function(kind: str, function: str, symbolizer: Symbolizer) -> None:
    report = decode_panic(facts(kind), symbolizer)
    assert report.place is not None
    assert report.place.function == function
    assert f" {function} (" in report.sentence
    assert set(KINDS) >= {kind}


def test_the_chain_of_a_riscv_panic_is_unwound_from_registers_and_stack(symbolizer: Symbolizer) -> None:
    report = decode_panic(facts("panic"), symbolizer)
    assert names(report) == [
        "read_register", "sensor_sample", "sensor_update", "command_panic", "console_dispatch", "console_run",
        "app_main", "main_task", "vPortTaskWrapper",
    ]  # fmt: skip
    assert report.frames[0].inlined
    assert report.warnings == []
    assert report.elf_match is True


def test_registers_get_notes(symbolizer: Symbolizer) -> None:
    notes = decode_panic(facts("panic"), symbolizer).notes
    assert notes["RA"] == "sensor_update"
    assert notes["MTVAL"] == "null"


def test_another_program_s_elf_is_said(symbolizer: Symbolizer) -> None:
    report = decode_panic(facts("panic", elf_sha256="012345678"), symbolizer)
    assert report.elf_match is False
    assert any("not what the board runs" in warning for warning in report.warnings)


def test_without_an_elf_the_report_has_what_was_printed_and_says_what_is_missing() -> None:
    report = decode_panic(facts("panic"), None)
    assert report.sentence == "Core 0 wrote to address 0 (a null pointer)."
    assert [frame.pc for frame in report.frames] == [IMAGE.snapshot("panic").registers["mepc"]]
    assert report.elf_match is None
    assert "No ELF" in report.warnings[0]


def test_without_a_sha_in_the_log_nothing_is_claimed(symbolizer: Symbolizer) -> None:
    assert decode_panic(facts("panic", elf_sha256=None), symbolizer).elf_match is None


def test_a_printed_backtrace_with_return_addresses_after_no_call_is_doubted(symbolizer: Symbolizer) -> None:
    trace = [StackFrame(address(symbolizer, "sensor_sample", 4), 0), StackFrame(address(symbolizer, "app_main"), 0)]
    report = decode_panic(CrashFacts(kind="exception", arch="riscv", backtrace=trace), symbolizer)
    assert any("1 of 2 addresses do not follow a call" in warning for warning in report.warnings)


def test_addresses_that_are_no_code_of_the_elf_are_said_and_rom_is_not_blamed(symbolizer: Symbolizer) -> None:
    trace = [StackFrame(pc, 0) for pc in (address(symbolizer, "app_main"), 0x400D1234, 0x40001234)]
    report = decode_panic(CrashFacts(kind="exception", arch="xtensa", backtrace=trace), symbolizer)
    assert any("1 of 3 addresses are no code" in warning for warning in report.warnings)


def test_a_jump_to_nowhere_names_the_caller(symbolizer: Symbolizer) -> None:
    crash = facts("panic", cause="Instruction access fault", pc=0, excvaddr=0)
    report = decode_panic(crash, symbolizer)
    assert report.sentence.startswith("Core 0 jumped to address 0 (a null pointer), called from sensor_update (")


def test_the_task_is_named_rather_than_the_core(symbolizer: Symbolizer) -> None:
    report = decode_panic(facts("stack", task="main"), symbolizer)
    assert report.sentence == "Task main used more stack than it has in parse_nested (console.c:45)."


def test_what_the_board_itself_doubts_is_passed_on(symbolizer: Symbolizer) -> None:
    crash = CrashFacts(
        kind="exception", corrupted=True, continues=True, backtrace=[StackFrame(1, 2)], damaged=["register A3"]
    )
    report = decode_panic(crash, symbolizer)
    assert any("corrupted" in warning for warning in report.warnings)
    assert any("goes on below" in warning for warning in report.warnings)
    assert "register A3" in report.to_text()


def test_frames_have_exactly_the_keys_that_scripts_rely_on(symbolizer: Symbolizer) -> None:
    report = decode_panic(facts("panic"), symbolizer).to_json()
    assert all(set(frame) == {"pc", "sp", "function", "file", "line", "inlined"} for frame in report["backtrace"])
    assert report["backtrace"][2] == {
        "pc": "0x4200022a", "sp": "0x3fc8b350", "function": "sensor_update", "file": "/espmon-demo/sensor.c",
        "line": 21, "inlined": False,
    }  # fmt: skip
    assert report["where"]["line"] == 26


def test_the_other_core_s_chain_is_decoded_too(symbolizer: Symbolizer) -> None:
    frame = StackFrame(address(symbolizer, "app_main", 2), 0x3FC80000)
    other = CoreState(core=1, registers=RegisterSet(MEPC=1), backtrace=[frame])
    report = decode_panic(facts("busy", other_cores=[other]), symbolizer)
    assert report.to_json()["other_cores"][0]["backtrace"][0]["function"] == "app_main"
    assert "Backtrace of core 1:" in report.to_text()


def test_equal_crashes_have_equal_keys_and_others_do_not(symbolizer: Symbolizer) -> None:
    first = decode_panic(facts("panic"), symbolizer)
    again = decode_panic(facts("panic", registers={**facts("panic").registers, "A7": 5}), symbolizer)
    other = decode_panic(facts("abort"), symbolizer)
    assert first.key == again.key
    assert first.key != other.key


WORDS = st.text(max_size=200)
NUMBERS = st.integers(0, 0xFFFFFFFF)


@given(
    st.sampled_from(["exception", "abort", "assert", "heap", "rust", "task_wdt", "other", "cache", "stack_smash"]),
    st.none() | WORDS,
    st.none() | WORDS,
    st.none() | NUMBERS,
    st.dictionaries(st.sampled_from(["MEPC", "RA", "SP", "A0", "PC"]), NUMBERS),
    st.lists(st.tuples(NUMBERS, st.none() | NUMBERS), max_size=6),
    st.sampled_from([None, "riscv", "xtensa", "esp8266"]),
    st.binary(max_size=64),
)
def test_no_combination_of_facts_is_too_strange(
    kind: str,
    cause: str | None,
    message: str | None,
    pc: int | None,
    registers: dict[str, int],
    trace: list[tuple[int, int | None]],
    arch: str | None,
    stack: bytes,
) -> None:
    crash = CrashFacts(
        kind=kind, cause=cause, message=message, pc=pc, excvaddr=pc, arch=arch,
        registers=RegisterSet(registers), backtrace=[StackFrame(*frame) for frame in trace],
        stack=[(registers.get("SP", 0), stack)],
    )  # fmt: skip
    for elf in (None, SHARED_SYMBOLS):
        report = decode_panic(crash, elf)
        assert report.sentence.endswith((".", "!", "?"))
        report.to_json()
        report.to_text()


SHARED_SYMBOLS = Symbolizer(ELF)
