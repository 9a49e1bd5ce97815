"""`espmon gdb`: a halted board served to debuggers, or to a gdb in this terminal, beside the log."""

from __future__ import annotations

import asyncio
import io
import os
import re
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from espmon.cli import main
from espmon.cli.gdb_command import StubDebugging
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Change, EventAdded, OpenRequest
from espmon.session.tasks import stop_tasks
from espmon.sim import BoardServer, BoardThread, SimulatedBoard
from espmon.sim.firmware_image import ELF
from tests.session.fakes import Watch


@pytest.fixture(autouse=True)
def away_from_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setattr("sys.stdin", io.StringIO())


@pytest.fixture
def board() -> Iterator[BoardThread]:
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)) as board:
        yield board


def test_it_says_where_debuggers_connect_and_why_they_cannot(
    board: BoardThread, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["gdb", board.url, "--listen", "0", "--yes", "--timeout", "0.2"]) == 0
    assert "target remote 127.0.0.1:" in capfd.readouterr().err
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        number = str(taken.getsockname()[1])
        assert main(["gdb", board.url, "--listen", number, "--yes", "--timeout", "30"]) == 1
    assert "No debugger can be let in: " in capfd.readouterr().err


def test_serving_to_every_user_of_the_computer_is_agreed_to(
    board: BoardThread, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["gdb", board.url, "--listen", "0"]) == 2
    assert "--yes must be given" in capfd.readouterr().err


@pytest.mark.e2e
@pytest.mark.skipif(os.name != "posix", reason="a script stands for the terminal that gdb reads")
async def test_gdb_starts_when_the_board_halts_and_the_log_goes_on_when_it_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    real = shutil.which("gdb-multiarch")
    if real is None:
        pytest.skip("gdb-multiarch is not installed")
    stub = tmp_path / "gdb"
    stub.write_text(f'#!/bin/sh\nprintf "info threads\\ndetach\\n" | {real} "$@"\n')
    stub.chmod(0o755)
    monkeypatch.setattr("espmon.session.debug_lease.find_gdb", lambda machine, chip=None: str(stub))
    board = SimulatedBoard("esp32c3", "quiet", power_delay=0)
    session = Session(settings=Settings(), folder=tmp_path / "sessions")
    watch = Watch()
    session.subscribe(watch)
    debugging = StubDebugging(None)
    async with BoardServer(board, "socket://127.0.0.1:0") as server:
        try:
            await session.open(OpenRequest(server.url, elf=(ELF,)))
            assert await debugging(session) == ""
            await watch.until(lambda: len(session.store) > 0)
            await session.send(b"gdbstub\r")
            await asyncio.wait_for(watch.until(lambda: debugging.has_terminal), 60)
            await asyncio.wait_for(watch.until(lambda: any(map(has_left, watch.changes))), 60)
            assert session.state is State.MONITORING
        finally:
            await session.close()
            await stop_tasks(debugging._task)
    shown = capfd.readouterr()
    assert "gdb gets it" in shown.err
    assert re.search(r'^\* 1 +Thread 1 "main" \(Priority: 1\)', shown.out, re.MULTILINE)


def has_left(change: Change) -> bool:
    return isinstance(change, EventAdded) and "has left; the board goes on" in change.entry.title
