"""Ports behind a network: plain TCP, and RFC 2217 servers made with pyserial."""

from __future__ import annotations

import asyncio
import socket
import sys
import threading
from contextlib import suppress

import pytest

from espmon.port import CLOSE_SECONDS, LineFormat, PortError, PortErrorKind, open_handle, rfc2217
from espmon.port.buffer import ReceiveBuffer
from espmon.port.stream import DEAD_SECONDS, StreamHandle, notice_dead_peer, unanswered_seconds
from espmon.port.telnet import BINARY, BREAK_COMMAND, COM_PORT, DONT, IAC, SB, SE, WONT, negotiation
from espmon.time_limit import time_limit
from tests.port.peers import Rfc2217Peer, noise, read_exactly, read_to_the_end, tcp_server, until

MEGABYTES_10 = 10 << 20


def echo(connection: socket.socket) -> None:
    while data := connection.recv(1 << 16):
        connection.sendall(data)


async def test_a_socket_carries_every_byte_value_both_ways() -> None:
    data = bytes(range(256)) * 8
    with tcp_server(echo) as port:
        handle = await open_handle(f"socket://127.0.0.1:{port}")
        await handle.write(data)
        assert await read_exactly(handle, len(data)) == data
        assert handle.remote
        assert not handle.has_modem_lines
        assert any("rfc2217://" in warning.text for warning in handle.warnings)
        await handle.close()


async def test_ten_megabytes_over_a_socket_come_complete_and_equal() -> None:
    data = noise(MEGABYTES_10)
    with tcp_server(lambda connection: connection.sendall(data)) as port:
        handle = await open_handle(f"socket://127.0.0.1:{port}")
        received, error = await read_to_the_end(handle)
        assert received == data
        assert error.kind is PortErrorKind.LOST
        await handle.close()


async def test_ten_megabytes_over_rfc2217_come_complete_and_equal() -> None:
    data = noise(MEGABYTES_10)
    with tcp_server(Rfc2217Peer(say=data).serve) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}")
        assert await read_exactly(handle, len(data)) == data
        await handle.close()


async def test_rfc2217_escapes_iac_both_ways() -> None:
    data = b"\xff\xff\x00\xff" * 3000 + bytes(range(256))
    with tcp_server(Rfc2217Peer().serve) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}")
        await handle.write(data)
        assert await read_exactly(handle, len(data)) == data
        await handle.close()


async def test_opening_over_rfc2217_sets_the_rate_and_moves_no_line() -> None:
    peer = Rfc2217Peer()
    with tcp_server(peer.serve) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}", baud=921600)
        assert ("baudrate", 921600) in peer.port.changes
        assert peer.port.moves == []
        assert handle.warnings == ()
        await handle.set_baud(74880)
        assert handle.baud == 74880
        assert peer.port.baudrate == 74880
        await handle.close()


async def test_both_lines_travel_in_one_segment_and_are_acknowledged() -> None:
    peer = Rfc2217Peer()
    with tcp_server(peer.serve) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}")
        before = len(peer.segments)
        await handle.set_lines(dtr=True, rts=False)
        assert peer.port.moves == [("dtr", True), ("rts", False)]
        assert len(peer.segments) == before + 1
        await handle.close()


async def test_the_classic_sequence_arrives_as_documented_and_rewrites_dtr_after_rts() -> None:
    peer = Rfc2217Peer()
    with tcp_server(peer.serve) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}")
        entries = handle.loader_entries()
        assert [entry.name for entry in entries] == ["classic 0.05 s", "classic 0.55 s"]
        await handle.run_sequence(entries[0])
        assert peer.port.moves == [
            ("dtr", False),
            ("rts", True),
            ("dtr", False),
            ("dtr", True),
            ("rts", False),
            ("dtr", True),
            ("dtr", False),
        ]
        await handle.close()


