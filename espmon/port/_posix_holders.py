"""Who holds a device: read from /proc (Linux); elsewhere nothing is known."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

COMMAND_LIMIT = 80
"""Most characters of a command line that are shown."""

LOCK_FOLDERS = ("/run/lock", "/var/lock")
"""Where programs of the UUCP tradition leave `LCK..ttyUSB0` with their pid."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has the device open or locked."""

    pid: int
    command: str
    """Its command line, shortened; "" when it may not be read."""

    def __str__(self) -> str:
        return f"{self.command} (pid {self.pid})" if self.command else f"pid {self.pid}"


def _command(pid: int, proc: Path) -> str:
    try:
        words = (proc / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    text = " ".join(word.decode(errors="replace") for word in words if word)
    text = "".join(character if character.isprintable() else "?" for character in text)
    return text if len(text) <= COMMAND_LIMIT else text[: COMMAND_LIMIT - 1] + "…"


def _with_open_file(device: str, proc: Path) -> set[int]:
    found = set()
    for entry in proc.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            names = os.listdir(entry / "fd")
        except OSError:
            continue  # another user's process, or one that has just ended
        for name in names:
            try:
                target = os.readlink(entry / "fd" / name)
            except OSError:
                continue
            if target == device:
                found.add(int(entry.name))
                break
    return found


def _with_lock(device: str, proc: Path) -> set[int]:
    """Pids in /proc/locks: anybody may read it, also about other users' processes."""
    found: set[int] = set()
    try:
        status = os.stat(device)
        lines = (proc / "locks").read_text().splitlines()
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
            pid = int(Path(folder, f"LCK..{os.path.basename(device)}").read_text().split()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            continue
        return {pid}
    return set()


def holders(
    device: str, *, proc: Path = Path("/proc"), lock_folders: tuple[str, ...] = LOCK_FOLDERS
) -> tuple[Holder, ...]:
    """The processes that have `device` open or locked, lowest pid first; () where the system does not tell."""
    real = os.path.realpath(device)
    pids = _with_lock(real, proc) | _with_lock_file(real, lock_folders)
    with suppress(OSError):  # no /proc on this system: the hint names lsof instead
        pids |= _with_open_file(real, proc)
    return tuple(Holder(pid, _command(pid, proc)) for pid in sorted(pids))
