"""Recordings of every log there is, opened, exported, imported elsewhere and compared record by record.

    python -m tests.torture.round_trips [--data DIR]

Each log is sent to a session in pieces. What the session said of it is compared with what its recording says when it is
opened, packed as well; with the recording exported as a zip and imported into another folder; and both exports as JSON
lines and as text with each other, byte for byte. Without secrets, an export has as many records, of the same types at
the same offsets, and none of the values that were taken out.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from espmon.cli.session_text import export_text
from espmon.port import PortIdentity
from espmon.records.batch import Part
from espmon.records.lines import LineBlock
from espmon.records.record import JsonObject, PayloadRecord
from espmon.session import Session
from espmon.session.archive.blanking import Secrets
from espmon.session.archive.compression import compress_session
from espmon.session.archive.past_sessions import look_at
from espmon.session.archive.session_export import export_zip
from espmon.session.archive.session_import import import_zip
from espmon.session.connection import PortAccess
from espmon.session.session_feed import SessionFeed, Tail
from espmon.session.session_folder import STREAM
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from tests.inputs import REAL
from tests.session.fakes import Port, ScriptedHandle

MAX_PIECE = 700
"""Bytes of the largest piece that the board sends at once."""

WHERE = frozenset({"time", "path"})
"""Fields that a recording in another folder, at another time, has otherwise."""


@dataclass
class Tally:
    """What the round trips showed."""

    recordings: int = 0
    bytes: int = 0
    records: Counter[str] = field(default_factory=Counter)
    blanked: int = 0
    faults: list[str] = field(default_factory=list)


def logs_of(data: Path) -> dict[str, bytes]:
    """Name -> bytes of all captures below a folder of inputs; core dumps with the markers that boards print."""
    found = {path.name: path.read_bytes() for kind in ("logs", "wild") for path in sorted((data / kind).glob("*.log"))}
    found |= {path.name: path.read_bytes() for path in sorted((data / "monitor").glob("*.txt")) if path.stat().st_size}
    found |= {path.name: path.read_bytes() for path in sorted((data / "binlog").glob("*.bin"))}
    for path in sorted((data / "coredump").glob("*/coredump.b64")):
        marks = [b"================= CORE DUMP %s =================\r\n" % word for word in (b"START", b"END")]
        found[f"coredump-{path.parent.name}"] = marks[0] + path.read_bytes().rstrip() + b"\r\n" + marks[1]
    return found


async def record(root: Path, name: str, data: bytes) -> tuple[Path, list[JsonObject]]:
    """Record what a board says; returns the folder, and what the session made of it."""
    handle, said = ScriptedHandle(), list[JsonObject]()

    def take(part: Part | Tail) -> None:
        for one in part if isinstance(part, LineBlock) else (part,):
            if not isinstance(one, Tail):
                fields = one.to_json()
                said.append(fields)
                if isinstance(one, PayloadRecord):
                    one.release()

    access = PortAccess(opener=Port(handle), resolver=str, identifier=PortIdentity)
    session = Session(folder=root, access=access)
    SessionFeed(session, take)
    await session.open(OpenRequest("fake://board", name=name))
    chance, at = random.Random(name), 0
    while at < len(data):
        size = chance.randint(1, MAX_PIECE)
        handle.push(data[at : at + size])
        await handle.taken()
        at += size
    await session.close()
    assert session.status.recording is not None
    return session.status.recording, said


def exported(folder: Path, target: Path, *, secrets: Secrets | None, as_json: bool) -> bytes:
    """A session as JSON lines or as text."""
    target.unlink(missing_ok=True)
    export_text(folder, target, secrets, Settings(), as_json=as_json)
    return target.read_bytes()


def records_of(lines: bytes) -> list[JsonObject]:
    """The records of JSON lines."""
    return [json.loads(line) for line in lines.splitlines()]


def kept(records: list[JsonObject]) -> list[str]:
    """Records as they can be compared with those of another place and time; sorted where one came late."""
    return sorted(
        json.dumps({**one, **dict.fromkeys(WHERE & one.keys())}, sort_keys=True)
        for one in records
        if one["type"] != "sent"
    )


def compare(tally: Tally, name: str, what: str, left: list[str], right: list[str]) -> None:
    """Note the first record in which two lists differ."""
    if left != right:
        first = next((pair for pair in zip(left, right, strict=False) if pair[0] != pair[1]), ("", ""))
        tally.faults.append(
            f"{name}: {what}: {len(left)} and {len(right)} records; {first[0][:300]} | {first[1][:300]}"
        )


def round_trip(tally: Tally, root: Path, name: str, data: bytes) -> None:
    """Record one log, and take it all the ways; see the module."""
    place = root / "out"
    place.mkdir(exist_ok=True)
    folder, said = asyncio.run(record(root / "here", name, data))
    if (folder / STREAM).read_bytes() != data:
        tally.faults.append(f"{name}: the recording is not what was sent")
    lines = exported(folder, place / "a.jsonl", secrets=None, as_json=True)
    text = exported(folder, place / "a.log", secrets=None, as_json=False)
    records = records_of(lines)
    compare(tally, name, "live and opened", kept(said), kept(records))
    (place / "a.zip").unlink(missing_ok=True)
    export_zip(folder, place / "a.zip", None)
    other, _ = import_zip(place / "a.zip", root / "there")
    for file in folder.iterdir():
        own, brought = file.read_bytes(), (other / file.name).read_bytes()
        if file.name == "events.jsonl":
            own, brought = own.partition(b"\n")[2], brought.partition(b"\n")[2]
        if own != brought:
            tally.faults.append(f"{name}: {file.name} is another one after its import")
    if exported(other, place / "b.jsonl", secrets=None, as_json=True) != lines:
        tally.faults.append(f"{name}: the imported session has other records")
    if exported(other, place / "b.log", secrets=None, as_json=False) != text:
        tally.faults.append(f"{name}: the imported session has another text")
    if look_at(other).summary != look_at(folder).summary:
        tally.faults.append(f"{name}: the imported session has another summary")
    compress_session(other)
    if exported(other, place / "b.jsonl", secrets=None, as_json=True) != lines:
        tally.faults.append(f"{name}: the packed session has other records")
    without(tally, root, name, folder, records)
    tally.recordings += 1
    tally.bytes += len(data)
    tally.records.update(str(one["type"]) for one in records)


def without(tally: Tally, root: Path, name: str, folder: Path, records: list[JsonObject]) -> None:
    """Export a session without its secrets, and compare what is left."""
    place, secrets = root / "out", Secrets()
    blanked = records_of(exported(folder, place / "c.jsonl", secrets=secrets, as_json=True))
    shape = [(one["type"], one.get("offset"), one.get("length")) for one in records]
    if [(one["type"], one.get("offset"), one.get("length")) for one in blanked] != shape:
        tally.faults.append(f"{name}: without secrets it has other records")
    tally.blanked += sum(one.count for one in secrets.found)
    (place / "c.zip").unlink(missing_ok=True)
    export_zip(folder, place / "c.zip", Secrets())
    other, _ = import_zip(place / "c.zip", root / "there")
    if (other / STREAM).stat().st_size != (folder / STREAM).stat().st_size:
        tally.faults.append(f"{name}: without secrets its stream has another length")
    again = Secrets()
    exported(other, place / "d.log", secrets=again, as_json=False)
    if left := [one for one in again.found if one.kind not in ("coredump", "keys")]:
        tally.faults.append(
            f"{name}: {len(left)} values are left, or found anew, after secrets were taken out: {left[:3]}"
        )


def main() -> int:
    """Take every log; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=REAL, help="the folder of inputs (default: %(default)s)")
    options = parser.parse_args()
    tally = Tally()
    with tempfile.TemporaryDirectory() as root:
        for name, data in logs_of(options.data).items():
            round_trip(tally, Path(root), name, data)
    for fault in tally.faults:
        print(fault)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in tally.records.most_common())
    print(f"{tally.recordings} recordings, {tally.bytes:,} bytes: {counts}; {tally.blanked} values blanked")
    print(f"{len(tally.faults)} faults")
    return 1 if tally.faults or not tally.recordings else 0


if __name__ == "__main__":
    sys.exit(main())
