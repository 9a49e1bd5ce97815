"""Every command goes through the same runner: wrong words are 2, help is 0, a failure is one line."""

from __future__ import annotations

import pytest

from espmon.cli import COMMANDS, main

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