async def test_a_hard_reset_releases_dtr_first_where_its_state_is_unknown() -> None:
    peer = Rfc2217Peer()
    with tcp_server(peer.serve) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}")
        sequence = handle.hard_reset_sequence()
        assert sequence is not None
        await handle.run_sequence(sequence)
        assert peer.port.moves == [("dtr", False), ("rts", True), ("rts", False)]
        await handle.close()


async def test_lines_can_be_moved_while_the_receive_buffer_is_full(monkeypatch: pytest.MonkeyPatch) -> None:
    peer = Rfc2217Peer(say=noise(200_000))
    with tcp_server(peer.serve) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}")
        monkeypatch.setattr(handle._receive, "_limit", 1000)
        await until(lambda: handle._receive.paused or len(handle._receive) == 200_000)
        await handle.set_lines(dtr=True)
        assert peer.port.moves == [("dtr", True)]
        assert handle.warnings == ()
        assert await read_exactly(handle, 200_000) == noise(200_000)
        await handle.close()


async def test_a_server_that_is_plain_tcp_is_told_apart() -> None:
    def boot(connection: socket.socket) -> None:
        while connection.recv(1 << 16):
            connection.sendall(b"boot\n")

    with tcp_server(boot) as port:
        with pytest.raises(PortError) as caught:
            await open_handle(f"rfc2217://127.0.0.1:{port}?timeout=0.05")
        assert caught.value.kind is PortErrorKind.UNSUPPORTED


async def test_a_server_that_refuses_serial_control_is_named_as_such() -> None:
    def refuse(connection: socket.socket) -> None:
        connection.sendall(bytes((IAC, 254, 44)))
        echo(connection)

    with tcp_server(refuse) as port:
        with pytest.raises(PortError) as caught:
            await open_handle(f"rfc2217://127.0.0.1:{port}")
        assert caught.value.kind is PortErrorKind.UNSUPPORTED
        assert "socket://" in caught.value.hint


async def test_a_board_that_echoes_on_plain_tcp_is_not_taken_for_a_server() -> None:
    with tcp_server(echo) as port:
        with pytest.raises(PortError) as caught:
            await open_handle(f"rfc2217://127.0.0.1:{port}?timeout=0.05")
        assert caught.value.kind is PortErrorKind.UNSUPPORTED


async def test_a_telnet_server_with_serial_control_is_as_good_as_rfc2217() -> None:
    with tcp_server(Rfc2217Peer().serve) as port:
        handle = await open_handle(f"telnet://127.0.0.1:{port}")
        assert (handle.has_modem_lines, handle.has_rate, handle.warnings) == (True, True, ())
        await handle.close()


async def test_a_telnet_server_without_serial_control_is_used_as_it_is() -> None:
    """It sends text: it will not have BINARY, and its CR has a NUL behind it where no LF is."""
    heard = bytearray()

    def talk(connection: socket.socket) -> None:
        no = b"".join(negotiation(verb, option) for verb, option in ((DONT, COM_PORT), (DONT, BINARY), (WONT, BINARY)))
        connection.sendall(no + b"login: \r\0\xff\xff")
        connection.sendall(b"up\r")
        connection.sendall(b"\0\r\n")
        while data := connection.recv(1 << 16):
            heard.extend(data)

    with tcp_server(talk) as port:
        handle = await open_handle(f"telnet://127.0.0.1:{port}")
        assert (handle.has_modem_lines, handle.has_rate) == (False, False)
        assert "does not speak RFC 2217" in handle.warnings[0].text
        assert await read_exactly(handle, 14) == b"login: \r\xffup\r\r\n"
        await handle.set_baud(921600)  # the server keeps its own
        with pytest.raises(PortError, match="no data bits"):
            await handle.set_format(LineFormat.parse("7E2"))
        await handle.write(b"\r\xff\r\n")
        await handle.send_break(0.2)
        await until(lambda: heard.endswith(b"\r\0\xff\xff\r\n" + BREAK_COMMAND))
        await handle.close()


