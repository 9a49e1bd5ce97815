"""Payloads of a running session: hashed once, away from the loop that reads, recorded and saved."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import pytest

from espmon.port import PortIdentity
from espmon.records.record import PayloadRecord
from espmon.records.spans.png import Png
from espmon.session.connection import PortAccess
from espmon.session.payload_saver import ReceivedPayload
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.sim.simulated_picture import screenshot
from tests.session.fakes import Port, ScriptedHandle, Watch
from tests.session.test_session import sidecar

PICTURE = screenshot(0)
SHA256 = hashlib.sha256


class Hashing:
    """Counts the digests that are worked out, and by which threads."""

    def __init__(self) -> None:
        self.threads: list[str] = []

    def sha256(self, data: bytes) -> object:
        self.threads.append(threading.current_thread().name)
        return SHA256(data)


@pytest.fixture
def hashing(monkeypatch: pytest.MonkeyPatch) -> Hashing:
    hashing = Hashing()
    monkeypatch.setattr(hashlib, "sha256", hashing.sha256)
    return hashing


async def received(folder: Path, *, recording: bool = True, prepare: Callable[[Session], object] = bool) -> Session:
    """A session that has received a picture, and been closed."""
    handle = ScriptedHandle()
    session = Session(
        settings=Settings(recording=recording),
        folder=folder,
        access=PortAccess(opener=Port(handle), resolver=lambda name: name, identifier=PortIdentity),
    )
    watch = Watch()
    session.subscribe(watch)
    prepare(session)
    await session.open(OpenRequest("fake://board"))
    handle.push(b"PNG_BEGIN %d\r\n" % len(PICTURE) + PICTURE + b"\r\nPNG_END\r\n")
    await watch.until(lambda: any(entry.record.type == "png" for entry in session.events))
    await session.close()
    return session


async def test_a_payload_is_hashed_once_and_not_by_the_loop(tmp_path: Path, hashing: Hashing) -> None:
    session = await received(tmp_path)
    (entry,) = [entry for entry in session.events if entry.record.type == "png"]
    assert len(hashing.threads) == 1
    assert hashing.threads[0] != threading.current_thread().name
    digest = SHA256(PICTURE).hexdigest()
    assert dict(entry.details)["sha256"] == digest
    assert entry.path is not None
    assert entry.path.read_bytes() == PICTURE
    assert [event["sha256"] for event in sidecar(tmp_path) if event.get("type") == "png"] == [digest]
    assert [event["path"] for event in sidecar(tmp_path) if event.get("type") == "png"] == [entry.path.name]


@pytest.mark.parametrize("recording", [True, False])
async def test_who_asks_for_a_payload_gets_it_whole(tmp_path: Path, recording: bool) -> None:
    asked: list[ReceivedPayload] = []

    def ask(session: Session) -> None:
        session.pipeline.sinks.append(
            lambda part, entry: asked.append(session.received(part)) if isinstance(part, PayloadRecord) else None
        )

    session = await received(tmp_path, recording=recording, prepare=ask)
    (entry,) = [entry for entry in session.events if entry.record.type == "png"]
    (payload,) = asked
    record = payload.wait(0)
    assert record is not payload.record
    assert (record.payload, record.path) == (PICTURE, str(entry.path) if recording else None)
    assert payload.record.payload == (b"" if recording else PICTURE)


def test_a_disk_that_hangs_is_not_waited_for() -> None:
    record = Png(0, 9, None, payload=PICTURE, complete=True, error=None)
    assert ReceivedPayload(record, Future()).wait(0) is record


async def test_without_a_recording_nothing_is_hashed(tmp_path: Path, hashing: Hashing) -> None:
    await received(tmp_path, recording=False)
    assert hashing.threads == []
