"""Resynchronisation: payloads of the compiled emitter, damaged in every way that a console knows, between log lines.

    python -m tests.torture.framing [SCHEDULES]      10,000 unless told otherwise

A schedule is what two tasks and an emitter did to one console: payloads that came whole; payloads with a log line in
them, a byte changed, another length in the header, another payload's beginning or a whole one inside, cut by a reset or
by silence. It is then cut into reads at will. No line may be lost, no payload invented, and each good one is whole.

CBOR without a CRC is left out of the damage: any byte may be an item of it, so nothing can tell.
"""

from __future__ import annotations

import random
import re
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from espmon.records import Demultiplexer, Frame, Line, Png, Record
from tests.firmware.compiled import GREY8, MONO1, RGB565, Driver, build, packed_size
from tests.records.streams import BANNER, assert_tiles

LENGTH = re.compile(rb"(PNG_BEGIN |@ESPFRAME \S+ )(\d+)")
DAMAGES = ("line", "byte", "length", "header", "nested", "reset", "silence")
TAILS = (b"\n@ESPFRAME_END\n", b"\nPNG_END\n")


@dataclass(frozen=True)
class Sent:
    """A payload as the emitter sent it."""

    name: str
    wire: bytes
    payload: bytes
    checked: bool
    """A change of one byte cannot go unnoticed."""

    bounded: bool
    """Other bytes in it cannot go unnoticed."""

    @property
    def body(self) -> tuple[int, int]:
        """Where the payload begins and ends in `wire`."""
        tail = next(tail for tail in TAILS if self.wire.endswith(tail))
        return self.wire.index(b"\n") + 1, len(self.wire) - len(tail)


def payloads(data: bytes) -> list[Png | Frame]:
    """The whole payloads in a stream."""
    demux = Demultiplexer()
    found = [*demux.feed(data), *demux.flush()]
    return [record for record in found if isinstance(record, Png | Frame) and record.complete]


