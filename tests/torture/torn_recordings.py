"""Tears a recording at every byte of each of its files, and looks at what is still opened and what is said of the rest.

    python -m tests.torture.torn_recordings [--step N]

Cut: the stream, packed and not, the sidecar, the index. Damaged: a line of the sidecar or the index half there, zeros
in place of its end (as a power cut leaves them), noise in the middle. Missing: sidecar, index. Whatever it is, every
byte that is left is given out once and in order, and something is said if, and only if, bytes, times or events are
gone. An index is made again. Some states are opened as sessions, too, exported in all forms, imported, listed,
compared and searched for crashes.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from espmon.cli.session_text import export_text
from espmon.port import PortIdentity
from espmon.session import Session
from espmon.session.archive.blanking import Secrets
from espmon.session.archive.boot_diff import boots_of
from espmon.session.archive.compression import compress_session
from espmon.session.archive.crash_history import crash_history
from espmon.session.archive.past_sessions import look_at
from espmon.session.archive.session_export import export_zip
from espmon.session.archive.session_import import import_zip
from espmon.session.archive.session_index import INDEX, Summary, read_end
from espmon.session.connection import PortAccess
from espmon.session.replay.opened_source import open_source
from espmon.session.replay.recorded_session import RecordedSession
from espmon.session.replay.replay import Replay, ReplayWish, request_of
from espmon.session.sent import SentBy
from espmon.session.session_folder import COMPRESSED, SIDECAR, STREAM
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from tests.session.archive.recordings import BOOT, LINE, PANIC
from tests.session.fakes import Port, ScriptedHandle, Watch

LIMIT = 60.0

EXCHANGE = b"\xc0\x00\x01\x02\x03PROBE\xc0"

DUMP = (
    b"================= CORE DUMP START =================\r\n"
    + b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\r\n" * 4
    + b"================= CORE DUMP END =================\r\n"
)

NOISE = b'\xff\x00{"\x80]\n'


async def record(root: Path) -> Path:
    """A session with boots, a probe's exchange, a core dump, a crash, something sent, and a port that went and came."""
    first, second = ScriptedHandle(), ScriptedHandle()

    async def wait(identity: PortIdentity) -> str:
        return "fake://board"

    access = PortAccess(opener=Port(first, second), resolver=str, identifier=PortIdentity, waiter=wait)
    session, watch = Session(folder=root, access=access), Watch()
    session.subscribe(watch)
    await session.open(OpenRequest("fake://board", name="bench"))
    first.push(BOOT + LINE * 6)
    await watch.until(lambda: session.event_log.boot == 1, LIMIT)
    await session.send(b"help\r\n", SentBy.LINE)
    lease = await session.connection.link.borrow("probe")
    first.push(EXCHANGE)
    await lease.read(LIMIT)
    session.connection.link.give_back(lease)
    first.push(DUMP + PANIC)
    await first.taken()
    first.lose()
    await watch.until(lambda: session.connection.opens == 2, LIMIT)
    second.push(BOOT + b"half a li")
    await watch.until(lambda: session.event_log.boot == 2, LIMIT)
    await session.close()
    assert session.status.recording is not None
    return session.status.recording


class Torn(NamedTuple):
    """One way to tear one file."""

    name: str
    file: str
    tear: Callable[[bytes], bytes | None]
    """What is left of the file; None: it is gone."""

    at: int
    """The byte at which it is torn."""


def tears(folder: Path) -> Iterator[Torn]:
    """Every way to tear the files of a session."""
    stream = COMPRESSED if (folder / COMPRESSED).exists() else STREAM
    for file in (stream, SIDECAR, INDEX):
        size = (folder / file).stat().st_size
        for at in range(size):
            yield Torn("cut", file, lambda data, at=at: data[:at], at)  # type: ignore[misc]
            if file != STREAM:
                yield Torn("noise", file, lambda data, at=at: data[:at] + NOISE + data[at + len(NOISE) :], at)  # type: ignore[misc]
            if file in (SIDECAR, INDEX):
                yield Torn("zeros", file, lambda data, at=at: data[:at] + bytes(len(data) - at), at)  # type: ignore[misc]
    for file in (SIDECAR, INDEX):
        yield Torn("missing", file, lambda data: None, 0)


@dataclass
class Whole:
    """What there was before."""

    folder: Path
    files: dict[str, bytes]
    stream: bytes
    summary: Summary


@dataclass
class Tally:
    """What tearing showed."""

    tried: int = 0
    opened: int = 0
    faults: list[str] = field(default_factory=list)


def whole_of(folder: Path) -> Whole:
    """A recording, and all that is in it."""
    summary = read_end(folder / INDEX)
    assert summary is not None
    stream = (folder / STREAM).read_bytes()
    files = {path.name: path.read_bytes() for path in folder.iterdir()}
    return Whole(folder, files, stream, summary)


