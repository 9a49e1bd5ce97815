"""Fails a test run that leaves a process behind: a pytest plugin, loaded by `tests/conftest.py`.

A process counts as started by the tests when it descends from pytest, or when it carries its mark in its environment (a
daemon has no parent to be known by). Both are read from `/proc`; on systems without it nothing is checked.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

MARK = "ESPMON_TESTS_PID"
"""The variable that every process started by the tests inherits; its value is pytest's process id."""

GRACE_SECONDS = 5.0
"""Seconds that a process which was told to end may still take at the end of the run."""

POLL_SECONDS = 0.05
PROC = Path("/proc")
DEAD = "ZX"
"""States of a process that has ended and only waits to be asked for its exit code."""


@dataclass(frozen=True, slots=True)
class Process:
    """A running process."""

    pid: int
    parent: int
    command: str
    marked: bool

    def __str__(self) -> str:
        return f"{self.pid}: {self.command}"


def running_processes(proc: Path = PROC) -> dict[int, Process]:
    """Every process that runs and may be looked at, by its id."""
    found: dict[int, Process] = {}
    mark = f"{MARK}={os.getpid()}".encode()
    for folder in proc.glob("[0-9]*"):
        with suppress(OSError):  # it ended while it was looked at, or belongs to somebody else
            stat = (folder / "stat").read_text()
            state, parent = stat.rpartition(")")[2].split()[:2]
            if state in DEAD:
                continue
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            environment = (folder / "environ").read_bytes().split(b"\0")
            pid = int(folder.name)
            found[pid] = Process(pid, int(parent), command or stat.partition("(")[2], mark in environment)
    return found


def started_here() -> dict[int, Process]:
    """The processes that this one, or one that it started, has started and that still run."""
    running = running_processes()

    def descends(process: Process) -> bool:
        seen = 0
        parent = process.parent
        while parent in running and parent != os.getpid() and seen < len(running):
            parent, seen = running[parent].parent, seen + 1
        return parent == os.getpid()

    return {
        process.pid: process
        for process in running.values()
        if process.pid != os.getpid() and (process.marked or descends(process))
    }


@pytest.fixture(scope="session", autouse=True)
def seen_behind() -> Iterator[dict[Process, str]]:
    """What still ran after each module, with that module's name; fails at the end for what runs even then."""
    os.environ[MARK] = str(os.getpid())
    behind: dict[Process, str] = {}
    yield behind
    end = time.monotonic() + GRACE_SECONDS
    while (left := started_here()) and time.monotonic() < end:
        time.sleep(POLL_SECONDS)
    for pid in left:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    told = [f"{process} (first seen after {behind.get(process, 'the last test')})" for process in left.values()]
    assert not told, "processes outlived the tests that started them:\n" + "\n".join(told)


@pytest.fixture(scope="module", autouse=True)
def _notes_what_is_behind(request: pytest.FixtureRequest, seen_behind: dict[Process, str]) -> Iterator[None]:
    yield
    for process in started_here().values():
        seen_behind.setdefault(process, request.node.name)
