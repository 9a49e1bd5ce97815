"""What the board is doing, as the status says it: read from the stream, and from what the session does itself."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from espmon.port import PortIdentity
from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Activity, OpenRequest
from tests.session.fakes import Port, ScriptedHandle, Watch

PROMPT = b"I (9) esp_core_dump_uart: Press Enter to print core dump to UART...\r\n"
STOP = b"Entering gdb stub now.\r\n$T05#b9"
LOADER = b"rst:0x1 (POWERON),boot:0x4 (DOWNLOAD(USB/UART0/1))\r\nwaiting for download\r\n"
START = b"rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n"


class Bench:
    def __init__(self, folder: Path, *, answers: bool = False) -> None:
        self.handle = ScriptedHandle()
        settings = Settings(idle_seconds=0.01, recording=False, reconnect=False, answer_coredump_prompt=answers)
        access = PortAccess(opener=Port(self.handle), resolver=lambda name: name, identifier=PortIdentity)
        self.session = Session(settings=settings, folder=folder, access=access)
        self.watch = Watch()
        self.session.subscribe(self.watch)

    async def hears(self, data: bytes, activity: Activity) -> None:
        self.handle.push(data)
        await self.watch.until(lambda: self.session.status.activity is activity)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    await bench.session.open(OpenRequest("fake://board"))
    yield bench
    await bench.session.close()


async def test_a_board_that_says_nothing_of_itself_counts_as_running(bench: Bench) -> None:
    assert bench.session.status.activity is Activity.RUNNING


@pytest.mark.parametrize(
    ("said", "activity"),
    [(STOP, Activity.HALTED), (PROMPT, Activity.AWAITING_ENTER), (LOADER, Activity.IN_LOADER)],
)
async def test_what_it_says_is_what_it_does_until_it_starts(bench: Bench, said: bytes, activity: Activity) -> None:
    await bench.hears(said, activity)
    await bench.hears(START, Activity.RUNNING)


@pytest.mark.parametrize("sent", [b"\r", b"\n", b"yes\r\n"])
async def test_enter_from_anybody_is_what_it_waited_for(bench: Bench, sent: bytes) -> None:
    await bench.hears(PROMPT, Activity.AWAITING_ENTER)
    await bench.session.send(b"x")
    assert bench.session.status.activity == "awaiting enter"
    await bench.session.send(sent)
    assert bench.session.status.activity is Activity.RUNNING


async def test_a_session_that_answers_by_itself_never_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path, answers=True)
    await bench.session.open(OpenRequest("fake://board"))
    bench.handle.push(PROMPT)
    await bench.watch.until(lambda: bench.handle.written == b"\r")
    assert bench.session.status.activity is Activity.RUNNING
    await bench.session.close()


@pytest.mark.parametrize("said", [STOP, PROMPT])
async def test_nobody_waits_at_a_port_that_is_gone(bench: Bench, said: bytes) -> None:
    bench.handle.push(said)
    await bench.watch.until(lambda: bench.session.status.activity is not Activity.RUNNING)
    bench.handle.lose()
    await bench.watch.until(lambda: bench.session.state is State.LOST)
    assert bench.session.status.activity is Activity.RUNNING


async def test_a_reset_by_the_user_ends_a_halt(bench: Bench) -> None:
    await bench.hears(STOP, Activity.HALTED)
    await bench.session.reset()
    assert bench.session.status.activity is Activity.RUNNING
