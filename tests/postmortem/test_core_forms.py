"""Core dumps of every version, chip and form, made byte by byte."""

from __future__ import annotations

import base64
import struct
from pathlib import Path

import pytest

from espmon.model.chip_identity import chips_by_number
from espmon.model.dump_versions import VERSIONS
from espmon.postmortem import CoreReport, PostmortemError, decode_core
from tests.postmortem.made import (
    RISCV,
    RISCV_TEXT,
    XTENSA,
    XTENSA_TEXT,
    MadeTask,
    XtensaStack,
    after_call,
    bin_core,
    elf_core,
    riscv_program,
    riscv_stack,
    uart,
    wrap,
    xtensa_program,
)

C6, P4, S3, ESP32 = 13, 18, 9, 0
CHIPS = chips_by_number()
STACK = 0x3FC9_0000


@pytest.fixture(scope="module")
def elves(tmp_path_factory: pytest.TempPathFactory) -> dict[int, Path]:
    folder = tmp_path_factory.mktemp("elves")
    return {XTENSA: xtensa_program(folder / "xtensa.elf"), RISCV: riscv_program(folder / "riscv.elf")}


def riscv_task(
    tcb: int, name: str, start: int = STACK, returns: tuple[int, ...] = (after_call(1), after_call(2))
) -> MadeTask:
    """A task that stands in g0: below its frames lies the exception frame, as the device saves it."""
    trap = 0xA0
    _, frames = riscv_stack(start + trap, returns)
    registers = [RISCV_TEXT + 0x10, 0, start + trap, *[0] * 29]
    exception = struct.pack("<32I", *registers) + struct.pack("<5I", 0x1881, 0x40380001, 5, 0x10, 1)
    return MadeTask(tcb, name, registers, start, exception.ljust(trap, b"\0") + frames)


def xtensa_task(tcb: int, name: str, base: int = 0x3FFB_1000, steps: tuple[int, ...] = (2, 2)) -> MadeTask:
    """A task that stands in f0, in the register layout of an ELF core."""
    stack = XtensaStack(base)
    a0, a1 = stack.chain(steps)
    start, data = stack.segment
    file = [a0, a1, *[0] * 62]
    return MadeTask(tcb, name, [XTENSA_TEXT + 0x20, 0x60020, 0, 0, 0, 0, 0, 0, *[0] * 56, *file, 0], start, data)


def core_for(chip: int, version: int, **more: object) -> bytes:
    if VERSIONS[version].body == "bin":
        tasks = (
            [bin_task(0x3FFA_0000, "crasher")]
            if CHIPS[chip].architecture == "xtensa"
            else [bin_riscv_task(0x3FC8_0000, "crasher")]
        )
        return wrap(chip, version, bin_core(tasks), tasks=1)
    if CHIPS[chip].architecture == "xtensa":
        return wrap(chip, version, elf_core(XTENSA, [xtensa_task(0x3FFA_0000, "crasher")], **more))  # type: ignore[arg-type]
    return wrap(chip, version, elf_core(RISCV, [riscv_task(0x3FC8_0000, "crasher")], **more))  # type: ignore[arg-type]


def bin_task(tcb: int, name: str, solicited: bool = False) -> MadeTask:
    stack = XtensaStack(0x3FFB_1100)
    a0, a1 = stack.chain((2, 2))
    start, data = stack.segment
    pc = XTENSA_TEXT + 0x20
    words = [0, pc, 0x60030, 0, a0, a1, 7, 8] if solicited else [1, pc, 0x60030, a0, a1, *[0] * 14, 3, 28, 0x10]
    saved = struct.pack(f"<{len(words)}I", *words)
    below = start - 0x80
    return MadeTask(tcb, name, [], below, saved.ljust(0x80, b"\0") + data)


def bin_riscv_task(tcb: int, name: str) -> MadeTask:
    return riscv_task(tcb, name)


def names(report: CoreReport, task: int = 0) -> list[str | None]:
    return [frame.function for frame in report.tasks[task].frames]


@pytest.mark.parametrize("version", sorted(VERSIONS), ids=[f"0x{version:04x}" for version in sorted(VERSIONS)])
def test_every_version_is_read(elves: dict[int, Path], version: int) -> None:
    report = decode_core(core_for(ESP32, version), elves[XTENSA])
    assert (report.version, report.format, report.checksum) == (version, VERSIONS[version].body, "ok")
    assert report.tasks[0].name == "crasher"
    assert names(report) == ["f0", "f1", "f2"]


