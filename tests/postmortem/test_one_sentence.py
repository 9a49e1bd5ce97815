"""A panic and the core dump of the same fault are told in the same words."""

from __future__ import annotations

import pytest

from espmon.model.crash_facts import CrashFacts
from espmon.model.registers import RegisterSet
from espmon.postmortem import Symbolizer, decode_core
from espmon.postmortem.crash_sentence import crash_sentence
from espmon.postmortem.panic_report import PanicReport, decode_panic
from espmon.records.demux import Demultiplexer
from espmon.records.events.panic_record import Panic
from espmon.sim.firmware_image import ELF, KINDS, TCB_BYTES, Image
from espmon.sim.simulated_dump import console_text, pieces
from espmon.sim.simulated_panic import panic_text

IMAGE = Image()


def panic_of(kind: str, symbolizer: Symbolizer | None) -> PanicReport:
    demux = Demultiplexer()
    text = panic_text(IMAGE.snapshot(kind), IMAGE.sha256).encode()
    (panic,) = [record for record in [*demux.feed(text), *demux.flush()] if isinstance(record, Panic)]
    return decode_panic(panic, symbolizer)


def dump_of(kind: str) -> bytes:
    return console_text(pieces(IMAGE.snapshot(kind), IMAGE.sha256, 5, TCB_BYTES))


def predicate(sentence: str) -> str:
    """Without its subject: a dump knows the task where a panic may have printed the core alone."""
    return sentence.split(" ", 2)[2]


@pytest.mark.parametrize("with_elf", [True, False], ids=["elf", "no-elf"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_panic_and_the_dump_of_the_same_fault_say_the_same(kind: str, with_elf: bool) -> None:
    symbolizer = Symbolizer(ELF) if with_elf else None
    panic, dump = panic_of(kind, symbolizer), decode_core(dump_of(kind), symbolizer)
    assert dump.sentence.startswith(f"Task {dump.crashed.task} ")
    assert predicate(dump.sentence) == predicate(panic.sentence)
    assert dump.sentence in dump.to_text()
    assert dump.to_json()["sentence"] == dump.sentence


@pytest.mark.parametrize(
    ("address", "words"),
    [
        (0, "address 0 (a null pointer)"),
        (0x800, "address 0x00000800 (a null pointer plus 2048)"),
        (0x1000, "address 0x00001000"),
    ],
)
def test_how_far_a_null_pointer_reaches_is_one_number(address: int, words: str) -> None:
    for facts in (
        CrashFacts(kind="exception", cause="LoadProhibited", excvaddr=address),
        CrashFacts(kind="exception", cause="Load access fault", excvaddr=address, registers=RegisterSet(mtval=address)),
    ):
        assert crash_sentence(facts, None, ()) == f"The program read from {words}."


def test_an_interrupt_is_blamed_rather_than_the_task_it_interrupted() -> None:
    facts = CrashFacts(kind="exception", cause="IntegerDivideByZero", isr=True, task="main", plain="a division by zero")
    assert crash_sentence(facts, 0, ()) == "An interrupt stopped: a division by zero."
