"""Files and messages of others that are not what they should be: one line, defaults, and on."""

from __future__ import annotations

import fcntl
import json
import os
import sys
import time
from pathlib import Path

import pytest
from websockets.asyncio.server import ServerConnection, serve

from espmon.port import PortError
from espmon.port.device_registry import DeviceRegistry
from espmon.session.ide import Ide
from espmon.session.settings import MAX_FILE, Settings, load_settings
from espmon.time_limit import time_limit
from espmon.tui.widgets.line_history import History

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX files")

LIMIT = 10.0

SETTINGS = {
    "deep lists": b"eol = " + b"[" * 100_000,
    "deep tables": b"[" + b".".join([b"a"] * 50_000) + b"]\nb = 1\n",
    "a number of 5,000 digits": b"store_bytes = " + b"9" * 5000,
    "a hexadecimal number of 50,000 digits": b"store_bytes = 0x" + b"f" * 50_000,
    "a number of 400 digits for a float": b"stall_seconds = " + b"9" * 400,
    "not a number": b"stall_seconds = nan",
    "no end": b"stall_seconds = inf",
    "negative": b"idle_seconds = -1.0",
    "a long name": b"x" * 100_000 + b" = 1",
    "a long value": b"eol = '" + b"x" * 100_000 + b"'",
    "binary": bytes(range(256)) * 100,
    "too large": b"#" * (MAX_FILE + 1),
    "escapes": b'eol = "\\u001b]0;owned\\u0007"',
}
"""Name -> a settings file."""


@pytest.mark.parametrize("name", list(SETTINGS))
def test_settings_that_mean_nothing_are_one_line_and_the_defaults(name: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes(SETTINGS[name])
    settings, problems = load_settings(path)
    assert settings == Settings()
    assert len(problems) == 1
    assert len(problems[0]) < len(str(path)) + 400
    assert problems[0].isprintable()


@pytest.mark.parametrize("what", ["folder", "pipe", "device"])
def test_settings_that_are_no_file_hold_nobody_up(what: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    if what == "folder":
        path.mkdir()
    elif what == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    settings, problems = load_settings(path)
    assert settings == Settings()
    assert len(problems) == 1


def test_a_registry_that_somebody_else_has_locked_is_one_line_in_time(tmp_path: Path) -> None:
    registry = DeviceRegistry(tmp_path / "devices.json")
    registry.update("serial:A1", nickname="knob")
    with (tmp_path / "devices.json.lock").open("w") as foreign:
        fcntl.flock(foreign, fcntl.LOCK_EX)
        begin = time.monotonic()
        with pytest.raises(PortError, match="locked by another program"):
            registry.update("serial:A1", nickname="dial")
        assert time.monotonic() - begin < LIMIT
        assert [device.nickname for device in registry.devices()] == ["knob"]


def test_a_registry_that_is_a_pipe_holds_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "devices.json")
    with pytest.raises(PortError, match="cannot be read"):
        DeviceRegistry(tmp_path / "devices.json").devices()


@pytest.mark.parametrize(
    "content",
    [b"[" * 100_000, b'{"version": ' + b"9" * 5000 + b"}", b'{"version": NaN, "devices": {}}', b"\x00" * 1000],
)
def test_a_registry_that_means_nothing_is_kept_aside(content: bytes, tmp_path: Path) -> None:
    registry = DeviceRegistry(tmp_path / "devices.json")
    registry.path.write_bytes(content)
    assert registry.devices() == ()
    assert "\n" not in registry.problem
    assert "kept as" in registry.problem


def test_typed_lines_that_are_a_pipe_hold_nobody_up(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "history")
    assert History(tmp_path / "history").read() == []


@pytest.mark.parametrize(
    "message", ["[" * 100_000, '{"event": ' * 50_000, "9" * 5000, "\x00", '"' + "x" * 500_000 + '"', "{}", "[]", "null"]
)
async def test_a_message_of_an_ide_that_means_nothing_costs_only_itself(message: str) -> None:
    async def ide(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(message)
        await socket.send(json.dumps({"event": "debug_finished"}))
        await socket.wait_closed()

    async with serve(ide, "127.0.0.1", 0) as server, time_limit(LIMIT):
        port = next(iter(server.sockets)).getsockname()[1]
        assert await Ide(f"ws://127.0.0.1:{port}").gdb_stub("/dev/ttyUSB0", None)
