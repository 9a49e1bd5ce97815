"""A lost port is found again by what it is: a made-up list of ports, pseudo-terminals behind changing names."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from serial.tools.list_ports_common import ListPortInfo

from espmon.port import Handle, PortWarningKind, identify, open_handle, wait_for_port
from espmon.records.record import JsonObject
from espmon.session import Session, connection
from espmon.session.connection import PortAccess
from espmon.session.session_folder import SIDECAR
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Notice, OpenRequest
from espmon.time_limit import time_limit
from tests.port.peers import Pty
from tests.session.fakes import Watch, shown

LIMIT = 30.0
FLAPS = 20

JTAG, LOADER, PROGRAM, CUSTOM, BRIDGE = (
    (0x303A, 0x1001), (0x303A, 0x0002), (0x303A, 0x4001), (0x239A, 0x80DF), (0x10C4, 0xEA60),
)  # fmt: skip


class Desk:
    """Sockets with boards in them, and the system's list of their ports."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._present: dict[str, tuple[ListPortInfo, Pty]] = {}
        self._loop = asyncio.get_running_loop()
        self._looked = asyncio.Semaphore(0)
        self.may_reset = False

    def plug(self, name: str, usb: tuple[int, int], serial: str | None, socket: str) -> str:
        """A board is there under this name; returns the path."""
        pty = Pty()
        path = self._folder / name
        path.symlink_to(pty.path)
        row = ListPortInfo(str(path))
        row.vid, row.pid = usb
        row.serial_number, row.location = serial, socket
        self._present[name] = row, pty
        return str(path)

    def unplug(self, name: str) -> None:
        """It is gone."""
        _, pty = self._present.pop(name)
        (self._folder / name).unlink()
        pty.close()

    def say(self, name: str, data: bytes) -> None:
        """The board sends."""
        self._present[name][1].send(data)

    def ports(self) -> list[ListPortInfo]:
        """The system's list. From any thread."""
        self._loop.call_soon_threadsafe(self._looked.release)
        return [row for row, _ in self._present.values()]

    async def open(self, url: str, *, baud: int, no_reset: bool) -> Handle:
        """Open the port; its USB device is the one of the list."""
        handle = await open_handle(url, baud=baud, no_reset=no_reset)
        row = next(row for row, _ in self._present.values() if row.device == url)
        handle.usb = (row.vid, row.pid)
        if self.may_reset:
            handle.warn(PortWarningKind.MAY_RESET, "Opening the port may have restarted the board")
        return handle

    async def looked_at(self, times: int) -> None:
        """Wait until somebody has read the list so often from now on."""
        self._looked = asyncio.Semaphore(0)
        async with time_limit(LIMIT):
            for _ in range(times):
                await self._looked.acquire()

    def clear(self) -> None:
        """Nothing is there."""
        for name in list(self._present):
            self.unplug(name)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    (tmp_path / "dev").mkdir()
    made = Desk(tmp_path / "dev")
    yield made
    made.clear()


class Seat:
    """A session on a port of the desk."""

    def __init__(self, desk: Desk, root: Path) -> None:
        access = PortAccess(
            opener=desk.open,
            waiter=partial(wait_for_port, source=desk.ports),
            identifier=partial(identify, source=desk.ports),
            resolver=str,
        )
        self.session = Session(settings=replace(Settings(), share=False), folder=root, access=access)
        self.watch = Watch()
        self.session.subscribe(self.watch)

    @property
    def log(self) -> list[str]:
        """The lines as they are shown."""
        return shown(self.session.store)

    @property
    def notices(self) -> list[str]:
        """What was told by a toast."""
        return [change.text for change in self.watch.changes if isinstance(change, Notice)]

    async def says(self, text: str) -> None:
        """Wait until a line has this in it."""
        await self.watch.until(lambda: any(text in line for line in self.log), LIMIT)

    async def state(self, state: State, opens: int = 0) -> None:
        """Wait for a state, after so many openings."""
        await self.watch.until(lambda: self.session.state is state and self.session.connection.opens >= opens, LIMIT)

    def sidecar(self) -> list[JsonObject]:
        """What was recorded beside the bytes."""
        assert self.session.status.recording is not None
        return [json.loads(line) for line in (self.session.status.recording / SIDECAR).read_text().splitlines()]


Sit = Callable[[str], Awaitable[Seat]]


