"""The choice of tests that Windows leaves out."""

from __future__ import annotations

from pathlib import Path

from tests.posix_only import modules_for_posix, needs_posix

TESTS = Path(__file__).parent


def test_what_imports_a_posix_module_is_left_out_even_through_a_helper() -> None:
    left_out = {Path(name).as_posix() for name in modules_for_posix(TESTS)}
    assert {"port/test_tty.py", "port/test_watched.py", "e2e/test_terminal.py"} <= left_out


def test_decoders_screens_and_the_simulated_board_are_tested_everywhere() -> None:
    for name in ("records/test_laws.py", "postmortem/test_dumps.py", "tui/test_app.py", "session/test_session.py"):
        assert not needs_posix(TESTS / name), name
    assert not needs_posix(TESTS.parent / "espmon" / "cli" / "__init__.py")


def test_no_conftest_needs_posix() -> None:
    assert [path for path in TESTS.rglob("conftest.py") if needs_posix(path)] == []
