from __future__ import annotations

import shutil

import pytest

pytest.importorskip("termios", reason="this system has no pseudo-terminals")

from tests.torture.terminal_cells import cells, differences, run


@pytest.mark.parametrize(
    "pen",
    ["31", "91", "38;5;123", "38;2;1;2;3", "41", "48;5;2", "48;2;2;2;2", "1", "2", "3", "4", "7", "9", "38;5;2;2"],
)
def test_cells_differ_by_each_colour_and_attribute(pen: str) -> None:
    plain = cells("ab", (2, 1))
    assert len(differences(cells(f"a\x1b[{pen}mb", (2, 1)), plain)) == 1
    assert not differences(cells(f"a\x1b[{pen}m\x1b[0mb", (2, 1)), plain)
    assert cells("\x1b[38;5;2mb", (2, 1)) != cells("\x1b[38;5;2;2mb", (2, 1))


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
@pytest.mark.timeout(300)
def test_the_terminal_shows_cell_by_cell_what_is_meant() -> None:
    result = run(240.0, seed=14, most=16)
    assert result.compared >= 3
    assert result.differing == []