async def test_a_server_that_says_nothing_of_telnet_is_read_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rfc2217, "TELNET_SECONDS", 0.05)

    def boot(connection: socket.socket) -> None:
        connection.sendall(b"boot\n")
        connection.recv(1 << 16)
        connection.sendall(b"ready\n")
        connection.recv(1 << 16)

    with tcp_server(boot) as port:
        handle = await open_handle(f"telnet://127.0.0.1:{port}")
        assert not handle.has_modem_lines
        assert await read_exactly(handle, 11) == b"boot\nready\n"
        await handle.close()


async def test_a_reader_of_a_stream_gets_the_pieces_of_a_burst_together() -> None:
    received = ReceiveBuffer()
    received.expect_pieces(0.5)
    reading = asyncio.create_task(received.take(30))
    for piece in (b"one ", b"two"):
        await asyncio.sleep(0)
        received.put(piece)
    assert await reading == b"one two"
    received.put(b"three")
    assert await received.take(30) == b"three"


async def test_a_server_that_never_acknowledges_is_used_with_a_warning() -> None:
    def silent(connection: socket.socket) -> None:
        connection.sendall(bytes((IAC, 253, 44)))
        while connection.recv(1 << 16):
            continue

    with tcp_server(silent) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}?timeout=0.05")
        assert any("does not acknowledge" in warning.text for warning in handle.warnings)
        await handle.set_lines(dtr=True)
        await handle.close()


async def test_a_server_that_runs_another_rate_is_told() -> None:
    def stubborn(connection: socket.socket) -> None:
        connection.sendall(bytes((IAC, 253, 44)))
        while connection.recv(1 << 16):
            connection.sendall(bytes((IAC, SB, 44, 101, 0, 0, 0x25, 0x80, IAC, SE, IAC, SB, 44, 105, 1, IAC, SE)))

    with tcp_server(stubborn) as port:
        handle = await open_handle(f"rfc2217://127.0.0.1:{port}?timeout=0.05")
        assert any("9600 baud" in warning.text for warning in handle.warnings)
        await handle.close()


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
async def test_a_connection_that_breaks_gives_its_last_bytes_and_then_lost(scheme: str) -> None:
    def last_words(connection: socket.socket) -> None:
        connection.sendall(bytes((IAC, 253, 44)) if scheme == "rfc2217" else b"")
        if scheme == "rfc2217":
            received = b""
            while not received.endswith(b"\x05\x01\xff\xf0"):
                received += connection.recv(1 << 16)
        connection.sendall(b"last words")

    with tcp_server(last_words) as port:
        handle = await open_handle(f"{scheme}://127.0.0.1:{port}?ign_set_control")
        data, error = await read_to_the_end(handle)
        assert data == b"last words"
        assert error.kind is PortErrorKind.LOST
        await handle.close()


@pytest.mark.parametrize("scheme", ["socket", "rfc2217"])
async def test_a_stalled_peer_is_reported_and_close_stays_bounded(scheme: str) -> None:
    release = threading.Event()

    def stall(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(bytes((IAC, 253, 44)) if scheme == "rfc2217" else b"")
        release.wait(30)

    with tcp_server(stall) as port:
        handle = await open_handle(f"{scheme}://127.0.0.1:{port}?ign_set_control")
        with pytest.raises(PortError) as caught:
            await handle.write(bytes(64 << 20), timeout=0.1)
        assert caught.value.kind is PortErrorKind.STALLED
        async with time_limit(CLOSE_SECONDS + 1):
            await handle.close()
        release.set()


async def test_what_was_written_just_before_close_still_arrives() -> None:
    received = bytearray()
    done = threading.Event()

    def keep(connection: socket.socket) -> None:
        while data := connection.recv(1 << 16):
            received.extend(data)
        done.set()

    with tcp_server(keep) as port:
        handle = await open_handle(f"socket://127.0.0.1:{port}")
        await handle.write(noise(300_000))
        await handle.close()
        await asyncio.to_thread(done.wait, 10)
    assert bytes(received) == noise(300_000)


async def test_a_late_reader_stops_the_sender_of_a_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    data = noise(MEGABYTES_10)
    with tcp_server(lambda connection: connection.sendall(data)) as port:
        handle = await open_handle(f"socket://127.0.0.1:{port}")
        monkeypatch.setattr(handle._receive, "_limit", 100_000)
        await until(lambda: handle._receive.paused)
        assert len(handle._receive) < 100_000 + (1 << 18)
        received, _ = await read_to_the_end(handle)
        assert received == data
        await handle.close()


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="the times of keep-alive have other names here")
def test_a_dead_peer_is_noticed_within_ten_seconds() -> None:
    def option(name: str) -> int:
        return connected.getsockopt(socket.IPPROTO_TCP, getattr(socket, name))

    with socket.socket() as connected:
        notice_dead_peer(connected)
        assert connected.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
        seconds = option("TCP_KEEPIDLE") + option("TCP_KEEPINTVL") * option("TCP_KEEPCNT")
        assert seconds == DEAD_SECONDS < 10


