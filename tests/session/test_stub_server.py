"""A halted board served to a debugger: what it asks goes to the stub, and the log goes on when it lets the board go."""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from espmon.postmortem.rsp import encode
from espmon.session import stub_server
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Activity, Notice, OpenRequest
from espmon.session.stub_server import StubServer
from espmon.sim import BoardServer, SimulatedBoard
from tests.session.fakes import Watch

SECONDS = 30.0


@dataclass
class Served:
    """A session with a simulated board, and its server."""

    session: Session
    watch: Watch
    elf: Path
    port: int

    @property
    def log(self) -> str:
        store = self.session.store
        return "\n".join(store.record(line).text for line in range(len(store)))

    async def until(self, condition: Callable[[], object]) -> None:
        await asyncio.wait_for(self.watch.until(lambda: bool(condition())), SECONDS)

    def told(self, words: str) -> bool:
        return any(isinstance(change, Notice) and words in change.text for change in self.watch.changes)

    async def halt(self) -> None:
        await self.session.send(b"gdbstub\r")
        await self.until(lambda: self.session.status.activity is Activity.HALTED)

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.port)


@asynccontextmanager
async def served(folder: Path) -> AsyncIterator[Served]:
    board = SimulatedBoard("esp32c3", "quiet", power_delay=0)
    session = Session(settings=Settings(), folder=folder)
    watch = Watch()
    session.subscribe(watch)
    async with BoardServer(board, "socket://127.0.0.1:0") as server:
        try:
            await session.open(OpenRequest(server.url, elf=(board.elf,)))
            async with StubServer(session).listening(0) as port:
                case = Served(session, watch, board.elf, port)
                await case.until(lambda: session.state is State.MONITORING and len(session.store))
                yield case
        finally:
            await session.close()


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path) as case:
        yield case


async def asked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes) -> bytes:
    """The payload of the answer."""
    writer.write(encode(request))
    told = await asyncio.wait_for(reader.readuntil(b"#"), SECONDS)
    await asyncio.wait_for(reader.readexactly(2), SECONDS)
    return told.lstrip(b"+")[1:-1]


async def ended(reader: asyncio.StreamReader) -> bool:
    """Wait for the other side to close, whether or not it had read everything."""
    try:
        return not (await asyncio.wait_for(reader.read(), SECONDS)).strip(b"+")
    except ConnectionResetError:
        return True


