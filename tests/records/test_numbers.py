"""Numbers that repeat in what a board says: found, kept in columns, and bounded."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.records.lines import block_of
from espmon.records.number_finder import MAX_NAME, PIECE_BYTES, numbers_in, numbers_of
from espmon.records.number_series import MAX_POINTS, MAX_SERIES, MIN_POINTS, NumberSeries, Series, csv_rows


def found(text: str) -> list[tuple[str, str, float, str]]:
    block = block_of(text.encode(), 0, 1 << 16, 1.0)
    return [(number.group, number.name, number.value, number.unit) for number in numbers_in(block)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I (2860) wifi: beacon 59, rssi -55", [("wifi", "rssi", -55.0, "")]),
        ("I (30) heap: 146432", [("", "heap", 146432.0, "")]),
        ("\x1b[0;32mI (30) mon: Free heap: 146432 bytes\x1b[0m", [("mon", "Free heap", 146432.0, "bytes")]),
        ("temp=21.5C hum = 40%", [("", "temp", 21.5, "C"), ("", "hum", 40.0, "%")]),
        ('{"heap":146432,"t":-1.5e3}', [("", "heap", 146432.0, ""), ("", "t", -1500.0, "")]),
        ("free heap 1000 now", [("", "free heap", 1000.0, "")]),
        ("voltage[1]: 3300mV", []),
        ("\x1b[0;32mI (30) heap: 146432\x1b[0m", [("", "heap", 146432.0, "")]),
        ("I (91) boot:  0 nvs              WiFi data", []),
        ("SPI Speed      : 80MHz", [("", "SPI Speed", 80.0, "MHz")]),
    ],
)
def test_named_numbers(text: str, expected: list[tuple[str, str, float, str]]) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "rst:0x1 (POWERON)", "time: 12:30:45", "version: 1.2.3", "ip: 192.168.0.1", "mac=24:6f:28:00:11:22",
        "date: 2024-01-02", "sha: 12ab34", "n: 1,234", "entry 0x403cc71a", "v0.2: x", "line 17",
    ],
)  # fmt: skip
def test_what_is_no_number_of_a_name(text: str) -> None:
    assert found(text) == []


def test_every_line_is_looked_at_and_of_a_long_one_its_beginning() -> None:
    lines = [b"v=%d" % at for at in range(3000)]
    lines[7] = b"v=7 " + b"x" * 2 * PIECE_BYTES + b" late=1"
    block = block_of(b"\n".join(lines), 0, 1 << 20, 1.0)
    assert [(number.name, number.value, number.row) for number in numbers_in(block)] == [
        ("v", float(at), at) for at in range(3000)
    ]


def test_fields_of_a_payload_and_rows_of_a_table() -> None:
    value = {"uptime_ms": 5, "ok": True, "wifi": {"rssi": -60, "name": "x"}, "raw": [1, 2]}
    assert [(one.name, one.value) for one in numbers_of("json", value)] == [("uptime_ms", 5.0), ("wifi.rssi", -60.0)]
    table = {"columns": ["t", "v"], "rows": [[1, 2], [3, 4]]}
    assert [(one.group, one.name, one.value) for one in numbers_of("acme/telemetry", table)] == [
        ("acme/telemetry", name, value) for name, value in (("t", 1.0), ("v", 2.0), ("t", 3.0), ("v", 4.0))
    ]
    assert [one.name for one in numbers_of("cbor", [{"a": 1}, {"a": 2}])] == ["a", "a"]
    assert list(numbers_of("json", 5)) == list(numbers_of("json", [1, 2])) == []


def series_of(values: list[float], seconds: float = 1.0) -> Series:
    series = Series("mon", "free heap", "bytes")
    for index, value in enumerate(values):
        series.append(value, index * seconds, index)
    return series


def test_only_what_repeats_is_listed() -> None:
    numbers = NumberSeries()
    numbers.feed_block(block_of(b"a=1\nb=2\na=2\na=3\n", 0, 1 << 16, 5.0), 10)
    (series,) = numbers.repeating
    assert (series.title, len(series)) == ("a", MIN_POINTS)
    values, times, lines = series.columns()
    assert (list(values), list(times), list(lines)) == ([1.0, 2.0, 3.0], [5.0] * 3, [10, 12, 13])


def test_without_a_clock_lines_are_the_time() -> None:
    numbers = NumberSeries()
    numbers.feed_block(block_of(b"a=1\nx\na=2\na=3\n", 0, 1 << 16, None), 7)
    assert list(numbers.repeating[0].columns()[1]) == [7.0, 9.0, 10.0]


def test_a_falling_heap_is_named_with_its_rate() -> None:
    assert series_of([100_000 - 500 * at for at in range(120)]).falling.startswith("falls by 30,")
    assert "none left in" in series_of([100_000 - 500 * at for at in range(120)]).falling
    assert series_of([100_000 - 400 * at for at in range(100)], 0.0).falling == "falls"


def test_a_fall_over_lines_that_nobody_timed_is_not_one_a_minute() -> None:
    numbers = NumberSeries()
    lines = b"".join(b"heap=%d\n" % (100_000 - 500 * at) for at in range(120))
    numbers.feed_block(block_of(lines, 0, 1 << 16, None), 0)
    (series,) = numbers.repeating
    assert series.falling.startswith("falls by 50")
    assert series.falling.endswith(" in 1,000 lines")


def test_a_heap_that_only_moves_or_came_back_is_not_falling() -> None:
    assert series_of([100_000 + (at % 7) * 900 for at in range(200)]).falling == ""
    assert series_of([float(at) for at in range(200)]).falling == ""
    assert series_of([100_000 - 500 * at for at in range(8)]).falling == ""
    assert series_of([50_000 - 100 * at for at in range(100)] + [50_000.0] * 100).falling == ""
    other = Series("", "rssi", "")
    for at in range(100):
        other.append(-at, at, at)
    assert other.falling == ""


def test_everything_is_bounded() -> None:
    numbers = NumberSeries()
    names = b"".join(b"n%d=1 n%d=2 n%d=3\n" % (at, at, at) for at in range(MAX_SERIES + 50))
    numbers.feed_block(block_of(names, 0, 1 << 16, 1.0), 0)
    assert len(numbers.repeating) == MAX_SERIES
    assert numbers.refused == 150
    series = series_of([float(at) for at in range(3 * MAX_POINTS)])
    assert MAX_POINTS // 2 <= len(series) <= MAX_POINTS
    assert series.columns()[0][-1] == 3 * MAX_POINTS - 1


def test_names_that_came_once_make_room() -> None:
    numbers = NumberSeries()
    once = b"".join(b"once%d=1\n" % at for at in range(MAX_SERIES)) + b"heap=1\n" * 3
    numbers.feed_block(block_of(once, 0, 1 << 16, 1.0), 0)
    assert [series.name for series in numbers.repeating] == ["heap"]


def test_csv_has_a_row_a_point() -> None:
    rows = list(csv_rows([series_of([1.0, 2.5])]))
    assert rows[1:] == [
        ("mon", "free heap", "bytes", "0.000", "1", "1"),
        ("mon", "free heap", "bytes", "1.000", "2", "2.5"),
    ]


json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=200), inner, max_size=5),
    max_leaves=40,
)


@settings(deadline=None)
@given(json_like)
def test_any_value_gives_finite_numbers_with_short_harmless_names(value: object) -> None:
    for number in numbers_of("json", value):
        assert math.isfinite(number.value)
        assert len(number.name) <= MAX_NAME
        assert "\x1b" not in number.name


@settings(deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_give_finite_numbers(data: bytes) -> None:
    if data:
        assert all(math.isfinite(number.value) for number in numbers_in(block_of(data, 0, 100, None)))
