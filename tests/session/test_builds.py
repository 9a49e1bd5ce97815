"""Build commands and their runs: who decides, what is kept, what is understood of the output."""

from __future__ import annotations

import os
import sys
import threading
from pathlib import Path

import pytest

from espmon.session.build_command import (
    BuildCommands,
    command_problem,
    project_root,
    proposed_words,
    words_of,
)
from espmon.session.build_run import MAX_LINE_BYTES, BuildRun
from espmon.session.compiler_messages import CompilerMessage, find_source, message_in

LIMIT = 30.0


def idf_project(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "CMakeLists.txt").write_text("include($ENV{IDF_PATH}/tools/cmake/project.cmake)\nproject(demo)\n")
    return folder


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "/p/main/app.c:12:5: error: expected ';' before 'return'",
            CompilerMessage("/p/main/app.c", 12, 5, "error", "expected ';' before 'return'"),
        ),
        ("src/a b.cpp:3: warning: unused: x", CompilerMessage("src/a b.cpp", 3, None, "warning", "unused: x")),
        ("C:\\p\\a.c:1:2: fatal error: x.h: No", CompilerMessage("C:\\p\\a.c", 1, 2, "fatal error", "x.h: No")),
        (
            "/x/bin/ld: /p/main.c:7: undefined reference to `go'",
            CompilerMessage("/p/main.c", 7, None, "error", "undefined reference to `go'"),
        ),
        (
            "CMake Error at main/CMakeLists.txt:5 (message):",
            CompilerMessage("main/CMakeLists.txt", 5, None, "error", "CMake (message)"),
        ),
        ("[12/340] Building C object main.c.obj", None),
        ("I (12) boot: error: not one", None),
        ("ninja: build stopped: subcommand failed.", None),
    ],
)
def test_messages_of_compilers_linkers_and_cmake(line: str, message: CompilerMessage | None) -> None:
    assert message_in(line) == message


def test_a_file_is_found_where_the_compiler_ran(tmp_path: Path) -> None:
    (tmp_path / "build").mkdir()
    (tmp_path / "main.c").write_text("x")
    assert find_source("main.c", (tmp_path / "build", tmp_path)) == tmp_path / "main.c"
    assert find_source("other.c", (tmp_path,)) is None
    assert find_source(str(tmp_path / "main.c"), ()) == tmp_path / "main.c"


def test_the_project_s_kind_proposes_its_command(tmp_path: Path) -> None:
    idf = idf_project(tmp_path / "idf")
    (idf / "build").mkdir()
    pio = tmp_path / "pio"
    pio.mkdir()
    (pio / "platformio.ini").write_text("[env:esp32]\n")
    other = tmp_path / "other"
    other.mkdir()
    assert proposed_words(idf) == ("idf.py", "build")
    assert proposed_words(pio) == ("pio", "run")
    assert proposed_words(other) == ()
    assert project_root(idf / "build", other) == idf
    assert project_root(other) == other


def test_a_chosen_command_lasts_and_a_project_s_own_files_cannot_set_it(tmp_path: Path) -> None:
    project = idf_project(tmp_path / "project")
    (project / "espmon.toml").write_text('build = "rm -rf /"\n')
    (project / "builds.json").write_text(f'{{"{project}": ["rm"]}}')
    kept = tmp_path / "state" / "builds.json"
    commands = BuildCommands(kept)
    assert commands.of(project) == ()
    commands.choose(project, ["make", "-j2"])
    other, elsewhere = BuildCommands(kept), tmp_path / "elsewhere"
    assert other.of(elsewhere) == ()
    commands.choose(project, ("make", "-j2"))
    other.choose(elsewhere, ("ninja",))  # began before, and knows nothing of it
    assert BuildCommands(kept).of(elsewhere) == ("ninja",)
    assert BuildCommands(kept).of(project) == ("make", "-j2")
    kept.write_text("{ damaged")
    assert BuildCommands(kept).of(project) == ()


def test_what_cannot_be_started_is_said_before(tmp_path: Path) -> None:
    assert "cannot be told apart" in command_problem("make 'x", tmp_path)
    assert "There is no program no-such-program" in command_problem("no-such-program build", tmp_path)
    assert command_problem(f"'{sys.executable}' -c pass", tmp_path) == ""
    assert words_of("idf.py -D 'X=a b' build", tmp_path) == ("idf.py", "-D", "X=a b", "build")


def test_a_path_is_meant_from_the_projects_folder(tmp_path: Path) -> None:
    script = tmp_path / "tools" / "build.sh"
    assert command_problem("./tools/build.sh -j2", tmp_path) == f"{script} is no program"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    assert words_of("./tools/build.sh -j2", tmp_path) == (str(script), "-j2")
    assert command_problem("tools/build.sh -j2", tmp_path) == ""


def finished(run: BuildRun, ended: threading.Event) -> list[str]:
    run.start()
    assert ended.wait(LIMIT)
    assert not run.running
    return run.lines()[0]


def python(code: str, folder: Path) -> tuple[BuildRun, threading.Event]:
    ended = threading.Event()
    return BuildRun([sys.executable, "-c", code], folder, ended.set), ended


def test_output_is_read_by_lines_and_made_safe(tmp_path: Path) -> None:
    code = (
        "import sys, os; os.write(1, b'\\x1b[31mred\\x1b[0m \\x1b]0;title\\x07\\nhalf\\r'); "
        "os.write(2, b'error\\n'); os.write(1, b'x' * 20000); sys.exit(3)"
    )
    run, ended = python(code, tmp_path)
    lines = finished(run, ended)
    assert lines[0] == "red ␛]0;title␇"
    assert lines[1:3] == ["half", "error"]
    assert [len(line) for line in lines[3:]] == [MAX_LINE_BYTES, MAX_LINE_BYTES, 20000 - 2 * MAX_LINE_BYTES]
    assert (run.code, run.stopped) == (3, False)


def test_words_are_words_and_no_shell_sees_them(tmp_path: Path) -> None:
    ended = threading.Event()
    run = BuildRun([sys.executable, "-c", "import sys; print(sys.argv[1:])", "$HOME; ls", "*"], tmp_path, ended.set)
    assert finished(run, ended) == ["['$HOME; ls', '*']"]


@pytest.mark.skipif(os.name == "nt", reason="Windows has no groups of processes")
def test_stopping_ends_what_the_build_started_too(tmp_path: Path) -> None:
    child = "import time; print('here', flush=True); time.sleep(600)"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    run, ended = python(code, tmp_path)
    run.start()
    seen = threading.Event()

    def look() -> None:
        while not seen.is_set() and not ended.is_set():
            if "here" in run.lines()[0]:
                seen.set()
            ended.wait(0.01)

    watcher = threading.Thread(target=look)
    watcher.start()
    assert seen.wait(LIMIT)
    run.stop()
    # The pipe closes when the last process that holds it has ended.
    assert ended.wait(LIMIT)
    watcher.join()
    assert run.stopped


def test_more_lines_than_are_kept_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espmon.session.build_run.MAX_LINES", 10)
    run, ended = python("print('\\n'.join(map(str, range(25))))", tmp_path)
    assert finished(run, ended) == [str(number) for number in range(15, 25)]
    assert run.dropped == 15
    assert run.lines(24) == (["24"], 25)
