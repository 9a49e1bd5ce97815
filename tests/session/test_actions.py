"""A session without a screen: an action is one object, a sink one function."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from espmon.port import PortIdentity
from espmon.records import LineBlock, Part
from espmon.session.action import Action, ActionError
from espmon.session.connection import PortAccess
from espmon.session.flash_action import FlashAction
from espmon.session.flash_job import FlashJob
from espmon.session.flash_job_queue import FlashJobQueue
from espmon.session.lease import Lease
from espmon.session.probe_action import ProbeAction
from espmon.session.reporter import Reporter
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Notice, OpenRequest
from tests.session.fakes import Port, ScriptedHandle, Watch


class AskVersion:
    """An action: asks the board for its version while nobody else reads."""

    name = "version"

    def __init__(self) -> None:
        self.answer = b""

    async def run(self, lease: Lease, reporter: Reporter) -> bytes:
        await lease.write(b"version\r")
        self.answer, _, rest = (await lease.read(5.0)).partition(b"\n")
        if self.answer == b"?":
            raise ActionError("The board has no version", "Flash one", pushback=rest)
        reporter.notify(f"Version {self.answer.decode()}")
        return rest


class Bench:
    def __init__(self, folder: Path, handle: ScriptedHandle | None = None) -> None:
        self.handle = handle or ScriptedHandle()
        self.parts: list[tuple[Part, int | None]] = []
        self.session = Session(
            settings=Settings(recording=False, reconnect=False),
            folder=folder,
            access=PortAccess(opener=Port(self.handle), resolver=lambda name: name, identifier=PortIdentity),
            sinks=[lambda part, number: self.parts.append((part, number))],
        )
        self.watch = Watch()
        self.session.subscribe(self.watch)

    def lines(self) -> list[str]:
        return [self.session.store.record(line).text for line in range(len(self.session.store))]


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.session.open(OpenRequest("fake://board"))
    yield bench
    await bench.session.close()


async def test_an_action_has_the_port_and_gives_back_what_is_log(bench: Bench) -> None:
    bench.handle.answer = lambda data: b"1.2.3\nI (1) app: on\n"
    action = AskVersion()
    await bench.session.run(action)
    assert action.answer == b"1.2.3"
    assert Notice("Version 1.2.3") in bench.watch.changes
    await bench.watch.until(lambda: "I (1) app: on" in bench.lines())
    assert (bench.session.state, bench.session.status.lease) == (State.MONITORING, None)


async def test_an_action_that_fails_gives_the_port_back_with_its_reason(bench: Bench) -> None:
    bench.handle.answer = lambda data: b"?\nI (1) app: on\n"
    await bench.session.run(AskVersion())
    await bench.watch.until(lambda: "I (1) app: on" in bench.lines())
    assert bench.session.state is State.MONITORING
    assert (bench.session.status.reason, bench.session.status.hint) == ("The board has no version", "Flash one")


async def test_an_action_that_is_cancelled_gives_the_port_back(bench: Bench) -> None:
    running = asyncio.create_task(bench.session.run(AskVersion()))
    await bench.watch.until(lambda: bytes(bench.handle.written) == b"version\r" or bench.session.state is State.LEASED)
    await bench.session.cancel()
    await running
    assert bench.session.state is State.MONITORING


class SlowToClose(ScriptedHandle):
    def __init__(self) -> None:
        super().__init__()
        self.closing, self.may_close = asyncio.Event(), asyncio.Event()

    async def close(self) -> None:
        self.closing.set()
        await self.may_close.wait()
        await super().close()


async def test_a_cancel_behind_the_failure_does_not_stop_the_closing_of_the_port(tmp_path: Path) -> None:
    handle = SlowToClose()
    handle.answer = lambda data: b"?\n"
    session = Bench(tmp_path, handle).session
    await session.open(OpenRequest("fake://board", probe=True))
    running = asyncio.create_task(session._runner.run(AskVersion(), consented=True))
    await handle.closing.wait()
    cancelling = asyncio.create_task(session.cancel())
    for _ in range(10):
        await asyncio.sleep(0)
    handle.may_close.set()
    await asyncio.gather(running, cancelling)
    assert (session.state, session.status.reason) == (State.CLOSED, "The board has no version")
    assert handle.closed
    await session.close()


async def test_a_port_that_goes_away_under_an_action_is_lost(bench: Bench) -> None:
    def vanish(data: bytes) -> bytes:
        bench.handle.lose()
        return b""

    bench.handle.answer = vanish
    await bench.session.run(AskVersion())
    assert bench.session.state is State.LOST


async def test_a_sink_gets_everything_in_order_with_its_place(bench: Bench) -> None:
    bench.handle.push(b"I (1) app: one\nrst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\nI (2) app: two\n")
    await bench.watch.until(lambda: any(entry.record.type == "reset" for entry in bench.session.events))
    blocks = [(part, number) for part, number in bench.parts if isinstance(part, LineBlock)]
    assert [number for _, number in blocks] == sorted(number for _, number in blocks if number is not None)
    (entry,) = [entry for entry in bench.session.events if entry.record.type == "reset"]
    assert (entry.record, entry.id) in bench.parts


@pytest.mark.parametrize(
    "make", [lambda: FlashAction(FlashJob("info")), FlashJobQueue, lambda: ProbeAction(lambda result: None)]
)
async def test_a_port_that_is_lost_under_an_action_is_told_once(bench: Bench, make: Callable[[], Action]) -> None:
    def unplug(data: bytes) -> bytes:
        bench.handle.lose("unplugged")
        return b""

    bench.handle.answer = unplug
    await bench.session.run(make())
    await bench.watch.until(lambda: bench.session.state in (State.LOST, State.CLOSED))
    told = [change.text for change in bench.watch.changes if isinstance(change, Notice) and "unplugged" in change.text]
    assert len(told) == 1, told
    assert told[0].startswith("Port lost")