@pytest.mark.parametrize("chip", sorted(CHIPS), ids=[CHIPS[chip].name for chip in sorted(CHIPS)])
def test_every_chip_is_read(elves: dict[int, Path], chip: int) -> None:
    machine = XTENSA if CHIPS[chip].architecture == "xtensa" else RISCV
    report = decode_core(core_for(chip, 0x104), elves[machine])
    assert (report.chip, report.checksum) == (CHIPS[chip].name, "ok")
    assert names(report) == (["f0", "f1", "f2"] if machine == XTENSA else ["g0", "g1", "g2"])


def test_the_exception_frame_on_the_stack_gives_the_riscv_cause(elves: dict[int, Path]) -> None:
    report = decode_core(core_for(C6, 0x104), elves[RISCV])
    assert report.crashed.cause == (
        "Load access fault (5) at 0x00000010: a read from an address that may not be read, often through a null pointer"
    )
    assert report.crashed.reason == report.crashed.cause
    assert report.registers["mhartid"] == 1


def test_panic_details_are_the_reason(elves: dict[int, Path]) -> None:
    details = ["abort() was called at PC 0x42000000 on core 0", "Task watchdog got triggered"]
    report = decode_core(core_for(C6, 0x104, details=details), elves[RISCV])
    assert report.crashed.reason == "; ".join(details)


def test_the_xtensa_extra_information_is_named(elves: dict[int, Path]) -> None:
    report = decode_core(
        core_for(S3, 0x103, extra_words=[232, 28, 238, 0x44, 177, 0x400D_0003], isr=True), elves[XTENSA]
    )
    assert (report.registers["exccause"], report.registers["excvaddr"], report.registers["epc1"]) == (
        28,
        0x44,
        0x400D_0003,
    )
    assert report.crashed.isr is True
    assert report.crashed.cause == (
        "LoadProhibitedCause (28) at 0x00000044: "
        "a read from an address that may not be read, often through a null pointer"
    )


NOISE = b"I (12) main: hi\r\n\x1b[0;31mE (13) x: y\x1b[0m\r\n"


def in_lines(core: bytes) -> bytes:
    return b"\n".join(core[at : at + 30].hex().encode() for at in range(0, len(core), 30))


def with_prefix(core: bytes) -> bytes:
    return b"\r\n".join(b"12:34:56.789 -> " + line for line in uart(core).split(b"\r\n"))


@pytest.mark.parametrize(
    "form",
    [
        pytest.param(lambda core: core, id="raw"),
        pytest.param(lambda core: core + b"\xff" * 4096, id="a partition image"),
        pytest.param(uart, id="UART text with markers"),
        pytest.param(lambda core: uart(core, markers=False), id="UART text without markers"),
        pytest.param(lambda core: NOISE + uart(core) + b"Rebooting...\r\n", id="inside a log"),
        pytest.param(with_prefix, id="with a host tool's prefix"),
        pytest.param(lambda core: uart(core).replace(b"\r\n", b"\n"), id="LF line ends"),
        pytest.param(base64.encodebytes, id="plain base64 in lines of 76"),
        pytest.param(base64.b64encode, id="plain base64 in one line"),
        pytest.param(lambda core: core.hex().encode(), id="hex"),
        pytest.param(in_lines, id="hex in lines"),
    ],
)
def test_every_form_gives_the_same_report(elves: dict[int, Path], form: object) -> None:
    core = core_for(C6, 0x104)
    report = decode_core(form(core), elves[RISCV])  # type: ignore[operator]
    assert report.checksum == "ok"
    assert report.to_json() == decode_core(core, elves[RISCV]).to_json()


def test_log_lines_inside_the_dump_are_left_out_and_said(elves: dict[int, Path]) -> None:
    lines = uart(core_for(C6, 0x104)).splitlines(keepends=True)
    report = decode_core(b"".join([*lines[:5], b"I (99) other task: done\r\n", *lines[5:]]), elves[RISCV])
    assert report.checksum == "ok"
    assert report.warnings[0] == "1 line(s) of other output inside the dump were left out"


def test_an_elf_core_alone_is_read(elves: dict[int, Path]) -> None:
    report = decode_core(elf_core(RISCV, [riscv_task(0x3FC8_0000, "crasher")]), elves[RISCV])
    assert (report.chip, report.version, report.checksum) == (None, None, "unknown")
    assert names(report) == ["g0", "g1", "g2"]


