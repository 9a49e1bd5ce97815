"""Every program that espmon starts, with names that mean to be something else."""

from __future__ import annotations

import ast
import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import espmon
from espmon.port.platform import listen_privately
from espmon.programs import command_line, find_program, start
from espmon.session.connection import PortAccess
from espmon.session.debug_lease import DebugError
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.sim.firmware_image import ELF
from tests.session.fakes import Port, ScriptedHandle

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX programs and sockets"),
    pytest.mark.timeout(60),
]

ROOM = Path(espmon.__file__).parent
STARTERS = {"subprocess", "pty", "multiprocessing", "webbrowser", "ctypes"}
"""Modules with which a program could be started; of `os` and `asyncio` the functions below."""

STARTING = ("system", "popen", "exec", "spawn", "posix_spawn", "fork", "startfile", "create_subprocess")

COMMAND = "touch pwned"
NAMES = [
    f"--eval-command=shell {COMMAND}",
    f"-ex=shell {COMMAND}",
    f"-iex shell {COMMAND}",
    "-x",
    "--args",
    "@commands",
    f"$({COMMAND})",
    f"`{COMMAND}`",
    f"; {COMMAND} ;",
    f"|{COMMAND}",
    f"a\n{COMMAND}\n",
    "app.elf, and more",
    "\x1b[31mred",
]
"""Names of folders and files."""


# -- where programs are started, and which ------------------------------------------------------------------------


