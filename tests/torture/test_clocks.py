"""Somebody sets the computer's clock: nothing is hidden, ended or prolonged by it, and the step is marked."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from espmon.port import PortIdentity
from espmon.session import Session
from espmon.session.clock import SessionClock
from espmon.session.connection import PortAccess
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from tests.session.fakes import Port, ScriptedHandle, Watch, shown

STEPS = [-1e9, -86_400.0, -3600.0, -5.0, 5.0, 3600.0, 86_400.0, 1e9]
"""Seconds by which a clock is set."""


class Clocks:
    """A wall clock that can be set, beside a steady one that cannot."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.offset = 1_700_000_000.0

    def steady(self) -> float:
        return self.now

    def wall(self) -> float:
        return self.now + self.offset


@pytest.mark.parametrize("step", STEPS)
def test_session_time_never_steps_and_wall_time_does(step: float) -> None:
    clocks = Clocks()
    clock = SessionClock(clocks.steady, clocks.wall)
    before = clock()
    assert clock.look() == 0.0
    clocks.now += 10.0
    clocks.offset += step
    assert clock() == before + 10.0
    assert clock.look() == pytest.approx(step)
    assert clock.look() == 0.0
    clocks.now += 1.0
    assert clock.wall(clock()) == pytest.approx(clocks.wall())
    assert clock.wall(before) == pytest.approx(before), "what was before the step keeps its time"


async def board_at(folder: Path, clocks: Clocks) -> tuple[Session, ScriptedHandle, Watch]:
    """A session whose clocks are these, on a board."""
    handle = ScriptedHandle()

    async def never(identity: PortIdentity) -> str:
        await asyncio.Event().wait()
        return identity.url

    session = Session(
        settings=Settings(),
        folder=folder / "sessions",
        clock=SessionClock(clocks.steady, clocks.wall),
        access=PortAccess(opener=Port(handle), waiter=never, resolver=lambda name: name),
    )
    watch = Watch()
    session.subscribe(watch)
    await session.open(OpenRequest("fake://board"))
    return session, handle, watch


def sidecar(folder: Path) -> list[dict[str, Any]]:
    """What the one recording says."""
    (path,) = folder.rglob("events.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_hides_no_prompt_and_stops_no_times(step: float, tmp_path: Path) -> None:
    clocks = Clocks()
    session, handle, watch = await board_at(tmp_path, clocks)
    handle.push(b"before\n")
    await watch.until(lambda: "before" in shown(session.store))
    clocks.offset += step
    await watch.until(lambda: any("clock went" in line for line in shown(session.store)))
    for number in range(5):
        clocks.now += 0.05
        handle.push(b"line %d\n" % number)
        await watch.until(lambda number=number: f"line {number}" in shown(session.store))  # type: ignore[misc]
    handle.push(b"prompt> ")
    await watch.until(lambda: "prompt> " in shown(session.store))
    await session.close()
    events = sidecar(tmp_path)
    steady = [event["m"] for event in events]
    assert steady == sorted(steady)
    (marked,) = [event for event in events if event.get("event") == "clock"]
    assert marked["step"] == pytest.approx(step, abs=0.01)
    assert len([event for event in events if event.get("event") == "bytes"]) >= 6, "times stopped"
    last = events[-1]
    assert last["t"] - events[0]["t"] == pytest.approx(step + last["m"], abs=0.01)


@pytest.mark.parametrize("step", STEPS)
async def test_a_step_neither_ends_nor_prolongs_a_capture(step: float, tmp_path: Path) -> None:
    clocks = Clocks()
    session, handle, watch = await board_at(tmp_path, clocks)
    handle.push(b"================= CORE DUMP START =================\r\nAAAA\r\n")
    await watch.until(lambda: session.pipeline.demux.capture is not None)
    clocks.offset += step
    clocks.now += 1.0
    handle.push(b"BBBB\r\n")
    await watch.until(lambda: session.pipeline.demux.capture.received >= 8 or session.status.capture is not None)  # type: ignore[union-attr]
    assert session.pipeline.demux.capture is not None
    assert (capture := session.pipeline.capture(session.clock())) is not None
    assert capture.elapsed == pytest.approx(1.0)
    clocks.now += session.settings.coredump_stall_seconds + 1.0
    handle.push(b"\x00")  # anything that makes the loop look at its timers
    session.pipeline.tick(session.clock() + session.settings.coredump_stall_seconds + 1.0)
    assert session.pipeline.demux.capture is None
    await session.close()
