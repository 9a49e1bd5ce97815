"""Crashes in a running session: decoded beside the log, counted, numbered by boot, decoded again for a later ELF."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection

from espmon.port import PortIdentity
from espmon.postmortem.panic_report import PanicReport, decode_panic
from espmon.session.clock import SessionClock
from espmon.session.connection import PortAccess
from espmon.session.ide import Ide
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import EventEntry, Notice, OpenRequest
from espmon.sim.firmware_image import ELF, Image
from espmon.sim.simulated_panic import panic_text
from tests.session.fakes import Port, ScriptedHandle, Watch
from tests.session.test_ide import listening

IMAGE = Image()
BOOT = b"ESP-ROM:esp32c3-api1-20210207\r\nBuild:Feb  7 2021\r\nrst:0x%x (%s),boot:0xc (SPI_FAST_FLASH_BOOT)\r\n"
WATCHDOG = b"""E (9) task_wdt: Task watchdog got triggered. The following tasks did not reset the watchdog in time:
E (9) task_wdt:  - IDLE1 (CPU 1)
E (9) task_wdt: Tasks currently running:
E (9) task_wdt: CPU 0: IDLE0
E (9) task_wdt: CPU 1: display_render
E (9) task_wdt: Print CPU 0 (current core) backtrace
Backtrace: 0x42000042:0x3fc8b3a0
E (9) task_wdt: Print CPU 1 backtrace
Backtrace: 0x4200028e:0x3fc8d500 0x420002ca:0x3fc8d520
"""


def crash(kind: str, sha256: str = IMAGE.sha256) -> bytes:
    return (panic_text(IMAGE.snapshot(kind), sha256) + "Rebooting...\r\n").encode()


async def back_at_once(identity: PortIdentity) -> str:
    return identity.url


class Case:
    def __init__(self, tmp_path: Path, ide: Ide | None = None, *handles: ScriptedHandle) -> None:
        self.clock: Callable[[], float] = time.time
        self.handles = handles or (ScriptedHandle(),)
        self.handle = self.handles[0]
        self.session = Session(
            settings=Settings(idle_seconds=0.01, recording=False),
            folder=tmp_path / "sessions",
            ide=ide,
            clock=SessionClock(lambda: self.clock(), lambda: self.clock()),
            access=PortAccess(opener=Port(*self.handles), waiter=back_at_once, resolver=lambda name: name),
        )
        self.watch = Watch()
        self.session.subscribe(self.watch)

    async def open(self, *elf: Path) -> None:
        await self.session.open(OpenRequest("fake://board"))
        if elf:
            await self.session.set_elf(elf)

    def panics(self) -> list[EventEntry]:
        return [entry for entry in self.session.events if entry.record.type == "panic"]

    async def report(self, *, count: int = 1, boot: int | None = None, **wanted: Any) -> PanicReport:
        def fits(entry: EventEntry) -> bool:
            report = entry.report
            return (
                isinstance(report, PanicReport)
                and entry.count >= count
                and boot in (None, entry.boot)
                and all(getattr(report, key) == value for key, value in wanted.items())
            )

        await self.watch.until(lambda: any(map(fits, self.panics())))
        report = self.panics()[-1].report
        assert isinstance(report, PanicReport)
        return report

    def toasts(self) -> list[str]:
        return [change.text for change in self.watch.changes if isinstance(change, Notice)]


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    case = Case(tmp_path)
    yield case
    await case.session.close()


async def test_a_panic_is_reported_with_its_source_while_the_log_goes_on(case: Case) -> None:
    await case.open(ELF)
    case.handle.push(crash("panic") + b"I (1) app: next life\r\n")
    report = await case.report()
    assert report.sentence == "Core 0 wrote to address 0 (a null pointer) in read_register (sensor.h:26)."
    assert report.place is not None
    assert report.place.file == "/espmon-demo/sensor.h"
    assert report.elf_match is True
    assert case.session.store.record(len(case.session.store) - 1).text == "I (1) app: next life"
    assert report.sentence in case.toasts()


async def test_the_report_belongs_to_the_line_where_the_panic_began(case: Case) -> None:
    await case.open(ELF)
    case.handle.push(b"I (1) app: before\r\n" + crash("panic"))
    await case.report()
    (entry,) = case.panics()
    assert entry.line is not None
    assert "Guru Meditation" in case.session.store.record(entry.line).text


async def test_the_same_crash_is_one_entry_with_a_count_and_one_toast(case: Case) -> None:
    await case.open(ELF)
    for number in range(3):
        case.handle.push(BOOT % (0xC, b"RTC_SW_CPU_RST") + crash("panic"))
        await case.report(count=number + 1, boot=number + 1)
    (entry,) = case.panics()
    assert (entry.count, entry.boot) == (3, 3)
    assert dict(entry.details)["first in boot"] == "1"
    assert len([text for text in case.toasts() if "read_register" in text]) == 1


async def test_two_aborts_from_different_callers_are_two_entries(case: Case) -> None:
    await case.open(ELF)
    case.handle.push(crash("abort") + BOOT % (0xC, b"RTC_SW_CPU_RST") + crash("assert"))
    await case.watch.until(lambda: len([entry for entry in case.panics() if entry.report]) == 2)
    first, second = case.panics()
    assert "command_abort" in first.title
    assert "command_assert" in second.title


async def test_a_crash_before_its_elf_is_decoded_when_the_elf_is_chosen(case: Case) -> None:
    await case.open()
    case.handle.push(crash("panic"))
    report = await case.report(elf_match=None)
    assert any("No ELF" in warning for warning in report.warnings)
    await case.session.set_elf((ELF,))
    report = await case.report(elf_match=True)
    assert report.place is not None
    assert report.place.function == "read_register"
    assert list(report.warnings) == []


async def test_an_elf_of_another_build_is_said_in_the_report(case: Case) -> None:
    await case.open(ELF)
    case.handle.push(crash("panic", "0123456789abcdef" * 4))
    report = await case.report(elf_match=False)
    assert any("not what the board runs" in warning for warning in report.warnings)
    assert any(label == "warning" for label, _ in case.panics()[0].details)


async def test_the_watchdog_s_suspect_is_named_with_the_chain_of_its_own_processor(case: Case) -> None:
    await case.open(ELF)
    case.handle.push(WATCHDOG.replace(b"\n", b"\r\n") + b"I (10) app: goes on\r\n" * 30)
    report = await case.report()
    assert report.sentence.startswith(
        "Task display_render kept the processor so long that the task watchdog fired in draw_glyph"
    )
    assert [frame.function for frame in report.frames] == ["draw_glyph", "draw_frame"]
    assert report.others[0][1][0].function == "app_main"


async def test_a_panic_cut_by_a_reset_is_reported_with_what_is_certain(case: Case) -> None:
    await case.open(ELF)
    whole = crash("panic")
    case.handle.push(whole[: whole.index(b"S8 ")] + b"\r\n" + BOOT % (7, b"TG0WDT_SYS_RST"))
    report = await case.report()
    assert "read_register" in report.sentence
    assert report.facts.damaged


async def test_a_panic_cut_by_an_unplug_is_reported_too(case: Case) -> None:
    await case.open(ELF)
    whole = crash("panic")
    case.handle.push(whole[: whole.index(b"Stack memory")])
    case.handle.lose()
    report = await case.report()
    assert [frame.function for frame in report.frames][-1] == "sensor_update"
    assert any("No stack was printed" in warning for warning in report.warnings)


async def test_a_crash_that_nothing_follows_is_reported_after_a_pause(case: Case) -> None:
    await case.open(ELF)
    case.handle.push(b"abort() was called at PC 0x420001a2 on core 0\r\n")
    report = await case.report()
    assert report.place is not None
    assert report.place.function == "command_abort"


async def test_hostile_text_in_a_panic_is_made_safe_for_titles(case: Case) -> None:
    await case.open(ELF)
    case.handle.push(b"assert failed: f main.c:1 (\x1b]0;owned\x07)\r\n" + crash("panic"))
    await case.report()
    for entry in case.panics():
        assert entry.title.isprintable()
        assert all(text.isprintable() for _, text in entry.details)


async def test_boots_have_numbers_reasons_and_durations(case: Case) -> None:
    await case.open()
    now = [1000.0]
    case.clock = lambda: now[0]
    for number, reason in enumerate([b"POWERON", b"RTC_SW_CPU_RST", b"TG0WDT_SYS_RST"]):
        now[0] = 1000.0 + 60 * number
        case.handle.push(BOOT % ((1, 0xC, 7)[number], reason) + b"I (24) boot: ESP-IDF v5.1 2nd stage bootloader\r\n")
        await case.watch.until(lambda wanted=number + 1: case.session.event_log.boot == wanted)  # type: ignore[misc]
    boots = list(case.session.event_log.boots)
    assert [(boot.number, boot.reason, boot.duration) for boot in boots] == [
        (1, "POWERON", 60.0),
        (2, "RTC_SW_CPU_RST", 60.0),
        (3, "TG0WDT_SYS_RST", None),
    ]
    for boot in boots:
        assert boot.line is not None
        assert (
            "rst:0x" in case.session.store.record(boot.line).text
            or "ESP-ROM" in case.session.store.record(boot.line).text
        )


async def test_an_ide_is_told_of_a_crash_once_with_its_place(tmp_path: Path) -> None:
    arrived = asyncio.Event()

    async def take(socket: ServerConnection) -> None:
        arrived.set()

    async with listening(take) as (url, heard):
        case = Case(tmp_path, Ide(url))
        try:
            await case.open(ELF)
            case.handle.push(crash("panic") + BOOT % (0xC, b"RTC_SW_CPU_RST") + crash("panic"))
            await case.report(count=2)
            await asyncio.wait_for(arrived.wait(), 5)
        finally:
            await case.session.close()
    (told,) = heard
    assert (told["type"], told["file"], told["line"]) == ("error", "/espmon-demo/sensor.h", 26)
    assert "null pointer" in told["message"]


async def test_a_storm_of_one_crash_is_decoded_once_and_counted(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    decoded = 0
    original = decode_panic

    def counting(*arguments: Any) -> Any:
        nonlocal decoded
        decoded += 1
        return original(*arguments)

    monkeypatch.setattr("espmon.postmortem.panic_report.decode_panic", counting)
    await case.open(ELF)
    case.handle.push((BOOT % (0xC, b"RTC_SW_CPU_RST") + crash("panic")) * 100)
    await case.report(count=100)
    case.handle.push(BOOT % (0xC, b"RTC_SW_CPU_RST") + crash("panic"))
    await case.report(count=101, boot=101)
    assert decoded == 1
    assert len([text for text in case.toasts() if "read_register" in text]) == 1
    assert case.session.event_log.loop(case.session.clock()) == "boot loop ×101"
