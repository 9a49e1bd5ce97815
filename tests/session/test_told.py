"""What a session tells its user: a flash that was cancelled, what the port warns of, a port that is waited for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import NoReturn

import pytest

from espmon.port import PortIdentity, PortWarning, PortWarningKind
from espmon.rom.departure import BoardLeft
from espmon.session.connection import PortAccess
from espmon.session.flash_job import FlashCancelled, FlashJob
from espmon.session.flash_plan import FlashPlan
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import WAITS, Activity, Notice, OpenRequest
from tests.session.fakes import Port, ScriptedHandle, Watch

SHARED = PortWarning(PortWarningKind.SHARED, "Also open in minicom (pid 7): each program gets only a part of the bytes")
RAISED = PortWarning(PortWarningKind.MAY_RESET, "Opening the port raised DTR and RTS")
JOB = FlashJob("write", FlashPlan((), None, "test"))


class Bench:
    """A session on scripted handles."""

    def __init__(self, folder: Path, *handles: ScriptedHandle, reconnect: bool = True) -> None:
        self.back = asyncio.Event()

        async def waiter(identity: PortIdentity) -> str:
            await self.back.wait()
            return identity.url

        self.session = Session(
            settings=Settings(idle_seconds=0.01, reconnect=reconnect),
            folder=folder,
            access=PortAccess(
                opener=Port(*handles), waiter=waiter, resolver=lambda name: name, identifier=PortIdentity
            ),
        )
        self.watch = Watch()
        self.session.subscribe(self.watch)

    async def open(self) -> None:
        await self.session.open(OpenRequest("fake://board"))

    def log(self) -> list[str]:
        store = self.session.store
        return [store.record(line).text for line in range(store.first, len(store))]

    def toasts(self) -> list[str]:
        return [change.text for change in self.watch.changes if isinstance(change, Notice)]


@pytest.fixture
async def half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Bench, ScriptedHandle]]:
    """A board whose flash was cancelled in the middle."""
    handle = ScriptedHandle()
    bench = Bench(tmp_path, handle)

    async def cancelled(*_: object) -> NoReturn:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            text = "Unfinished: /b/app.bin. The board was left in download mode, not reset: flash it again"
            raise FlashCancelled(BoardLeft("download mode", text, ("/b/app.bin",))) from None
        raise AssertionError

    monkeypatch.setattr("espmon.session.flash_action.run_flash", cancelled)
    await bench.open()
    flashing = asyncio.create_task(bench.session.flash(JOB))
    await bench.watch.until(lambda: bench.session.state is State.LEASED)
    await bench.session.cancel()
    await flashing
    yield bench, handle
    await bench.session.close()


async def test_the_log_says_that_a_flash_was_cancelled_and_how_it_left_the_board(
    half_written: tuple[Bench, ScriptedHandle],
) -> None:
    mark = half_written[0].log()[-1]
    assert mark == "── flash write cancelled; board in download mode, unfinished: app.bin ──"


async def test_the_toast_does_not_call_a_cancelled_flash_failed(half_written: tuple[Bench, ScriptedHandle]) -> None:
    toast = half_written[0].toasts()[-1]
    assert toast.startswith("Flash write cancelled. Unfinished: /b/app.bin. The board was left in download mode")
    assert "failed" not in toast


async def test_the_status_says_where_the_board_is_until_it_starts(half_written: tuple[Bench, ScriptedHandle]) -> None:
    bench, handle = half_written
    assert bench.session.status.activity is Activity.IN_LOADER
    assert bench.session.status.unfinished == ("app.bin",)
    handle.push(b"rst:0x1 (POWERON),boot:0x4 (DOWNLOAD(USB/UART0/1))\nwaiting for download\n")
    await bench.watch.until(lambda: "waiting for download" in bench.log())
    assert bench.session.status.activity is Activity.IN_LOADER
    assert bench.session.status.unfinished
    handle.push(b"rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)\n")
    await bench.watch.until(lambda: bench.session.status.activity is Activity.RUNNING)
    assert not bench.session.status.unfinished


async def test_what_a_port_warns_of_is_a_line_of_the_log_once(tmp_path: Path) -> None:
    first, second = ScriptedHandle(), ScriptedHandle()
    first.warnings = second.warnings = (RAISED,)
    bench = Bench(tmp_path, first, second)
    await bench.open()
    first.lose()
    bench.back.set()
    await bench.watch.until(lambda: bench.session.connection.opens == 2)
    assert [line for line in bench.log() if "DTR" in line] == [f"── {RAISED.text} ──"]
    assert [entry.title for entry in bench.session.events if entry.record.type == "note"] == [RAISED.text]
    assert not [toast for toast in bench.toasts() if "DTR" in toast]
    await bench.session.close()


async def test_a_warning_to_act_on_is_a_toast_too(tmp_path: Path) -> None:
    handle = ScriptedHandle()
    handle.warnings = (SHARED,)
    bench = Bench(tmp_path, handle)
    await bench.open()
    assert SHARED.text in bench.toasts()
    await bench.session.close()


async def test_a_warning_that_comes_later_is_told_as_well(tmp_path: Path) -> None:
    handle = ScriptedHandle()
    bench = Bench(tmp_path, handle)
    await bench.open()
    handle.warnings = (SHARED,)
    await bench.watch.until(lambda: SHARED.text in bench.toasts())
    await bench.session.close()


async def test_a_lost_port_is_waited_for_and_the_toast_says_so(tmp_path: Path) -> None:
    first, second = ScriptedHandle(), ScriptedHandle()
    bench = Bench(tmp_path, first, second)
    await bench.open()
    first.lose()
    await bench.watch.until(lambda: bench.session.status.waiting)
    assert bench.toasts()[-1].endswith(WAITS)
    bench.back.set()
    await bench.watch.until(lambda: bench.session.state is State.MONITORING)
    assert not bench.session.status.waiting
    await bench.session.close()


async def test_without_reconnecting_nobody_promises_to_wait(tmp_path: Path) -> None:
    handle = ScriptedHandle()
    bench = Bench(tmp_path, handle, reconnect=False)
    await bench.open()
    handle.lose()
    await bench.watch.until(lambda: bench.session.state is State.LOST)
    assert not bench.session.status.waiting
    assert WAITS not in bench.toasts()[-1]
    await bench.session.close()
