"""Local ports, shown on pseudo-terminals."""

from __future__ import annotations

import asyncio
import fcntl
import os
import sys
import termios
import threading
from pathlib import Path

import pytest

from espmon.port import CLOSE_SECONDS, PortError, PortErrorKind, open_handle
from espmon.port import posix_termios as driver
from espmon.port.posix_tty import MAX_UNWRITTEN
from espmon.time_limit import time_limit
from tests.port.peers import Pty, another_program, noise, read_exactly, read_to_the_end, until


async def test_what_the_device_sends_is_read_and_what_is_written_arrives(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    pty.send(b"boot\r\n\x00\xff")
    assert await read_exactly(handle, 8) == b"boot\r\n\x00\xff"
    await handle.write(b"help\n\x03")
    assert pty.receive(6) == b"help\n\x03"
    await handle.close()


async def test_a_pseudo_terminal_has_no_modem_lines_and_says_so(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    assert not handle.has_modem_lines
    assert not handle.atomic_lines
    assert handle.loader_entries() == ()
    assert handle.hard_reset_sequence() is None
    assert any("no DTR and RTS" in warning.text for warning in handle.warnings)
    with pytest.raises(PortError) as caught:
        await handle.set_lines(dtr=True)
    assert caught.value.kind is PortErrorKind.UNSUPPORTED
    await handle.close()


async def test_bytes_that_were_waiting_before_the_open_are_kept(pty: Pty) -> None:
    pty.send(b"rst:0x1 (POWERON)\n")
    handle = await open_handle(pty.path)
    assert await read_exactly(handle, 18) == b"rst:0x1 (POWERON)\n"
    await handle.close()


async def test_a_read_without_bytes_ends_at_its_timeout(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    assert await handle.read(0.001) == b""
    assert await handle.read(0) == b""
    await handle.close()


async def test_bytes_that_come_together_are_one_read(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    pty.send(b"a")
    assert await read_exactly(handle, 1) == b"a"
    gathering = asyncio.create_task(handle.gather(0.2))
    await asyncio.sleep(0)
    for part in (b"b", b"c", b"d"):
        pty.send(part)
        await asyncio.sleep(0)
    await gathering
    assert await handle.read(10) == b"bcd"
    await handle.close()


async def test_a_port_that_is_closed_while_bytes_come_together_is_let_go(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    gathering = asyncio.create_task(handle.gather(60))
    await asyncio.sleep(0)
    await handle.close()
    gathering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gathering
    with pytest.raises(PortError):
        await handle.read(1)


async def test_ten_megabytes_come_complete_and_equal(pty: Pty) -> None:
    data = noise(10 << 20)
    handle = await open_handle(pty.path)
    thread = pty.send_in_background(data)
    assert await read_exactly(handle, len(data)) == data
    thread.join(10)
    await handle.close()


async def test_a_megabyte_is_written_complete_and_in_order(pty: Pty) -> None:
    data = noise(1 << 20)
    handle = await open_handle(pty.path)
    received: list[bytes] = []
    thread = threading.Thread(target=lambda: received.append(pty.receive(len(data))))
    thread.start()
    await handle.write(data)
    await asyncio.to_thread(thread.join, 20)
    assert received == [data]
    await handle.close()


async def test_an_unplug_gives_every_received_byte_and_then_lost(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    pty.release_slave()
    pty.send(b"last words")
    first = await read_exactly(handle, 10)
    pty.send(b"; and the very last")
    second = await read_exactly(handle, 1)
    pty.unplug()
    rest, error = await read_to_the_end(handle)
    assert (first + second + rest) == b"last words; and the very last"
    assert error.kind is PortErrorKind.LOST
    await handle.close()


async def test_an_unplug_is_noticed_while_nobody_reads(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    pty.unplug()
    await until(lambda: handle._receive.error is not None)
    with pytest.raises(PortError) as caught:
        await handle.write(b"x")
    assert caught.value.kind is PortErrorKind.LOST
    await handle.close()


async def test_an_unplug_is_noticed_while_the_receive_buffer_is_full(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = await open_handle(pty.path)
    monkeypatch.setattr(handle._receive, "_limit", 1000)
    pty.send(b"x" * 1000)
    await until(lambda: handle._receive.paused)
    pty.unplug()
    await until(lambda: handle._receive.error is not None)
    assert len(await read_exactly(handle, 1000)) == 1000
    with pytest.raises(PortError) as caught:
        await handle.read()
    assert caught.value.kind is PortErrorKind.LOST
    await handle.close()


async def test_a_late_reader_stops_the_sender_and_loses_nothing(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    data = noise(300_000)
    handle = await open_handle(pty.path)
    monkeypatch.setattr(handle._receive, "_limit", 20_000)
    thread = pty.send_in_background(data)
    await until(lambda: handle._receive.paused)
    assert len(handle._receive) < 20_000 + 65_536
    assert thread.is_alive()
    assert await read_exactly(handle, len(data)) == data
    await handle.close()


async def test_a_cancelled_read_loses_nothing(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    for number in range(50):
        reading = asyncio.ensure_future(handle.read())
        await asyncio.sleep(0)
        pty.send(b"%02d" % number)
        reading.cancel()
        data = b""
        try:
            data = await reading
        except asyncio.CancelledError:
            data = await read_exactly(handle, 2)
        assert data == b"%02d" % number
    await handle.close()


async def test_a_peer_that_takes_nothing_is_reported_as_stalled_and_close_stays_bounded(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    with pytest.raises(PortError) as caught:
        await handle.write(bytes(4 * MAX_UNWRITTEN), timeout=0.05)
    assert caught.value.kind is PortErrorKind.STALLED
    assert "took nothing" in str(caught.value)
    async with time_limit(CLOSE_SECONDS + 1):
        await handle.close()


async def test_closing_twice_is_safe_and_a_waiting_read_ends(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    reading = asyncio.ensure_future(handle.read())
    await asyncio.sleep(0)
    await handle.close()
    await handle.close()
    with pytest.raises(PortError) as caught:
        await reading
    assert caught.value.kind is PortErrorKind.LOST
    with pytest.raises(PortError):
        await handle.write(b"x")


async def test_what_was_written_just_before_close_still_leaves(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    await handle.write(b"reboot\n")
    await handle.close()
    assert pty.receive(7) == b"reboot\n"


async def test_a_port_that_this_program_has_open_is_busy(pty: Pty) -> None:
    first = await open_handle(pty.path)
    with pytest.raises(PortError) as caught:
        await open_handle(pty.path)
    assert caught.value.kind is PortErrorKind.BUSY
    assert "already open in this espmon" in caught.value.message
    await first.close()
    second = await open_handle(pty.path)
    await second.close()


async def test_a_port_that_another_program_locked_is_busy_and_the_program_is_named(pty: Pty) -> None:
    script = "import fcntl,sys;f=open(sys.argv[1]);fcntl.flock(f,fcntl.LOCK_EX)"
    pty.release_slave()
    with another_program(script, pty.path) as pid, pytest.raises(PortError) as caught:
        await open_handle(pty.path)
    assert caught.value.kind is PortErrorKind.BUSY
    assert f"(pid {pid})" in caught.value.message
    assert "python" in caught.value.message
    assert "\n" not in str(caught.value)


async def test_another_program_cannot_lock_a_port_that_espmon_has(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    assert pty.slave is not None
    with pytest.raises(BlockingIOError):
        fcntl.flock(pty.slave, fcntl.LOCK_EX | fcntl.LOCK_NB)
    await handle.close()
    fcntl.flock(pty.slave, fcntl.LOCK_EX | fcntl.LOCK_NB)


async def test_a_missing_port_says_what_is_there_instead() -> None:
    with pytest.raises(PortError) as caught:
        await open_handle("/dev/ttyUSB-that-is-not-there")
    assert caught.value.kind is PortErrorKind.MISSING
    assert caught.value.hint


async def test_a_file_is_not_a_serial_port_and_is_left_alone(tmp_path: Path) -> None:
    recording = tmp_path / "log.bin"
    recording.write_bytes(b"bytes")
    for path in (recording, tmp_path, Path("/dev/null")):
        with pytest.raises(PortError) as caught:
            await open_handle(str(path))
        assert caught.value.kind is PortErrorKind.NOT_A_TTY
    assert recording.read_bytes() == b"bytes"


@pytest.mark.parametrize("baud", [0, -1, 10**9])
async def test_an_impossible_rate_is_refused(pty: Pty, baud: int) -> None:
    with pytest.raises(PortError) as caught:
        await open_handle(pty.path, baud=baud)
    assert caught.value.kind is PortErrorKind.UNSUPPORTED


async def test_usual_and_odd_rates_reach_the_driver(pty: Pty) -> None:
    handle = await open_handle(pty.path, baud=921600)
    assert pty.slave is not None
    assert termios.tcgetattr(pty.slave)[5] == termios.B921600
    await handle.set_baud(74880)
    assert handle.baud == 74880
    raw = bytearray(44)
    fcntl.ioctl(pty.slave, 0x802C542A, raw)
    assert int.from_bytes(raw[40:44], sys.byteorder) == 74880
    await handle.set_baud(115200)
    assert termios.tcgetattr(pty.slave)[5] == termios.B115200
    await handle.close()


async def test_the_lines_stay_as_they_are_when_the_port_is_closed(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    assert pty.slave is not None
    assert not termios.tcgetattr(pty.slave)[2] & termios.HUPCL
    await handle.close()


async def test_an_open_that_fails_leaks_no_descriptor(pty: Pty) -> None:
    first = await open_handle(pty.path)
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(PortError):
            await open_handle(pty.path)
    assert set(os.listdir("/proc/self/fd")) == before
    await first.close()


class Lines:
    """Stands in for a driver with modem lines, which no pseudo-terminal has."""

    def __init__(self) -> None:
        self.moves: list[tuple[bool | None, bool | None]] = []

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(driver, "read_lines", lambda descriptor: (True, True))
        monkeypatch.setattr(driver, "move_lines", lambda descriptor, dtr, rts: self.moves.append((dtr, rts)))


async def test_a_local_port_with_lines_moves_both_in_one_step(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    lines.install(monkeypatch)
    handle = await open_handle(pty.path)
    assert handle.has_modem_lines
    assert handle.atomic_lines
    assert [entry.name for entry in handle.loader_entries()] == [
        "tight 0.05 s",
        "tight 0.55 s",
        "classic 0.05 s",
        "classic 0.55 s",
    ]
    assert lines.moves == []
    await handle.run_sequence(handle.loader_entries()[0])
    assert lines.moves == [(False, False), (True, True), (False, True), (True, False), (False, False), (False, None)]
    await handle.close()
    assert len(lines.moves) == 6


async def test_lines_that_are_asked_for_are_set_at_opening(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = Lines()
    lines.install(monkeypatch)
    handle = await open_handle(pty.path, dtr=False, rts=False)
    assert lines.moves == [(False, False)]
    await handle.close()


async def test_a_reset_that_cannot_be_ruled_out_is_told(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    Lines().install(monkeypatch)
    for no_reset in (False, True):
        handle = await open_handle(pty.path, no_reset=no_reset)
        assert any("may have restarted" in warning.text for warning in handle.warnings)
        await handle.close()


async def test_another_reader_of_the_same_port_is_told(pty: Pty, monkeypatch: pytest.MonkeyPatch) -> None:
    Lines().install(monkeypatch)
    with another_program("import sys;f=open(sys.argv[1])", pty.path) as pid:
        handle = await open_handle(pty.path)
    assert any(f"pid {pid}" in warning.text for warning in handle.warnings)
    await handle.close()
