"""Second opinions on core dumps: who can be asked, and what differs is marked."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from espmon.postmortem import PostmortemError, decode_core
from espmon.postmortem.core_input import read_core
from espmon.postmortem.core_report import CoreReport
from espmon.session.coredump_decoders import (
    OpinionTask,
    SecondOpinion,
    differences,
    read_report,
    second_opinion,
)
from tests.inputs import SIMULATED_ELF, dump_named


class Offered:
    """An entry point."""

    def __init__(self, name: str, decode: Callable[..., SecondOpinion]) -> None:
        self.name, self._decode = name, decode

    def load(self) -> Callable[..., SecondOpinion]:
        """The function."""
        return self._decode


@pytest.fixture(scope="module")
def report() -> CoreReport:
    return decode_core(dump_named("riscv").text, SIMULATED_ELF)


def same_as(report: CoreReport) -> list[OpinionTask]:
    return [OpinionTask(task.tcb, task.name, tuple(f.function for f in task.frames)) for task in report.tasks]


def test_a_package_can_offer_a_decoder(report: CoreReport) -> None:
    asked: list[Any] = []

    def decode(dump: bytes, elf: Path, chip: str | None) -> SecondOpinion:
        asked.append((dump, elf, chip))
        return SecondOpinion("acme", same_as(report))

    opinion = second_opinion("acme", b"dump", SIMULATED_ELF, "ESP32-C3", lambda: [Offered("acme", decode)])  # type: ignore[list-item]
    assert asked == [(b"dump", SIMULATED_ELF, "esp32c3")]
    assert differences(report, opinion) == []


def test_what_differs_is_marked_task_by_task(report: CoreReport) -> None:
    tasks = same_as(report)
    changed = (*tasks[0].functions[:2], "another", None)
    opinion = SecondOpinion("acme", [tasks[0]._replace(functions=changed), *tasks[2:], OpinionTask(1, "ghost", ())])
    first, second, third = differences(report, opinion)
    assert first.startswith("task main, frame 2: ")
    assert first.endswith("another by acme")
    assert second == f"task {report.tasks[1].name}: acme does not have it"
    assert third == "task ghost: only acme has it"


def test_frames_without_a_name_at_the_end_are_no_difference(report: CoreReport) -> None:
    tasks = [task._replace(functions=(*task.functions, None, None)) for task in same_as(report)]
    assert differences(report, SecondOpinion("acme", tasks)) == []


def test_a_decoder_that_fails_costs_only_its_opinion() -> None:
    def decode(dump: bytes, elf: Path, chip: str | None) -> SecondOpinion:
        raise RuntimeError("no idea")

    offered = [Offered("acme", decode)]
    with pytest.raises(PostmortemError, match="the decoder acme failed: RuntimeError: no idea"):
        second_opinion("acme", b"", SIMULATED_ELF, None, lambda: offered)  # type: ignore[arg-type, return-value]
    with pytest.raises(PostmortemError, match="no decoder is called other; there are: acme, esp-coredump"):
        second_opinion("other", b"", SIMULATED_ELF, None, lambda: offered)  # type: ignore[arg-type, return-value]


REPORT = """
==================== THREAD 1 (TCB: 0x3fc8ec30, name: 'main') =====================
#0  panic_abort (details=0x3fc8ea9c "abort()") at panic.c:472
#1  0x4038368e in esp_system_abort (details=...) at esp_system_chip.c:93
#2  0x400485e4 in ?? ()

==================== THREAD 2 (TCB: 0x3fc8f38c, name: 'IDLE') =====================
#0  vPortTaskWrapper (pxCode=0x403849a6) at port.c:251


======================= ALL MEMORY REGIONS ========================
"""


def test_the_vendors_report_is_read() -> None:
    assert read_report(REPORT) == [
        OpinionTask(0x3FC8EC30, "main", ("panic_abort", "esp_system_abort", None)),
        OpinionTask(0x3FC8F38C, "IDLE", ("vPortTaskWrapper",)),
    ]


def test_esp_coredump_is_asked_where_it_is_installed() -> None:
    if importlib.util.find_spec("esp_coredump") is None or shutil.which("gdb-multiarch") is None:
        pytest.skip("esp-coredump or gdb-multiarch is not installed")
    dump = dump_named("esp32c3")
    report = decode_core(dump.text, dump.elf)
    opinion = second_opinion("esp-coredump", read_core(dump.text).data, dump.elf, report.chip)
    assert [task.name for task in opinion.tasks] == [task.name for task in report.tasks]
    (difference,) = differences(report, opinion)
    # Behind the ROM's frame gdb has nothing.
    assert difference.startswith("task main, frame 4: ")
    assert "app_main" in difference
