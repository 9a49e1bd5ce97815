"""Who holds a device: read from /proc (Linux); elsewhere nothing is known."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import NamedTuple

MAX_COMMAND_LINE = 80
"""Most characters of a command line that are shown."""

Place = str | os.PathLike[str]

LOCK_FOLDERS = ("/run/lock", "/var/lock")
"""Where programs of the UUCP tradition leave `LCK..ttyUSB0` with their pid."""


class Holder(NamedTuple):
    """A process that has the device open or locked."""

    pid: int
    command: str
    """Its command line, shortened; "" when it may not be read."""

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid})" if self.command else f"pid {self.pid}"


def _command(pid: int, proc: Place) -> str:
    try:
        with open(os.path.join(proc, str(pid), "cmdline"), "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return ""
    text = " ".join(word.decode(errors="replace") for word in words if word)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= MAX_COMMAND_LINE else text[: MAX_COMMAND_LINE - 1] + "…"


def _with_open_file(device: str, proc: Place) -> set[int]:
    found = set()
    for process in os.listdir(proc):
        if not process.isdigit():
            continue
        folder = os.path.join(proc, process, "fd")
        try:
            names = os.listdir(folder)
        except OSError:
            continue  # another user's process, or one that has just ended
        for name in names:
            try:
                target = os.readlink(os.path.join(folder, name))
            except OSError:
                continue
            if target == device:
                found.add(int(process))
                break
    return found


def _with_lock(device: str, proc: Place) -> set[int]:
    """Pids in /proc/locks: anybody may read it, also about other users' processes."""
    found: set[int] = set()
    try:
        status = os.stat(device)
        with open(os.path.join(proc, "locks"), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return found
    wanted = (os.major(status.st_dev), os.minor(status.st_dev), status.st_ino)
    for line in lines:
        words = line.split()
        if "->" in words or len(words) < 6 or words[1] not in ("FLOCK", "POSIX", "OFDLCK"):
            continue
        try:
            major, minor, inode = words[5].split(":")
            if (int(major, 16), int(minor, 16), int(inode)) == wanted and int(words[4]) > 0:
                found.add(int(words[4]))
        except ValueError:
            continue
    return found


def _with_lock_file(device: str, folders: tuple[str, ...]) -> set[int]:
    for folder in folders:
        try:
            with open(os.path.join(folder, f"LCK..{os.path.basename(device)}"), encoding="utf-8") as file:
                pid = int(file.read().split()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            continue
        return {pid}
    return set()


def holders(device: str, *, proc: Place = "/proc", lock_folders: tuple[str, ...] = LOCK_FOLDERS) -> tuple[Holder, ...]:
    """The processes that have `device` open or locked, lowest pid first; () where the system does not tell."""
    real = os.path.realpath(device)
    pids = _with_lock(real, proc) | _with_lock_file(real, lock_folders)
    with suppress(OSError):  # no /proc on this system: the hint names lsof instead
        pids |= _with_open_file(real, proc)
    return tuple(Holder(pid, _command(pid, proc)) for pid in sorted(pids))
