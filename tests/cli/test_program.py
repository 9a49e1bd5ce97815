"""The process itself: `program`, and the garbage collector while it runs."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from espmon import cli


@pytest.fixture
def collector() -> Iterator[None]:
    before = gc.get_threshold()
    gc.unfreeze()  # what the suite has set aside
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


@pytest.mark.usefixtures("collector")
def test_the_collector_rests_while_a_command_starts_and_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[tuple[int, int]] = []

    def main() -> int:
        seen.append((gc.get_threshold()[0], gc.get_freeze_count()))
        return 7

    ended: list[int] = []
    monkeypatch.setattr(cli, "main", main)
    monkeypatch.setattr("espmon.cli.process_end.end_soon", ended.append)  # it would end the test run
    assert cli.program() == 7
    assert ended == [7]
    assert seen == [(cli.YOUNG_OBJECTS, 0)]
    assert gc.get_freeze_count() > 0


@pytest.mark.usefixtures("collector")
def test_a_command_that_is_interrupted_says_so_to_its_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    def main() -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "main", main)
    with pytest.raises(KeyboardInterrupt):
        cli.program()
