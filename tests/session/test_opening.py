"""Nicknames work wherever a port is asked for."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from espmon.port import DeviceRegistry, PortError, PortErrorKind, PortIdentity
from espmon.port.handle import PortWarningKind
from espmon.session import port_lookup as opening
from espmon.session.connection import PortAccess
from espmon.session.port_lookup import port_of
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import OpenRequest
from espmon.time_limit import time_limit
from tests.session.fakes import Port, ScriptedHandle


@pytest.fixture
def known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.setattr("espmon.port.device_registry.default_path", lambda: tmp_path / "devices.json")
    DeviceRegistry().update("serial:12345", nickname="bench1")


@pytest.mark.usefixtures("known")
def test_a_nickname_is_looked_up_in_the_registry() -> None:
    with pytest.raises(PortError, match=r"serial 12345.* is not connected"):
        port_of("bench1")


@pytest.mark.usefixtures("known")
async def test_a_session_opens_nicknames_too(tmp_path: Path) -> None:
    session = Session(settings=Settings(recording=False), folder=tmp_path)
    await session.open(OpenRequest("bench1"))
    assert "12345" in session.status.reason
    await session.close()


@pytest.mark.parametrize("name", ["socket://127.0.0.1:1", "rfc2217://host:2217", "/dev/null"])
def test_urls_and_paths_are_what_they_say(name: str) -> None:
    assert port_of(name) == name


def test_an_unknown_name_is_an_error_in_words() -> None:
    with pytest.raises(PortError, match="nosuch"):
        port_of("nosuch")


@pytest.mark.parametrize("late", ["port_of", "load_sequences"])
async def test_a_system_that_does_not_answer_is_told(monkeypatch: pytest.MonkeyPatch, late: str) -> None:
    released = threading.Event()
    monkeypatch.setattr(opening, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(opening, late, lambda *words: released.wait(10.0))
    with pytest.raises(PortError) as caught:
        await (opening.find_port("desk") if late == "port_of" else opening.open_url("loop://"))
    released.set()
    assert caught.value.kind is PortErrorKind.STALLED
    assert caught.value.hint


async def test_a_broken_reset_sequence_is_said_and_the_log_goes_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "esp-idf-monitor.cfg").write_text("[esp-idf-monitor]\ncustom_reset_sequence = D0|Q7\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(PortError, match="Q7"):
        await opening.open_url("loop://")
    handle = await opening.open_to_monitor("loop://")
    await handle.close()
    [warning] = [warning for warning in handle.warnings if warning.kind is PortWarningKind.SEQUENCES]
    assert "Q7" in warning.text
    assert "the usual reset sequences are used" in warning.text


@pytest.mark.parametrize("late", ["resolver", "identifier"])
async def test_a_session_does_not_wait_for_the_system_for_ever(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, late: str
) -> None:
    released = threading.Event()
    monkeypatch.setattr(opening, "LOOK_SECONDS", 0.05)
    port = Port(ScriptedHandle())
    looks: dict[str, Any] = {"resolver": lambda name: name, "identifier": PortIdentity}
    looks[late] = lambda name: released.wait(10.0)
    session = Session(settings=Settings(recording=False), folder=tmp_path, access=PortAccess(opener=port, **looks))
    await session.open(OpenRequest("/dev/ttyUSB0"))
    released.set()
    assert session.state is State.CLOSED
    assert session.status.hint
    assert port.opened == [], "nobody would close it"
    await session.close()


async def test_an_opening_that_is_cancelled_leaves_no_port_open(tmp_path: Path) -> None:
    handle, begun = ScriptedHandle(), asyncio.Event()

    async def start(name: str, log: Path | None) -> None:
        begun.set()
        await asyncio.Event().wait()

    access = PortAccess(opener=Port(handle), resolver=lambda name: name, identifier=PortIdentity)
    session = Session(settings=Settings(recording=False), folder=tmp_path, access=access)
    session._recorder.start = start  # type: ignore[method-assign] # a disk that does not answer
    task = asyncio.create_task(session.open(OpenRequest("/dev/ttyUSB0")))
    async with time_limit(30):
        await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert handle.closed
    await session.close()
