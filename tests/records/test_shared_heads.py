"""Pages whose heads are the same share what is said of them."""

from __future__ import annotations

from espmon.records.lines import block_of
from espmon.records.traits import joined_traits


def test_equal_heads_and_traits_of_two_pages_are_one_object() -> None:
    pages = [block_of(b"I (%d) wifi: up\r\nE (%d) heap: low\r\n" % (n, n), n * 100, 1000, None) for n in range(2)]
    first, second = pages
    assert first.heads.table == ((ord("I"), "wifi"), (ord("E"), "heap"))
    assert first.heads.table is second.heads.table
    assert first.traits is second.traits
    assert joined_traits([first.traits, second.traits]) is first.traits


def test_a_board_that_makes_up_tags_shares_nothing() -> None:
    text = b"".join(b"I (1) tag%d: up\r\n" % n for n in range(100))
    first, second = (block_of(text, offset, 1000, None) for offset in (0, len(text)))
    assert first.heads.table == second.heads.table
    assert first.heads.table is not second.heads.table
