"""A pipe, a socket or a device where a file is expected holds nobody up: nobody will ever write into it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from espmon.postmortem import PostmortemError, Symbolizer
from espmon.postmortem.source import source_excerpt
from espmon.session.binlog_strings import BinlogStrings
from espmon.session.elves import discover, file_sha256, pick
from espmon.session.flash_plan import PlanError, from_project, read_file
from espmon.session.settings import load_settings
from espmon.tui.user_input import elf_problem

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes"),
    pytest.mark.timeout(20),
]


def pipe(path: Path) -> Path:
    os.mkfifo(path)
    return path


def unix_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    return path


def folder(path: Path) -> Path:
    path.mkdir()
    return path


def device(path: Path) -> Path:
    path.symlink_to("/dev/zero")
    return path


MAKERS = pytest.mark.parametrize("make", [pipe, unix_socket, folder, device])


@MAKERS
def test_an_elf_that_is_no_file_is_refused(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the name of a socket may not be long
    path = make(Path("app.elf"))
    with pytest.raises(PostmortemError):
        Symbolizer(path)
    with pytest.raises(OSError, match=r"regular|directory|such device"):
        BinlogStrings([path])
    assert file_sha256(path) is None
    assert elf_problem(str(path)) != ""


@MAKERS
def test_a_build_of_pipes_is_no_build(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    build = folder(Path("build"))
    make(build / "app.elf")
    make(build / "project_description.json")
    assert discover(tmp_path) == []
    assert pick("0123456789abcdef", tmp_path) is None
    with pytest.raises(PlanError):
        read_file(build / "app.elf")
    make(build / "flasher_args.json")
    with pytest.raises(PlanError):
        from_project(build)


@MAKERS
def test_settings_and_sources_that_are_no_files_are_left_out(
    make: Callable[[Path], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = make(Path("config.toml"))
    _, problems = load_settings(path)
    assert len(problems) == 1
    assert source_excerpt(str(path), 1) == []


@pytest.mark.parametrize(
    "command",
    [
        ["symbolize", "app.elf", "0x42000000"],
        ["coredump", "dump.bin", "--elf", "app.elf"],
        ["decode", "dump.bin", "--elf", "app.elf"],
    ],
)
def test_a_command_ends_at_once_when_its_elf_is_a_pipe(command: list[str], tmp_path: Path) -> None:
    pipe(tmp_path / "app.elf")
    (tmp_path / "dump.bin").write_bytes(b"I (1) main: started\n")
    done = subprocess.run(
        [sys.executable, "-m", "espmon", *command],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=15,
        check=False,
    )
    assert done.returncode == 2
    assert "not a regular file" in done.stderr or "core dump" in done.stderr
    assert "Traceback" not in done.stderr