def test_a_wrong_checksum_is_said_and_the_rest_shown(elves: dict[int, Path]) -> None:
    core = bytearray(core_for(C6, 0x104))
    core[-1] ^= 1
    report = decode_core(bytes(core), elves[RISCV])
    assert report.checksum == "bad"
    assert "checksum" in report.warnings[0]
    assert names(report) == ["g0", "g1", "g2"]


def test_a_dump_cut_anywhere_is_partial_or_refused_with_a_message(elves: dict[int, Path]) -> None:
    tasks = [riscv_task(0x3FC8_0000 + 0x1000 * n, f"t{n}", STACK + 0x1000 * n) for n in range(3)]
    core = wrap(C6, 0x104, elf_core(RISCV, tasks))
    partial = 0
    for size in range(1, len(core), 7):
        try:
            report = decode_core(core[:size], elves[RISCV])
        except PostmortemError:
            continue
        assert report.partial
        assert report.checksum == "unknown"
        partial += 1
    assert partial > len(core) // 7 // 2


def test_a_capture_cut_by_a_reset_is_a_partial_dump(elves: dict[int, Path]) -> None:
    lines = uart(core_for(C6, 0x104)).splitlines(keepends=True)
    log = b"".join(lines[:-6]) + b"ESP-ROM:esp32c6-20220919\r\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n"
    report = decode_core(log, elves[RISCV])
    assert report.partial
    assert any("no end marker" in warning for warning in report.warnings)


def test_of_several_dumps_in_a_log_the_last_whole_one_is_shown(elves: dict[int, Path]) -> None:
    first, second = core_for(C6, 0x104), wrap(P4, 0x104, elf_core(RISCV, [riscv_task(0x4FF1_0000, "second")]))
    report = decode_core(uart(first) + b"I (1) boot\r\n" + uart(second) + uart(first)[:300], elves[RISCV])
    assert report.chip == "ESP32-P4"
    assert "the input holds 3 core dumps; the last whole one is shown" in report.warnings


def test_a_core_of_another_architecture_is_refused(elves: dict[int, Path]) -> None:
    with pytest.raises(PostmortemError, match=r"xtensa\.elf is for Xtensa, the core dump is from ESP32-C6 \(RISC-V\)"):
        decode_core(core_for(C6, 0x104), elves[XTENSA])


def test_another_applications_elf_is_refused_with_both_hashes(elves: dict[int, Path]) -> None:
    core = core_for(C6, 0x104, sha="0123456789abcdef")
    with pytest.raises(
        PostmortemError, match=r"made by application 0123456789abcdef, but .*riscv\.elf is [0-9a-f]{64}"
    ) as caught:
        decode_core(core, elves[RISCV])
    assert caught.value.mismatch
    report = decode_core(core, elves[RISCV], force=True)
    assert report.elf_match is False
    assert "names and lines may be wrong" in report.warnings[0]


def test_the_right_elf_matches_by_the_prefix_in_the_dump(elves: dict[int, Path]) -> None:
    import hashlib

    digest = hashlib.sha256(elves[RISCV].read_bytes()).hexdigest()
    assert decode_core(core_for(C6, 0x104, sha=digest[:9]), elves[RISCV]).elf_match is True
    assert decode_core(core_for(C6, 0x104), elves[RISCV]).elf_match is None


def test_a_crashed_task_that_was_not_stored_is_said(elves: dict[int, Path]) -> None:
    body = elf_core(RISCV, [riscv_task(0x3FC8_0000, "other")], crashed=0xDEADBEEF)
    report = decode_core(wrap(C6, 0x104, body), elves[RISCV])
    assert (report.crashed.tcb, report.crashed.task) == (None, None)
    assert not report.tasks[0].crashed
    assert any("too damaged to be stored" in warning for warning in report.warnings)


def test_a_damaged_control_block_gives_no_stack_figures(elves: dict[int, Path]) -> None:
    body = elf_core(RISCV, [riscv_task(0x3FC8_0000, "bad")], task_flags={0x3FC8_0000: 1})
    task = decode_core(wrap(C6, 0x104, body), elves[RISCV]).tasks[0]
    assert (task.name, task.stack_used, task.stack_free) == ("bad", None, None)


def test_a_substituted_stack_is_said(elves: dict[int, Path]) -> None:
    task = riscv_task(0x3FC8_0000, "fake", start=0x2000_0000)
    report = decode_core(wrap(C6, 0x104, elf_core(RISCV, [task], task_flags={0x3FC8_0000: 2})), elves[RISCV])
    assert any("stack pointer was not sane" in warning for warning in report.warnings)


