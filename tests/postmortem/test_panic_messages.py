"""Every panic text of ESP-IDF that was once told wrongly: the sentence says what the board said, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from espmon.postmortem.panic_report import decode_panic
from espmon.records import Demultiplexer
from espmon.records.events import Panic

WANTED: Mapping[str, str] = {
    r"plain words missing": r"stopped: [a-z].{15,}",
    r"the cache was off \(flash operation running\)": "while the cache was off",
    r"it wrote to memory that is mapped from flash": r"^Core 0 wrote to .*mapped from flash",
    r"tell the details line": r"\(MMU entry fault\)|cache (was|refused|reported|failed)|the (data|instruction) cache",
    r"operation and faulting address are printed": "forbids",
    r"direction is not known": r"accessed address 0x3ffb0001: |used the unaligned address",
    r"IDF prints Cp0Dis": "coprocessor",
    r'"in  \(main.cpp:42\)"': r", at main.cpp:42\.$|with the flash cache off|at 0x42001234",
    r"the text in the line before": r"gave up(:| because KASAN)",
    r"the line before abort\(\) says why": r"gave up: ",
    r"no exception was thrown": r"std::terminate\(\) was called without|a pure virtual function was called",
    r"the starved task/user did not reset": r"did not reset the task watchdog in time: meanwhile main ran on CPU 0",
    r'"APM - ': r"accessed address 0x600b1000, which the access permission unit",
    r'"Assert failed in': r"because an assertion failed: x != 0, in esp_tee_foo \(foo.c:42\)",
    r"LP Core panic'ed": "^The low-power core ",
}
"""What is wanted of a text (a pattern on the remark) -> a pattern that its sentence has to have."""


def sentences(log: str) -> Iterator[str]:
    demux = Demultiplexer()
    for batch in (demux.feed(log.encode()), demux.flush()):
        for part in batch.parts:
            if isinstance(part, Panic):
                yield decode_panic(part, None).sentence


def test_every_text_is_told_as_wanted(shared_facts: Path) -> None:
    rows = json.loads((shared_facts / "panic-messages.json").read_text())["rows"]
    wrong = []
    for number, row in enumerate(rows):
        (sentence,) = sentences(row["log"])
        (pattern,) = [found for want, found in WANTED.items() if re.search(want, row["want"])]
        if sentence == row["sentence_today"] or not re.search(pattern, sentence):
            wrong.append((number, row["want"], sentence))
    assert wrong == []
    assert len(rows) == 112


def test_addresses_and_operations_of_the_text_are_in_the_sentence(shared_facts: Path) -> None:
    rows = json.loads((shared_facts / "panic-messages.json").read_text())["rows"]
    for row in rows:
        (sentence,) = sentences(row["log"])
        for address in re.findall(r"(?:error address: |faulting address: |at address )(0x[0-9a-f]{8})", row["log"]):
            assert address in sentence, row["message"]
        if "operation type: WRITE" in row["log"]:
            assert " wrote to " in sentence
        if "operation type: EXEC" in row["log"]:
            assert " ran code at " in sentence
