"""Which test modules cannot even be imported on Windows: those that import a POSIX module, by whatever way."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
POSIX_MODULES = frozenset({"fcntl", "grp", "pty", "pwd", "resource", "termios", "tty"})


def _imports(path: Path) -> Iterator[str]:
    """The modules that a module imports when it is imported itself; of `from a import b`, both `a` and `a.b`."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _file(module: str) -> Path | None:
    """The file of a module of this project."""
    if module.split(".")[0] not in ("espmon", "tests"):
        return None
    place = ROOT.joinpath(*module.split("."))
    return next((path for path in (place.with_suffix(".py"), place / "__init__.py") if path.is_file()), None)


def needs_posix(path: Path) -> bool:
    """Whether a module, or one that it imports, needs a module that Windows does not have."""
    seen: set[Path] = set()
    waiting = [path]
    while waiting:
        module = waiting.pop()
        if module in seen:
            continue
        seen.add(module)
        names = _cached_imports(module)
        if POSIX_MODULES & set(names):
            return True
        waiting += [found for name in names if (found := _file(name)) is not None]
    return False


@cache
def _cached_imports(path: Path) -> tuple[str, ...]:
    return tuple(_imports(path))


def modules_for_posix(folder: Path) -> list[str]:
    """The test modules below a folder that need it, relative to the folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("test_*.py") if needs_posix(path))
