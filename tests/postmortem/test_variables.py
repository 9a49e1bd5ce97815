"""Arguments and locals of every frame against gdb, at stops that are stored; many more: `tests.fixtures.variables`."""

from __future__ import annotations

import gzip
import json
import random
import shutil
from pathlib import Path
from typing import Any

import pytest

from espmon.postmortem import PostmortemError, decode_core
from espmon.postmortem.global_variables import GlobalVariables
from espmon.postmortem.memory import SegmentMemory
from espmon.postmortem.symbolizer import Symbolizer
from tests.fixtures.variables import compare, statically
from tests.inputs import dump_named

STORED = ("values_Og", "values_O2", "objects_O2")


@pytest.fixture(params=STORED)
def stored(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Symbolizer, list[dict[str, Any]]]:
    """A program, and what gdb said at each stop of it."""
    data = json.loads(gzip.decompress((compare.HERE / f"{request.param}.json.gz").read_bytes()))
    elf = tmp_path / "app.elf"
    elf.write_bytes(bytes.fromhex(data["elf"]))
    return Symbolizer(elf), data["stops"]


def test_every_variable_of_every_frame_is_what_gdb_says(stored: tuple[Symbolizer, list[dict[str, Any]]]) -> None:
    symbolizer, stops = stored
    counts = []
    for stop in stops:
        count, wrong = compare.differences(symbolizer, stop)
        assert wrong == []
        counts.append(count)
    assert len(counts) == 24
    assert sum(counts) > 200


def test_a_difference_is_found(stored: tuple[Symbolizer, list[dict[str, Any]]]) -> None:
    symbolizer, stops = stored
    stop = next(stop for stop in stops if any(frame["variables"] for frame in stop["frames"]))
    frame = next(frame for frame in stop["frames"] if frame["variables"])
    frame["variables"][0][2] = {"pointer": 0x123}
    assert len(compare.differences(symbolizer, stop)[1]) == 1


