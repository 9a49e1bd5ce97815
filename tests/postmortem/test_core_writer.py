"""A dump saved as an ELF core says the same again, here and in gdb."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from espmon.model.architecture import RISCV
from espmon.postmortem import Symbolizer, decode_core
from espmon.postmortem.core_format import parse_core
from espmon.postmortem.core_input import read_core
from espmon.postmortem.core_writer import elf_core
from tests.inputs import Dump
from tests.postmortem import made
from tests.postmortem.test_core_forms import C6, S3, riscv_task, xtensa_task

LOST = {"checksum", "format", "chip_revision"}
"""What an ELF core does not have: it is another format, without a header."""


def saved(data: bytes) -> bytes:
    return elf_core(parse_core(read_core(data)))


def test_the_saved_core_gives_the_same_report(dump: Dump) -> None:
    symbolizer = Symbolizer(dump.elf)
    first, again = decode_core(dump.text, symbolizer), decode_core(saved(dump.text), symbolizer)
    assert {key: value for key, value in again.to_json().items() if key not in LOST} == {
        key: value for key, value in first.to_json().items() if key not in LOST
    }
    assert again.segments == first.segments


@pytest.mark.parametrize("crashed", [0x3FC8_0000, 0x3FC8_1000, 0xDEAD_BEEF])
@pytest.mark.parametrize("isr", [False, True])
def test_made_cores_come_back_whole(crashed: int, isr: bool) -> None:
    for chip, machine, task in ((C6, made.RISCV, riscv_task), (S3, made.XTENSA, xtensa_task)):
        tasks = [task(0x3FC8_0000, "one"), task(0x3FC8_1000, "two", 0x3FCA_0000)]
        flags = {0x3FC8_1000: 2}
        body = made.elf_core(
            machine, tasks, crashed=crashed, isr=isr, sha="abcdef012", task_flags=flags, details=["why"]
        )
        data = made.wrap(chip, 0x104, body)
        first, again = decode_core(data, None).to_json(), decode_core(saved(data), None).to_json()
        tasks_of = [sorted(map(str, report["tasks"])) for report in (first, again)]  # type: ignore[call-overload]
        assert tasks_of[0] == tasks_of[1]
        same = set(first) - LOST - {"tasks", "regions"}
        assert {key: again[key] for key in same} == {key: first[key] for key in same}


def gdb(core: Path, elf: Path, *commands: str) -> str:
    program = shutil.which("gdb-multiarch")
    if program is None:
        pytest.skip("gdb-multiarch is not installed")
    asked = [argument for command in commands for argument in ("-ex", command)]
    done = subprocess.run(
        [program, "-q", "-nx", "-batch", "-ex", f"core-file {core}", *asked, str(elf)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


FRAME = re.compile(
    r"(?m)^#\d+ +(?:0x[0-9a-f]+ in )?(?P<function>[\w?]+) ?\(.*?(?:\) at (?P<file>[^\n:]+):(?P<line>\d+))?$"
)


def test_gdb_opens_it_beside_the_application(dump: Dump, tmp_path: Path) -> None:
    report = decode_core(dump.text, dump.elf)
    if Symbolizer(dump.elf).machine != RISCV.elf_machine:
        # gdb-multiarch knows no Xtensa: here the core that was written is read again instead.
        again = decode_core(saved(dump.text), dump.elf)
        assert again.to_json()["tasks"] == report.to_json()["tasks"]
        return
    core = tmp_path / "core.elf"
    core.write_bytes(saved(dump.text))
    shown = gdb(core, dump.elf, "info threads")
    assert shown.count("LWP") >= len(report.tasks)
    for number, task in enumerate(report.tasks, 1):
        chain = gdb(core, dump.elf, "set filename-display basename", f"thread apply {number} bt").partition("Thread ")[
            2
        ]
        theirs = [(frame["function"], frame["file"], frame["line"]) for frame in FRAME.finditer(chain) if frame["file"]]
        ours = [
            (frame.function, Path(frame.file).name, str(frame.line))
            for frame in task.frames
            if frame.file and not frame.recovered
        ]
        assert theirs == ours, task.name


def test_readelf_finds_nothing_wrong_with_it(dump: Dump, tmp_path: Path) -> None:
    program = shutil.which("readelf")
    if program is None:
        pytest.skip("readelf is not installed")
    core = tmp_path / "core.elf"
    core.write_bytes(saved(dump.text))
    done = subprocess.run([program, "-h", "-l", "-n", str(core)], capture_output=True, text=True, check=True)
    assert "CORE (Core file)" in done.stdout
    assert done.stdout.count("NT_PRSTATUS") == len(parse_core(read_core(dump.text)).tasks)
    assert "rror" not in done.stderr


def test_the_memory_is_shown_word_by_word(dump: Dump) -> None:
    report = decode_core(dump.text, dump.elf)
    rows = dict(re.findall(r"(?m)^0x([0-9a-f]{8}): ((?:0x[0-9a-f]{8} ?)+)", report.memory_text()))
    for address, words in dump.truth.get("mem", {}).items():
        assert [int(word, 16) for word in rows[f"{int(address, 16):08x}"].split()] == words
    assert sum(len(data) for _, data in report.segments) <= 16 * len(rows)
