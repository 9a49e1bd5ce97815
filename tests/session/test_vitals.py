"""What a session tells from its clock: rate, silence, how long a port is gone; and how many crashes it has seen."""

from __future__ import annotations

from dataclasses import replace

import pytest

from espmon.port import is_chip_usb
from espmon.port.rfc2217 import Rfc2217Handle
from espmon.port.stream import StreamHandle
from espmon.records.events.panic_record import Panic
from espmon.records.events.reset_record import Reset
from espmon.records.spans.coredump_capture import Coredump
from espmon.session.event_log import EventLog
from espmon.session.state import State
from espmon.session.status import Activity, Capture, Status
from espmon.session.vitals import QUIET_SECONDS, Vitals, in_steps

MONITORING = Status(state=State.MONITORING)


class Board:
    """Time and bytes, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0
        self.received = 0
        self.vitals = Vitals(lambda: self.now, lambda: self.received)

    def after(self, seconds: float, status: Status = MONITORING, lost_at: float | None = None) -> Status:
        self.now += seconds
        return self.vitals.look(status, lost_at)


def test_silence_is_told_after_a_while_and_ends_with_the_next_byte() -> None:
    board = Board()
    board.after(0.25)
    assert board.after(QUIET_SECONDS - 1).quiet == 0
    assert board.after(2).quiet == QUIET_SECONDS + 1
    board.received = 1
    assert board.after(0.25).quiet == 0


@pytest.mark.parametrize(
    "status",
    [
        replace(MONITORING, activity=Activity.HALTED),
        replace(MONITORING, activity=Activity.IN_LOADER),
        replace(MONITORING, capture=Capture("coredump", 1, None, 1, 1.0)),
        Status(state=State.LEASED, lease="flash"),
        Status(state=State.LOST),
    ],
)
def test_a_board_that_is_not_expected_to_speak_is_not_silent(status: Status) -> None:
    board = Board()
    board.after(0.25, status)
    assert board.after(60, status).quiet == 0


def test_silence_is_counted_from_when_the_port_was_opened() -> None:
    board = Board()
    board.after(60, Status(state=State.LOST))
    assert board.after(0.25).quiet == 0
    assert board.after(QUIET_SECONDS).quiet == QUIET_SECONDS


def test_the_rate_is_that_of_the_last_second() -> None:
    board = Board()
    board.received = 500
    assert board.after(0.5).rate == 0
    assert board.after(0.5).rate == 500
    assert board.after(2).rate == 0


def test_a_lost_port_is_counted_in_seconds_and_then_in_minutes() -> None:
    board = Board()
    assert board.after(0, lost_at=None).lost_for is None
    assert board.after(12, lost_at=100.0).lost_for == 12
    assert board.after(120, lost_at=100.0).lost_for == 120
    assert [in_steps(seconds, 5) for seconds in (8, 9.9, 10, 14.9, 59, 61)] == [8, 9, 10, 10, 55, 60]
    assert [in_steps(seconds) for seconds in (-1, 59.9, 60, 119, 3601)] == [0, 59, 60, 60, 3600]


def test_only_ports_with_a_rate_have_one() -> None:
    assert not StreamHandle("socket://x:1", 115200).has_rate
    assert Rfc2217Handle("rfc2217://x:1", 115200).has_rate
    assert is_chip_usb((0x303A, 0x1001))
    assert not is_chip_usb((0x10C4, 0xEA60))
    assert not is_chip_usb(None)


def panic(offset: int, cause: str) -> Panic:
    record = Panic(offset, time=1.0, kind="exception")
    record.cause = cause
    return record


def dump(offset: int) -> Coredump:
    return Coredump(offset, 10, 1.0, payload=b"x", lines=1, checksum="ok", complete=True, error=None)


def test_crashes_are_counted_with_their_repetitions_and_once_with_their_dump() -> None:
    log = EventLog(lambda entry: None)
    for boot in range(1, 4):
        log.add(Reset(boot * 100, 0, float(boot * 60), code=1, reason="POWERON", chip="esp32c3"), None)
        log.add(panic(boot * 100 + 10, "LoadProhibited"), None)
        log.add(dump(boot * 100 + 20), None)
    assert log.crashes == 3
    log.add(Reset(900, 0, 900.0, code=1, reason="POWERON", chip="esp32c3"), None)
    log.add(dump(910), None)
    assert log.crashes == 4


def test_a_crash_that_is_told_once_more_is_the_same_crash() -> None:
    log = EventLog(lambda entry: None)
    for offset in (10, 50):
        log.add(panic(offset, "LoadProhibited"), None)
    assert log.crashes == 2
    log.add(panic(50, "LoadProhibited"), None)
    assert log.crashes == 2
    log.add(panic(50, "StoreProhibited"), None)
    assert log.crashes == 2
