"""Core dumps, real ones and our own, against what others say of them: the vendor's tool, gdb, or QEMU step by step."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from espmon.model.architecture import MACHINES
from espmon.model.crash_facts import CrashFacts
from espmon.model.registers import RegisterSet
from espmon.postmortem import CoreReport, SegmentMemory, StackFrame, Symbolizer, decode_core
from espmon.postmortem.panic_report import decode_panic
from tests.inputs import REAL_DUMPS, Dump, dump_named, own_dumps

ROM = range(0x4000_0000, 0x4007_0000)

Case = tuple[str, CoreReport, dict[str, Any]]


@pytest.fixture(scope="module")
def case(dump: Dump) -> Case:
    return dump.name, decode_core(dump.text, dump.elf), dump.truth


def test_the_crashed_task_is_named(case: Case) -> None:
    _, report, truth = case
    assert (report.crashed.tcb, report.crashed.task) == (truth["crashed_tcb"], truth["crashed_name"])
    assert report.crashed.isr == truth["isr"]
    assert report.checksum == "ok"
    assert not report.partial


def test_chip_format_and_version_are_those_of_the_device_that_wrote_it(case: Case) -> None:
    _, report, truth = case
    keys = ("chip", "format", "version", "app_sha256")
    told = {key: truth[key] for key in keys if key in truth}
    assert {key: getattr(report, key) for key in told} == told
    assert report.elf_match is (True if report.app_sha256 else None)


def test_the_reason_is_the_devices_own_text_where_it_has_one(case: Case) -> None:
    name, report, truth = case
    if truth["panic_reason"] is None and name in own_dumps():
        assert (report.crashed.reason or "").startswith(f"{truth['cause']}Cause ({truth['regs']['exccause']})")
        return
    assert report.crashed.reason == (truth["panic_reason"] or "abort() was called in fail_once"), name


def test_every_register_has_the_value_the_vendors_tool_shows(case: Case) -> None:
    _, report, truth = case
    ours = {("fp" if name == "s0" else name): value for name, value in report.registers.items()}
    unknown = {name for name, value in truth["regs"].items() if name not in ours and value}
    assert unknown == set()
    assert {name: ours[name] for name in truth["regs"] if name in ours} == {
        name: value for name, value in truth["regs"].items() if name in ours
    }


def test_every_task_has_its_name_priorities_and_stack_figures(case: Case) -> None:
    _, report, truth = case
    ours = {(t.tcb, t.name, t.priority, t.base_priority, t.stack_used, t.stack_free) for t in report.tasks}
    assert ours == {(t["tcb"], t["name"], t["prio"], t["base"], t["used"], t["free"]) for t in truth["threads"]}


def test_every_frame_has_the_function_and_line_of_the_vendors_tool(case: Case) -> None:
    # Known defects of the truth: ?? frames at the end of a stack, ROM frames (named there by a ROM ELF not given here).
    _, report, truth = case
    for theirs in truth["threads"]:
        task = next(task for task in report.tasks if task.tcb == theirs["tcb"])
        expected = [
            (frame["func"], frame["file"], frame["line"])
            for frame in theirs["frames"]
            if frame["func"] not in ("??", "__GNU_EH_FRAME_HDR") and (frame["file"] or frame["pc"] not in ROM)
        ]
        ours = [(f.function, f.file, f.line) for f in task.frames if f.file or f.pc not in ROM]
        assert ours == expected, task.name


def test_every_pc_is_the_one_of_the_vendors_tool_where_it_gives_one(case: Case) -> None:
    _, report, truth = case
    for theirs in truth["threads"]:
        task = next(task for task in report.tasks if task.tcb == theirs["tcb"])
        ours = {frame.pc for frame in task.frames}
        rom_without_elf = {f["pc"] for f in theirs["frames"] if f["pc"] in ROM and f["pc"] not in ours}
        wanted = {f["pc"] for f in theirs["frames"] if f["pc"] not in (None, 0, 0x4000_0000)} - rom_without_elf
        assert wanted <= ours, task.name


def test_every_memory_region_with_bytes_is_listed(case: Case) -> None:
    _, report, truth = case
    ours = {(region.start, region.size) for region in report.regions}
    assert {(region["addr"], region["size"]) for region in truth["regions"] if region["size"]} <= ours


def test_every_memory_word_is_the_one_of_the_vendors_tool(case: Case) -> None:
    _, report, truth = case
    for text, words in truth["mem"].items():
        address = int(text, 16)
        start, data = next(item for item in report.segments if item[0] <= address < item[0] + len(item[1]))
        piece = data[address - start : address - start + 4 * len(words)]
        assert [int.from_bytes(piece[at : at + 4], "little") for at in range(0, len(piece), 4)] == words, text


def test_every_chain_ends_at_the_start_of_its_task(case: Case) -> None:
    _, report, _ = case
    assert {task.name: task.backtrace.end for task in report.tasks if not task.backtrace.complete} == {}


def test_frames_behind_rom_code_are_marked_recovered(shared_data: Path) -> None:
    folder = shared_data / "coredump" / "esp32c3"
    report = decode_core((folder / "coredump.b64").read_bytes(), folder / "app.elf")
    marked = [(f.function, f.recovered) for f in report.tasks[0].frames][3:]
    assert marked == [
        ("fail_once", False),
        (None, False),
        ("app_main", True),
        ("main_task", True),
        ("vPortTaskWrapper", True),
    ]


@pytest.mark.parametrize("name", ["riscv", "esp32c3"])
def test_the_exception_frame_gives_the_riscv_cause(name: str) -> None:
    dump = dump_named(name)
    report = decode_core(dump.text, dump.elf)
    assert (report.registers["mcause"], report.registers["mtval"]) == (7, 0)
    assert report.crashed.cause == "Store access fault (7) at 0x00000000: raised on purpose by abort()"


@pytest.mark.parametrize("name", REAL_DUMPS)
def test_arguments_of_the_crashed_frame_are_shown(name: str) -> None:
    dump = dump_named(name)
    report = decode_core(dump.text, dump.elf)
    details = next(item for item in report.variables if item.name == "details")
    assert (details.type, details.argument, details.function) == ("const char *", True, "panic_abort")
    assert details.value is not None
    assert '"abort() was called at PC 0x4' in details.value


def short_zeros(value: str | None) -> str:
    """A value as gdb writes it: no zeros at the front of an address."""
    return re.sub(r"^0x0*(?=[0-9a-f])", "0x", value or "")


def test_arguments_have_the_values_that_gdb_or_the_sources_give_them(case: Case) -> None:
    name, report, truth = case
    if name not in own_dumps():
        return
    theirs: dict[tuple[str, str], str] = {}
    for frame in truth["threads"][0]["frames"]:
        for argument, value in frame.get("args", {}).items():
            theirs.setdefault((frame["func"], argument), value)
    ours = {
        (item.function, item.name): item.value
        for item in report.variables
        if item.argument and item.value is not None and (item.function, item.name) in theirs
    }
    known = {key: value for key, value in theirs.items() if key in ours and value != "<optimized out>"}
    assert {key: short_zeros(ours[key]) for key in known} == known
    assert ours or not any(value != "<optimized out>" for value in theirs.values())


def test_the_json_has_the_keys_of_the_contract(case: Case) -> None:
    _, report, _ = case
    data: dict[str, Any] = report.to_json()
    assert list(data) == [
        "chip", "format", "version", "checksum", "partial", "app_sha256", "elf_match", "crashed", "registers", "tasks",
        "regions", "warnings", "sentence", "variables", "elf", "chip_revision", "notes", "symbols",
        "likely_causes",
    ]  # fmt: skip
    assert list(data["crashed"]) == ["tcb", "task", "isr", "reason", "cause"]
    assert list(data["tasks"][0]) == [
        "tcb", "name", "crashed", "priority", "base_priority", "stack_used", "stack_free", "frames", "state",
    ]  # fmt: skip
    assert list(data["tasks"][0]["frames"][0]) == ["pc", "function", "file", "line", "inlined", "recovered"]
    assert list(data["regions"][0]) == ["start", "size", "kind", "attributes"]
    assert data["tasks"][0]["frames"][0]["pc"] == f"0x{report.tasks[0].frames[0].pc:08x}"
    assert data["tasks"][-1]["frames"][0]["pc"].startswith("0x4")
    json.dumps(data)


def test_the_text_has_the_sections_users_know(case: Case) -> None:
    _, report, _ = case
    text = report.to_text()
    for title in (
        "core dump report",
        "registers of the crashed task",
        "backtrace of the crashed task",
        "tasks",
        "memory regions",
    ):
        assert f"= {title} =" in text
    for task in report.tasks:
        assert f"= task {task.name} (0x{task.tcb:08x}) =" in text


def test_variables_of_the_function_that_gave_up_are_shown(shared_data: Path) -> None:
    folder = shared_data / "coredump" / "esp32"
    report = decode_core((folder / "coredump.b64").read_bytes(), folder / "app.elf")
    unused = next(item for item in report.variables if item.name == "unused")
    # The application prints "abc..." through this function: its first call got 'a'.
    assert (unused.function, unused.type, unused.value) == ("fail_once", "char", "97 'a'")


@pytest.mark.parametrize(("name", "variable"), [("xtensa", "commands"), ("xtensa_bin", "commands"), ("esp32", "first")])
def test_a_variable_the_dump_does_not_hold_is_not_read_from_the_elf(name: str, variable: str) -> None:
    dump = dump_named(name)
    report = decode_core(dump.text, dump.elf)
    first = next(item for item in report.variables if item.name == variable)
    assert first.value is None
    assert "is not in this dump" in first.note


def printed_as_panic(report: CoreReport, name: str, beyond: bytes) -> tuple[CrashFacts, list[StackFrame]]:
    """A task of a RISC-V dump as the board prints a panic: its registers and 1024 bytes from its stack pointer on.

    `beyond`: what lies above the stack, where a dump has nothing.
    """
    task = next(task for task in report.tasks if task.name == name)
    memory, sp = SegmentMemory(report.segments), task.registers["sp"]
    words = memory.read(sp, (memory.end_of(sp) or sp) - sp) or b""
    registers = RegisterSet({("MEPC" if key == "pc" else key.upper()): value for key, value in task.registers.items()})
    facts = CrashFacts(
        kind="abort", arch="riscv", pc=registers["MEPC"], registers=registers,
        stack=[(sp, (words + beyond * 1024)[:1024])],
    )  # fmt: skip
    return facts, list(task.frames)


@pytest.mark.parametrize("beyond", ["55664037", "00000000", "88403840", "ffffffff"])
@pytest.mark.parametrize("name", ["main", "esp_timer"])
@pytest.mark.parametrize("folder", ["riscv", "esp32c3"])
def test_a_printed_panic_goes_as_far_as_the_dump_of_the_same_words(folder: str, name: str, beyond: str) -> None:
    dump = dump_named(folder)
    symbolizer = Symbolizer(dump.elf)
    report = decode_core(dump.text, symbolizer)
    facts, frames = printed_as_panic(report, name, bytes.fromhex(beyond))
    decoded = decode_panic(facts, symbolizer)
    assert decoded.frames == frames
    assert frames[-1].function == "vPortTaskWrapper"
    assert decoded.warnings == []


def test_without_the_elf_all_is_there_but_names(case: Case, dump: Dump) -> None:
    name, report, truth = case
    raw = decode_core(dump.text, None)
    assert raw.registers == report.registers
    ours = {(t.tcb, t.name, t.priority, t.base_priority, t.stack_used, t.stack_free) for t in raw.tasks}
    assert ours == {(t["tcb"], t["name"], t["prio"], t["base"], t["used"], t["free"]) for t in truth["threads"]}
    with_elf = {task.tcb: task.state for task in report.tasks}
    # The running task of our own kernel stays on no list, by which the others of its list could be known.
    unknown = {"unknown"} if name in own_dumps() else set()
    assert {task.state for task in raw.tasks if with_elf[task.tcb] == "ready"} <= {"ready"} | unknown
    assert {task.state for task in raw.tasks if with_elf[task.tcb] == "blocked"} <= {"blocked", "waiting"} | unknown
    assert all(frame.function is None for task in raw.tasks for frame in task.frames)
    if "a15" in truth["regs"]:
        chains = {task.tcb: [frame.pc for frame in task.frames if not frame.inlined] for task in report.tasks}
        if report.registers["pc"] < ROM.start:
            # A jump to nowhere: only the code can tell that it was a call, and so who made it.
            del chains[report.tasks[0].tcb][1]
        assert {task.tcb: [frame.pc for frame in task.frames] for task in raw.tasks} == chains


def gdb_symbols(elf: Path, addresses: Sequence[int]) -> list[str]:
    program = shutil.which("gdb-multiarch")
    if program is None:
        pytest.skip("gdb-multiarch is not installed")
    asked = [argument for address in addresses for argument in ("-ex", f"info symbol 0x{address:x}")]
    done = subprocess.run(
        [program, "-q", "-nx", "-batch", *asked, str(elf)], capture_output=True, text=True, check=True
    )
    rows = [line for line in done.stdout.splitlines() if " in section " in line or line.startswith("No symbol")]
    return [line.partition(" in section ")[0].replace(" + ", "+") for line in rows]


def test_registers_are_told_as_gdb_tells_symbols(case: Case, dump: Dump) -> None:
    _, report, _ = case
    elf = dump.elf
    in_rom = {key for key, value in report.registers.items() if value in ROM}  # names that the linker script gives
    ours = {key: text for key, text in report.symbols.items() if key not in in_rom | {"a0", "ra"}}
    assert "pc" in ours or report.registers["pc"] < ROM.start
    theirs = dict(zip(ours, gdb_symbols(elf, [report.registers[key] for key in ours]), strict=True))
    # Of a symbol whose section is not the one that holds it, gdb says nothing.
    assert ours == {
        key: ours[key] if text.startswith("No symbol") and dump.own else text for key, text in theirs.items()
    }
    told = {*report.symbols, *in_rom, "ps", "sar", "mstatus", "mtvec"}
    missing = [key for key, value in report.registers.items() if value and key not in told and not dump.own]
    assert all("No symbol" in text for text in gdb_symbols(elf, [report.registers[key] for key in missing]))
    for name in {"a0", "ra"} & set(report.registers) - in_rom:
        call = MACHINES[Symbolizer(elf).machine].call_address(report.registers[name]) - 1
        (text,) = gdb_symbols(elf, [call])
        assert text.startswith("No symbol") or report.symbols[name].partition("+")[0] == text.partition("+")[0]


def test_regions_say_how_they_may_be_used(case: Case) -> None:
    _, report, truth = case
    ours = {(region.start, region.size): region.attributes for region in report.regions}
    for theirs in truth["regions"]:
        if theirs["size"] and "attrs" in theirs:
            attributes = "".join(letter for letter in theirs["attrs"] if letter in "RWX")
            assert ours[theirs["addr"], theirs["size"]] == attributes
