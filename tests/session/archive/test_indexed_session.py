"""A session writes its index while it runs, and says whose port it was."""

from __future__ import annotations

from pathlib import Path

from espmon.port import PortIdentity
from espmon.session.archive.session_index import INDEX, read_index
from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.status import OpenRequest
from tests.session.archive.recordings import BOOT, LINE, PANIC
from tests.session.fakes import Port, ScriptedHandle, Watch
from tests.session.test_session import sidecar


def session_folder(root: Path) -> Path:
    [folder] = root.iterdir()
    return folder


def stream_of(folder: Path) -> bytes:
    return (folder / "stream.bin").read_bytes()


async def test_a_session_leaves_its_index_behind(tmp_path: Path) -> None:
    handle = ScriptedHandle()
    access = PortAccess(opener=Port(handle), resolver=lambda name: name, identifier=PortIdentity)
    session = Session(folder=tmp_path, access=access)
    watch = Watch()
    session.subscribe(watch)
    await session.open(OpenRequest("fake://board", name="bench"))
    handle.push(BOOT + LINE * 20 + PANIC + BOOT)
    await watch.until(lambda: session.event_log.boot == 2)
    await session.close()
    folder = session_folder(tmp_path)
    index = read_index(folder / INDEX)
    assert index.summary is not None
    assert (index.summary.boots, index.summary.crashes, index.summary.app) == (2, 1, "hello")
    assert index.summary.bytes == len(stream_of(folder))
    assert index.summary.lines == BOOT.count(b"\n") * 2 + 20 + PANIC.count(b"\n")
    [port] = [event for event in sidecar(tmp_path) if event.get("event") == "port"]
    assert (port["name"], port["url"]) == ("bench", "fake://board")
