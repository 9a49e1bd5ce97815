"""The console's line editor."""

from __future__ import annotations

import pytest

from espmon.sim.line_editor import LineEditor


def run(*pieces: bytes) -> tuple[bytes, list[str]]:
    """All echo, and the commands."""
    editor = LineEditor({b"P": "screenshot"})
    steps = [step for piece in pieces for step in editor.feed(piece)]
    return b"".join(echo for echo, _ in steps), [command for _, command in steps if command is not None]


def test_a_line_is_echoed_and_run() -> None:
    assert run(b"help\r") == (b"help\r\n", ["help"])


@pytest.mark.parametrize("end", [b"\r", b"\n", b"\r\n"])
def test_each_line_end_ends_one_line(end: bytes) -> None:
    assert run(b"a" + end + b"b" + end)[1] == ["a", "b"]


def test_cr_and_lf_in_two_reads_are_one_line_end() -> None:
    assert run(b"a\r", b"\nb\r")[1] == ["a", "b"]


def test_backspace_erases() -> None:
    assert run(b"hex\x7f\x08llo\b\r")[1] == ["hll"]


def test_control_c_drops_the_line() -> None:
    assert run(b"panic\x03help\r")[1] == ["", "help"]


def test_cursor_keys_and_terminal_answers_are_swallowed() -> None:
    assert run(b"a\x1b[Ab\x1b[0n\r")[1] == ["ab"]


def test_a_key_is_a_command_on_an_empty_line_only() -> None:
    assert run(b"P")[1] == ["screenshot"]
    assert run(b"aP\r")[1] == ["aP"]


def test_a_line_without_an_end_stays_bounded() -> None:
    editor = LineEditor()
    editor.feed(b"x" * 10_000)
    assert len(editor.typed) <= 256