def test_a_crash_in_an_interrupt_keeps_the_interrupted_stack(elves: dict[int, Path]) -> None:
    _, interrupted = riscv_stack(0x3FCA_0000, [after_call(3)])
    body = elf_core(RISCV, [riscv_task(0x3FC8_0000, "main")], isr=True, more=[(0x3FCA_0000, interrupted)])
    report = decode_core(wrap(C6, 0x104, body), elves[RISCV])
    assert report.crashed.isr is True
    assert (0x3FCA_0000, len(interrupted)) in {(region.start, region.size) for region in report.regions}


def test_tasks_inside_a_dump_of_all_memory_are_read(elves: dict[int, Path]) -> None:
    task = riscv_task(0x3FC8_0100, "inside")
    memory = bytearray(0x20000)
    memory[0x100 : 0x100 + 100] = task.block(False)
    memory[0x10000 : 0x10000 + len(task.stack)] = task.stack
    body = bytearray(elf_core(RISCV, [task], more=[(0x3FC8_0000, bytes(memory))]))
    # Turn the task's own two segments into empty ones.
    for number in (1, 2):
        struct.pack_into("<I", body, 52 + 32 * number + 16, 0)
    report = decode_core(wrap(C6, 0x104, bytes(body)), elves[RISCV])
    assert report.tasks[0].name == "inside"
    assert names(report) == ["g0", "g1", "g2"]


def test_a_solicited_frame_of_a_bin_dump_keeps_four_registers(elves: dict[int, Path]) -> None:
    tasks = [bin_task(0x3FFA_0000, "crasher"), bin_task(0x3FFA_1000, "waiting", solicited=True)]
    report = decode_core(wrap(ESP32, 3, bin_core(tasks), tasks=2), elves[XTENSA])
    assert names(report, 1) == ["f0", "f1", "f2"]
    assert sorted(report.tasks[1].registers) == ["a0", "a1", "a2", "a3", "pc", "ps"]
    assert report.tasks[1].registers["ps"] == 0x60020


def test_memory_segments_of_a_bin_dump_are_regions(elves: dict[int, Path]) -> None:
    body = bin_core([bin_task(0x3FFA_0000, "crasher")], [(0x3FFB_8000, b"0123456")])
    report = decode_core(wrap(ESP32, 3, body, tasks=1, segments=1), elves[XTENSA])
    assert (0x3FFB_8000, 7, "memory") in {(region.start, region.size, region.kind) for region in report.regions}


def test_a_thousand_tasks_are_all_shown(elves: dict[int, Path]) -> None:
    tasks = [riscv_task(0x3FC0_0000 + 0x100 * n, f"t{n}", 0x3D00_0000 + 0x400 * n) for n in range(1000)]
    report = decode_core(wrap(C6, 0x104, elf_core(RISCV, tasks)), elves[RISCV])
    assert len(report.tasks) == 1000
    assert {tuple(names(report, n)) for n in range(1000)} == {("g0", "g1", "g2")}


def test_a_nearly_full_stack_is_pointed_out(elves: dict[int, Path]) -> None:
    deep = riscv_task(0x3FC8_0000, "deep", returns=tuple(after_call(1 + n % 9) for n in range(40)))
    task = decode_core(wrap(C6, 0x104, elf_core(RISCV, [deep])), elves[RISCV]).tasks[0]
    assert task.stack_used == len(deep.stack)
    report = decode_core(wrap(C6, 0x104, elf_core(RISCV, [DeepTask(deep)])), elves[RISCV])
    assert f"task deep has used {len(deep.stack)} of {len(deep.stack) + 64} bytes of its stack" in report.warnings


class DeepTask(MadeTask):
    # A task whose stack has 64 bytes left.
    def __init__(self, task: MadeTask) -> None:
        super().__init__(task.tcb, task.name, task.registers, task.stack_start, task.stack)

    def block(self, dual: bool) -> bytes:
        data = bytearray(super().block(dual))
        struct.pack_into("<I", data, 48, self.stack_start - 64)
        return bytes(data)


