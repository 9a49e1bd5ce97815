"""What was received before its ELF was known, and boards that wait for a key."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from espmon.port import PortIdentity
from espmon.postmortem import CoreReport
from espmon.postmortem.panic_report import PanicReport
from espmon.records.console_events import PROMPT
from espmon.session.connection import PortAccess
from espmon.session.elves import ElfLibrary
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import ElfState, Notice, OpenRequest
from espmon.sim import BoardThread, SimulatedBoard
from tests.records.defmt_wire import Firmware
from tests.session.fakes import Port, ScriptedHandle, Watch, shown


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[tuple[Session, Watch, Path]]:
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as server:
        session = Session(settings=Settings(), folder=tmp_path / "sessions")
        watch = Watch()
        session.subscribe(watch)
        await session.open(OpenRequest(server.url))
        store = session.store
        await watch.until(lambda: any("esp>" in text for text in shown(store)), limit=20)
        yield session, watch, server.board.elf
        await session.close()


async def test_a_core_dump_without_an_elf_has_no_names_and_is_decoded_when_one_is_chosen(
    board: tuple[Session, Watch, Path],
) -> None:
    session, watch, elf = board
    await session.send(b"coredump\r")
    await watch.until(lambda: any(e.report for e in session.events if e.record.type == "coredump"), limit=20)
    (entry,) = [entry for entry in session.events if entry.record.type == "coredump"]
    assert isinstance(entry.report, CoreReport)
    assert entry.report.warnings[0].startswith("no ELF: ")
    assert entry.report.crashed.task == "main"
    await session.set_elf((elf,))
    (entry,) = [entry for entry in session.events if entry.record.type == "coredump"]
    assert isinstance(entry.report, CoreReport)
    assert entry.report.crashed.task == "main"
    assert entry.report.variables
    assert all(task.state for task in entry.report.tasks)


async def test_a_core_dump_finds_the_elf_of_its_digest_in_the_library(
    board: tuple[Session, Watch, Path], tmp_path: Path
) -> None:
    session, watch, elf = board
    # The boot named its application, too: that is looked for in vain before the library has it.
    await asyncio.gather(*(task for task in asyncio.all_tasks() if "Newest" in repr(task.get_coro())))
    kept = ElfLibrary(tmp_path / "elves").add(elf)
    await session.send(b"coredump\r")
    await watch.until(lambda: any(e.report for e in session.events if e.record.type == "coredump"), limit=30)
    (entry,) = [entry for entry in session.events if entry.record.type == "coredump"]
    assert isinstance(entry.report, CoreReport)
    assert f"decoded with {kept}, whose SHA-256 is the one in the dump" in entry.report.warnings
    assert entry.report.variables


async def test_a_panic_gets_its_names_when_an_elf_is_chosen_and_is_not_told_twice(
    board: tuple[Session, Watch, Path],
) -> None:
    session, watch, elf = board
    await session.send(b"panic\r")
    await watch.until(lambda: any(entry.report for entry in session.events), limit=20)
    (entry,) = [entry for entry in session.events if entry.record.type == "panic"]
    assert isinstance(entry.report, PanicReport)
    assert entry.report.place is None or entry.report.place.function is None
    told = len(watch.changes)
    await session.set_elf((elf,))
    (entry,) = [entry for entry in session.events if entry.record.type == "panic"]
    assert isinstance(entry.report, PanicReport)
    assert entry.report.place is not None
    assert entry.report.place.function == "read_register"
    assert [change.text for change in watch.changes[told:] if isinstance(change, Notice)] == []


@pytest.mark.parametrize(("answer", "sent"), [(True, b"\r"), (False, b"")])
async def test_the_prompt_before_a_core_dump_is_answered_only_when_the_setting_says_so(
    tmp_path: Path, answer: bool, sent: bytes
) -> None:
    handle = ScriptedHandle()
    session = Session(
        settings=Settings(idle_seconds=0.01, answer_coredump_prompt=answer),
        folder=tmp_path,
        access=PortAccess(opener=Port(handle), resolver=lambda name: name, identifier=PortIdentity),
    )
    watch = Watch()
    session.subscribe(watch)
    await session.open(OpenRequest("fake://board"))
    handle.push(PROMPT + b"\r\nafter\r\n")
    await watch.until(lambda: len(session.store) >= 2)
    await watch.until(lambda: any(entry.record.type == "note" for entry in session.events))
    await watch.until(lambda: bytes(handle.written) == sent)
    await session.send(b"x")
    assert bytes(handle.written) == sent + b"x"
    await session.close()


async def test_the_elf_that_was_chosen_goes_before_another_that_fits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with BoardThread(lambda: SimulatedBoard("esp32c3")) as server:
        build = tmp_path / "build"
        build.mkdir()
        shutil.copy(server.board.elf, build / "app.elf")
        (build / "project_description.json").write_text('{"app_elf": "app.elf"}')
        monkeypatch.chdir(tmp_path)
        session = Session(settings=Settings(), folder=tmp_path / "sessions")
        watch = Watch()
        session.subscribe(watch)
        await session.open(OpenRequest(server.url, elf=(server.board.elf,)))
        await watch.until(lambda: session.status.elf_state is ElfState.MATCH, limit=20)
        await session.close()
    fits = [change for change in watch.changes if isinstance(change, Notice) and "fits the board" in change.text]
    assert fits == []


async def test_defmt_frames_are_read_by_the_strings_of_the_elf(tmp_path: Path) -> None:
    firmware = Firmware(crate="blinky")
    data = b"boot\r\n" + firmware.frame("led {=bool}", b"\x01") + b"text\r\n"
    handle = ScriptedHandle()
    access = PortAccess(opener=Port(handle), resolver=lambda name: name, identifier=PortIdentity)
    session = Session(settings=Settings(), folder=tmp_path / "sessions", access=access)
    watch = Watch()
    session.subscribe(watch)
    await session.open(OpenRequest("fake://board"))
    await session.set_elf((firmware.elf(tmp_path / "blinky.elf"),))
    handle.push(data)
    await watch.until(lambda: "text" in shown(session.store), limit=30)
    assert shown(session.store) == ["boot", "I (1.500000) blinky: led true", "text"]
    await session.close()
