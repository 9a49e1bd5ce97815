"""What is one entry and what is not: boots, boot loops, storms of one crash. Entries stay in order of time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from espmon.postmortem.panic_report import decode_panic
from espmon.records.demux import Demultiplexer
from espmon.records.events.panic_record import Panic
from espmon.records.record import Event
from espmon.session.event_log import EventLog
from espmon.session.session_events import SessionNote
from espmon.session.state import State
from espmon.session.status import MAX_EVENTS, EventEntry, Severity
from espmon.sim.firmware_image import ELF
from tests.session.fakes import ScriptedHandle
from tests.session.test_reports import BOOT, Case, crash

POWER_ON = BOOT % (1, b"POWERON") + b"entry 0x40380000\r\n"
STARTED = b"I (24) boot: ESP-IDF v5.3 2nd stage bootloader\r\nI (300) main_task: Calling app_main()\r\n"
CRASHED = crash("panic") + BOOT % (0xC, b"RTC_SW_CPU_RST") + STARTED


class Listed:
    """An event log that is fed with a stream, a second a part, with a pause after each."""

    def __init__(self) -> None:
        self.changes: list[EventEntry] = []
        self.log = EventLog(self.changes.append)
        self.demux = Demultiplexer()
        self.now = 0.0

    def feed(self, *parts: bytes) -> None:
        for part in parts:
            self.now += 1
            for record in (*self.demux.feed(part, self.now).parts, *self.demux.settle(self.now).parts):
                if isinstance(record, Event):
                    self.log.add(record, int(self.now))

    def kinds(self, *without: str) -> list[tuple[str, int, int]]:
        """(type, boot, count) of each entry."""
        listed = [entry for entry in self.log.entries if entry.record.type not in without]
        return [(entry.record.type, entry.boot, entry.count) for entry in listed]

    def in_order(self) -> bool:
        """Whether the entries are in order of time, and each is found by its id."""
        entries = self.log.entries
        times = [entry.time or 0.0 for entry in entries]
        found = all(self.log.entry(entry.id) is entry for entry in entries)
        return found and times == sorted(times) and len({entry.id for entry in entries}) == len(entries)


@pytest.fixture
def listed() -> Listed:
    return Listed()


def test_each_boot_outside_a_loop_has_its_own_entry(listed: Listed) -> None:
    for _ in range(5):
        listed.demux.restarted()
        listed.feed(POWER_ON)
    assert listed.kinds("boot") == [("reset", boot, 1) for boot in range(1, 6)]
    assert listed.log.loop(listed.now) is None


def test_a_loop_is_one_entry_that_says_so_and_stands_where_it_is_now(listed: Listed) -> None:
    listed.feed(*[POWER_ON] * 7)
    assert listed.kinds("boot") == [("reset", 1, 1), ("reset", 2, 1), ("reset", 7, 7)]
    newest = next(entry for entry in listed.log.entries if entry.count == 7)
    assert "boot loop: POWERON 7 times in a row" in newest.title
    assert newest.severity is Severity.WARNING
    assert newest.line == 7
    assert dict(newest.details)["first in boot"] == "3"
    assert listed.log.loop(listed.now) == "boot loop ×7"
    assert [boot.number for boot in listed.log.boots] == list(range(1, 8))


def test_each_reset_of_a_loop_is_told_with_its_own_line(listed: Listed) -> None:
    listed.feed(*[POWER_ON] * 6)
    told = [(change.boot, change.line) for change in listed.changes if change.record.type == "reset"]
    assert told == [(boot, boot) for boot in range(1, 7)]


def test_the_next_loop_is_another_entry(listed: Listed) -> None:
    listed.feed(*[POWER_ON] * 4, BOOT % (7, b"TG0WDT_SYS_RST") + b"entry 0x1\r\n", *[POWER_ON] * 4)
    assert [count for _, _, count in listed.kinds("boot")] == [1, 1, 4, 1, 1, 1, 4]
    assert listed.in_order()


def test_a_crash_loop_is_a_crash_a_reset_and_a_boot_with_their_counts(listed: Listed) -> None:
    listed.feed(*[CRASHED] * 30)
    assert sorted(listed.kinds()[-3:]) == [("boot", 30, 28), ("panic", 29, 30), ("reset", 30, 30)]
    assert len(listed.log.entries) == 7
    assert listed.in_order()


def test_the_board_runs_again_when_the_last_restart_is_a_while_ago(listed: Listed) -> None:
    listed.feed(*[POWER_ON] * 4)
    assert listed.log.loop(listed.now + 59) == "boot loop ×4"
    assert listed.log.loop(listed.now + 61) is None


def test_a_crash_that_comes_again_is_the_newest_entry_with_what_is_new_about_it(listed: Listed) -> None:
    listed.feed(crash("panic"), POWER_ON)
    (first,) = [entry for entry in listed.log.entries if isinstance(entry.record, Panic)]
    listed.log.add(SessionNote(0, listed.now, "something else"), 5)
    listed.feed(crash("panic"), POWER_ON)
    kinds = listed.kinds("boot")
    assert kinds == [("reset", 1, 1), ("note", 1, 1), ("panic", 1, 2), ("reset", 2, 1)]
    newest = next(entry for entry in listed.log.entries if isinstance(entry.record, Panic))
    assert newest.id == first.id
    assert newest.record is not first.record
    assert newest.record.offset > first.record.offset
    assert (first.time, newest.time) == (1.0, 3.0)
    assert dict(newest.details)["first in boot"] == "0"
    assert listed.in_order()


def test_what_is_known_of_an_entry_stays_when_it_is_counted(listed: Listed) -> None:
    listed.feed(crash("panic"), POWER_ON)
    identity = listed.log.entries[0].id
    report = decode_panic(Panic(0), None)
    listed.log.update(identity, lambda entry: replace(entry, report=report, title="Panic: It fell.", path=Path("a")))
    listed.feed(crash("panic"), POWER_ON)
    entry = listed.log.entry(identity)
    assert entry is not None
    assert (entry.title, entry.path, entry.count) == ("Panic: It fell.", Path("a"), 2)
    assert entry.report is report


def test_a_reader_on_another_thread_keeps_a_whole_list(listed: Listed) -> None:
    listed.feed(crash("panic"), POWER_ON)
    before = listed.log.entries
    kept = list(before)
    listed.feed(crash("panic"), POWER_ON)
    assert [entry for entry in before if entry in kept] == kept


def test_entries_are_bounded_and_found_when_the_oldest_have_gone(listed: Listed) -> None:
    listed.feed(crash("panic"), POWER_ON)
    for number in range(MAX_EVENTS + 10):
        listed.log.add(SessionNote(0, listed.now, str(number)), None)
    assert len(listed.log.entries) <= MAX_EVENTS
    assert listed.log.entry(0) is None
    listed.feed(crash("panic"), POWER_ON)
    assert listed.kinds("boot")[-2:] == [("panic", 1, 1), ("reset", 2, 1)]
    assert listed.in_order()


BANNER = b"Guru Meditation Error: Core  0 panic'ed (%s). Exception was unhandled.\r\n"
DUMP = b"Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030\r\n\r\n"
TRACE = b"Backtrace: 0x400d1234:0x3ffb1230 0x400d%04x:0x3ffb1250\r\n\r\nRebooting...\r\n"


def test_a_crash_that_goes_on_after_a_pause_is_one_entry_with_all_of_it(listed: Listed) -> None:
    listed.feed(BANNER % b"LoadProhibited", DUMP, TRACE % 0x5678, POWER_ON)
    assert listed.kinds("boot") == [("panic", 0, 1), ("reset", 1, 1)]
    panic = listed.log.entries[0].record
    assert isinstance(panic, Panic)
    assert (len(panic.registers), len(panic.backtrace)) == (2, 2)
    assert listed.in_order()


def test_a_crash_that_looked_like_an_earlier_one_at_first_has_its_own_entry(listed: Listed) -> None:
    listed.feed(BANNER % b"LoadProhibited" + DUMP, POWER_ON, BANNER % b"LoadProhibited" + DUMP)
    assert listed.kinds("boot") == [("reset", 1, 1), ("panic", 1, 2)]
    listed.feed(TRACE % 0x5678, POWER_ON)
    assert sorted(listed.kinds("boot")) == [("panic", 0, 1), ("panic", 1, 1), ("reset", 1, 1), ("reset", 2, 1)]
    assert listed.log.boot == 2


def test_a_crash_that_turns_out_to_be_an_earlier_one_is_counted_there(listed: Listed) -> None:
    whole = BANNER % b"LoadProhibited" + DUMP + TRACE % 0x5678
    listed.feed(whole + POWER_ON, BANNER % b"LoadProhibited" + DUMP)
    assert listed.kinds("boot") == [("panic", 0, 1), ("reset", 1, 1), ("panic", 1, 1)]
    gone = listed.log.entries[-1].id
    listed.feed(TRACE % 0x5678)
    assert listed.kinds("boot") == [("reset", 1, 1), ("panic", 1, 2)]
    assert [change.count for change in listed.changes if change.id == gone][-1] == 0
    assert listed.log.entry(gone) is None
    listed.feed(POWER_ON, whole + POWER_ON)
    assert [row for row in listed.kinds("boot") if row[0] == "panic"] == [("panic", 2, 3)]


def test_a_reset_that_goes_on_after_a_pause_is_one_boot(listed: Listed) -> None:
    listed.feed(BOOT % (1, b"POWERON"), b"invalid header: 0xffffffff\r\n")
    assert listed.kinds("boot") == [("reset", 1, 1)]
    (reset,) = [entry for entry in listed.log.entries if entry.record.type == "reset"]
    assert reset.record.fields()["hint"]
    assert len(listed.log.boots) == 1


# -- in a session ---------------------------------------------------------------------------------------------------


class Echo(ScriptedHandle):
    """A board that starts over when it is reset."""

    async def run_sequence(self, sequence: object) -> None:
        self.push(POWER_ON)


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    case = Case(tmp_path, None, Echo())
    yield case
    await case.session.close()


async def boots(case: Case, count: int) -> None:
    await case.watch.until(lambda: len([one for one in case.session.events if one.record.type == "reset"]) >= count)


async def test_resets_that_the_user_asks_for_are_no_loop(case: Case) -> None:
    await case.open()
    for number in range(5):
        await case.session.reset()
        await boots(case, number + 1)
    assert [entry.count for entry in case.session.events if entry.record.type == "reset"] == [1] * 5
    assert case.session.event_log.loop(case.session.clock()) is None
    assert not any("loop" in text for text in case.toasts())


async def test_a_loop_is_told_once_with_what_it_means(case: Case) -> None:
    await case.open()
    case.handle.push(POWER_ON * 6)
    await case.watch.until(lambda: case.session.status.loop == "boot loop ×6")
    (told,) = [text for text in case.toasts() if "loop" in text]
    assert "POWERON 3 times in a row: the chip restarts again and again" in told


async def test_a_reset_ends_a_loop_for_the_header(case: Case) -> None:
    await case.open()
    case.handle.push(POWER_ON * 6)
    await case.watch.until(lambda: case.session.status.loop is not None)
    await case.session.reset()
    await case.watch.until(lambda: case.session.status.loop is None)


async def test_a_port_that_comes_back_begins_anew(tmp_path: Path) -> None:
    case = Case(tmp_path, None, *[ScriptedHandle() for _ in range(6)])
    await case.open()
    try:
        for number, handle in enumerate(case.handles[:5], 1):
            await case.watch.until(lambda: case.session.state is State.MONITORING)
            handle.push(POWER_ON)
            await boots(case, number)
            handle.lose()
            await case.watch.until(lambda: case.session.state is not State.MONITORING)
    finally:
        await case.session.close()
    assert [entry.count for entry in case.session.events if entry.record.type == "reset"] == [1] * 5


async def test_the_report_of_a_crash_that_comes_again_is_about_the_newest(case: Case) -> None:
    await case.open(ELF)
    case.handle.push(crash("panic") + POWER_ON)
    first = await case.report()
    other = crash("panic").replace(b"MTVAL   : 0x00000000", b"MTVAL   : 0x00000010")
    assert other != crash("panic")
    case.handle.push(other + POWER_ON)
    await case.report(count=2, boot=1)
    await case.watch.until(lambda: case.panics()[0].report is not first)
    second = await case.report(count=2, boot=1)
    assert second.facts.excvaddr == 0x10
    assert second.sentence != first.sentence
    (entry,) = case.panics()
    assert entry.title == f"Panic: {second.sentence}"
    assert dict(entry.details)["excvaddr"] == "0x00000010"
