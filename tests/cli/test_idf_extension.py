"""`idf.py espmon`: the documented contract of idf.py's extensions, as a click group that is fed with our dictionary."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from espmon import cli
from espmon.cli import idf_extension
from espmon.cli.port_options import BAUD_VARIABLES

ROOT = Path(__file__).resolve().parents[2]


class PropertyDict(dict[str, Any]):
    """idf.py's global arguments: a dictionary whose keys are attributes."""

    def __getattr__(self, name: str) -> Any:
        return self.get(name)


def idf_py(build: Path) -> click.Group:
    """What idf.py makes of an extension: global options are promoted, the rest belongs to the command."""
    group = click.Group("idf.py")
    extension = idf_extension.action_extensions({}, str(build.parent))
    assert extension["version"] == "1"
    promoted: list[click.Parameter] = []
    for name, action in extension["actions"].items():
        options: list[click.Parameter] = []
        for row in action["options"]:
            row = dict(row)
            scope, names = row.pop("scope", "default"), row.pop("names")
            option = click.Option(names, **row)
            options.append(option)
            if scope == "global":
                promoted.append(click.Option(names, **row))

        def call(callback: Callable[..., None] = action["callback"], **values: Any) -> None:
            ctx = click.get_current_context()
            parent = ctx.parent
            assert parent is not None
            shared = {key: value for key, value in parent.params.items() if value is not None}
            callback(ctx.info_name, ctx, PropertyDict(build_dir=str(build), **shared), **values)

        group.add_command(
            click.Command(name, params=options, callback=call, help=action["help"], short_help=action["short_help"])
        )
    group.params += promoted
    group.params.append(click.Option(["-b", "--baud"], envvar="ESPBAUD", default=460800, type=int))  # idf.py's own
    return group


@pytest.fixture
def build(tmp_path: Path) -> Path:
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "bootloader").mkdir()
    (folder / "bootloader" / "bootloader.elf").write_bytes(b"\x7fELF")
    (folder / "app.elf").write_bytes(b"\x7fELF")
    description = {"app_elf": "app.elf", "bootloader_elf": "bootloader/bootloader.elf", "monitor_baud": "74880"}
    (folder / "project_description.json").write_text(json.dumps(description))
    return folder


@pytest.fixture
def called(monkeypatch: pytest.MonkeyPatch) -> list[Sequence[str]]:
    """The command lines that espmon got."""
    calls: list[Sequence[str]] = []

    def main(words: Sequence[str]) -> int:
        calls.append(words)
        return 0

    monkeypatch.setattr(cli, "main", main)
    for name in (*BAUD_VARIABLES, "ESPPORT"):
        monkeypatch.delenv(name, raising=False)
    return calls


def invoke(build: Path, *words: str, **environment: str) -> Result:
    return CliRunner().invoke(idf_py(build), list(words), env=environment)


def test_port_rate_and_elf_files_come_from_idf_py(build: Path, called: list[Sequence[str]]) -> None:
    elves = ["--elf", str(build / "app.elf"), "--elf", str(build / "bootloader/bootloader.elf")]
    for words, environment in (
        (["-p", "/dev/x", "espmon"], {}),
        (["espmon", "-p", "/dev/x"], {}),
        (["espmon"], {"ESPPORT": "/dev/x"}),
    ):
        result = invoke(build, *words, **environment)
        assert (result.exit_code, result.output) == (0, "")
        assert called.pop() == ["/dev/x", "--baud", "74880", *elves]


def test_a_rate_that_was_asked_for_goes_before_the_project_s(
    build: Path, called: list[Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    invoke(build, "-b", "9600", "espmon")
    assert called.pop()[:2] == ["--baud", "9600"]
    invoke(build, "espmon", ESPBAUD="9600")
    assert called.pop()[:2] == ["--baud", "74880"]  # that is the rate of flashing
    invoke(build, "-b", "9600", "espmon", MONITORBAUD="19200")
    assert "--baud" not in called.pop()
    invoke(build, "-b", "19200", "espmon", "-B", "9600")
    assert called.pop()[:2] == ["--baud", "9600"]
    invoke(build, "espmon", "-B", "9600")
    assert called.pop()[:2] == ["--baud", "9600"]
    invoke(build, "espmon", MONITORBAUD="9600")
    assert "--baud" not in called.pop(), "espmon reads the variable itself"


def test_the_monitor_s_options_are_taken_and_those_without_a_use_say_so(
    build: Path, called: list[Sequence[str]]
) -> None:
    result = invoke(
        build, "espmon", "--print_filter", "wifi:W", "--no-reset", "--timestamps", "--elf-file", "other.elf",
        "--toolchain-prefix", "riscv32-esp-elf-",
    )  # fmt: skip
    assert called.pop() == [
        "--print-filter", "wifi:W", "--no-reset", "--timestamps", "--elf", "other.elf", "--baud", "74880",
    ]  # fmt: skip
    assert result.stderr == "espmon: --toolchain-prefix is not needed: addresses are decoded from the ELF alone\n"


def test_an_option_that_there_is_not_is_named(build: Path, called: list[Sequence[str]]) -> None:
    result = invoke(build, "espmon", "--no-such-thing")
    assert result.exit_code == 2
    assert "--no-such-thing" in result.stderr
    assert called == []


def test_an_application_that_is_not_built_is_said_and_the_monitor_goes_on(
    build: Path, called: list[Sequence[str]]
) -> None:
    (build / "app.elf").unlink()
    assert "app.elf is not built yet" in invoke(build, "espmon", "-p", "/dev/x").stderr
    assert called.pop()[:3] == ["/dev/x", "--baud", "74880"]
    (build / "project_description.json").unlink()
    assert "has no build yet" in invoke(build, "espmon", "-p", "/dev/x").stderr
    assert called.pop() == ["/dev/x"]
    (build / "project_description.json").write_text("{")
    assert "cannot be read" in invoke(build, "espmon", "-p", "/dev/x").stderr
    assert called.pop() == ["/dev/x"]


def test_espmon_s_exit_code_is_that_of_idf_py(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "main", lambda words: 3)
    assert invoke(build, "espmon").exit_code == 3


def test_every_option_that_is_passed_on_is_one_of_espmon_s_own(build: Path) -> None:
    parser = import_module("espmon.cli.monitor").parser()
    known = {name for action in parser._actions for name in action.option_strings}
    assert {option.passed_as for option in idf_extension.OPTIONS if not option.unneeded} <= known


def test_the_entry_point_names_the_function_and_loads_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    module, _, name = project["entry-points"]["idf_extension"]["espmon"].partition(":")
    assert getattr(import_module(module), name) is idf_extension.action_extensions
    code = f"import sys, {module}; print(sorted(name for name in sys.modules if name.startswith('espmon.')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == str(["espmon.cli", "espmon.cli.idf_extension", "espmon.lazy", "espmon.version"])
