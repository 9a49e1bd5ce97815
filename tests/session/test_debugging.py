"""Inspecting a stopped board in a session: the lease goes out and comes back, and the log goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from espmon.session.connection import PortAccess
from espmon.session.debug_lease import STILL_HALTED, DebugError, find_gdb
from espmon.session.gdb_client import Thread
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import ElfState, Notice, OpenRequest
from espmon.session.stopped import Snapshot
from espmon.sim import BoardServer, SimulatedBoard
from tests.session.fakes import Port, ScriptedHandle, Watch, shown
from tests.session.qemu import needs
from tests.session.stub import BANNER, CODE, SP, Stub

STOPPED = b"Entering gdb stub now.\r\n$T05#b9"


class Case:
    """A session on a fake chip that has stopped in its stub."""

    def __init__(self, tmp_path: Path) -> None:
        self.handle, self.later = ScriptedHandle(), ScriptedHandle()
        self.stub = Stub()
        self.handle.answer = self.stub
        self.port = Port(self.handle, self.later)

        async def at_once(identity: object) -> str:
            return "fake://board"

        self.session = Session(
            settings=Settings(idle_seconds=0.01, recording=False),
            folder=tmp_path,
            access=PortAccess(opener=self.port, waiter=at_once, resolver=lambda name: name),
        )
        self.watch = Watch()
        self.session.subscribe(self.watch)
        self.debugging = self.session.debugging

    async def stopped(self) -> None:
        await self.session.open(OpenRequest("fake://board"))
        self.handle.push(STOPPED)
        await self.watch.until(lambda: any(entry.record.type == "gdb" for entry in self.session.events))

    def log(self) -> list[str]:
        return [self.session.store.record(line).text for line in range(len(self.session.store))]

    def told(self, words: str) -> bool:
        return any(isinstance(change, Notice) and words in change.text for change in self.watch.changes)


@pytest.fixture
async def case(tmp_path: Path) -> AsyncIterator[Case]:
    case = Case(tmp_path)
    yield case
    await case.session.close()


async def test_without_an_elf_registers_threads_and_memory_are_there_all_the_same(case: Case) -> None:
    await case.stopped()
    snapshot = await case.debugging.start()
    assert case.session.state is State.LEASED
    assert case.session.status.lease == "gdb"
    assert snapshot.registers["SP"] == SP
    assert snapshot.threads == (Thread("1", "Name: main"), Thread("2", "Name: main"))
    assert [frame.pc for frame in snapshot.frames] == [CODE]
    assert "No ELF" in snapshot.warnings[0]
    assert len(await case.debugging.memory(SP, 64)) == 64


async def test_another_thread_is_the_one_shown_after_it_was_selected(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    assert (await case.debugging.select("2")).thread == "2"
    assert b"Hg2" in case.stub.requests


async def test_after_continue_the_log_goes_on(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    case.handle.answer = lambda data: b"+I (9) app: on we go\r\n" if data.startswith(b"$c") else b""
    await case.debugging.resume()
    await case.watch.until(lambda: case.log()[-1:] == ["I (9) app: on we go"])
    assert case.session.state is State.MONITORING


async def test_a_reset_in_the_middle_gives_its_boot_log_to_the_log(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    case.handle.answer = lambda data: b"+$0000" + b"\r\n" + BANNER
    with pytest.raises(DebugError, match="was reset"):
        await case.debugging.memory(SP, 64)
    await case.watch.until(lambda: any(entry.record.type == "reset" for entry in case.session.events))
    assert "ESP-ROM:esp32c3-api1-20210207" in case.log()
    assert case.session.state is State.MONITORING
    assert not case.debugging.active


async def test_a_reset_by_hand_while_nobody_asks_ends_the_inspection_and_says_so(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    case.handle.push(BANNER)
    await case.watch.until(lambda: case.told("was reset"))
    await case.watch.until(lambda: case.log()[-1:] == ["rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)"])
    assert case.session.state is State.MONITORING


async def test_a_stub_that_has_gone_silent_is_said_and_the_port_comes_back(case: Case) -> None:
    await case.stopped()
    case.handle.answer = None
    case.handle.push(b"I (1) a: x\r\nI (2) a: y\r\nI (3) a: z\r\n")
    with pytest.raises(DebugError, match="not in its debug stub"):
        await case.debugging.start()
    await case.watch.until(lambda: case.log()[-1:] == ["I (3) a: z"])
    assert case.session.state is State.MONITORING


async def test_a_stub_whose_answers_are_damaged_gives_the_port_back_and_the_log_goes_on(case: Case) -> None:
    await case.stopped()
    case.handle.answer = lambda data: b"" if data == b"+" else b"+$00#zz"
    with pytest.raises(DebugError, match=r"damaged.*A reset brings the application back"):
        await case.debugging.start()
    case.handle.push(b"I (3) a: z\r\n")
    await case.watch.until(lambda: case.log()[-1:] == ["I (3) a: z"])
    assert case.session.state is State.MONITORING


async def test_leaving_the_board_as_it_is_gives_the_port_back_without_a_word(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    sent = len(case.handle.written)
    await case.debugging.abandon()
    case.handle.push(b"still here\r\n")
    await case.watch.until(lambda: case.log()[-1:] == ["still here"])
    assert len(case.handle.written) == sent
    assert (await case.debugging.start()).signal == 5


async def test_who_leaves_lets_the_board_go_whoever_has_it(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    case.handle.answer = lambda data: b"+$OK#9aI (9) app: on\r\n" if data.startswith(b"$D") else case.stub(data)
    assert await case.debugging.let_go() == "The board was let go from its debug stub"
    await case.watch.until(lambda: case.log()[-1:] == ["I (9) app: on"])
    assert not case.debugging.active
    await case.debugging.start()  # nobody has it: what is inspected next, or served, is let go as well
    await case.debugging.abandon()
    assert await case.debugging.let_go() == "The board was let go from its debug stub"


async def test_a_request_on_its_way_is_answered_before_the_board_is_let_go(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    case.stub.requests.clear()
    reading = asyncio.create_task(case.debugging.memory(SP, 64))
    await asyncio.sleep(0)
    leaving = asyncio.create_task(case.debugging.let_go())
    assert len(await reading) == 64
    assert (await leaving).startswith("The board")
    assert case.stub.requests[-2:] == [b"D", b"c"]  # this one cannot be detached from


async def test_a_stub_that_does_not_answer_who_leaves_is_said_to_wait_still(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espmon.session.gdb_client.REPLY_SECONDS", 0.05)
    await case.stopped()
    await case.debugging.start()
    case.handle.answer = lambda data: b""
    assert await case.debugging.let_go() == STILL_HALTED
    monkeypatch.setattr("espmon.session.debug_lease.LET_GO_SECONDS", 0.05)
    assert STILL_HALTED in await case.debugging.let_go()


async def test_an_unplug_during_inspection_is_an_error_and_the_port_is_reopened(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    case.handle.lose()
    await case.watch.until(lambda: case.session.connection.opens == 2)
    assert not case.debugging.active
    with pytest.raises(DebugError, match="not being inspected"):
        await case.debugging.memory(SP, 4)


async def test_an_unplug_in_the_middle_of_a_request_is_an_error_too(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()

    def vanish(data: bytes) -> bytes:
        case.handle.lose()
        return b""

    case.handle.answer = vanish
    with pytest.raises(DebugError, match="unplugged"):
        await case.debugging.memory(SP, 64)
    await case.watch.until(lambda: case.session.connection.opens == 2)


async def test_a_cancelled_request_leaves_a_session_that_can_go_on(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    asked = asyncio.Event()

    def silent(data: bytes) -> bytes:
        asked.set()
        return b""

    case.handle.answer = silent
    reading = asyncio.create_task(case.debugging.memory(SP, 64))
    await asked.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    case.handle.answer = case.stub
    assert len(await case.debugging.memory(SP, 64)) == 64


async def test_closing_the_session_during_an_inspection_leaves_nothing_running(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    await case.session.close()
    assert case.handle.closed
    assert not any(task.get_name() == "espmon-gdb-watch" for task in asyncio.all_tasks() if not task.cancelling())


async def test_a_reset_that_the_user_asks_for_ends_the_inspection(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    await case.session.reset()
    assert case.handle.played == ["hard"]
    assert case.session.state is State.MONITORING


async def test_a_second_inspection_is_refused_in_words(case: Case) -> None:
    await case.stopped()
    await case.debugging.start()
    with pytest.raises(DebugError, match="already"):
        await case.debugging.start()


class Client:
    """A debugger that speaks to the bridge."""

    async def connect(self, command: list[str]) -> None:
        (target,) = [part for part in command if part.startswith("target remote ")]
        address = target.rsplit(" ", 1)[1]
        self.reader, self.writer = await asyncio.open_unix_connection(address)

    async def ask(self, packet: bytes, until: bytes) -> bytes:
        self.writer.write(packet)
        return await asyncio.wait_for(self.reader.readuntil(until), 5)

    async def leave(self) -> None:
        self.writer.close()
        await self.writer.wait_closed()


@pytest.fixture
def gdb(monkeypatch: pytest.MonkeyPatch) -> Client:
    monkeypatch.setattr("espmon.session.debug_lease.find_gdb", lambda machine, chip: "/usr/bin/gdb-multiarch")
    return Client()


async def test_a_real_debugger_gets_the_port_and_leaves_the_board_running(case: Case, gdb: Client) -> None:
    await case.stopped()
    await gdb.connect(await case.debugging.hand_over())
    assert await gdb.ask(b"$?#3f", b"#b9") == b"+$T05#b9"
    await gdb.leave()
    case.handle.answer = lambda data: b"+I (9) app: on we go\r\n" if data.startswith(b"$c") else b""
    await case.debugging.take_back()
    await case.watch.until(lambda: case.log()[-1:] == ["I (9) app: on we go"])
    assert case.session.state is State.MONITORING


async def test_what_the_board_says_after_the_debugger_let_it_go_is_log(case: Case, gdb: Client) -> None:
    await case.stopped()
    await gdb.connect(await case.debugging.hand_over())
    sent = bytearray()

    def detached(data: bytes) -> bytes:
        sent.extend(data)
        return b"+$OK#9aI (9) app: free\r\n"

    case.handle.answer = detached
    await gdb.ask(b"$D#44", b"free\r\n")
    await gdb.leave()
    await case.debugging.take_back()
    await case.watch.until(lambda: case.log()[-1:] == ["I (9) app: free"])
    assert sent == b"$D#44"


async def test_a_board_that_refused_to_be_detached_from_is_told_to_go_on(case: Case, gdb: Client) -> None:
    await case.stopped()
    await gdb.connect(await case.debugging.hand_over())
    answers = {b"$D": b"+$#00", b"$c": b"+I (9) app: on\r\n"}
    case.handle.answer = lambda data: answers.get(data[:2], b"")
    await gdb.ask(b"$D#44", b"#00")
    await gdb.leave()
    await case.debugging.take_back()
    await case.watch.until(lambda: case.log()[-1:] == ["I (9) app: on"])


async def test_an_unplug_under_the_debugger_is_noticed_when_the_port_is_taken_back(case: Case, gdb: Client) -> None:
    await case.stopped()
    await gdb.connect(await case.debugging.hand_over())
    await gdb.ask(b"$?#3f", b"#b9")
    case.handle.lose()
    assert await asyncio.wait_for(gdb.reader.read(), 5) == b""
    await gdb.leave()
    await case.debugging.take_back()
    await case.watch.until(lambda: case.session.connection.opens == 2)


async def test_the_port_can_be_taken_back_from_a_debugger_that_stays(
    case: Case, gdb: Client, caplog: pytest.LogCaptureFixture
) -> None:
    await case.stopped()
    await gdb.connect(await case.debugging.hand_over())
    await gdb.ask(b"$?#3f", b"#b9")
    case.handle.answer = lambda data: b"+I (9) app: on\r\n" if data[:2] == b"$c" else b""
    await case.debugging.take_back()
    await case.watch.until(lambda: case.log()[-1:] == ["I (9) app: on"])
    assert await asyncio.wait_for(gdb.reader.read(), 5) == b""
    await gdb.leave()
    assert caplog.records == []


async def test_a_debugger_that_is_not_installed_is_named(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espmon.session.debug_lease.find_program", lambda name: None)
    await case.stopped()
    with pytest.raises(DebugError, match="gdb-multiarch"):
        await case.debugging.hand_over()
    assert case.session.state is State.MONITORING


@pytest.mark.parametrize(
    ("chip", "program"),
    [
        ("ESP32-S3 (QFN56) (revision v0.2)", "xtensa-esp32s3-elf-gdb"),
        ("esp32s2", "xtensa-esp32s2-elf-gdb"),
        ("ESP32-D0WD-V3", "xtensa-esp32-elf-gdb"),
        (None, "xtensa-esp-elf-gdb"),
    ],
)
def test_each_xtensa_chip_gets_its_own_debugger(
    chip: str | None, program: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("espmon.session.debug_lease.find_program", lambda name: f"/tools/{name}")
    assert find_gdb(94, chip) == f"/tools/{program}"


def test_riscv_chips_share_a_debugger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "espmon.session.debug_lease.find_program", lambda name: f"/usr/bin/{name}" if name == "gdb-multiarch" else None
    )
    assert find_gdb(243, "ESP32-C3") == "/usr/bin/gdb-multiarch"


def functions(snapshot: Snapshot) -> list[str]:
    return [frame.function or "" for frame in snapshot.frames]


@asynccontextmanager
async def in_its_stub(listen: str, folder: Path) -> AsyncIterator[tuple[Session, Watch]]:
    """A session with a simulated board that waits in its debug stub."""
    board = SimulatedBoard("esp32c3")
    async with BoardServer(board, listen) as server:
        session = Session(settings=Settings(recording=False), folder=folder)
        watch = Watch()
        session.subscribe(watch)
        try:
            await session.open(OpenRequest(server.url, elf=(board.elf,)))
            await watch.until(lambda: any("esp>" in text for text in shown(session.store)))
            await session.send(b"gdbstub\r\n")
            await watch.until(lambda: any(entry.record.type == "gdb" for entry in session.events))
            await watch.until(lambda: session.status.elf_state not in (ElfState.NONE, ElfState.LOADING))
            yield session, watch
        finally:
            await session.close()


async def goes_on(session: Session, watch: Watch, lines: int) -> None:
    """The log has more than `lines` lines, and the pipeline reads it."""
    await watch.until(lambda: len(session.store) > lines)
    assert session.state is State.MONITORING


async def test_on_the_simulated_board_the_backtrace_has_its_source_and_the_log_goes_on(tmp_path: Path) -> None:
    async with in_its_stub("rfc2217://127.0.0.1:0", tmp_path) as (session, watch):
        snapshot = await session.debugging.start()
        assert functions(snapshot)[:3] == ["read_register", "sensor_sample", "sensor_update"]
        assert functions(snapshot)[-1] == "vPortTaskWrapper"
        assert snapshot.notes["RA"] == "sensor_update"
        other = await session.debugging.select("3")
        assert "vPortYield" in functions(other)
        before = len(session.store)
        await session.debugging.resume()
        await goes_on(session, watch, before + 1)


@pytest.mark.e2e
async def test_gdb_in_the_terminal_sees_the_same_chain_as_the_inspection(tmp_path: Path) -> None:
    needs("gdb-multiarch")
    async with in_its_stub("socket://127.0.0.1:0", tmp_path) as (session, watch):
        ours = functions(await session.debugging.start())
        command = await session.debugging.hand_over()
        at = command.index("--")
        shown = await output(*command[:at], "-batch", "-ex", "bt", "-ex", "detach", *command[at:])
        await session.debugging.take_back()
        assert [name for name in ours if f" {name} (" not in shown] == []
        await goes_on(session, watch, len(session.store))


async def output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        text, _ = await asyncio.wait_for(process.communicate(), 60)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return text.decode()
