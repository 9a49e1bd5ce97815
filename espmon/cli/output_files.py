"""Files that the user names for a result: looked at before the work, written whole after it."""

from __future__ import annotations

from pathlib import Path

from espmon.cli.command_runner import Exit, fail
from espmon.session.file_system import reason, write_atomically


def check_output(path: Path) -> None:
    """End the command with 2 when no file can stand at `path`: a long job must not fail at its end for that."""
    if path.is_dir():
        fail(Exit.USAGE, f"{path} is a folder")
    if not path.parent.is_dir():
        fail(Exit.USAGE, f"{path} cannot be written: there is no folder {path.parent}")


def write_output(path: Path, data: bytes) -> None:
    """Write a whole file, or into a device or a pipe that stands there. Ends the command with 1 when that fails."""
    try:
        if path.exists() and not path.is_file():
            with path.open("wb", buffering=0) as device:
                rest = memoryview(data)
                while rest:
                    rest = rest[device.write(rest) or 0 :]
            return
        write_atomically(path, data)
    except OSError as error:
        fail(Exit.FAILED, f"{path} cannot be written: {reason(error)}")
