"""Data bits, parity, stop bits, flow control and breaks, on every kind of port."""

from __future__ import annotations

import asyncio
import sys
import termios
from array import array
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest
import serial

from espmon.port import PortError, PortErrorKind, open_handle
from espmon.port import posix_termios as driver
from espmon.port.device_registry import DeviceRegistry
from espmon.port.line_format import Flow, LineFormat, Parity
from espmon.time_limit import time_limit
from tests.port.peers import Pty, Rfc2217Peer, tcp_server

FORMATS = {
    "8N1": LineFormat(),
    "7E1": LineFormat(7, Parity.EVEN),
    "8O2": LineFormat(8, Parity.ODD, 2),
    "5N1.5": LineFormat(5, stop_bits=1.5),
    "8N1 rts-cts": LineFormat(flow=Flow.RTS_CTS),
    "6S1 xon-xoff": LineFormat(6, Parity.SPACE, flow=Flow.XON_XOFF),
}


@pytest.mark.parametrize(("text", "line"), FORMATS.items())
def test_a_format_is_written_and_read_as_people_write_it(text: str, line: LineFormat) -> None:
    assert str(line) == text
    assert LineFormat.parse(text.lower()) == line


@pytest.mark.parametrize("text", ["", "8N", "9N1", "8X1", "8N3", "8N1 hardware", "8N1 rts-cts xon-xoff"])
def test_what_is_no_format_says_what_one_is(text: str) -> None:
    with pytest.raises(ValueError, match="as in 8N1"):
        LineFormat.parse(text)


@pytest.mark.parametrize(
    ("line", "flags"),
    [
        (LineFormat(), (0, termios.CS8)),
        (LineFormat(7, Parity.EVEN, 2), (0, termios.CS7 | termios.PARENB | termios.CSTOPB)),
        (LineFormat(5, Parity.ODD), (0, termios.CS5 | termios.PARENB | termios.PARODD)),
        (LineFormat(flow=Flow.RTS_CTS), (0, termios.CS8 | termios.CRTSCTS)),
        (LineFormat(flow=Flow.XON_XOFF), (termios.IXON | termios.IXOFF, termios.CS8)),
    ],
)
def test_the_flags_of_termios(line: LineFormat, flags: tuple[int, int]) -> None:
    assert driver.format_flags(line) == flags


def test_what_termios_has_not_is_said() -> None:
    with pytest.raises(ValueError, match="1 and 2 stop bits"):
        driver.format_flags(LineFormat(5, stop_bits=1.5))


async def test_flow_control_is_set_and_a_change_of_the_rate_keeps_it(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    await handle.set_format(LineFormat(flow=Flow.XON_XOFF))
    await handle.set_baud(9600)
    assert termios.tcgetattr(handle._descriptor)[0] & termios.IXON  # type: ignore[attr-defined]
    await handle.set_format(LineFormat())
    assert not termios.tcgetattr(handle._descriptor)[0] & termios.IXON  # type: ignore[attr-defined]
    await handle.close()


@pytest.mark.skipif(sys.platform != "linux", reason="Linux's pseudo-terminals keep eight bits")
async def test_what_the_driver_does_not_take_over_is_said_and_undone(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    before = termios.tcgetattr(handle._descriptor)  # type: ignore[attr-defined]
    with pytest.raises(PortError, match="the driver does not take 7E1 xon-xoff") as caught:
        await handle.set_format(LineFormat(7, Parity.EVEN, flow=Flow.XON_XOFF))
    assert caught.value.kind is PortErrorKind.UNSUPPORTED
    assert termios.tcgetattr(handle._descriptor) == before  # type: ignore[attr-defined]
    await handle.close()


async def test_a_break_goes_through_a_local_port(pty: Pty) -> None:
    handle = await open_handle(pty.path)
    await handle.send_break(0.001)  # a pseudo-terminal takes it, and shows it to nobody
    await handle.close()


async def test_a_plain_socket_has_no_format_and_no_break() -> None:
    with tcp_server(lambda client: None) as port:
        handle = await open_handle(f"socket://127.0.0.1:{port}")
        for work in (handle.set_format(LineFormat(7)), handle.send_break(0.1)):
            with pytest.raises(PortError) as caught:
                await work
            assert caught.value.kind is PortErrorKind.UNSUPPORTED
        await handle.close()


async def test_pyserial_gets_all_of_it() -> None:
    handle = await open_handle("loop://")
    await handle.set_format(LineFormat(7, Parity.EVEN, 2, Flow.XON_XOFF))
    port = handle._calls.port  # type: ignore[attr-defined]
    assert (port.bytesize, port.parity, port.stopbits, port.xonxoff, port.rtscts) == (7, "E", 2, True, False)
    await handle.close()


async def test_rfc2217_sends_the_values_of_the_standard() -> None:
    peer = Rfc2217Peer()
    with tcp_server(peer.serve) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}")
        await handle.set_format(LineFormat(7, Parity.EVEN, 2, Flow.RTS_CTS))
        assert (peer.port.bytesize, peer.port.parity, peer.port.stopbits) == (7, serial.PARITY_EVEN, 2)
        assert peer.port.rtscts is True
        await handle.close()


async def holds(condition: Callable[[], object]) -> None:
    async with time_limit(30):
        while not condition():  # noqa: ASYNC110 the peer is a thread
            await asyncio.sleep(0.005)


async def test_a_break_over_rfc2217_begins_and_ends() -> None:
    peer = Rfc2217Peer()
    with tcp_server(peer.serve) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}")
        breaking = asyncio.create_task(handle.send_break(0.3))
        await holds(lambda: peer.port.break_condition)
        await breaking
        await holds(lambda: not peer.port.break_condition)
        await handle.close()


