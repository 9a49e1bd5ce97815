"""The project's own inputs cover what it can do, so that a lone clone tests it all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from espmon.model.architecture import ARCHITECTURES
from espmon.postmortem import decode_core
from espmon.records import Demultiplexer, JsonObject, Limits, Record
from espmon.records.event import EventRecognizer
from espmon.records.recognizers import EVENTS, SPANS
from espmon.records.span import Setup, SpanRecognizer
from tests.inputs import OWN, REAL_DUMPS, REAL_LOGS, dump_named, log_named, own_dumps, own_logs, real_inputs
from tests.records.defmt_wire import Firmware

Spans = Sequence[Callable[[Setup], SpanRecognizer]]
Events = Sequence[Callable[[], EventRecognizer]]

PANICS = Path(__file__).parent / "records" / "events" / "fixtures"
"""Panics of other systems and of old versions, as they print them."""


def test_the_real_inputs_are_here() -> None:
    real = real_inputs()
    assert {path.stem for path in (real / "logs").glob("*.log")} == set(REAL_LOGS)
    assert {path.name for path in (real / "coredump").iterdir()} == set(REAL_DUMPS)


def records_of(data: bytes, **options: Any) -> Iterator[Record]:
    demux = Demultiplexer(**options)
    yield from demux.feed(data)
    yield from demux.flush()


def own_records() -> Iterator[Record]:
    """Everything that is found in our own inputs."""
    for data in own_streams():
        yield from records_of(data)


def own_streams() -> list[bytes]:
    """The bytes of our own inputs."""
    streams = [log_named(name).data for name in own_logs()]
    return [
        *streams,
        *(path.read_bytes() for path in PANICS.glob("*.log")),
        (OWN / "binlog" / "stream.bin").read_bytes(),
        b"Hello\n" + Firmware().frame("of firmware in Rust"),
    ]


def test_every_recognizer_finds_something() -> None:
    """Each one is left out once: something must be missing then."""
    setup = Setup(Limits())

    def found(data: bytes, spans: Spans, events: Events) -> list[JsonObject]:
        made = records_of(data, spans=[make(setup) for make in spans], events=[make() for make in events])
        return [record.to_json() for record in made]

    streams = own_streams()
    whole = [found(data, SPANS, EVENTS) for data in streams]

    def missed(spans: Spans, events: Events) -> bool:
        return any(found(data, spans, events) != all_there for data, all_there in zip(streams, whole, strict=True))

    idle = [one for one in SPANS if not missed([other for other in SPANS if other is not one], EVENTS)]
    assert idle == []
    silent = [one for one in EVENTS if not missed(SPANS, [other for other in EVENTS if other is not one])]
    assert silent == []


def test_every_kind_of_panic_is_there() -> None:
    kinds = {record.to_json()["kind"] for record in own_records() if record.type == "panic"}
    assert kinds >= {
        "exception", "abort", "assert", "task_wdt", "int_wdt", "stack_overflow", "stack_smash", "heap", "cache",
        "brownout", "rust",
    }  # fmt: skip


def test_every_field_of_a_report_has_a_value_in_some_dump() -> None:
    reports: list[dict[str, Any]] = [decode_core(d.text, d.elf).to_json() for d in map(dump_named, own_dumps())]
    empty = {key for key in reports[0] if not any(report[key] not in (None, [], {}, "") for report in reports)}
    assert empty <= {"partial", "warnings"}
    tasks = [task for report in reports for task in report["tasks"]]
    assert {key for key in tasks[0] if all(task[key] is None for task in tasks)} == set()
    frames = [frame for task in tasks for frame in task["frames"]]
    assert {frame["inlined"] for frame in frames} == {True, False}


def test_both_architectures_and_both_bodies_are_there() -> None:
    found = {(dump.truth["format"], "a15" in dump.truth["regs"]) for dump in map(dump_named, own_dumps())}
    assert found == {("elf", True), ("bin", True), ("elf", False)}
    dumped = {name for name, architecture in ARCHITECTURES.items() if architecture.dump}
    assert len(dumped) == 2


@pytest.mark.parametrize("build", ["xtensa", "logs"])
def test_what_needs_no_other_program_comes_out_of_its_script_again(build: str, tmp_path: Path) -> None:
    if build == "logs":
        from tests.fixtures.logs.build import logs

        made = {name: bytes(written.data) for name, written in logs().items()}
        assert set(made) == set(own_logs())
        # By name: pytest would take minutes to say how two of them differ.
        assert [name for name in made if made[name] != log_named(name).data] == []
    else:
        from tests.fixtures.xtensa.firmware import build as elf
        from tests.fixtures.xtensa.firmware import program

        assert elf(program(), 5) == dump_named("xtensa").elf.read_bytes()
        assert elf(program(backwards=True), 4) == dump_named("xtensa_bin").elf.read_bytes()
