"""`espmon demo`: what is wrong with the words is said before what is wrong with the place."""

from __future__ import annotations

import io

import pytest

from espmon.cli import demo


@pytest.fixture(autouse=True)
def no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())


def test_a_chip_that_does_not_exist_is_told_before_the_missing_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--chip", "foo"]) == 2
    err = capsys.readouterr().err
    assert "no chip 'foo'; there are esp8266, esp32," in err
    assert "terminal" not in err


def test_without_a_terminal_it_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--chip", "esp32c6"]) == 2
    assert "needs a terminal" in capsys.readouterr().err


def test_the_help_names_the_chips(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main(["--help"]) == 0
    assert "esp32c61" in capsys.readouterr().out
