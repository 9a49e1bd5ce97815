"""Dependencies are used, and the README says what for."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
README = (ROOT / "README.md").read_text("utf-8")

IMPORTED_AS = {
    "pyserial": "serial",
    "pyserial-asyncio": "serial_asyncio",
    "pyelftools": "elftools",
    "pyyaml": "yaml",
    "opentelemetry-sdk": "opentelemetry",
    "opentelemetry-exporter-otlp-proto-http": "opentelemetry",
    "esp32-mock-bootloader": "esp32_mock_bootloader",
    "textual-image": "textual_image",
    "textual-serve": "textual_serve",
}
"""Package -> module, where the names differ."""

FOR_THE_DEMO = ("sim", "testing")
"""Folders of `espmon` that the extra `demo` is for."""


def named(requirements: list[str]) -> list[str]:
    return [re.split(r"[<>=;\[ ]", line)[0] for line in requirements]


DEPENDENCIES = named(PROJECT["dependencies"])
EXTRAS = {
    name: named(lines)
    for name, lines in PROJECT["optional-dependencies"].items()
    if name not in ("test", "bench", "fuzz")
}


def modules(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("find_spec", "import_module"):
            yield from (str(part.value).split(".")[0] for part in node.args if isinstance(part, ast.Constant))


SOURCES = {path: set(modules(path)) for path in (ROOT / "espmon").rglob("*.py")}


def imported(package: str, *, everywhere: bool) -> bool:
    module = IMPORTED_AS.get(package, package)
    return any(
        module in names
        for path, names in SOURCES.items()
        if everywhere or path.relative_to(ROOT / "espmon").parts[0] not in FOR_THE_DEMO
    )


@pytest.mark.parametrize("package", DEPENDENCIES)
def test_what_everybody_installs_is_used_by_more_than_the_simulated_board(package: str) -> None:
    assert imported(package, everywhere=False)


@pytest.mark.parametrize("package", [package for packages in EXTRAS.values() for package in packages])
def test_what_an_extra_brings_is_used(package: str) -> None:
    # The stubs of esptool are read as files beside the package.
    text = "".join(path.read_text("utf-8") for path in SOURCES) if package == "esptool" else ""
    assert imported(package, everywhere=True) or '"esptool"' in text


def test_the_readme_says_what_each_is_for() -> None:
    told = dict(re.findall(r"(?m)^\| `?([\w-]+)`? \| (.+?) \|", README[README.index("## What it is made of") :]))
    assert set(DEPENDENCIES) | set(EXTRAS) == set(told) - {"package", "extra"}
    for extra, packages in EXTRAS.items():
        assert any(package in told[extra] for package in packages), extra
