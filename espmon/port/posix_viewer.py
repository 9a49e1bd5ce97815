"""The system's own viewer for a file: `open` on macOS, `xdg-open` or `gio` where there is a desktop."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from espmon.programs import command_line, find_program, start_beside

VIEWERS = (("open",),) if sys.platform == "darwin" else (("xdg-open",), ("gio", "open"))
"""Programs with what stands before the file; the first that is there."""


def viewer_command(path: Path, environment: Mapping[str, str] = os.environ) -> list[str]:
    """The words that open a file in the system's viewer. Raises OSError where nothing does."""
    if sys.platform != "darwin" and not (environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY")):
        raise FileNotFoundError(2, "there is no desktop here (neither DISPLAY nor WAYLAND_DISPLAY)")
    for name, *options in VIEWERS:
        if (program := find_program(name, environment)) is not None:
            # As an absolute path it is no option; these programs know no `--`.
            return command_line(program, [*options, os.path.abspath(path)])
    raise FileNotFoundError(2, f"there is no {' and no '.join(words[0] for words in VIEWERS)}")


def view_file(path: Path) -> None:
    """Open a file in the system's viewer, beside this program. Raises OSError."""
    start_beside(viewer_command(path))
