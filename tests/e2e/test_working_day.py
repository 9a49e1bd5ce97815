"""A working day, from the question in the morning to the recording that is opened the next one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.e2e.terminal import have_tmux
from tests.e2e.working_day import PARTS, desk

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not have_tmux(), reason="tmux is not installed: no terminal to run the program in"),
]


@pytest.mark.timeout(900)  # it walks for most of a minute, and a busy machine takes ten times as long
def test_a_working_day_at_the_simulated_board(tmp_path: Path) -> None:
    with desk(tmp_path) as day:
        for part in PARTS:
            part(day)