@pytest.fixture
async def sit(desk: Desk, tmp_path: Path) -> AsyncIterator[Sit]:
    seats: list[Seat] = []

    async def make(url: str) -> Seat:
        seat = Seat(desk, tmp_path / "sessions")
        seats.append(seat)
        await seat.session.open(OpenRequest(url))
        assert seat.session.state is State.MONITORING, seat.session.status.reason
        return seat

    yield make
    for seat in seats:
        await seat.session.close()


@pytest.mark.parametrize(
    ("serial", "socket"),
    [("34:85:18:AA:BB:CC", "2-7"), (None, "1-4")],
    ids=["by serial number in another socket", "by the socket"],
)
async def test_a_board_is_found_under_another_name_and_the_gap_is_told(
    desk: Desk, sit: Sit, serial: str | None, socket: str
) -> None:
    seat = await sit(desk.plug("ttyACM0", JTAG, serial, "1-4"))
    desk.say("ttyACM0", b"before\n")
    await seat.says("before")
    desk.unplug("ttyACM0")
    await seat.state(State.LOST)
    desk.plug("ttyACM0", BRIDGE, "1", "1-9")  # its old name is another board's now
    desk.plug("ttyACM7", JTAG, serial, socket)
    await seat.state(State.MONITORING, 2)
    desk.say("ttyACM7", b"after\n")
    await seat.says("after")
    [lost, back] = [line for line in seat.log if line.startswith("──") and "pseudo" not in line]
    assert "port lost" in lost
    assert "ttyACM7; what was sent in between is not here" in back
    [event] = [entry.record for entry in seat.session.events if entry.record.fields().get("state") == "reopened"]
    assert f"after {event.fields()['gap']:.2f} s, now as " in back


async def test_a_port_whose_opening_may_reset_says_so_each_time_it_is_opened(desk: Desk, sit: Sit) -> None:
    desk.may_reset = True
    seat = await sit(desk.plug("ttyUSB0", BRIDGE, "A1", "1-4"))
    for opens in (2, 3):
        desk.unplug("ttyUSB0")
        await seat.state(State.LOST)
        desk.plug("ttyUSB0", BRIDGE, "A1", "1-4")
        await seat.state(State.MONITORING, opens)
    told = [line for line in seat.log if "port reopened" in line]
    assert len(told) == 2
    assert all(" s, which may have reset the board; " in line for line in told)


async def test_two_boards_whose_sockets_are_swapped_keep_their_sessions(desk: Desk, sit: Sit) -> None:
    left = await sit(desk.plug("ttyUSB0", BRIDGE, "AAAA", "1-1"))
    right = await sit(desk.plug("ttyUSB1", BRIDGE, "BBBB", "1-2"))
    desk.unplug("ttyUSB0")
    desk.unplug("ttyUSB1")
    await left.state(State.LOST)
    await right.state(State.LOST)
    desk.plug("ttyUSB0", BRIDGE, "BBBB", "1-1")
    await right.state(State.MONITORING, 2)
    assert left.session.state is State.LOST
    desk.plug("ttyUSB1", BRIDGE, "AAAA", "1-2")
    await left.state(State.MONITORING, 2)
    desk.say("ttyUSB0", b"I am B\n")
    desk.say("ttyUSB1", b"I am A\n")
    await left.says("I am A")
    await right.says("I am B")


async def test_a_board_with_the_same_serial_number_in_another_socket_is_not_taken_for_it(desk: Desk, sit: Sit) -> None:
    seat = await sit(desk.plug("ttyUSB0", BRIDGE, "0001", "1-1"))
    desk.plug("ttyUSB1", BRIDGE, "0001", "1-2")
    desk.unplug("ttyUSB0")
    await seat.state(State.LOST)
    await desk.looked_at(4)
    assert seat.session.state is State.LOST
    desk.plug("ttyUSB5", BRIDGE, "0001", "1-1")
    await seat.state(State.MONITORING, 2)
    desk.say("ttyUSB5", b"mine\n")
    await seat.says("mine")


