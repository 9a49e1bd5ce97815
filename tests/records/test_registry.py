"""Adding a recognizer is one module and one line: these two stand for the module, `registered` for the line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

import pytest

from espmon.records import Demultiplexer, JsonObject
from espmon.records import demux as demux_module
from espmon.records.event import LineView
from espmon.records.recognizers import EVENTS, SPANS
from espmon.records.record import Event, Record
from espmon.records.span import MORE, Found, More, Setup, Where
from tests.records.streams import as_json, assert_tiles, core_dump, framed_png, png, records


class Weight(Record):
    """What a scale says: `=1234;` anywhere in the stream."""

    __slots__ = ("grams",)
    type: ClassVar[str] = "weight"

    def __init__(self, offset: int, length: int, time: float | None, grams: int) -> None:
        super().__init__(offset, length, time)
        self.grams = grams

    def fields(self) -> JsonObject:
        return {"grams": self.grams}


class WeightRecognizer:
    kind = "weight"
    triggers: Sequence[bytes] = (b"W=",)

    def __init__(self, setup: Setup) -> None:
        self.limits = setup.limits

    def probe(self, data: bytes, at: int, where: Where) -> Found | More | None:
        end = data.find(b";", at, at + 12)
        digits = data[at + 2 : at + 12 if end < 0 else end]
        if not (digits.isdigit() or not digits):
            return None
        if end < 0:
            return MORE if len(data) < at + 12 else None
        return Found(end + 1 - at, Weight(where.offset, end + 1 - at, where.time, int(digits))) if digits else None


class Door(Event):
    """A door opened."""

    __slots__ = ()
    type: ClassVar[str] = "door"


class DoorEvents:
    needles: Sequence[bytes] = (b"007",)
    attentive: bool = False

    def line(self, line: LineView) -> Iterable[Record]:
        if "door 007 open" in line.text:
            yield Door(line.offset, line.length, line.time)

    def span(self, record: Record) -> Iterable[Record]:
        return ()

    def end(self) -> Iterable[Record]:
        return ()


STREAM = (
    b"I (1) a: b\r\nW=12;I (2) a: b\r\nnow W=34;\ndoor 007 open\r\ndoor 008 open\r\nW=x;\n" + framed_png(png())
    + b"W=5;" + core_dump() + b"door 007 open W=12345678901234;\nW=7"
)  # fmt: skip


@pytest.fixture
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demux_module, "SPANS", (*SPANS, WeightRecognizer))
    monkeypatch.setattr(demux_module, "EVENTS", (*EVENTS, DoorEvents))


@pytest.mark.usefixtures("registered")
def test_a_registered_recognizer_sees_its_payloads_between_all_others() -> None:
    found = records(STREAM)
    assert [record.grams for record in found if isinstance(record, Weight)] == [12, 34, 5]
    assert [record.type for record in found if record.type not in ("line", "weight")] == [
        "door", "png", "coredump", "door",
    ]  # fmt: skip


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("size", [1, 2, 5, 64, 100])
def test_the_laws_hold_for_a_registered_recognizer(size: int) -> None:
    found = records(STREAM, range(size, len(STREAM), size))
    assert_tiles(found, len(STREAM))
    assert as_json(found) == as_json(records(STREAM))


def test_nobody_knows_a_recognizer_that_is_not_registered() -> None:
    assert {record.type for record in records(STREAM)} == {"line", "png", "coredump"}


def test_recognizers_can_be_given_instead_of_the_registry() -> None:
    found = records(STREAM, demux=Demultiplexer(spans=[], events=[DoorEvents()]))
    assert {record.type for record in found} == {"line", "door"}


def test_every_recognizer_is_registered_once() -> None:
    assert len(set(SPANS)) == len(SPANS)
    assert len(set(EVENTS)) == len(EVENTS)
