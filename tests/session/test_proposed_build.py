"""The build of the folder at hand is used, unverified, while the board does not say what it runs."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from espmon.port import PortIdentity
from espmon.session import elf_choice
from espmon.session.connection import PortAccess
from espmon.session.elves import build_of, file_sha256
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import ElfState, Notice, OpenRequest
from espmon.sim import SimulatedBoard
from tests.session.fakes import Port, ScriptedHandle, Watch


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project that was built."""
    folder = tmp_path / "project"
    (folder / "build").mkdir(parents=True)
    (folder / "CMakeLists.txt").write_text("project(app)\n")
    shutil.copy(SimulatedBoard("esp32c3").elf, folder / "build" / "app.elf")
    return folder


@pytest.fixture
async def board(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Session, Watch, ScriptedHandle]]:
    """A board that is attached while it runs: it has not said what it runs."""
    monkeypatch.setattr(elf_choice, "PROPOSE_SECONDS", 0.0)
    monkeypatch.chdir(tmp_path)
    handle = ScriptedHandle()
    access = PortAccess(opener=Port(handle), resolver=lambda name: name, identifier=PortIdentity)
    session = Session(settings=Settings(idle_seconds=0.01), folder=tmp_path / "sessions", access=access, builds=project)
    watch = Watch()
    session.subscribe(watch)
    await session.open(OpenRequest("fake://board"))
    await watch.until(lambda: session.status.elf_state is ElfState.UNVERIFIED, limit=20)
    yield session, watch, handle
    await session.close()


def says(sha256: str | None) -> bytes:
    lines = (
        "rst:0x1 (POWERON),boot:0xc (SPI_FAST_FLASH_BOOT)",
        "I (180) app_init: Application information:",
        "I (188) app_init: Project name:     app",
        f"I (199) app_init: ELF file SHA256:  {(sha256 or '')[:9]}...",
        "I (204) app_init: ESP-IDF:          v5.3",
        "I (258) main_task: Calling app_main()",
    )
    return "".join(f"{line}\r\n" for line in lines).encode()


async def test_it_is_used_and_said_to_be_so(board: tuple[Session, Watch, ScriptedHandle], project: Path) -> None:
    session, watch, _ = board
    assert session.status.elf == project / "build" / "app.elf"
    (told,) = [change for change in watch.changes if isinstance(change, Notice)]
    assert "app.elf of this folder is used, unverified" in told.text
    assert told.about == "elf"


async def test_a_boot_that_names_it_verifies_it(board: tuple[Session, Watch, ScriptedHandle], project: Path) -> None:
    session, watch, handle = board
    handle.push(says(file_sha256(project / "build" / "app.elf")))
    await watch.until(lambda: session.status.elf_state is ElfState.MATCH, limit=20)


async def test_a_boot_that_names_another_takes_it_away(board: tuple[Session, Watch, ScriptedHandle]) -> None:
    session, watch, handle = board
    handle.push(says("deadbeef00"))
    await watch.until(lambda: session.status.elf_state is ElfState.NONE, limit=20)
    assert session.status.elf is None


async def test_what_the_user_chooses_is_no_proposal(
    board: tuple[Session, Watch, ScriptedHandle], project: Path
) -> None:
    session, watch, handle = board
    await session.set_elf((project / "build" / "app.elf",))
    handle.push(says("deadbeef00"))
    await watch.until(lambda: session.status.elf_state is ElfState.MISMATCH, limit=20)


def test_a_folder_that_is_no_project_proposes_nothing(project: Path, tmp_path: Path) -> None:
    assert build_of(tmp_path) is None
    found = build_of(project)
    assert found is not None
    assert found.path == project / "build" / "app.elf"
    shutil.rmtree(project / "build")
    assert build_of(project) is None
