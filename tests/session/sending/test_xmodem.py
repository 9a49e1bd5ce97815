"""XMODEM and YMODEM, against lrzsz behind a pseudo-terminal and against peers that damage, repeat and cancel."""

from __future__ import annotations

import asyncio
import os
import pty
import shutil
import socket
import subprocess
import threading
import tty
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from espmon.session.sending import xmodem
from espmon.session.sending.file_transfer import FileTransfer, Transfer, Way, save
from espmon.session.sending.xmodem import ACK, CAN, EOT, NAK, TransferError, receive_xmodem, send_xmodem, send_ymodem
from espmon.session.session import Session
from espmon.session.state import State
from espmon.session.status import OpenRequest
from tests.session.fakes import Watch
from tests.session.sending.conftest import Make

needs_lrzsz = pytest.mark.skipif(shutil.which("rb") is None, reason="needs Debian's lrzsz")

CONTENT = bytes(range(256)) * 20 + b"the end"
"""Every byte, and an end that fills no block."""


def relay(source: int, target: int) -> threading.Thread:
    """Copies bytes until one of the two is closed."""

    def copy() -> None:
        with suppress(OSError):
            while data := os.read(source, 4096):
                while data:
                    data = data[os.write(target, data) :]

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    return thread


def start(folder: Path, command: tuple[str, ...], end: socket.socket) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, cwd=folder, stdin=end.fileno(), stdout=end.fileno(), stderr=subprocess.DEVNULL)


@asynccontextmanager
async def lrzsz(folder: Path, *command: str) -> AsyncIterator[tuple[Session, Watch, subprocess.Popen[bytes]]]:
    """A session on a pseudo-terminal at whose other end one of lrzsz's programs runs in `folder`.

    The program itself is on a socket: on the terminal's other end it would set the session's own line to XON/XOFF.
    """
    board, port = pty.openpty()
    tty.setraw(port)
    ours, theirs = socket.socketpair()
    session, watch = Session(folder=folder / "sessions"), Watch()
    session.subscribe(watch)
    await session.open(OpenRequest(os.ttyname(port)))
    assert session.state is State.MONITORING, session.status.reason
    threads = [relay(board, ours.fileno()), relay(ours.fileno(), board)]
    program = start(folder, command, theirs)
    theirs.close()
    try:
        yield session, watch, program
    finally:
        program.kill()
        program.wait()
        await session.close()
        os.close(port)
        for thread in threads:
            thread.join(10)
        os.close(board)
        ours.close()


async def exit_code(program: subprocess.Popen[bytes]) -> int:
    return await asyncio.wait_for(asyncio.to_thread(program.wait), 30)


@needs_lrzsz
@pytest.mark.parametrize(
    ("way", "command"),
    [
        (Way.XMODEM, ("rx", "-q", "received")),
        (Way.XMODEM, ("rx", "-q", "-c", "received")),
        (Way.XMODEM_1K, ("rx", "-q", "-c", "received")),
        (Way.YMODEM, ("rb", "-q")),
    ],
)
async def test_a_file_arrives_at_lrzsz(tmp_path: Path, way: Way, command: tuple[str, ...]) -> None:
    (tmp_path / "from").mkdir()
    (tmp_path / "from" / "received").write_bytes(CONTENT)
    async with lrzsz(tmp_path, *command) as (session, _, program):
        await session.run(FileTransfer(Transfer(way, tmp_path / "from" / "received")))
        assert await exit_code(program) == 0
        got = (tmp_path / "received").read_bytes()
        # XMODEM fills its last block.
        assert got == CONTENT if way is Way.YMODEM else got.rstrip(b"\x1a") == CONTENT
        assert session.state is State.MONITORING
        assert f"eceived: {len(CONTENT):,} bytes sent by {way.value}" in session.events[-1].title


@needs_lrzsz
@pytest.mark.parametrize(
    ("way", "command"),
    [(Way.XMODEM, ("sx", "-q", "file")), (Way.XMODEM, ("sx", "-q", "-k", "file")), (Way.YMODEM, ("sb", "-q", "file"))],
)
async def test_a_file_comes_from_lrzsz(tmp_path: Path, way: Way, command: tuple[str, ...]) -> None:
    (tmp_path / "file").write_bytes(CONTENT)
    folder = tmp_path / "got"
    folder.mkdir()
    async with lrzsz(tmp_path, *command) as (session, _, program):
        await session.run(FileTransfer(Transfer(way, folder, receive=True)))
        assert await exit_code(program) == 0
    (path,) = folder.iterdir()
    got = path.read_bytes()
    assert got == CONTENT if way is Way.YMODEM else got.rstrip(b"\x1a") == CONTENT