def put(whole: Whole, torn: Torn, folder: Path) -> bytes | None:
    """The recording with one file torn; returns what is left of that."""
    left = None
    for name, data in whole.files.items():
        path = folder / name
        left = torn.tear(data) if name == torn.file else left
        kept = torn.tear(data) if name == torn.file else data
        if kept is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(kept)
    return left


def looked(whole: Whole, torn: Torn, folder: Path) -> Iterator[str]:
    """What is wrong with how a torn recording is read."""
    left = put(whole, torn, folder)
    source = RecordedSession(folder)
    try:
        moments = list(source.moments())
    finally:
        source.close()
    given = b"".join(moment.data for moment in moments)
    told = [str(moment.event["text"]) for moment in moments if moment.event and moment.event.get("event") == "damaged"]
    if torn.file == STREAM:
        if given != left:
            yield "what is left of the stream is not what is given out"
        if not any(f"the last {len(whole.stream) - len(left or b''):,} bytes are missing" in text for text in told):
            yield f"what is missing is not said: {told}"
    elif torn.file == COMPRESSED:
        if torn.name == "cut" and not whole.stream.startswith(given):
            yield "what is given out is not the beginning of the stream"
        if given != whole.stream and not told:
            yield "what is missing is not said"
    elif given != whole.stream:
        yield "bytes of the stream are not given out, or twice"
    if torn.file == SIDECAR and not told and left != whole.files[SIDECAR]:
        yield "times or events are missing, and that is not said"
    if torn.file == INDEX and told:
        yield f"nothing but the index is torn, and it is said that {told}"


async def used(whole: Whole, torn: Torn, folder: Path, other: Path) -> Iterator[str]:
    """What is wrong with all that is done with a torn recording. Exceptions are."""
    faults: list[str] = []
    put(whole, torn, folder)
    if (folder / SIDECAR).exists():
        look_at(folder)
    boots_of(folder)
    crash_history([folder])
    source = open_source(folder)
    session = Replay(source, ReplayWish()).begin(Settings())
    watch = Watch()
    session.subscribe(watch)
    await session.open(request_of(folder, source))
    await watch.until(lambda: session.status.replay is not None and session.status.replay.finished, LIMIT)
    if torn.file == INDEX:
        await watch.until(lambda: read_end(folder / INDEX) is not None, LIMIT)
    await session.close()
    if torn.file == INDEX and read_end(folder / INDEX) != whole.summary:
        faults.append("the index is not made again as it was")
    for format in ("zip", "text", "json"):
        target = other / f"out.{format}"
        target.unlink(missing_ok=True)
        if format == "zip":
            await asyncio.to_thread(export_zip, folder, target, Secrets())
        else:
            await asyncio.to_thread(export_text, folder, target, Secrets(), Settings(), as_json=format == "json")
    has_head = (folder / SIDECAR).exists() and (folder / SIDECAR).read_bytes().startswith(
        whole.files[SIDECAR].partition(b"\n")[0]
    )
    if has_head:
        imported, _ = await asyncio.to_thread(import_zip, other / "out.zip", other / "imported")
        shutil.rmtree(imported)
    return iter(faults)


def torn_recordings(root: Path, step: int, every: int) -> Tally:
    """Tear at each `step`th byte, and open each `every`th recording that is torn so; see the module."""
    tally = Tally()
    plain = whole_of(asyncio.run(record(root / "made")))
    compress_session(plain.folder)
    packed = Whole(
        plain.folder, {path.name: path.read_bytes() for path in plain.folder.iterdir()}, plain.stream, plain.summary
    )
    for number, whole in enumerate((plain, packed)):
        folder, other = root / f"torn{number}" / whole.folder.name, root / f"other{number}"
        folder.mkdir(parents=True)
        other.mkdir()
        for name, data in whole.files.items():
            (whole.folder / name).write_bytes(data)
        if number == 0:
            (whole.folder / COMPRESSED).unlink()
        for torn in tears(whole.folder):
            if torn.at % step or (number and torn.file != COMPRESSED):
                continue
            tally.tried += 1
            where = f"{torn.file}, {torn.name} at {torn.at}"
            try:
                tally.faults += [f"{where}: {fault}" for fault in looked(whole, torn, folder)]
                if torn.name == "missing" or tally.tried % every == 0:
                    tally.opened += 1
                    tally.faults += [f"{where}: {fault}" for fault in asyncio.run(used(whole, torn, folder, other))]
            except Exception as error:  # noqa: BLE001 whatever it is, it is a fault
                tally.faults.append(f"{where}: {error!r}")
    return tally


def main() -> int:
    """Tear; the exit code says whether everything held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--step", type=int, default=1, help="bytes from one tear to the next (default: %(default)s)")
    parser.add_argument("--every", type=int, default=97, help="each so manieth is exported, too (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as root:
        tally = torn_recordings(Path(root), options.step, options.every)
    for fault in tally.faults[:40]:
        print(fault)
    print(f"torn in {tally.tried:,} ways, {tally.opened:,} of them opened and exported; {len(tally.faults):,} faults")
    return 1 if tally.faults else 0


if __name__ == "__main__":
    sys.exit(main())
