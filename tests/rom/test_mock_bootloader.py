"""esp32-mock-bootloader, the loader behind the simulated board: used in public where that does the job."""

from __future__ import annotations

import ast
import inspect
import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
from esp32_mock_bootloader import MockHandle, instances, mock_bootloader
from esp32_mock_bootloader import server as internals

from espmon.cli import flash, probe
from tests.inputs import ROOT
from tests.rom.test_image import image

PUBLIC = {"", "chips"}
"""Modules of the mock that its own documentation tells users to import from."""

INTERNAL = {
    ("server", "FlashImage"): "the simulated board boots from what was flashed, and tests look at every byte of it",
    ("server", "BootloaderConnection"): "the loader's wire goes through `espmon.testing`, which damages and counts it",
    ("server", "handle_client"): "the same: the public servers own their sockets, in a process of their own",
    ("server", "PtyMasterTransport"): "`run --pty` ends a session a while after the first of several files",
}
"""What is used beyond that, and why. None of it is promised to stay, so the version is pinned."""

LEAKS = pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""Starting and stopping a mock leaves its log file or its pipe to the garbage collector."""


def imported(path: Path) -> Iterator[tuple[str, str]]:
    """(module of the mock, name) for each import from it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("esp32_mock_bootloader"):
            module = (node.module or "").removeprefix("esp32_mock_bootloader").lstrip(".")
            yield from ((module, alias.name) for alias in node.names)


def test_what_is_used_beyond_the_public_api_is_known_and_has_a_reason() -> None:
    used = {
        (module, name)
        for folder in ("espmon", "tests")
        for path in (ROOT / folder).rglob("*.py")
        if path != Path(__file__)
        for module, name in imported(path)
        if module not in PUBLIC
    }
    assert used == set(INTERNAL)


def test_the_version_is_pinned_because_internals_are_used() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    (pinned,) = (line for line in project["optional-dependencies"]["demo"] if line.startswith("esp32-mock"))
    assert pinned == f"esp32-mock-bootloader=={version('esp32-mock-bootloader')}"


def test_the_internals_have_the_shape_that_is_used() -> None:
    assert list(inspect.signature(internals.handle_client).parameters) == [
        "conn", "stop_event", "chip_mode", "on_detected", "exit_on_disconnect", "flash",
    ]  # fmt: skip
    assert "sock" in inspect.signature(internals.BootloaderConnection).parameters
    assert isinstance(internals.FlashImage().data, bytearray)
    assert "erase_region" in dir(internals.FlashImage)


@pytest.fixture
def mock() -> Iterator[MockHandle]:
    with mock_bootloader(chip="esp32c3", mode="daemon") as handle:
        yield handle


@LEAKS
def test_a_daemon_is_probed_and_tells_the_same_chip(mock: MockHandle, capsys: pytest.CaptureFixture[str]) -> None:
    assert probe.main([mock.url(), "--yes", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["chip"] == "ESP32-C3"
    assert instances.status(mock.port())["chip"] == "esp32c3"
    assert instances.url(mock.port()) == mock.url()


@LEAKS
def test_a_daemon_that_is_asked_which_chip_it_is_learns_it_from_our_probe(capsys: pytest.CaptureFixture[str]) -> None:
    """A probe reads what esptool reads, so the mock recognises the chip by the registers that are asked for."""
    with mock_bootloader(chip="esp32s3", mode="daemon") as one, mock_bootloader(chip="esp32", mode="daemon") as other:
        told = []
        for handle in (one, other):
            assert probe.main([handle.url(), "--yes", "--json"]) == 0
            told.append(json.loads(capsys.readouterr().out))
        assert [board["chip"] for board in told] == ["ESP32-S3", "ESP32"]
        assert len({board["mac"] for board in told}) == 2
        assert {port for port, _ in instances.url("all")} >= {one.port(), other.port()}


@LEAKS
@pytest.mark.e2e
def test_what_espmon_writes_is_there_until_the_daemon_erases_it(mock: MockHandle, tmp_path: Path) -> None:
    path = tmp_path / "app.bin"
    path.write_bytes(image(minimum=0) + bytes(range(256)) * 40)
    words = ["0x10000", str(path), "--yes"]
    assert flash.main(["write", mock.url(), *words]) == 0
    assert flash.main(["verify", mock.url(), *words]) == 0
    assert instances.erase_flash(mock.port()) == [mock.port()]
    assert flash.main(["verify", mock.url(), *words]) == 1


@LEAKS
def test_a_foreground_mock_ends_with_its_handle() -> None:
    handle = mock_bootloader(chip="esp32c6")
    assert probe.main([handle.url(), "--yes"]) == 0
    handle.stop()
    assert handle.returncode is None
    with pytest.raises(RuntimeError):
        handle.url()


def test_the_chips_that_the_mock_knows_are_simulated_ones() -> None:
    from espmon.sim.simulated_chips import CHIPS

    command = [sys.executable, "-m", "esp32_mock_bootloader.cli", "chips", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert set(json.loads(done.stdout)) <= set(CHIPS)