async def test_a_board_that_may_be_one_of_two_is_asked_for_and_taken_once_it_is_clear(
    desk: Desk, sit: Sit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MAX_REOPEN_SECONDS", 0.05)
    seat = await sit(desk.plug("ttyUSB0", BRIDGE, "0001", "1-1"))
    desk.plug("ttyUSB1", BRIDGE, "0001", "1-2")
    desk.plug("ttyUSB2", BRIDGE, "0001", "1-3")
    desk.unplug("ttyUSB0")
    await seat.watch.until(lambda: any("all have its serial number" in text for text in seat.notices), LIMIT)
    assert "Choose the port again" in seat.session.status.hint
    desk.plug("ttyUSB0", BRIDGE, "0001", "1-1")
    await seat.state(State.MONITORING, 2)
    assert not any("Internal error" in text for text in seat.notices)


@pytest.mark.parametrize(
    ("application", "serial"),
    [(PROGRAM, "123456"), (CUSTOM, "F4:12:FA:00:00:01"), (JTAG, "F4:12:FA:00:00:01")],
    ids=["TinyUSB", "of another vendor", "USB-Serial/JTAG"],
)
async def test_a_board_that_comes_back_as_another_product_is_told_as_that(
    desk: Desk, sit: Sit, application: tuple[int, int], serial: str
) -> None:
    seat = await sit(desk.plug("ttyACM0", application, serial, "1-4"))
    desk.unplug("ttyACM0")
    await seat.state(State.LOST)
    desk.plug("ttyACM1", LOADER, "0", "1-4")
    await seat.says("Espressif USB-OTG in the ROM loader")
    desk.unplug("ttyACM1")
    await seat.state(State.LOST)
    desk.plug("ttyACM0", application, "F412FA000001", "1-4")  # flashed: its program has another number, or writes it so
    await seat.says(f"({application[0]:04x}:{application[1]:04x}); it was ")
    assert len([line for line in seat.log if "came back as another USB device" in line]) == 2


async def test_another_board_in_its_socket_is_not_taken_for_it(desk: Desk, sit: Sit) -> None:
    seat = await sit(desk.plug("ttyACM0", JTAG, "34:85:18:AA:BB:CC", "1-4"))
    desk.unplug("ttyACM0")
    await seat.state(State.LOST)
    for usb, serial in ((JTAG, "34:85:18:00:00:00"), (BRIDGE, "0001")):
        desk.plug("ttyACM0", usb, serial, "1-4")
        await desk.looked_at(4)
        assert seat.session.state is State.LOST
        desk.unplug("ttyACM0")
    desk.plug("ttyACM0", JTAG, "34:85:18:AA:BB:CC", "1-4")
    await seat.state(State.MONITORING, 2)


async def test_what_was_being_received_ends_as_partial(desk: Desk, sit: Sit) -> None:
    seat = await sit(desk.plug("ttyACM0", JTAG, "A", "1-4"))
    desk.say("ttyACM0", b"================= CORE DUMP START =================\r\nAAECAwQF\r\nBgcICQ")
    await seat.watch.until(lambda: seat.session.status.capture is not None, LIMIT)
    desk.unplug("ttyACM0")
    await seat.state(State.LOST)
    [dump] = [entry.record for entry in seat.session.events if entry.record.type == "coredump"]
    assert dump.fields()["complete"] is False
    desk.plug("ttyACM0", JTAG, "A", "1-4")
    await seat.state(State.MONITORING, 2)
    desk.say("ttyACM0", b"text again\n")
    await seat.says("text again")


async def test_a_port_that_flaps_floods_neither_the_log_nor_the_toasts(desk: Desk, sit: Sit) -> None:
    seat = await sit(desk.plug("ttyACM0", JTAG, "A", "1-4"))
    for number in range(FLAPS):
        desk.unplug("ttyACM0")
        await seat.state(State.LOST)
        desk.plug("ttyACM0", JTAG, "A", "1-4")
        await seat.state(State.MONITORING, number + 2)
    assert sum("port lost" in line for line in seat.log) == 4
    assert sum("port reopened" in line for line in seat.log) == 4
    assert len(seat.notices) == 8
    await seat.session.close()
    links = [line["state"] for line in seat.sidecar() if line.get("type") == "link"]
    assert links == ["opened", *["lost", "reopened"] * FLAPS]


async def test_a_board_that_sleeps_is_waited_for_in_silence(desk: Desk, sit: Sit) -> None:
    seat = await sit(desk.plug("ttyACM0", JTAG, "A", "1-4"))
    desk.unplug("ttyACM0")
    await seat.state(State.LOST)
    log, notices = seat.log, seat.notices
    await desk.looked_at(10)
    assert (seat.log, seat.notices) == (log, notices)
    assert seat.session.status.waiting
    desk.plug("ttyACM0", JTAG, "A", "1-4")
    await seat.state(State.MONITORING, 2)
