from __future__ import annotations

import pytest

from espmon.records.events import Panic, StormFolder, signature
from tests.inputs import log_named
from tests.records.events.harness import panics


def crash(pc: int, offset: int = 0) -> Panic:
    panic = Panic(offset, 10, kind="exception")
    panic.cause, panic.pc = "LoadProhibited", pc
    return panic


def test_sixty_equal_panics_are_one_entry_with_a_count() -> None:
    folder = StormFolder()
    assert [done for index in range(60) for done in folder.add(crash(0x400D1234, index))] == []
    (one,) = folder.flush()
    assert (one.count, one.offset) == (60, 0)
    assert list(folder.flush()) == []


def test_only_the_first_of_a_group_is_new() -> None:
    folder = StormFolder()
    assert not folder.holds(crash(0x400D1234))
    list(folder.add(crash(0x400D1234)))
    assert folder.holds(crash(0x400D1234, 99))
    assert not folder.holds(crash(0x400D5678, 99))


def test_other_crashes_stay_apart_and_come_in_the_order_of_the_stream() -> None:
    folder = StormFolder()
    for offset, pc in enumerate([0x400D0001, 0x400D0002, 0x400D0001, 0x400D0003]):
        list(folder.add(crash(pc, offset)))
    assert [(panic.pc, panic.count) for panic in folder.flush()] == [(0x400D0001, 2), (0x400D0002, 1), (0x400D0003, 1)]


def test_a_storm_of_different_crashes_is_bounded_and_loses_nothing() -> None:
    folder = StormFolder(most_groups=4)
    early = [done for index in range(20) for done in folder.add(crash(0x400D0000 + index, index))]
    assert [panic.offset for panic in [*early, *folder.flush()]] == list(range(20))


@pytest.mark.parametrize(("name", "count"), [("board-boot-loop", 5), ("057-assert-boot-loop", 10)])
def test_a_boot_loop_of_crashes_folds(name: str, count: int) -> None:
    folder = StormFolder()
    found = panics(log_named(name).data)
    assert len({signature(panic) for panic in found}) == 1
    for panic in found:
        list(folder.add(panic))
    assert [panic.count for panic in folder.flush()] == [count]