def starts(path: Path) -> Iterator[str]:
    """What a module uses that could start a program."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name.split(".")[0] in STARTERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in STARTERS:
            yield str(node.module)
        elif (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in ("os", "asyncio")
            and node.attr.startswith(STARTING)
        ):
            yield f"{node.value.id}.{node.attr}"
        elif isinstance(node, ast.keyword) and node.arg == "shell":
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


def test_programs_are_started_in_one_place_and_without_a_shell() -> None:
    users = {path.relative_to(ROOM).as_posix(): sorted(starts(path)) for path in ROOM.rglob("*.py")}
    assert {path: found for path, found in users.items() if found} == {"programs.py": ["subprocess"]}


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def test_a_program_is_found_in_absolute_folders_of_path_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for folder in (".", "bin", "last"):
        program(tmp_path / folder / "gdb")
    (tmp_path / "first").mkdir()
    (tmp_path / "first" / "gdb").write_text("no program")
    path = os.pathsep.join(["", ".", "bin", "./bin", "..", str(tmp_path / "none"), str(tmp_path / "first")])
    assert find_program("gdb", {"PATH": path}) is None
    assert find_program("gdb", {}) is None
    last = str(tmp_path / "last")
    assert find_program("gdb", {"PATH": os.pathsep.join([path, last])}) == os.path.join(last, "gdb")


@pytest.mark.parametrize("name", ["", ".", "..", "./gdb", "bin/gdb", "../gdb", "-gdb", "gdb/", "/no/such/gdb", "/"])
def test_a_name_that_is_no_bare_name_finds_nothing(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program(tmp_path / "bin" / "gdb")
    program(tmp_path / "gdb")
    assert find_program(name, {"PATH": str(tmp_path)}) is None


@pytest.mark.parametrize("name", NAMES)
def test_a_file_reaches_a_program_as_one_absolute_word_behind_the_options(name: str, tmp_path: Path) -> None:
    listed = tmp_path / "listed"
    lister = program(tmp_path / "lister", f'#!/bin/sh\nprintf "%s\\0" "$@" > {listed}\n')
    words = command_line(str(lister), ["-q"], [tmp_path / name])
    with start(words) as started:
        started.wait(10)
    assert listed.read_text().split("\0")[:-1] == ["-q", "--", str(tmp_path / name)]
    assert not (tmp_path / "pwned").exists()


def test_a_relative_program_is_never_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    program(tmp_path / "gdb", f"#!/bin/sh\n{COMMAND}\n")
    for words in (["gdb"], ["./gdb"], []):
        with pytest.raises(ValueError, match="absolute"):
            start(words)
    with pytest.raises(ValueError, match="absolute"):
        command_line("gdb")
    assert not (tmp_path / "pwned").exists()


# -- gdb ----------------------------------------------------------------------------------------------------------


def owned(folder: Path) -> bool:
    """Whether any of the names was taken for a command."""
    return any(folder.rglob("pwned"))


def open_to_all(path: Path) -> None:
    path.parent.chmod(0o755)
    path.chmod(0o777)


async def gdb_command(tmp_path: Path, elf: Path, settings: Settings | None = None) -> tuple[Session, list[str]]:
    """A session with this ELF, and what it starts when the user hands the board over to gdb."""
    handle = ScriptedHandle()

    async def back(identity: object) -> str:
        return "fake://board"

    session = Session(
        settings=settings or Settings(recording=False),
        folder=tmp_path / "sessions",
        access=PortAccess(opener=Port(handle), waiter=back, resolver=lambda name: name),
    )
    await session.open(OpenRequest(url="fake://board"))
    await session.set_elf((elf,))
    return session, await session.debugging.hand_over()


def hostile_elf(tmp_path: Path, name: str) -> Path:
    """The ELF as a build in a folder of that name leaves it; the working folder holds what gdb would run by itself."""
    work = tmp_path / "work"
    build = work / name / "build"
    build.mkdir(parents=True)
    (work / ".gdbinit").write_text(f"shell {COMMAND}\n")
    (work / "commands").write_text(f"shell {COMMAND}\n")
    elf = build / f"{name}.elf"
    shutil.copyfile(ELF, elf)
    (build / f"{elf.name}-gdb.gdb").write_text(f"shell {COMMAND}\n")
    (build / f"{elf.name}-gdb.py").write_text("import os; os.system('touch pwned')\n")
    return elf


@pytest.mark.parametrize("name", [name for name in NAMES if "/" not in name])
async def test_gdb_takes_the_elf_for_nothing_but_a_file(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if find_program("gdb-multiarch") is None:
        pytest.skip("needs gdb-multiarch")
    elf = hostile_elf(tmp_path, name)
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gdbinit").write_text(f"set auto-load safe-path /\nshell {COMMAND}\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home))
    monkeypatch.chdir(tmp_path / "work")
    session, command = await gdb_command(tmp_path, Path(name) / "build" / f"{name}.elf")
    try:
        at = command.index("--")
        # There is no board: what gdb does with its own words and the file is what counts.
        words = ["info files" if word.startswith("target remote") else word for word in command]
        words.insert(at, "-batch")
        done = await asyncio.to_thread(
            subprocess.run, words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=30, check=False
        )
        assert command[at:] == ["--", str(elf)]
        assert "Symbols from" in done.stdout
        assert not owned(tmp_path)
    finally:
        await session.debugging.abandon()
        await session.close()


async def test_gdb_reads_its_startup_files_only_where_the_user_wants_it(tmp_path: Path) -> None:
    if find_program("gdb-multiarch") is None:
        pytest.skip("needs gdb-multiarch")
    for wanted in (False, True):
        session, command = await gdb_command(tmp_path, ELF, Settings(recording=False, gdb_init=wanted))
        assert ("-nx" in command, "set auto-load off" in command) == (not wanted, not wanted)
        await session.debugging.abandon()
        await session.close()


async def test_a_gdb_in_the_working_folder_is_not_the_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "gdb-multiarch", f"#!/bin/sh\n{COMMAND}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", os.pathsep.join(["", ".", "none"]))
    with pytest.raises(DebugError, match="No debugger is installed"):
        await gdb_command(tmp_path, ELF)


# -- who may speak to the board through the bridge ----------------------------------------------------------------


async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(await reader.read(100))
    await writer.drain()
    writer.close()


def connect_as(user: int, address: str) -> str:
    """What another user gets from the socket."""
    script = (
        "import os, socket, sys\n"
        f"os.setgid({user}); os.setuid({user})\n"
        "try:\n"
        "    connection = socket.socket(socket.AF_UNIX)\n"
        "    connection.settimeout(10)\n"
        f"    connection.connect({address!r})\n"
        "    connection.sendall(b'hello')\n"
        "    print(connection.recv(100).decode())\n"
        "except OSError as error:\n"
        "    print(type(error).__name__)\n"
    )
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()


async def test_the_bridge_is_in_a_folder_of_its_own_that_is_gone_afterwards() -> None:
    listener = await listen_privately(echo)
    folder = Path(listener.address).parent
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    reader, writer = await asyncio.open_unix_connection(listener.address)
    writer.write(b"hello")
    assert await reader.read() == b"hello"
    writer.close()
    listener.close()
    assert not folder.exists()


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="needs another user to be")
async def test_the_bridge_lets_no_other_user_in(monkeypatch: pytest.MonkeyPatch) -> None:
    listener = await listen_privately(echo)
    try:
        assert await asyncio.to_thread(connect_as, 65534, listener.address) == "PermissionError"
        # Even where the folder does not keep it out, the peer's user does.
        open_to_all(Path(listener.address))
        turned_away = ("", "ConnectionResetError", "BrokenPipeError")
        assert await asyncio.to_thread(connect_as, 65534, listener.address) in turned_away
    finally:
        listener.close()


async def test_a_long_name_of_the_temporary_folder_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / ("x" * 120)))
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "with a blank"))
    listener = await listen_privately(echo)
    listener.close()
    assert " " not in listener.address
    assert len(listener.address) < socket.AF_UNIX + 100
