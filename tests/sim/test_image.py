"""Registers, stacks and the ELF belong together."""

from __future__ import annotations

import hashlib
import re
import shutil
import struct
import subprocess
import zlib
from base64 import b64decode
from pathlib import Path

import pytest

from espmon.sim.firmware_image import ELF, KINDS, SOURCE_PREFIX, SOURCES, TCB_BYTES, Image
from espmon.sim.simulated_chips import CHIPS
from espmon.sim.simulated_dump import END, START, console_text, pieces
from espmon.sim.simulated_panic import panic_text, reason
from espmon.sim.xtensa import core_dump

IMAGE = Image()
CRASHES = [kind for kind in KINDS if kind != "busy"]

MAIN = "console_dispatch console_run app_main main_task vPortTaskWrapper"
CHAINS = {
    "panic": f"read_register sensor_sample sensor_update command_panic {MAIN}",
    "abort": f"panic_abort esp_system_abort abort command_abort {MAIN}",
    "assert": f"panic_abort esp_system_abort __assert_func command_assert {MAIN}",
    "load": "draw_glyph draw_frame display_render vPortTaskWrapper",
}
TASKS = {"main", "esp_timer", "wifi", "IDLE", "display_render"}


def gdb() -> str:
    found = shutil.which("gdb-multiarch")
    if not found:
        pytest.skip("gdb-multiarch is not installed")
    return found


@pytest.mark.parametrize("kind", sorted(CHAINS))
def test_gdb_finds_the_whole_chain_in_the_core_dump(kind: str, tmp_path: Path) -> None:
    core = tmp_path / "core"
    core.write_bytes(b"".join(pieces(IMAGE.snapshot(kind), IMAGE.sha256, 5, TCB_BYTES)[1:-1]))
    shown = subprocess.run(
        [gdb(), "-q", "-nx", "-batch", "-ex", "bt", str(ELF), str(core)], capture_output=True, text=True, timeout=60
    ).stdout
    frames = re.findall(r"^#\d+ +(?:0x\w+ in )?(\w+) ", shown.split("\n#0", 1)[1].join(("#0", "")), re.MULTILINE)
    assert " ".join(dict.fromkeys(frames)) == CHAINS[kind]


def test_every_task_is_in_the_dump_and_the_crashed_one_first() -> None:
    assert IMAGE.snapshot("load").tasks[0].name == "display_render"
    for kind in KINDS:
        assert {task.name for task in IMAGE.snapshot(kind).tasks} == TASKS


def test_return_addresses_on_the_stack_are_in_the_executable_range() -> None:
    snapshot = IMAGE.snapshot("panic")
    words = snapshot.memory.words(snapshot.registers["sp"], 30)
    assert sum(0x42000020 <= word < 0x42010000 for word in words) >= 4


def test_the_crash_is_a_store_to_a_null_pointer() -> None:
    registers = IMAGE.snapshot("panic").registers
    assert (registers["mcause"], registers["mtval"]) == (7, 0)


def test_the_sha_is_that_of_the_shipped_elf() -> None:
    assert hashlib.sha256(ELF.read_bytes()).hexdigest() == IMAGE.sha256
    assert f"ELF file SHA256: {IMAGE.sha256[:9]}" in panic_text(IMAGE.snapshot("panic"), IMAGE.sha256)


def test_the_sources_named_by_the_elf_are_there() -> None:
    content = ELF.read_bytes()
    names = set(re.findall(rb"(?<=\0)(\w+\.[chS])(?=\0)", content))
    assert SOURCE_PREFIX.encode() + b"\0" in content
    assert b"sensor.h" in names
    assert all((SOURCES / name.decode()).is_file() for name in names)


@pytest.mark.parametrize(
    ("kind", "start"),
    [
        ("panic", "Guru Meditation Error: Core  0 panic'ed (Store access fault). Exception was unhandled."),
        ("load", "Guru Meditation Error: Core  0 panic'ed (Load access fault). Exception was unhandled."),
        ("illegal", "Guru Meditation Error: Core  0 panic'ed (Illegal instruction). Exception was unhandled."),
        ("busy", "Guru Meditation Error: Core  0 panic'ed (Interrupt wdt timeout on CPU0). Exception was unhandled."),
        ("abort", "abort() was called at PC 0x4200"),
        ("assert", "assert failed: command_assert console.c:"),
        ("stack", "***ERROR*** A stack overflow in task main has been detected."),
    ],
)
def test_each_crash_says_what_happened(kind: str, start: str) -> None:
    assert reason(IMAGE.snapshot(kind)).startswith(start)


def test_register_rows_have_the_vendors_form() -> None:
    lines = panic_text(IMAGE.snapshot("panic"), IMAGE.sha256).split("\r\n")
    row = lines[lines.index("Core  0 register dump:") + 1]
    assert re.fullmatch(r"MEPC    : 0x\w{8}  RA      : 0x\w{8}  SP      : 0x\w{8}  GP      : 0x\w{8}  ", row)
    first = lines[lines.index("Stack memory:") + 1]
    assert re.fullmatch(r"3fc8\w{4}:( 0x\w{8}){8}", first)


@pytest.mark.parametrize("hashed", [False, True])
@pytest.mark.parametrize("kind", CRASHES)
def test_the_console_form_decodes_line_by_line_to_a_dump_with_a_right_checksum(kind: str, hashed: bool) -> None:
    text = console_text(pieces(IMAGE.snapshot(kind), IMAGE.sha256, 5, TCB_BYTES, hashed=hashed))
    assert text.startswith(START)
    assert text.endswith(END)
    rows = text[len(START) : -len(END)].splitlines()
    assert max(map(len, rows)) == 64
    dump = b"".join(b64decode(row, validate=True) for row in rows)
    total, version = struct.unpack_from("<II", dump)
    assert total == len(dump)
    assert version >> 16 == 5
    if hashed:
        assert hashlib.sha256(dump[:-32]).digest() == dump[-32:]
    else:
        assert zlib.crc32(dump[:-4]) == struct.unpack("<I", dump[-4:])[0]


def test_the_xtensa_dump_is_a_whole_bin_dump() -> None:
    dump = b"".join(core_dump(CHIPS["esp32s3"]))
    total, version, tasks, tcb, _, _ = struct.unpack_from("<6I", dump)
    assert (total, version, tasks) == (len(dump), 9 << 16 | 3, 1)
    assert dump[24 + 12 + 52 :][:4] == b"main"
    assert tcb == 340
    assert zlib.crc32(dump[:-4]) == struct.unpack("<I", dump[-4:])[0]


def test_the_elf_and_the_snapshots_stay_small() -> None:
    assert ELF.stat().st_size < 100_000
    assert ELF.with_name("snapshots.json").stat().st_size < 50_000
