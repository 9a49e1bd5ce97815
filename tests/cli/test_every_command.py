"""Every command goes through the same runner: wrong words are 2, help is 0, a failure is one line."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from espmon.cli import COMMANDS, main
from espmon.cli.flash import ACTIONS
from espmon.cli.help_texts import SUMMARIES

NAMES = sorted(COMMANDS)


@pytest.mark.parametrize("words", [[], *([name] for name in NAMES)], ids=["espmon", *NAMES])
def test_wrong_words_are_wrong_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--no-such-option"]) == 2
    assert "usage: espmon" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], *([name] for name in NAMES)], ids=["espmon", *NAMES])
def test_help_is_done(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    assert capsys.readouterr().out.startswith(" ".join(["usage: espmon", *words]))


def test_a_defect_of_the_screen_is_one_line_and_a_traceback_only_when_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken() -> str:
        raise ZeroDivisionError("nothing to divide")

    monkeypatch.setattr("espmon.cli.monitor.screen_problem", broken)
    assert main(["/dev/ttyUSB0"]) == 1
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "internal error: ZeroDivisionError" in error
    assert main(["/dev/ttyUSB0", "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


FAILING = [
    (["run", "/dev/nonexistent", "--json", "--expect", "("], 2, "usage"),
    (["run", "--json"], 2, "usage"),
    (["scan", "--json", "--bogus"], 2, "usage"),
    (["probe", "/dev/nonexistent", "--yes", "--json"], 3, "port"),
    (["flash", "info", "/dev/nonexistent", "--yes", "--json"], 3, "port"),
    (["decode", "/dev/nonexistent", "--json"], 2, "usage"),
    (["coredump", "/dev/nonexistent", "--json"], 2, "usage"),
    (["symbolize", "/dev/nonexistent", "0x42000000", "--json"], 2, "usage"),
]
"""Command lines that fail, their exit code, and the `kind` of the failure."""


@pytest.mark.parametrize(("words", "code", "kind"), FAILING, ids=[" ".join(words) for words, _, _ in FAILING])
def test_a_failure_is_one_object_on_stdout_with_json(
    words: list[str], code: int, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(words) == code
    shown = capsys.readouterr()
    (line,) = shown.out.splitlines()
    value = json.loads(line)
    assert value["ok"] is False
    assert value["error"].keys() == {"kind", "message", "hint"}
    assert value["error"]["kind"] == kind
    assert value["error"]["message"]
    assert shown.err


def test_the_nicknames_that_cannot_be_read_are_a_failure_in_json_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    def broken() -> None:
        raise PermissionError(13, "Permission denied", str(tmp_path))

    monkeypatch.setattr("espmon.cli.devices.DeviceRegistry", broken)
    assert main(["devices", "list", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "failed"


def test_an_interrupted_command_says_so_in_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("espmon.cli.scan.DeviceRegistry", interrupted)
    assert main(["scan", "--json"]) == 130
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "interrupted"


@pytest.mark.parametrize("words", [[], *([name] for name in NAMES), *(["flash", action] for action in ACTIONS)])
def test_the_help_shows_examples_that_are_command_lines(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--help"]) == 0
    shown = capsys.readouterr().out
    examples = shown.partition("\nexamples:\n")[2].splitlines()
    assert examples
    assert [row for row in examples if not re.search(rf"\b{' '.join(['espmon', *words])}\b", row)] == [
        row for row in examples if "espmon lab-3" in row and words == ["devices"]
    ]


def test_the_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--help"])
    shown = capsys.readouterr().out
    assert [name for name in COMMANDS if f"\n  {name} " not in shown] == []
    assert set(SUMMARIES) == set(COMMANDS)
