"""The log file with the locations of addresses, as the screen shows them and in the order of the log."""

from __future__ import annotations

from pathlib import Path

from espmon.postmortem import Symbolizer
from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import ElfState, OpenRequest
from espmon.sim.firmware_image import ELF
from tests.session.fakes import Port, ScriptedHandle, Watch


async def test_locations_stand_below_their_lines_and_nothing_is_lost_at_the_end(tmp_path: Path) -> None:
    symbol = Symbolizer(ELF).elf.symbol_named("app_main")
    assert symbol is not None
    handle, watch = ScriptedHandle(), Watch()
    session = Session(
        settings=Settings(log_locations=True),
        folder=tmp_path / "sessions",
        access=PortAccess(opener=Port(handle), resolver=lambda name: name),
    )
    session.subscribe(watch)
    log = tmp_path / "board.log"
    await session.open(OpenRequest("fake://board", log=log, elf=(ELF,)))
    await watch.until(lambda: session.status.elf_state is ElfState.UNVERIFIED, 30.0)
    lines = b"".join(b"I (1) main: line %d\r\n" % number for number in range(200))
    said = b"abort() was called at PC 0x%08x on core 0\r\n" % symbol.address
    handle.push(lines + said + b"I (2) main: after\r\n")
    await watch.until(lambda: len(session.store) >= 202, 30.0)
    await watch.until(lambda: any(session.decoration(line) for line in range(len(session.store))), 30.0)
    shown = next(rows for line in range(len(session.store)) if (rows := session.decoration(line)))
    await session.close()
    kept = log.read_text().splitlines()
    at = kept.index(said.decode().strip())
    assert kept[at + 1 : at + 1 + len(shown)] == [f"  ↳ {row}" for row in shown]
    assert kept[at + 1 + len(shown)] == "I (2) main: after"
    assert [row for row in kept if row.startswith("I (1)")] == lines.decode().splitlines()


async def test_without_an_elf_the_text_is_what_it_was(tmp_path: Path) -> None:
    handle, watch = ScriptedHandle(), Watch()
    access = PortAccess(opener=Port(handle), resolver=lambda name: name)
    session = Session(settings=Settings(log_locations=True), folder=tmp_path / "sessions", access=access)
    session.subscribe(watch)
    await session.open(OpenRequest("fake://board", log=tmp_path / "board.log"))
    handle.push(b"PC 0x42000000\r\nand so on\r\n")
    await watch.until(lambda: len(session.store) >= 2, 30.0)
    await session.close()
    assert (tmp_path / "board.log").read_text() == "PC 0x42000000\nand so on\n"
