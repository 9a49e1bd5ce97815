"""A crash is printed over whatever another task was printing; a program may also talk about an earlier crash."""

from __future__ import annotations

import pytest

from tests.records.events.harness import only, panics

BANNER = "Guru Meditation Error: Core  1 panic'ed (LoadProhibited). Exception was unhandled.\r\n"
REPORT = (
    "\r\nCore  1 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030  A0      : 0x800d5678\r\n"
    "\r\n\r\nBacktrace: 0x400d1234:0x3ffb0000 0x400d2222:0x3ffb0020\r\n\r\nRebooting...\r\n"
)


@pytest.mark.parametrize(
    "head", ["I (1234) app: ", "\x1b[0;31mE (1234) app: ", "[  1234][E][main.cpp:12] loop(): ", "I (12"]
)
def test_a_banner_behind_another_tasks_head_belongs_to_the_report_that_follows(head: str) -> None:
    panic = only("I (1) a: b\r\n" + head + BANNER + REPORT)
    assert (panic.kind, panic.cause, panic.core, len(panic.backtrace)) == ("exception", "LoadProhibited", 1, 2)
    assert panic.offset == len("I (1) a: b\r\n")


def test_an_abort_behind_another_tasks_head_belongs_to_the_backtrace_that_follows() -> None:
    panic = only(
        "I (5) app: abort() was called at PC 0x400d1234 on core 0\r\n\r\n\r\n"
        "Backtrace: 0x400d1234:0x3ffb0000 0x400d2222:0x3ffb0020\r\n"
    )
    assert (panic.kind, panic.core, panic.abort_pc) == ("abort", 0, 0x400D1234)


@pytest.mark.parametrize(
    "text",
    [
        "I (33) crash: previous reset: " + BANNER + "I (34) crash: PC 0x400d1234\r\n",
        "I (33) crash: " + BANNER + "I (35) a: b\r\n" * 20,
        "If you see Guru Meditation Error in the log, tell us.\r\n",
        "The Guru Meditation Errors of last week are fixed.\r\n",
    ],
)
def test_talk_about_a_crash_is_no_crash(text: str) -> None:
    assert panics(text) == []


def test_a_crash_long_after_talk_about_another_one_does_not_take_its_cause() -> None:
    panic = only("I (33) crash: " + BANNER + "I (35) a: b\r\n" * 20 + REPORT)
    assert panic.cause is None
    assert panic.registers["PC"] == 0x400D1234


@pytest.mark.parametrize(
    "text", ["Guru Meditation Error: Core  0 pan", "Guru Meditation Error", "Guru MeditationError: "]
)
def test_a_banner_that_was_cut_is_still_a_crash(text: str) -> None:
    assert only("I (1) a: b\r\n" + text + "\r\n").damaged