def test_control_characters_in_a_tasks_name_are_not_passed_on(elves: dict[int, Path]) -> None:
    report = decode_core(wrap(C6, 0x104, elf_core(RISCV, [riscv_task(0x3FC8_0000, "\x1b[31mx")])), elves[RISCV])
    assert report.tasks[0].name == "?[31mx"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the input is empty"),
        (b"\xff" * 65536, "an erased core dump partition"),
        (b"hello world\n", "no core dump found"),
        (b"================= CORE DUMP START =================\r\n", "nothing that can be decoded follows"),
        (b"================= CORE DUMP END =================\r\n", "the end of a core dump is here but not its start"),
        (b"===== ESP32 CORE DUMP START =====\nCrashed task\n===== ESP32 CORE DUMP END =====\n", "decoded already"),
        (struct.pack("<III", 100, 13 << 16 | 0x105, 0) + bytes(100), "format version 0x0105 is not known"),
        (struct.pack("<III", 100, 77 << 16 | 0x104, 0) + bytes(100), r"unknown chip \(number 77\)"),
        (struct.pack("<III", 0xFFFFFFFF, 13 << 16 | 0x104, 0) + bytes(100), "impossible length 4294967295"),
        (struct.pack("<IIIII", 400, 0x0003, 0xFFFFFF, 340, 0) + bytes(400), "16777215 tasks"),
        (wrap(13, 0x104, b"\x7fELX" + bytes(100)), "does not begin as one"),
        (wrap(13, 0x104, b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HH", 2, 243) + bytes(80)), "not a 32-bit"),
        (wrap(13, 0x104, b"\x7fELF\x01\x01\x01" + bytes(9) + struct.pack("<HH", 4, 40) + bytes(80)), "machine 40"),
    ],
)
def test_what_is_no_dump_is_refused_with_one_clear_line(elves: dict[int, Path], data: bytes, message: str) -> None:
    with pytest.raises(PostmortemError, match=message) as caught:
        decode_core(data, elves[RISCV])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"================= CORE DUMP START =================\r\n" * 20_000, id="20,000 start markers"),
        pytest.param(b"=" * 2_000_000, id="a line of two million equals signs"),
        pytest.param(b"A" * 64 + b"\n" + b"A" * 2_000_000, id="a line of base64 letters without end"),
    ],
)
def test_hostile_text_is_refused_without_being_searched_for_ever(elves: dict[int, Path], data: bytes) -> None:
    # A search that goes back over what it has seen would take minutes here and run into the suite's time limit.
    with pytest.raises(PostmortemError):
        decode_core(data, elves[RISCV])


def test_what_stands_behind_the_first_nul_of_a_note_s_name_is_not_part_of_it(elves: dict[int, Path]) -> None:
    core = core_for(S3, 0x103, sha="123456789").replace(
        struct.pack("<I", 5) + struct.pack("<II", 588, 1) + b"CORE\0\0\0\0",
        struct.pack("<I", 8) + struct.pack("<II", 588, 1) + b"CORE\0\x3fkB",
    )
    assert b"CORE\0\x3fkB" in core
    report = decode_core(core, elves[XTENSA], force=True)
    assert [task.name for task in report.tasks] == ["crasher"]


def test_with_another_build_s_elf_the_stack_is_not_called_damaged(elves: dict[int, Path]) -> None:
    task = xtensa_task(0x3FFA_0000, "crasher")
    task.registers = [*task.registers[:64], 2 << 30 | XTENSA_TEXT + 0x31 & 0x3FFF_FFFF, *task.registers[65:]]
    core = wrap(S3, 0x104, elf_core(XTENSA, [task], sha="123456789"))
    report = decode_core(core, elves[XTENSA], force=True)
    assert report.tasks[0].backtrace.end.startswith("it does not fit this ELF: ")
    assert "damaged" not in report.to_text()


@pytest.mark.parametrize("version", sorted(VERSIONS), ids=[f"0x{version:04x}" for version in sorted(VERSIONS)])
@pytest.mark.parametrize("chip", [ESP32, C6])
def test_without_an_elf_the_report_has_what_the_dump_says(chip: int, version: int) -> None:
    report = decode_core(core_for(chip, version), None)
    (task,) = report.tasks
    assert (report.chip, task.name, task.state, task.crashed) == (CHIPS[chip].name, "crasher", "running", True)
    assert (task.stack_used is not None, report.elf_match) == (True, None)
    text = XTENSA_TEXT + 0x20 if chip == ESP32 else RISCV_TEXT + 0x10
    assert (report.registers["pc"], task.frames[0].pc, task.frames[0].function) == (text, text, None)
    assert len(task.frames) == (3 if chip == ESP32 else 1)
    assert report.warnings[0].startswith("no ELF: ")