def test_programs_run_in_qemu_as_well(tmp_path: Path) -> None:
    for program in ("riscv64-unknown-elf-gcc", "qemu-system-riscv32", "gdb-multiarch"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
    elf = compare.build("values", "O2", tmp_path)
    symbolizer = Symbolizer(elf)
    stops = list(compare.gdb_stops(elf, 8, 31, tmp_path))
    assert len(stops) == 8
    assert [compare.differences(symbolizer, stop)[1] for stop in stops] == [[]] * 8


@pytest.mark.parametrize("name", ["esp32", "esp32c3"])
def test_all_tasks_of_a_real_dump_have_variables(name: str) -> None:
    dump = dump_named(name)
    report = decode_core(dump.text, dump.elf)
    for task in report.tasks:
        for part in report.variables_of(task):
            frame = task.frames[part.frame]
            assert part.function == frame.function


def test_the_registers_of_callers_are_theirs() -> None:
    dump = dump_named("esp32")
    report = decode_core(dump.text, dump.elf)
    for number in (0, 1):
        task = next(task for task in report.tasks if task.name == f"ipc{number}")
        parts = {
            part.function: {item.name: item.value for item in part.variables} for part in report.variables_of(task)
        }
        assert (parts["ipc_task"]["arg"], parts["ipc_task"]["cpuid"]) == (f"0x{number:08x}", str(number))


def test_an_array_a_text_and_a_structure_of_a_caller_are_read() -> None:
    dump = dump_named("esp32")
    report = decode_core(dump.text, dump.elf)
    parts = {part.function: part for part in report.variables_of(report.tasks[0])}
    abort = {item.name: item for item in parts["abort"].variables}
    assert abort["buf"].value == '"abort() was called at PC 0x400d66b9 on core 0"'
    assert [field.value.text for field in abort["str"].content.fields] == ["", '"400d66b9"', "", '"0"']
    config = parts["main_task"].variables[1]
    assert (config.name, config.value) == (
        "twdt_config", "{timeout_ms = 5000, idle_core_mask = 3, trigger_panic = false}"
    )  # fmt: skip


def test_variables_cost_nothing_until_they_are_asked_for() -> None:
    dump = dump_named("esp32c3")
    report = decode_core(dump.text, dump.elf)
    assert report.inspector is not None
    assert len(report.inspector._tasks) == 0
    report.variables_json()
    assert len(report.inspector._tasks) == len(report.tasks)


GLOBALS = {
    "seed": "integer",
    "sensors": "array",
    "sensors[1].at.x": "integer",
    "sensors[2].next->label": "pointer",
    "*selected": "structure",
    "selected->bits": "structure",
    "labels[1]": "pointer",
    "visits": "integer",
    "sensors[0].factor": "float",
}


@pytest.fixture
def program(tmp_path: Path) -> Any:
    """The globals of the C program at its last stored stop."""
    data = json.loads(gzip.decompress((compare.HERE / "values_Og.json.gz").read_bytes()))
    elf = tmp_path / "app.elf"
    elf.write_bytes(bytes.fromhex(data["elf"]))
    memory = SegmentMemory([(compare.RAM[0], bytes.fromhex(data["stops"][-1]["memory"]))])
    return GlobalVariables(Symbolizer(elf), memory)


def test_globals_are_read_by_path(program: Any) -> None:
    assert {path: program.at_path(path).kind for path in GLOBALS} == GLOBALS
    assert program.at_path("sensors[1].number").number == 16
    assert program.at_path("sensors[1].at").to_text() == program.at_path("sensors[0].next->at").to_text()
    assert program.at_path("sensors[0].mode").text == "FAILED"
    assert program.at_path("sensors[2].name").text == '"cdefgh"'


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nothing_of_it", "no global variable nothing_of_it"),
        ("sensors[1].height", "has no member height"),
        ("sensors[3]", "no element 3"),
        ("sensors[-1]", "no element -1"),
        ("seed->x", "has no member x"),
        ("seed.x", "has no member x"),
        ("sensors[", "neither a member nor an index"),
        ("*seed", "is no pointer"),
        ("selected[0][1]", "is no pointer"),
        ("12", "does not begin with the name"),
        ("", "does not begin with the name"),
    ],
)
def test_a_path_that_leads_nowhere_says_where_it_ends(program: Any, path: str, words: str) -> None:
    with pytest.raises(PostmortemError, match=words.replace("[", r"\[")):
        program.at_path(path)


def test_all_globals_are_listed_with_types(program: Any) -> None:
    listed = {item.name: item for item in program.all()}
    assert {"seed", "sensors", "selected", "armed", "sink", "labels"} <= set(listed)
    assert program.value(listed["armed"]).kind == "boolean"


@pytest.mark.parametrize("name", ["esp32", "esp32c3"])
def test_places_are_those_that_gdb_reads_from_the_elf(name: str) -> None:
    if shutil.which("gdb-multiarch") is None:
        pytest.skip("gdb-multiarch is not installed")
    results = list(statically.differences(dump_named(name).elf, 40))
    assert [text for _, text in results if text] == []
    assert len(results) > 200


def test_damaged_debug_information_costs_values_and_nothing_else(tmp_path: Path) -> None:
    data = json.loads(gzip.decompress((compare.HERE / "objects_O2.json.gz").read_bytes()))
    elf, stop, path = bytes.fromhex(data["elf"]), data["stops"][5], tmp_path / "app.elf"
    path.write_bytes(elf)
    sections = [section for section in Symbolizer(path).elf.sections.values() if section.name.startswith(".debug")]
    chance = random.Random(7)
    for _ in range(60):
        damaged = bytearray(elf)
        for _ in range(chance.choice((1, 3, 20))):
            section = chance.choice(sections)
            damaged[section.offset + chance.randrange(section.stored)] = chance.randrange(256)
        path.write_bytes(damaged)
        try:
            symbolizer = Symbolizer(path)
            assert compare.differences(symbolizer, stop)[0] >= 0
        except PostmortemError:
            continue
        found = GlobalVariables(symbolizer, SegmentMemory([(compare.RAM[0], bytes.fromhex(stop["memory"]))]))
        assert all(found.value(item).to_json() for item in found.all())
