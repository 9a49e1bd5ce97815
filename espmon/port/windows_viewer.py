"""The system's own viewer for a file on Windows."""

from __future__ import annotations

import os
from pathlib import Path


def view_file(path: Path) -> None:
    """Open a file in the program that Windows has for its kind. Raises OSError."""
    start = getattr(os, "startfile", None)
    if start is None:
        raise OSError("this system opens no files")
    start(os.path.abspath(path), "open")
