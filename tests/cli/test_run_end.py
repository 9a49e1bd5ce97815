"""The end of a run without a screen: the first reason counts, and a signal may give it at any moment."""

from __future__ import annotations

import signal
import threading
from types import FrameType

import pytest

from espmon.cli.run_end import End, RunEnd

FIRST, SECOND = End(130, "Interrupted."), End(2, "The port was lost", "Plug it in")


def test_the_first_reason_counts() -> None:
    ended = RunEnd()
    assert not ended.wait(0)
    assert not ended.over.is_set()
    assert ended.reason == End(1, "")
    ended.come(FIRST)
    ended.come(SECOND)
    assert ended.wait(0)
    assert ended.over.is_set()
    assert ended.reason is FIRST


def test_another_thread_ends_the_wait() -> None:
    ended = RunEnd()
    threading.Timer(0.01, lambda: ended.come(SECOND)).start()
    assert ended.wait(30)
    assert ended.reason.told == "The port was lost. Plug it in"


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
def test_a_signal_at_any_moment_of_the_wait_ends_it() -> None:
    """A handler that takes the lock of what it interrupts would wait here for ever."""
    ended = RunEnd()

    def received(number: int, frame: FrameType | None) -> None:
        ended.come(FIRST)

    before = signal.signal(signal.SIGALRM, received)
    try:
        for round_number in range(200):
            ended = RunEnd()
            signal.setitimer(signal.ITIMER_REAL, 0.0001 + round_number * 0.000005)
            while not ended.wait(0.00001):
                pass
    finally:
        signal.signal(signal.SIGALRM, before)
