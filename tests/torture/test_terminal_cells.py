from __future__ import annotations

import shutil

import pytest

pytest.importorskip("termios", reason="this system has no pseudo-terminals")

from tests.torture.terminal_cells import run


@pytest.mark.e2e
@pytest.mark.skipif(shutil.which("tmux") is None, reason="needs tmux")
@pytest.mark.timeout(300)
def test_the_terminal_shows_cell_by_cell_what_is_meant() -> None:
    result = run(240.0, seed=14, most=16)
    assert result.compared >= 3
    assert result.differing == []
