"""A signal ends the program in time, whatever hangs, and only a signal that is meant for it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from espmon.cli import exit_watch
from espmon.cli.exit_watch import ExitWatch

LIMIT = 10.0


class Ended:
    """In place of the end of the process."""

    def __init__(self) -> None:
        self.code: int | None = None
        self.order: list[str] = []
        self._told = threading.Event()

    def __call__(self, code: int) -> None:
        self.code = code
        self._told.set()

    def step(self, name: str, hang: float = 0.0) -> Callable[..., None]:
        def work(*_: object) -> None:
            self.order.append(name)
            time.sleep(hang)

        return work

    def wait(self) -> None:
        assert self._told.wait(LIMIT)


@pytest.fixture(autouse=True)
def _goes_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The tests' own process does not end, and hears signals as before."""
    monkeypatch.setattr(exit_watch, "arm_last_resort", lambda seconds: None)
    names = (*exit_watch.LEAVING, *exit_watch.JOB_CONTROL)
    before = {getattr(signal, name): signal.getsignal(getattr(signal, name)) for name in names}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def test_who_leaves_before_there_is_a_screen_is_seen_out() -> None:
    ended = Ended()
    with pytest.raises(SystemExit), ExitWatch(ended.step("leave"), ended.step("salvage"), ended):
        os.kill(os.getpid(), signal.SIGTERM)
    ended.wait()
    assert ended.order == ["leave"]
    assert ended.code == 128 + signal.SIGTERM


def test_a_salvage_that_hangs_does_not_keep_the_process() -> None:
    ended = Ended()
    with ExitWatch(ended.step("leave"), ended.step("salvage", hang=2.0), ended) as watch:
        watch.hang_up()
        ended.wait()
    assert ended.order == ["leave", "salvage"]
    assert ended.code == 128 + signal.SIGHUP


def test_ctrl_c_for_a_debugger_that_has_the_terminal_is_none_for_us() -> None:
    ended = Ended()
    heard = threading.Event()
    with ExitWatch(ended.step("leave"), ended.step("salvage"), ended):
        before = signal.signal(signal.SIGINT, lambda *_: heard.set())
        os.kill(os.getpid(), signal.SIGINT)
        assert heard.wait(LIMIT)
        time.sleep(0.05)  # for a watch that would have taken it
        signal.signal(signal.SIGINT, before)
    assert ended.order == []


def test_nothing_happens_without_a_signal() -> None:
    ended = Ended()
    before = signal.getsignal(signal.SIGTERM)
    with ExitWatch(ended.step("leave"), ended.step("salvage"), ended):
        pass
    assert signal.getsignal(signal.SIGTERM) == before
    assert (ended.order, ended.code) == ([], None)
