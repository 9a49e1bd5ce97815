"""What a board says of itself is bounded, named and harmless, whatever it says."""

from __future__ import annotations

import json
from typing import Any

import pytest

from espmon.records import Caps
from espmon.records.capabilities import (
    MAX_COMMAND_LINE,
    MAX_COMMANDS,
    MAX_FRAMES,
    MAX_HELP,
    MAX_WORD,
    Capabilities,
    Command,
    capabilities_of,
    command_line,
)
from tests.records.streams import records


def test_an_announcement_is_read() -> None:
    said = capabilities_of(
        {
            "version": 1, "app": "weather", "app_version": "1.2", "chip": "esp32c3", "console": "esp_console",
            "transport": "uart", "screenshot": "shot now", "frames": ["png", "acme/telemetry"],
            "commands": {"reboot": "restart", "shot now": ""}, "later": {"field": 1},
        }
    )  # fmt: skip
    assert said == Capabilities(
        1, "weather", "1.2", "esp32c3", "esp_console", "uart", "shot now", ("png", "acme/telemetry"),
        (Command("reboot", "restart"), Command("shot now", "")),
    )  # fmt: skip
    assert said.pictures
    assert not capabilities_of({"frames": ["json"]}).pictures


def test_a_version_from_the_future_is_used_as_far_as_it_is_known() -> None:
    said = capabilities_of({"version": 7, "screenshot": "shot", "frames": {"png": {"max": 3}}, "commands": ["a"]})
    assert (said.version, said.screenshot, said.frames, said.commands) == (7, "shot", (), ())


@pytest.mark.parametrize("version", [None, "1", 1.5, True, 0, -1, 1 << 40, [1]])
def test_a_version_that_is_none_is_the_first(version: Any) -> None:
    assert capabilities_of({"version": version}).version == 1


def test_a_million_capabilities_are_cut() -> None:
    said = capabilities_of(
        {
            "frames": [f"kind{number}" for number in range(10_000)],
            "commands": {f"command {number}": "x" * 10_000 for number in range(10_000)},
            "app": "x" * 100_000,
        }
    )
    assert (len(said.frames), len(said.commands)) == (MAX_FRAMES, MAX_COMMANDS)
    assert (len(said.app), len(said.commands[0].help)) == (MAX_WORD, MAX_HELP)


def test_a_line_of_a_million_capabilities_costs_one_event() -> None:
    line = b"@ESPCAPS " + json.dumps({"frames": ["png"] * 1_000_000}).encode() + b"\n"
    found = [record for record in records(line) if isinstance(record, Caps)]
    assert len(found) <= 1
    assert all(record.value is None or isinstance(record.value, dict) for record in found)


@pytest.mark.parametrize(
    "line",
    [
        "a\nreboot",
        "a\rreboot",
        "\x1b[2J",
        "gr\xfc\xdfe",
        "x" * (MAX_COMMAND_LINE + 1),
        "\x03",
        "a\x00b",
        5,
        None,
        ["a"],
    ],
)
def test_what_is_no_console_line_is_never_sent(line: Any) -> None:
    assert command_line(line) == ""
    assert capabilities_of({"screenshot": line, "commands": {str(line): "x"} if line else {}}).screenshot == ""


def test_texts_are_safe_to_show() -> None:
    said = capabilities_of(
        {"app": "\x1b]0;owned\x07", "commands": {"a": "[red]\u202eb[/]\n"}, "frames": ["../../x", 7]}
    )
    assert "\x1b" not in said.app
    assert said.commands[0].help == "[red]\\u202eb[/]␊"
    assert said.frames == ("../../x",)
