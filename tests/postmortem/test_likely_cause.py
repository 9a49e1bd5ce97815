"""Why it most likely crashed: what is proven is said with its evidence, what is not is not said."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import Backtrace, Frame
from espmon.postmortem import decode_core
from espmon.postmortem.core_report import CoreReport
from espmon.postmortem.likely_cause import CrashScene, likely_causes
from espmon.postmortem.memory_access import MemoryAccess, riscv_access, xtensa_access
from espmon.postmortem.symbolizer import Symbolizer
from tests.inputs import SIMULATED_ELF, dump_named

LISTED = re.compile(
    r"^\s*(?P<at>[0-9a-f]{8}):\s+(?P<code>[0-9a-f]+)\s+(?P<name>\S+)\s+(?P<operands>[^<#\n]*)", re.MULTILINE
)
NAMES = {
    "lb": (1, False), "lbu": (1, False), "lh": (2, False), "lhu": (2, False), "lw": (4, False), "sb": (1, True),
    "sh": (2, True), "sw": (4, True), "l8ui": (1, False), "l16ui": (2, False), "l16si": (2, False), "l32i": (4, False),
    "l32i.n": (4, False), "s8i": (1, True), "s16i": (2, True), "s32i": (4, True), "s32i.n": (4, True),
}  # fmt: skip


def disassembled(program: str, elf: Path) -> list[re.Match[str]]:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed")
    shown = subprocess.run([program, "-d", str(elf)], capture_output=True, text=True, check=True).stdout
    return list(LISTED.finditer(shown))


def test_riscv_accesses_are_what_the_disassembler_shows() -> None:
    symbolizer = Symbolizer(SIMULATED_ELF)
    listed = disassembled("riscv64-unknown-elf-objdump", SIMULATED_ELF)
    met = 0
    for line in listed:
        found = riscv_access(symbolizer.code_at(int(line["at"], 16), 4))
        operands = re.search(r",(-?\d+)\((\w+)\)", line["operands"])
        if line["name"] not in NAMES:
            assert found is None or line["name"].startswith(("amo", "lr.", "sc.", "fl", "fs")), line.group()
        elif operands is not None:
            met += 1
            size, write = NAMES[line["name"]]
            assert found == MemoryAccess(operands[2], int(operands[1]), size, write), line.group()
    assert met > 200


@pytest.mark.parametrize(
    ("code", "access"),
    [
        ("222304", MemoryAccess("a3", 16, 4, False)),  # l32i a2, a3, 16
        ("226304", MemoryAccess("a3", 16, 4, True)),  # s32i a2, a3, 16
        ("420507", MemoryAccess("a5", 7, 1, False)),  # l8ui a4, a5, 7
        ("424507", MemoryAccess("a5", 7, 1, True)),  # s8i a4, a5, 7
        ("a21c03", MemoryAccess("a12", 6, 2, False)),  # l16ui a10, a12, 6
        ("a25c03", MemoryAccess("a12", 6, 2, True)),  # s16i a10, a12, 6
        ("a29c03", MemoryAccess("a12", 6, 2, False)),  # l16si a10, a12, 6
        ("2823", MemoryAccess("a3", 8, 4, False)),  # l32i.n a2, a3, 8
        ("29f1", MemoryAccess("a1", 60, 4, True)),  # s32i.n a2, a1, 60
        ("22a304", None),  # movi a2, 772
        ("22c304", None),  # addi a2, a3, 4
        ("364100", None),  # entry a1, 32
        ("1df0", None),  # retw.n
        ("22", None),
    ],
)
def test_xtensa_accesses_are_those_of_the_manual(code: str, access: MemoryAccess | None) -> None:
    assert xtensa_access(bytes.fromhex(code)) == access


def report_of(name: str) -> CoreReport:
    dump = dump_named(name)
    return decode_core(dump.text, dump.elf)


def scene_of(report: CoreReport, **changed: int) -> CrashScene:
    """The scene of a dump's crash with other values in some registers."""
    task = report.tasks[0]
    registers = RegisterSet({**task.registers, **report.registers, **changed})
    return CrashScene(report.facts, registers, task.backtrace, None, report.inspector, "sp")


def test_a_null_pointer_plus_an_offset_is_named_as_the_member() -> None:
    report = report_of("riscv_inlined")
    (cause,) = report.likely
    assert cause.kind == "null_member"
    assert cause.sentence == "Writing member `control` of a null `struct sensor_registers *`."
    assert cause.evidence == (
        "the instruction at 0x420001ea is a write of 4 bytes at a5, and a5 is 0",
        "registers (struct sensor_registers *) is null",
        "control lies at offset 0 of what it points to",
    )
    assert f"\n{cause.sentence}\n  - {cause.evidence[0]}\n" in report.to_text()
    assert report.to_json()["likely_causes"] == [cause.to_json()]


def test_a_stack_pointer_below_the_stack_is_an_overflow() -> None:
    (cause,) = report_of("riscv_deep").likely
    assert cause.kind == "stack_overflow"
    assert cause.sentence == "The stack of task main overflowed by 64 bytes or more."
    assert cause.evidence[0] == "the stack pointer is 0x3fc8a5a0"


@pytest.mark.parametrize("name", ["riscv", "xtensa", "xtensa_jump", "esp32", "esp32c3"])
def test_what_is_not_proven_is_not_said(name: str) -> None:
    assert report_of(name).likely == []


def test_a_register_that_does_not_lead_to_the_fault_proves_nothing() -> None:
    assert likely_causes(scene_of(report_of("riscv_inlined"), a5=0x3FC80000)) == []


@pytest.mark.parametrize(
    ("fill", "words"),
    [(0xFEFEFEFE, "freed memory"), (0xCECECECE, "allocated and never written"), (0xA5A5A5A5, "never written stack")],
)
def test_a_pointer_with_the_value_of_a_fill_was_taken_from_filled_memory(fill: int, words: str) -> None:
    scene = scene_of(report_of("riscv_inlined"), a5=fill)
    scene.facts.excvaddr = fill
    (cause,) = likely_causes(scene)
    assert cause.kind == "filled_pointer"
    assert words in cause.sentence
    assert f"a5 is 0x{fill:08x}" in cause.evidence


def test_a_division_by_zero_is_one_only_where_the_cause_register_says_it() -> None:
    report = report_of("xtensa")
    facts = replace(report.facts, kind="exception", cause="IntegerDivideByZero")
    scene = scene_of(report, exccause=6)._replace(facts=facts)
    assert [cause.kind for cause in likely_causes(scene)] == ["division_by_zero"]
    assert likely_causes(scene_of(report, exccause=28)._replace(facts=facts)) == []


def with_frames(report: CoreReport, *functions: str) -> CrashScene:
    trace = Backtrace()
    for function in functions:
        trace.add(0x42000000, 0, [Frame(function, "a.c", 1)])
    return scene_of(report)._replace(trace=trace, facts=replace(report.facts, kind="abort"))


def test_a_changed_canary_names_the_function_that_wrote_too_far() -> None:
    (cause,) = likely_causes(with_frames(report_of("riscv"), "panic_abort", "__stack_chk_fail", "read_line", "main"))
    assert (cause.kind, cause.sentence) == ("stack_smash", "read_line wrote past the end of a local array.")


def test_an_allocation_without_memory_is_said_with_who_asked() -> None:
    scene = with_frames(report_of("riscv"), "abort", "heap_caps_alloc_failed", "heap_caps_malloc", "make_buffer")
    (cause,) = likely_causes(scene)
    assert (cause.kind, cause.sentence) == ("heap_exhausted", "An allocation in make_buffer found no memory.")
