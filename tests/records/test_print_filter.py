from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.records.print_filter import PrintFilter, PrintFilterError
from tests.records.filtered_lines import FilteredLines

CASES = [("", "in1f1.txt"), ("*:V", "in1f1.txt"), ("hello_world", "in1f2.txt"), ("*:N", "in1f3.txt")]


def filtered(data: bytes, text: str, step: int = 1 << 20) -> bytes:
    lines = FilteredLines(PrintFilter(text))
    out = b"".join(b"".join(lines.feed(data[at : at + step])) for at in range(0, len(data), step))
    return out + b"".join(lines.idle())


@pytest.mark.parametrize(("text", "expected"), CASES)
@pytest.mark.parametrize("step", [1, 7, 64, 1 << 20])
def test_the_reference_log_is_filtered_byte_for_byte(inputs: Path, text: str, expected: str, step: int) -> None:
    data = (inputs / "monitor" / "in1.txt").read_bytes()
    assert filtered(data, text, step) == (inputs / "monitor" / expected).read_bytes()


@pytest.mark.parametrize(
    ("text", "line", "shown"),
    [
        ("wifi:W", b"W (1) wifi: x\r\n", True),
        ("wifi:W", b"I (1) wifi: x\r\n", False),
        ("wifi:W", b"E (1) other: x\r\n", False),
        ("wifi:W *:E", b"E (1) other: x\r\n", True),
        ("wifi:w", b"W wifi: x\n", True),
        ("wifi:", b"V (1) wifi: x\n", True),
        ("wifi:*", b"V (1) wifi: x\n", True),
        ("wif", b"E (1) wifi: x\n", False),
        ("*:E", b"no header at all\n", True),
        ("wifi", b"no header at all\n", False),
        ("wifi:I", b"\x1b[0;32mI (1) wifi: x\x1b[0m\n", True),
        ("wifi:W", b"\x1b[0;32mI (1) wifi: x\x1b[0m\n", False),
        ("a:E a:V", b"V (1) a: the last entry of a tag counts\n", True),
    ],
)
def test_a_line_is_shown_by_its_tag_and_level(text: str, line: bytes, shown: bool) -> None:
    assert PrintFilter(text).passes(line) is shown


@pytest.mark.parametrize("text", [":V", "wifi:X", "a:b:c"])
def test_a_filter_that_cannot_be_read_is_named(text: str) -> None:
    with pytest.raises(PrintFilterError, match="filter entry"):
        PrintFilter(text)


def test_the_rest_of_a_line_that_was_shown_unfinished_is_shown_whatever_it_looks_like() -> None:
    lines = FilteredLines(PrintFilter("shell *:N"))
    assert b"".join(lines.feed(b"E (1) shell: pass")) == b""
    assert b"".join(lines.idle()) == b"E (1) shell: pass"
    assert b"".join(lines.feed(b"word E (2) other: x")) == b"word E (2) other: x"
    assert b"".join(lines.feed(b" y\r\nE (3) other: z\r\n")) == b" y\r\n"


def test_an_unfinished_line_that_does_not_pass_is_judged_again_when_whole() -> None:
    lines = FilteredLines(PrintFilter("wifi *:N"))
    list(lines.feed(b"I (1) wi"))
    assert list(lines.idle()) == []
    assert b"".join(lines.feed(b"fi: up\n")) == b"I (1) wifi: up\n"


@given(
    st.lists(st.sampled_from([b"I (1) a: x", b"E b: y", b"\r\n", b"\n", b"\r", b"\x1b[0;32m", b"text"]), max_size=30)
)
def test_an_empty_filter_loses_nothing_at_any_cut(parts: list[bytes]) -> None:
    lines = FilteredLines(PrintFilter(""))
    out = b"".join(b"".join(lines.feed(part)) for part in parts) + b"".join(lines.idle())
    assert out == b"".join(parts)


def test_a_line_without_end_does_not_grow_without_limit() -> None:
    lines = FilteredLines(PrintFilter("*:N"))
    for _ in range(100):
        assert list(lines.feed(b"x" * 4096)) == []
    assert b"".join(lines.feed(b"\nI (1) a: b\n")) == b""