async def test_a_break_through_pyserial_and_what_can_be_wrong_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    handle = await open_handle("loop://")
    port = handle._calls.port  # type: ignore[attr-defined]
    seen: list[bool] = []
    monkeypatch.setattr(port, "_update_break_state", lambda: seen.append(port.break_condition), raising=False)
    await handle.send_break(0.001)
    assert seen == [True, False]
    for error, kind in (
        (ValueError("no break"), PortErrorKind.UNSUPPORTED),
        (OSError("gone"), PortErrorKind.LOST),
        (serial.SerialTimeoutException("late"), PortErrorKind.STALLED),
    ):
        monkeypatch.setattr(port, "send_break", Mock(side_effect=error))
        with pytest.raises(PortError) as caught:
            await handle.send_break(0.001)
        assert caught.value.kind is kind
    await handle.close()


class ModemLines:
    """The modem lines of a driver, as `ioctl` sees them."""

    def __init__(self) -> None:
        self.state = 0
        self.requests: list[int] = []

    def ioctl(self, descriptor: int, request: int, value: array[int]) -> int:
        self.requests.append(request)
        if request == termios.TIOCMGET:
            value[0] = self.state
        elif request == termios.TIOCMSET:
            self.state = value[0]
        elif request == termios.TIOCMBIS:
            self.state |= value[0]
        elif request == termios.TIOCMBIC:
            self.state &= ~value[0]
        return 0


def test_both_modem_lines_move_at_once_and_one_moves_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = ModemLines()
    monkeypatch.setattr("espmon.port.posix_termios.fcntl.ioctl", lines.ioctl)
    driver.move_lines(0, True, False)
    assert driver.read_lines(0) == (True, False)
    assert lines.requests.count(termios.TIOCMSET) == 1
    driver.move_lines(0, None, True)
    driver.move_lines(0, False, None)
    assert driver.read_lines(0) == (False, True)
    assert lines.requests.count(termios.TIOCMSET) == 1, "one line alone is set or cleared, and the other not touched"
    driver.move_lines(0, False, False)
    assert driver.read_lines(0) == (False, False)
    driver.move_lines(0, None, None)
    assert lines.requests[-1] == termios.TIOCMGET, "nothing to move"


def test_the_registry_keeps_a_format_and_refuses_what_is_none(tmp_path: Path) -> None:
    registry = DeviceRegistry(tmp_path / "devices.json")
    registry.update("serial:1", nickname="desk", line="7E1 rts-cts")
    known = registry.by_nickname("desk")
    assert known is not None
    assert known.line == "7E1 rts-cts"
    with pytest.raises(PortError, match="as in 8N1"):
        registry.update("serial:1", line="9600")


def test_the_registry_keeps_levels_and_nothing_else_for_them(tmp_path: Path) -> None:
    registry = DeviceRegistry(tmp_path / "devices.json")
    registry.update("serial:1", dtr=False)
    known = registry.get("serial:1")
    assert known is not None
    assert (known.dtr, known.rts) == (False, None)
    with pytest.raises(PortError, match="true, false or null"):
        registry.update("serial:1", rts=1)
