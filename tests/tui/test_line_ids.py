"""Columns of line ids: narrow ones, until an id does not fit."""

from __future__ import annotations

from espmon.tui.log.line_ids import MAX_SHORT, extended, line_ids


def test_a_column_goes_on_where_it_is() -> None:
    ids = line_ids()
    assert extended(ids, [1, 7]) is ids
    assert extended(ids, range(9, 12)) is ids
    assert list(ids) == [1, 7, 9, 10, 11]
    assert ids.itemsize == 4


def test_ids_beyond_four_bytes_make_it_wider() -> None:
    ids = extended(line_ids(), [3, MAX_SHORT])
    assert ids.itemsize == 4
    wide = extended(ids, [MAX_SHORT + 1, MAX_SHORT + 2])
    assert list(wide) == [3, MAX_SHORT, MAX_SHORT + 1, MAX_SHORT + 2]
    assert extended(wide, [MAX_SHORT + 5]) is wide


def test_nothing_more_changes_nothing() -> None:
    ids = extended(line_ids(), [5])
    assert extended(ids, []) is ids
    assert list(ids) == [5]