@needs_lrzsz
async def test_a_cancelled_transfer_ends_the_program_at_the_other_end(tmp_path: Path) -> None:
    (tmp_path / "from").mkdir()
    large = tmp_path / "from" / "large"
    large.write_bytes(bytes(16 << 20))
    async with lrzsz(tmp_path, "rb", "-q") as (session, watch, program):
        sending = asyncio.create_task(session.run(FileTransfer(Transfer(Way.YMODEM, large))))
        await watch.until(lambda: session.status.progress is not None and session.status.progress.done > 0, 30)
        await session.cancel()
        await sending
        assert await exit_code(program) != 0
        assert session.state is State.MONITORING
        assert session.events[-1].title == "Send by YMODEM cancelled; the other side was told"


class Peer:
    """A channel whose other end is a function: what is written goes in, what is to be read comes out."""

    def __init__(self, answer: Callable[[bytes], bytes], first: bytes = b"C") -> None:
        self._answer = answer
        self._waiting = bytearray(first)
        self.heard = bytearray()

    async def read(self, timeout: float | None = None) -> bytes:
        await asyncio.sleep(0)
        data, self._waiting = bytes(self._waiting), bytearray()
        return data

    async def write(self, data: bytes, timeout: float = 5.0) -> None:
        self.heard += data
        self._waiting += self._answer(data)


def ignore(done: int) -> None:
    pass


async def test_damaged_blocks_are_sent_again() -> None:
    answers: Iterator[int] = iter([NAK, NAK, ACK, ACK, NAK, ACK])
    peer = Peer(lambda data: bytes((next(answers),)))
    await send_xmodem(peer, b"x" * 200, long=False, progress=ignore)
    blocks = [bytes(peer.heard[at : at + 133]) for at in range(0, 4 * 133, 133)]
    assert blocks[0] == blocks[1] == blocks[2] != blocks[3]
    assert bytes(peer.heard[4 * 133 :]) == bytes((EOT, EOT))


async def test_a_peer_that_takes_no_block_is_given_up_and_told() -> None:
    peer = Peer(lambda data: bytes((NAK,)))
    with pytest.raises(TransferError, match="block 1 did not arrive after 10 tries"):
        await send_xmodem(peer, b"x", long=False, progress=ignore)
    assert peer.heard.endswith(xmodem.ABORT)


async def test_a_peer_that_cancels_ends_it() -> None:
    peer = Peer(lambda data: bytes((CAN, CAN)))
    with pytest.raises(TransferError, match="cancelled"):
        await send_xmodem(peer, b"x", long=False, progress=ignore)


async def test_letters_of_the_log_begin_no_transfer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xmodem, "START_SECONDS", 0.05)
    peer = Peer(lambda data: bytes((ACK,)), b"I (12) C\r\n")
    with pytest.raises(TransferError, match="did not ask"):
        await send_ymodem(peer, "x", b"x", progress=ignore)
    assert bytes(peer.heard) == xmodem.ABORT


@pytest.mark.parametrize(("last", "rest"), [(b"done\r\n", b"done\r\n"), (b"C", b"")], ids=["asks no more", "no answer"])
async def test_a_peer_that_has_its_file_ends_as_it_likes(
    monkeypatch: pytest.MonkeyPatch, last: bytes, rest: bytes
) -> None:
    monkeypatch.setattr(xmodem, "END_SECONDS", 0.3)
    ends = iter([bytes((ACK,)) + b"C", bytes((ACK,)), bytes((ACK,)) + last])
    peer = Peer(lambda data: next(ends, b""))
    assert await send_ymodem(peer, "x", b"x", progress=ignore) == rest
    assert xmodem.ABORT not in peer.heard


async def test_a_repeated_block_is_taken_once_and_a_damaged_one_asked_for_again() -> None:
    def block(number: int, data: bytes) -> bytes:
        return bytes((1, number, 255 - number)) + data + xmodem._check(data, True)

    good, other = block(1, b"a" * 128), block(2, b"b" * 128)
    script = iter([good, good, other[:-1] + b"\0", b"", other, bytes((EOT,))])
    peer = Peer(lambda data: b"" if data == xmodem.ABORT else next(script, b""), b"")
    found, rest = await receive_xmodem(peer, progress=ignore)
    assert found == b"a" * 128 + b"b" * 128
    assert rest == b""


@pytest.mark.parametrize(
    ("told", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("a/b\\c.txt", "c.txt"),
        ("..", "received"),
        (".bashrc", "received.bashrc"),
        ("x y;z.t/..", "received"),
        ("CON\n.bin", "CON.bin"),
    ],
)
def test_a_name_of_the_boards_is_no_path(tmp_path: Path, told: str, kept: str) -> None:
    path = save(tmp_path, told, b"1")
    assert path.parent == tmp_path
    assert save(tmp_path, told, b"2") != path
    assert (path.name, path.read_bytes()) == (kept, b"1")


async def test_a_file_that_is_not_there_is_said_to_be(make: Make, tmp_path: Path) -> None:
    case = await make()
    await case.session.run(FileTransfer(Transfer(Way.XMODEM, tmp_path / "none")))
    assert case.session.state is State.MONITORING
    assert case.notices[-1] == "Send by XMODEM failed: No such file or directory"
