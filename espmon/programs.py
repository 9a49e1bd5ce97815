"""Programs of this computer: found by absolute path, started without a shell. The one place that starts any.

Below every room, knowing none. A name comes from espmon or from the user, never from a board; what a file is called may
come from anybody, so files stand behind `--`, as absolute paths: none can be taken for an option.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

Program = subprocess.Popen[bytes]
"""A program that was started."""

WINDOWS_ENDINGS = (".exe", ".com")
"""Endings of programs that Windows starts without its command interpreter."""

CHILDREN_POLL_SECONDS = 0.02
"""Between two looks at whether what a program has started has ended."""


def find_program(name: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """The absolute path of an executable program, from the absolute folders of PATH; None when there is none.

    Args:
        name: a bare name, or an absolute path. A relative path is never found: it would depend on where espmon runs.
        environment: where PATH is looked up.
    """
    if os.path.isabs(name):
        return name if _executable(name) else None
    if not name or name.startswith("-") or name != os.path.basename(name):
        return None
    for folder in environment.get("PATH", "").split(os.pathsep):
        if os.path.isabs(folder):
            for ending in ("", *WINDOWS_ENDINGS) if os.name == "nt" else ("",):
                path = os.path.join(folder, name + ending)
                if _executable(path):
                    return path
    return None


def _executable(path: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.X_OK)


def command_line(program: str, options: Sequence[str] = (), files: Sequence[str | Path] = ()) -> list[str]:
    """The words that start a program: its options, then `--`, then files by their absolute paths.

    Args:
        program: an absolute path, see `find_program`.
        options: as they are, each one word.
        files: whatever they are called.
    """
    if not os.path.isabs(program):
        raise ValueError(f"{program!r} is no absolute path")
    operands = [os.path.abspath(file) for file in files]
    return [program, *options, *(["--", *operands] if operands else [])]


def start_beside(command: Sequence[str]) -> Program:
    """Start a program with a window of its own: it reads nothing, and nothing that it prints reaches the screen.

    A thread of its own waits for its end, so that nothing is left of it.

    Args:
        command: its words, see `command_line`.

    Raises:
        OSError: it does not start.
    """
    words = list(command)
    if not words or not os.path.isabs(words[0]):
        raise ValueError(f"{words[:1]} is no absolute path")
    nothing = subprocess.DEVNULL
    program = subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=nothing, shell=False)
    threading.Thread(target=program.wait, name="espmon-editor", daemon=True).start()
    return program


def start(command: Sequence[str], *, terminal: bool = False) -> Program:
    """Start a program beside this one, without a shell.

    Args:
        command: its words, see `command_line`; the first is an absolute path.
        terminal: it gets this process's terminal; otherwise it has nothing to read.

    Raises:
        OSError: it does not start.
    """
    words = list(command)
    if not words or not os.path.isabs(words[0]):
        raise ValueError(f"{words[:1]} is no absolute path")
    return subprocess.Popen(words, stdin=None if terminal else subprocess.DEVNULL, shell=False)


def start_reading(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Program:
    """Start a program whose output is read, as `stdout` with what goes to its error output in it.

    It has nothing to read, and a group of its own, so that it can be ended with all that it starts.

    Args:
        command: its words, see `command_line`.
        folder: where it runs.
        environment: its whole environment.

    Raises:
        OSError: it does not start.
    """
    words = list(command)
    if not words or not os.path.isabs(words[0]):
        raise ValueError(f"{words[:1]} is no absolute path")
    return subprocess.Popen(
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        env=dict(environment),
        shell=False,
        start_new_session=os.name != "nt",
    )


def end_with_children(program: Program, seconds: float) -> None:
    """End a program of `start_reading` and what it has started; kill what is left of them after `seconds`.

    Blocks until all have ended, or were killed.
    """
    signal_group(program, kill=False)
    end = time.monotonic() + seconds
    with suppress(subprocess.TimeoutExpired):
        program.wait(seconds)
    while group_lives(program) and time.monotonic() < end:
        time.sleep(CHILDREN_POLL_SECONDS)
    signal_group(program, kill=True)
    program.wait()


def group_lives(program: Program) -> bool:
    """Whether any program of the group is left. Where there are no groups, the program alone."""
    group = getattr(os, "killpg", None)
    if group is None:
        return program.poll() is None
    try:
        group(program.pid, 0)
    except (ProcessLookupError, PermissionError):  # macOS refuses where none but ended ones are left
        return False
    return True


def signal_group(program: Program, *, kill: bool) -> None:
    """Ask a program and its group to end, or kill them. Where there are no groups, the program alone."""
    group = getattr(os, "killpg", None)
    try:
        if group is None:
            (program.kill if kill else program.terminate)()
        else:
            group(program.pid, signal.SIGKILL if kill else signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return  # they have ended meanwhile; see `group_lives`


def output_of(command: Sequence[str], seconds: float) -> tuple[int, bytes]:
    """Run a program to its end, without a shell and with nothing to read; returns its exit code and all it printed.

    Raises:
        OSError: it does not start.
        TimeoutError: it takes longer than `seconds`; it is ended then.
    """
    code, printed, _ = _run(command, seconds, subprocess.STDOUT)
    return code, printed


def result_of(command: Sequence[str], seconds: float) -> tuple[int, bytes, bytes]:
    """The same, with what it printed as its result and what it said besides apart."""
    return _run(command, seconds, subprocess.PIPE)


def _run(command: Sequence[str], seconds: float, errors: int) -> tuple[int, bytes, bytes]:
    words = list(command)
    if not words or not os.path.isabs(words[0]):
        raise ValueError(f"{words[:1]} is no absolute path")
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{words[0]} takes longer than {seconds:g} seconds") from None
    return done.returncode, done.stdout, done.stderr or b""
