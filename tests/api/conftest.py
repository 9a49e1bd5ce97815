"""The boards that the tests of the Python interface talk to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from espmon.sim import BoardThread, SimulatedBoard


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of this computer, and no recording beside the test."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


@pytest.fixture
def simulated() -> Iterator[BoardThread]:
    """A simulated board with a console, which says nothing by itself."""
    with BoardThread(lambda: SimulatedBoard("esp32c3", "quiet", power_delay=0)) as server:
        yield server