async def gdb(case: Served, *commands: str) -> str:
    program = shutil.which("gdb-multiarch")
    if program is None:
        pytest.skip("gdb-multiarch is not installed")
    words = [part for text in (f"target remote 127.0.0.1:{case.port}", *commands) for part in ("-ex", text)]
    process = await asyncio.create_subprocess_exec(
        program, "-q", "-nx", "-batch", *words, str(case.elf),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        output, _ = await asyncio.wait_for(process.communicate(), 120)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return output.decode()


@pytest.mark.e2e
async def test_gdb_reads_threads_frames_memory_and_variables_and_lets_the_board_go(case: Served) -> None:
    await case.halt()
    shown = await gdb(case, "info threads", "bt", "x/2xw $sp", "print registers", "thread 2", "p/x $sp", "detach")
    assert '"main"' in shown
    assert '"wifi"' in shown
    assert re.search(r"read_register \(registers=0x0\)", shown)
    assert "app_main" in shown
    assert re.search(r"^0x[0-9a-f]+.*:\t0x[0-9a-f]{8}\t0x[0-9a-f]{8}$", shown, re.MULTILINE)
    assert "detached" in shown
    await case.until(lambda: case.session.state is State.MONITORING)
    await case.until(lambda: "gdb: 127.0.0.1" in case.log and "has left; the board goes on" in case.log)
    await case.session.send(b"help\r")
    await case.until(lambda: "screenshot" in case.log)


@pytest.mark.e2e
async def test_after_continue_the_log_goes_on_and_the_next_stop_is_the_debuggers(case: Served) -> None:
    await case.halt()
    reader, writer = await case.connect()
    assert await asked(reader, writer, b"?") == b"T0bthread:1;"
    writer.write(encode(b"c"))
    words = await asyncio.wait_for(reader.readuntil(b"#"), SECONDS)
    assert b"The board runs" in bytes.fromhex(words.lstrip(b"+")[2:-1].decode())
    await case.until(lambda: case.session.state is State.MONITORING)
    assert case.session.status.debugger
    await case.session.send(b"gdbstub\r")
    stop = await asyncio.wait_for(reader.readuntil(b"$T0bthread:1;#"), SECONDS)
    assert stop
    assert case.session.status.lease == "gdb"
    writer.close()
    await case.until(lambda: not case.session.status.debugger)
    assert case.session.status.activity is Activity.HALTED, "who only goes leaves the board as it is"
    assert case.session.state is State.MONITORING


async def test_a_second_debugger_and_who_is_none_are_turned_away(case: Served) -> None:
    await case.halt()
    reader, writer = await case.connect()
    assert await asked(reader, writer, b"qC") == b"QC1"
    second, other = await case.connect()
    other.write(encode(b"?"))
    assert await ended(second)
    await case.until(lambda: case.told("one debugger at a time"))
    assert await asked(reader, writer, b"D") == b"OK"
    assert await ended(reader)
    await case.halt()
    sent = case.session.connection.link.received
    page, post = await case.connect()
    post.write(b"POST / HTTP/1.1\r\n\r\n" + encode(b"c"))
    assert await ended(page)
    await case.until(lambda: case.told("it is no debugger"))
    assert case.session.status.activity is Activity.HALTED
    assert case.session.connection.link.received == sent
    for each in (other, post, writer):
        each.close()


async def test_who_says_nothing_does_not_get_the_port(case: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stub_server, "FIRST_SECONDS", 0.01)
    await case.halt()
    reader, writer = await case.connect()
    assert await ended(reader)
    await case.until(lambda: case.told("it said nothing"))
    assert case.session.state is State.MONITORING
    writer.close()


@pytest.mark.parametrize(
    ("request_", "answer"),
    [
        (b"m3fc80000,zz", b"E01"), (b"m,", b"E01"), (b"M3fc80000,4:0", b"E01"), (b"Hg7fffffff", b"E01"),
        (b"Hgzz", b"E01"), (b"X3fc80000,1:a", b""), (b"Z0,42000000,2", b""), (b"Z9,1,1", b"E01"), (b"qRcmd,72", b""),
        (b"vCont?", b""), (b"P=", b"E01"), (b"Gzz", b"E01"), (b"p-1", b"E01"), (b"T99", b"E01"), (b"!", b""),
        (b"qXfer:threads:read::9,-1", b"E01"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_and_the_talk_goes_on(
    case: Served, request_: bytes, answer: bytes
) -> None:
    await case.halt()
    reader, writer = await case.connect()
    assert await asked(reader, writer, request_) == answer
    assert await asked(reader, writer, b"qAttached") == b"1"
    writer.close()


async def test_memory_and_registers_are_written_through_the_stub(case: Served) -> None:
    await case.halt()
    reader, writer = await case.connect()
    pointer = int.from_bytes(bytes.fromhex((await asked(reader, writer, b"p2")).decode()), "little")
    assert await asked(reader, writer, b"M%x,4:01020304" % pointer) == b"OK"
    assert await asked(reader, writer, b"m%x,4" % pointer) == b"01020304"
    assert await asked(reader, writer, b"P5=78563412") == b"OK"
    assert await asked(reader, writer, b"p5") == b"78563412"
    writer.close()


async def test_a_board_that_is_reset_by_hand_ends_the_talk(case: Served) -> None:
    await case.halt()
    reader, writer = await case.connect()
    assert await asked(reader, writer, b"qC") == b"QC1"
    await case.session.reset()
    assert await ended(reader)
    await case.until(lambda: not case.session.status.debugger)
    assert case.session.state is State.MONITORING
    writer.close()