async def test_a_peer_that_acknowledges_nothing_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    silent = [0.0]
    monkeypatch.setattr("espmon.port.stream.unanswered_seconds", lambda connected: silent[0])
    monkeypatch.setattr("espmon.port.stream.LOOK_SECONDS", 0.01)
    with tcp_server(echo) as port:
        handle = await open_handle(f"socket://127.0.0.1:{port}")
        await handle.write(b"here")
        assert await read_exactly(handle, 4) == b"here"
        silent[0] = DEAD_SECONDS + 1
        with pytest.raises(PortError, match="did not answer for 8 s") as caught:
            await handle.read(30)
        assert caught.value.kind is PortErrorKind.LOST
        await handle.close()


async def test_a_connection_that_has_ended_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[socket.socket] = []

    def look(connected: socket.socket) -> float:
        looks.append(connected)
        return 0.0

    monkeypatch.setattr("espmon.port.stream.unanswered_seconds", look)
    with tcp_server(echo) as port:
        handle = await open_handle(f"socket://127.0.0.1:{port}")
        assert isinstance(handle, StreamHandle)
        await handle.close()
        (connected,) = looks
        handle.watch_peer(connected)
    assert looks == [connected]


def test_a_system_that_tells_of_no_acknowledgements_has_no_dead_peers(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as fresh:
        monkeypatch.setattr(sys, "platform", "freebsd14")
        assert unanswered_seconds(fresh) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not tell")
def test_a_peer_that_reads_nothing_is_not_dead() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as connected,
        server.accept()[0],
    ):
        connected.setblocking(False)
        with suppress(BlockingIOError):
            while True:
                connected.send(bytes(1 << 16))
        assert unanswered_seconds(connected) < DEAD_SECONDS
    assert unanswered_seconds(connected) == 0, "it is closed"


async def test_a_refused_connection_says_so() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    for scheme in ("socket", "rfc2217"):
        with pytest.raises(PortError) as caught:
            await open_handle(f"{scheme}://localhost:{port}")
        assert caught.value.kind is PortErrorKind.REFUSED
        assert str(port) in caught.value.message


async def test_a_host_that_does_not_exist_says_so() -> None:
    with pytest.raises(PortError) as caught:
        await open_handle("socket://no-such-board.invalid:3333")
    assert caught.value.kind is PortErrorKind.MISSING
    assert "no such host" in caught.value.message


@pytest.mark.parametrize(
    "url", ["rfc2217://board", "socket://:1", "socket://board:port", "socket://[::1", "telnet://board", "gopher://x:1"]
)
async def test_a_bad_url_is_one_clear_line(url: str) -> None:
    with pytest.raises(PortError) as caught:
        await open_handle(url)
    assert caught.value.kind is PortErrorKind.UNSUPPORTED
    assert "\n" not in str(caught.value)
