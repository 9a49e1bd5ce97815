"""However a flash ends, one sentence says how the board was left and how to bring it back."""

from __future__ import annotations

import pytest

from tests.torture.flash_ends import JOBS, schedule


@pytest.mark.parametrize("how", ["cancel", "lost"])
@pytest.mark.parametrize("name", list(JOBS))
def test_every_end_of_a_flash_is_told(name: str, how: str) -> None:
    tried, faults = schedule(name, how, step=3)
    assert tried > 10
    assert faults == []
