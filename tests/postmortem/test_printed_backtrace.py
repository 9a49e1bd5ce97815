"""Backtraces printed from dumps in every form a board has: each line is gdb's, and nothing is doubted falsely."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from espmon.model.crash_facts import CrashFacts
from espmon.model.registers import RegisterSet
from espmon.postmortem import CoreReport, StackFrame, Symbolizer, decode_core
from espmon.postmortem.panic_report import decode_panic
from espmon.postmortem.printed_backtrace import Evidence, PrintedBacktrace, read_backtrace
from tests.inputs import dump_named
from tests.postmortem.made import FUNCTION_BYTES, XTENSA_TEXT, xtensa_a0, xtensa_program, xtensa_return

DUMPS = {"xtensa": "xtensa_bin", "xtensa_bin": "xtensa", "esp32": "esp32_bin", "esp32_bin": "esp32"}
"""Dump -> one of another build."""

FORMS = {
    "before 3.1": (0, 0),
    "3.1 to 3.x": (0, 3),
    "since 4": (3, 3),
}
"""What is taken off the first program counter, and off each return address."""

GDB_LINE = re.compile(r'(?m)^Line (\d+) of "([^"]*)"|^No line number information available')


def printed(counters: list[int], form: str) -> list[int]:
    first, others = FORMS[form]
    return [counters[0] - first, *(pc - others for pc in counters[1:])]


def chains(report: CoreReport) -> dict[str, list[int]]:
    """The program counters of each task: return addresses from the second on."""
    return {task.name: [f.pc for f in task.frames if not f.inlined] for task in report.tasks}


def lines(backtrace: PrintedBacktrace, symbolizer: Symbolizer) -> list[tuple[str | None, int | None]]:
    """File and line of each address, of the innermost function there."""
    found = [frames for _, frames in backtrace.frames_at(symbolizer)]
    return [(frames[0].file, frames[0].line) if frames else (None, None) for frames in found]


def gdb_lines(elf: Path, counters: list[int]) -> list[tuple[str | None, int | None]]:
    """What gdb shows for the frames of a chain: a caller is looked up just before its return address."""
    program = shutil.which("gdb-multiarch")
    if program is None:
        pytest.skip("gdb-multiarch is not installed")
    places = [counters[0], *(pc - 1 for pc in counters[1:])]
    asked = [argument for place in places for argument in ("-ex", f"info line *0x{place:x}")]
    done = subprocess.run(
        [program, "-q", "-nx", "-batch", *asked, str(elf)], capture_output=True, text=True, check=True
    )
    return [(m[2], int(m[1])) if m[1] else (None, None) for m in GDB_LINE.finditer(done.stdout)]


@pytest.fixture(params=DUMPS, scope="module")
def dump(request: pytest.FixtureRequest) -> tuple[Symbolizer, CoreReport, Symbolizer]:
    found = dump_named(request.param)
    symbolizer = Symbolizer(found.elf)
    report = decode_core(found.text, symbolizer)
    if found.own:
        # The other tasks gave way by a call: their first address is a return address, unlike that of a panic.
        del report.tasks[1:]
    return symbolizer, report, Symbolizer(dump_named(DUMPS[request.param]).elf)


Dump = tuple[Symbolizer, CoreReport, Symbolizer]


@pytest.mark.parametrize("form", FORMS)
def test_every_frame_has_the_line_that_gdb_gives_and_no_doubt(dump: Dump, form: str) -> None:
    symbolizer, report, _ = dump
    for task, counters in chains(report).items():
        backtrace = read_backtrace(printed(counters, form), symbolizer)
        assert lines(backtrace, symbolizer) == gdb_lines(symbolizer.elf.path, counters), task
        assert (backtrace.outside, backtrace.unlikely) == (0, 0), task


@pytest.mark.parametrize("form", FORMS)
def test_the_elf_of_another_build_is_doubted(dump: Dump, form: str) -> None:
    _, report, foreign = dump
    for task, counters in chains(report).items():
        backtrace = read_backtrace(printed(counters, form), foreign)
        if len(counters) > 1:
            assert backtrace.outside + backtrace.unlikely, task
            assert not backtrace.convincing


@pytest.mark.parametrize("form", FORMS)
def test_with_the_registers_the_form_is_known_whatever_the_code_says(dump: Dump, form: str) -> None:
    _, report, foreign = dump
    counters = chains(report)["main"]
    a0 = counters[1] & 0x3FFF_FFFF | 2 << 30
    backtrace = read_backtrace(printed(counters, form), foreign, Evidence(pc=counters[0], a0=a0))
    assert backtrace.reduced == (FORMS[form][1] == 3)


def test_the_address_that_abort_prints_tells_the_form_too(dump: Dump) -> None:
    _, report, foreign = dump
    counters = chains(report)["main"]
    beside = Evidence(abort_pc=counters[3] - 3)
    assert [read_backtrace(printed(counters, form), foreign, beside).reduced for form in FORMS] == [False, True, True]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Symbolizer:
    """Functions in which one call follows the other, so that the code alone tells nothing of the form."""
    return Symbolizer(xtensa_program(tmp_path_factory.mktemp("xtensa") / "calls.elf"))


@pytest.mark.parametrize("form", FORMS)
def test_between_two_calls_the_return_address_register_decides(calls: Symbolizer, form: str) -> None:
    counters = [XTENSA_TEXT + 0x20, *(xtensa_return(number, 2) for number in (1, 2, 3))]
    backtrace = read_backtrace(printed(counters, form), calls, Evidence(pc=counters[0], a0=xtensa_a0(1, 2)))
    places = [frame.place for frame in backtrace.frames]
    assert places == [counters[0], *(pc - 1 for pc in counters[1:])]


def test_a_first_entry_less_3_may_lie_in_the_function_before(calls: Symbolizer) -> None:
    start = XTENSA_TEXT + 7 * FUNCTION_BYTES
    backtrace = read_backtrace([start - 3, xtensa_return(1, 2) - 3], calls)
    assert [frames[0].function for _, frames in backtrace.frames_at(calls)] == ["f7", "f1"]


def test_what_stands_for_no_code_is_kept_and_not_counted(calls: Symbolizer) -> None:
    backtrace = read_backtrace([0xFFFF_FFFD, xtensa_return(1, 2) - 3, 0x3FFF_FFFD], calls)
    assert [frame.place for frame in backtrace.frames][::2] == [None, None]
    assert (backtrace.outside, backtrace.unlikely) == (0, 0)


def test_where_an_interrupt_came_follows_no_call(tmp_path: Path) -> None:
    symbols = {"_xt_lowint1": (XTENSA_TEXT, FUNCTION_BYTES), "loop": (XTENSA_TEXT + FUNCTION_BYTES, FUNCTION_BYTES)}
    symbolizer = Symbolizer(xtensa_program(tmp_path / "interrupt.elf", symbols))
    inside = XTENSA_TEXT + FUNCTION_BYTES + 0x30
    chain = [xtensa_return(2, 2) - 3, xtensa_return(0, 2) - 3, inside - 3, xtensa_return(3, 2) - 3]
    assert read_backtrace(chain, symbolizer).unlikely == 0
    assert read_backtrace([chain[0], *chain[2:]], symbolizer).unlikely == 1


@pytest.mark.parametrize("step", [1, 2, 3])
def test_without_a_backtrace_a0_of_the_register_dump_names_the_caller(calls: Symbolizer, step: int) -> None:
    registers = RegisterSet({"PC": XTENSA_TEXT + 0x20, "PS": 0x60C30, "A0": xtensa_a0(4, step), "A1": 0x3FFB_1000})
    report = decode_panic(CrashFacts(kind="exception", arch="xtensa", pc=registers["PC"], registers=registers), calls)
    assert [frame.function for frame in report.frames] == ["f0", "f4"]
    assert any("the registers name" in warning for warning in report.warnings)


def test_after_a_jump_to_nowhere_both_callers_are_in_the_registers(calls: Symbolizer) -> None:
    registers = RegisterSet(
        {"PC": 0x1538_3520, "PS": 0x60C30, "A0": xtensa_a0(4, 2), "A1": 0x3FFB_1000, "A8": xtensa_a0(3, 2)}
    )
    crash = CrashFacts(kind="exception", arch="xtensa", pc=registers["PC"], registers=registers)
    assert [frame.function for frame in decode_panic(crash, calls).frames] == [None, "f3", "f4"]
    registers["A8"] = 5
    assert [frame.function for frame in decode_panic(crash, calls).frames] == [None, "f4"]


def test_a_chain_without_its_word_has_names_only_where_the_code_says_that_it_is_one(dump: Dump) -> None:
    symbolizer, report, foreign = dump
    counters = printed(chains(report)["main"], "since 4")
    facts = CrashFacts(arch="xtensa", backtrace=[StackFrame(pc) for pc in counters], unconfirmed=True)
    right, wrong = decode_panic(facts, symbolizer), decode_panic(facts, foreign)
    assert [frame.function for frame in right.frames if frame.file]
    assert right.warnings == []
    assert [frame.function for frame in wrong.frames] == [None] * len(counters)
    assert wrong.warnings == [
        "These are no calls of this ELF: a backtrace of another build, or numbers of another kind"
    ]


@pytest.mark.parametrize("less", [0, 1, 2])
def test_a_riscv_board_s_backtrace_is_read_behind_the_calls_or_inside_them(less: int) -> None:
    dump = dump_named("riscv")
    symbolizer = Symbolizer(dump.elf)
    counters = chains(decode_core(dump.text, symbolizer))["main"]
    backtrace = read_backtrace([counters[0], *(pc - less for pc in counters[1:])], symbolizer)
    ours = [(Path(file or "").name, line) for file, line in lines(backtrace, symbolizer)]
    assert ours == [(Path(file or "").name, line) for file, line in gdb_lines(dump.elf, counters)]
    assert (backtrace.outside, backtrace.unlikely, backtrace.reduced) == (0, 0, less > 0)
