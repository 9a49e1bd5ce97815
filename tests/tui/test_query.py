"""What is looked at by whole columns and blocks is what looking at each row finds."""

from __future__ import annotations

import random

import pytest

from espmon.session.store import LogStore
from espmon.tui.log.history_scan import Scan
from espmon.tui.log.query import LEVELS, LineFilter, TextQuery
from espmon.tui.log.rows import as_shown
from espmon.tui.log.selector import Selector
from tests.tui.fake_session import block_of

PIECES = (b"wifi", b"WiFi", b" ", b"up", b"\x1b[0;32m", b"\x1b[0m", b"\x1b[2K", b"\x08", b"\x07", b"\xc3\xa4", b"x")
HEADS = (b"I (1) wifi: ", b"\x1b[0;31mE (2) net: ", b"W (3) wifi: ", b"", b"D (4) up: ")
ENDS = (b"\n", b"\r\n", b"\x1b[0m\r\n", b"\r")

SHOWN = (
    LineFilter(levels=frozenset("EW")),
    LineFilter(levels=frozenset(LEVELS) - {""}, exclude=TextQuery("wifi")),
    LineFilter(printed="wifi:W *:E"),
    LineFilter(printed="net up", exclude=TextQuery("UP", case=True)),
    LineFilter(include=TextQuery("wifi"), exclude=TextQuery("up")),
    LineFilter(include=TextQuery("WiFi", case=True)),
    LineFilter(exclude=TextQuery("ä")),
    LineFilter(exclude=TextQuery("u+p", regex=True)),
)


def log_of(seed: int) -> LogStore:
    chance = random.Random(seed)
    store = LogStore(cr_overwrites=True)
    odd = seed % 3
    ends = ENDS[: 3 + odd]
    pieces = PIECES if odd else PIECES[:4] + PIECES[10:]
    for _ in range(6):
        lines = [
            chance.choice(HEADS) + b"".join(chance.choices(pieces, k=chance.randrange(6))) + chance.choice(ends)
            for _ in range(chance.randrange(1, 40))
        ]
        store.append(block_of(b"".join(lines)))
    return store


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("show", SHOWN, ids=lambda show: show.describe())
def test_whole_blocks_say_what_each_row_says(seed: int, show: LineFilter) -> None:
    store = log_of(seed)
    scan = Scan(store, Selector(show))
    while scan.step(17):
        pass
    expected = []
    row = 0
    while row < store.rows_end:
        if show.matches(*as_shown(store, row, *store.locate(row))):
            expected.append(row)
        row = store.rows.stop(row)
    assert list(scan.ids) == expected