def bank(driver: Driver, folder: Path) -> list[Sent]:
    """Payloads of every kind and envelope."""
    generator = random.Random(16)
    commands: dict[str, list[str | int | Path]] = {"json": ["json"], "cbor": ["cbor"]}
    for form, width, height in ((RGB565, 24, 10), (GREY8, 9, 31), (MONO1, 40, 40)):
        source = folder / f"pixels-{form}"
        source.write_bytes(generator.randbytes(packed_size(form, width, height) // 2) * 2)
        for mode in ("streamed", "measured", "raw", "base64", "stored"):
            commands[f"png {form} {mode}"] = ["png", form, width, height, source, mode]
    for size in (1, 40, 700):
        source = folder / f"bytes-{size}"
        source.write_bytes(generator.randbytes(size))
        for armour in ("raw", "base64"):
            commands[f"acme {size} {armour}"] = ["frame", "acme/telemetry", "-", armour, source]
    for kind, payload in (
        ("json", b'{"a": [1, 2, {"b": "text with } and \\" in it"}]}'),
        ("cbor", b"\xa1\x61a\x82\x01\x02"),
    ):
        source = folder / f"stream-{kind}"
        source.write_bytes(payload)
        for armour in ("raw", "base64"):
            commands[f"stream {kind} {armour}"] = ["stream", kind, armour, source]
    found = []
    for name, words in commands.items():
        wire = driver(*words)
        (record,) = payloads(wire)
        streamed = name.startswith("stream")
        found.append(Sent(name, wire, record.payload, not streamed, not name.startswith("stream cbor")))
    return found


@dataclass(repr=False)
class Schedule:
    """One stream, and what has to come of it."""

    data: bytes
    silences: list[int]
    """Offsets at which nothing came for long."""

    lines: list[bytes]
    """Log lines that were sent."""

    good: list[bytes]
    """Payloads that came whole."""

    damaged: list[bytes]
    """Payloads to whose envelope something was done: all of their bytes may be there, in order."""


def log_line(number: int, task: str) -> bytes:
    """A line that no other one is like."""
    level = "IWED"[number % 4]
    return f"{level} ({number}) {task}: line {number} of a task that logs\r\n".encode()


@st.composite
def schedules(draw: st.DrawFn, emitted: list[Sent]) -> Schedule:
    """Streams with at most one damaged payload at a time: its header may claim what follows it, but no other damage."""
    data = bytearray()
    schedule = Schedule(b"", [], [], [], [])
    claimed = 0
    number = 0

    def log(task: str) -> bytes:
        nonlocal number
        number += 1
        line = log_line(number, task)
        schedule.lines.append(line)
        return line

    def wrong_length(wire: bytes) -> tuple[bytes, int]:
        match = LENGTH.search(wire)
        assert match is not None
        size = int(match[2])
        other = draw(st.integers(1, 3000).filter(lambda value: value != size))
        return wire[: match.start(2)] + b"%d" % other + wire[match.end(2) :], match.end() + 60 + other

    for _ in range(draw(st.integers(1, 12))):
        for _ in range(draw(st.integers(0, 3))):
            data += log(draw(st.sampled_from(["wifi", "sensor"])))
        sent = draw(st.sampled_from(emitted))
        damage = draw(st.sampled_from(DAMAGES)) if len(data) >= claimed and draw(st.booleans()) else None
        if (damage in ("byte", "length") and not sent.checked) or (damage is not None and not sent.bounded):
            damage = None
        if damage is None:
            data += sent.wire
            schedule.good.append(sent.payload)
            continue
        schedule.damaged.append(sent.payload)
        begin, end = sent.body
        at = draw(st.integers(begin, end - 1))
        wire, claim = sent.wire, len(sent.wire)
        if damage == "line":
            wire = wire[:at] + log("other") + wire[at:]
        elif damage == "byte":
            wire = wire[:at] + bytes([wire[at] ^ draw(st.integers(1, 255))]) + wire[at + 1 :]
        elif damage == "length":
            wire, claim = wrong_length(wire)
        elif damage == "header":
            other = draw(st.sampled_from([one for one in emitted if one.bounded])).wire
            wire = wire[:at] + b"\n" + other[: other.index(b"\n") + 1] + wire[at:]
            claim += len(other)
        elif damage == "nested":
            inner = draw(st.sampled_from([one for one in emitted if one.bounded]))
            wire = wire[:at] + b"\n" + inner.wire + wire[at:]
            schedule.good.append(inner.payload)
        elif damage == "reset":
            wire = wire[:at] + b"\r\n" + BANNER
        else:
            wire = wire[:at]
        if damage == "byte" and sent.name.endswith("streamed"):
            claim = 1 << 30  # the length of a chunk may claim all that comes
        claimed = len(data) + claim + 200
        data += wire
        if damage == "silence":
            schedule.silences.append(len(data))
            data += b"\r\n"
            claimed = 0
        while damage == "header" and len(data) < claimed:
            # Both headers are refused: in what both claimed no payload is looked for a third time.
            data += log("wifi")
    data += log("end")
    schedule.data = bytes(data)
    return schedule


def run(schedule: Schedule, cuts: list[int]) -> list[Record]:
    """Feed it in reads that end at `cuts`, with pauses of both lengths."""
    demux = Demultiplexer()
    found: list[Record] = []
    at = 0
    for cut in sorted({*cuts, *schedule.silences, len(schedule.data)}):
        found.extend(demux.feed(schedule.data[at:cut]))
        found.extend(demux.stall() if cut in schedule.silences else demux.idle())
        at = cut
    found.extend(demux.flush())
    return found


def check(schedule: Schedule, found: list[Record]) -> None:
    """No line lost, no payload invented, each good payload whole."""
    assert_tiles(found, len(schedule.data))
    text = "\n".join(record.text for record in found if isinstance(record, Line))
    lost = [line for line in schedule.lines if line.decode().rstrip() not in text]
    assert not lost, f"lost: {lost}"
    came = Counter(record.payload for record in found if isinstance(record, Png | Frame) and record.complete)
    assert not Counter(schedule.good) - came, "a good payload was lost"
    assert not came - Counter(schedule.good) - Counter(schedule.damaged), "a payload was invented"


def trial(emitted: list[Sent], examples: int, *, derandomize: bool = False) -> None:
    """Try so many schedules. Raises AssertionError with the smallest one that fails."""

    @settings(
        max_examples=examples, deadline=None, database=None, derandomize=derandomize,
        suppress_health_check=list(HealthCheck), phases=[Phase.generate, Phase.shrink], print_blob=False,
    )  # fmt: skip
    @given(st.data())
    def each(data: st.DataObject) -> None:
        schedule = data.draw(schedules(emitted))
        cuts = data.draw(st.lists(st.integers(0, len(schedule.data)), max_size=40))
        check(schedule, run(schedule, cuts))

    each()


def main() -> int:
    """Run the schedules; returns the exit code."""
    examples = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        driver = build(Path(folder))
        emitted = bank(driver, Path(folder))
        trial(emitted, examples)
    print(f"{examples:,} schedules of {len(emitted)} payloads: no line lost, no payload invented, each good one whole")
    return 0


if __name__ == "__main__":
    sys.exit(main())
