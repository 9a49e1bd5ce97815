"""The CBOR decoder against another one, against what is damaged, and against what grows."""

from __future__ import annotations

import base64
import contextlib
import json
import math
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.records.cbor import MAX_DEPTH, MAX_VALUES, cbor_value

SCALARS = (
    st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.floats(width=64) | st.text() | st.binary()
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text() | st.integers(), inner, max_size=5),
    max_leaves=20,
)


def as_json(value: Any) -> Any:
    """What a value looks like behind the conversion, written down a second time."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if isinstance(value, list):
        return [as_json(item) for item in value]
    if isinstance(value, dict):
        return {str(key): as_json(item) for key, item in value.items()}
    return value


@given(VALUES, st.booleans())
def test_what_another_encoder_writes_is_read(value: Any, canonical: bool) -> None:
    assert cbor_value(cbor2.dumps(value, canonical=canonical)) == as_json(value)


@given(st.binary(max_size=200))
def test_any_bytes_give_a_value_for_json_or_a_reason(payload: bytes) -> None:
    with contextlib.suppress(ValueError):
        json.dumps(cbor_value(payload))


@pytest.mark.parametrize(
    ("payload", "value"),
    [
        ("9f0102ff", [1, 2]),
        ("bf6161f5ff", {"a": True}),
        ("5f42010243030405ff", "AQIDBAU="),
        ("7f657374726561646d696e67ff", "streaming"),
        ("f7", None),
        ("f0", None),
        ("f93e00", 1.5),
        ("f97c00", "inf"),
        ("c249010000000000000000", 1 << 64),
        ("c349010000000000000000", -1 - (1 << 64)),
        ("c074323031332d30332d32315432303a30343a30305a", "2013-03-21T20:04:00Z"),
        ("c11a514b67b0", 1363896240),
        ("d9d9f70a", 10),
        ("a1820102f6", {"[...]": None}),
        ("a2f500f600", {"true": 0, "null": 0}),
        ("0102", 1),
    ],
)
def test_what_the_standard_shows(payload: str, value: object) -> None:
    """Mostly from RFC 8949, appendix A."""
    assert cbor_value(bytes.fromhex(payload)) == value


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        ("", "cut"), ("82", "cut"), ("62c3", "cut"), ("9bffffffffffffffff", "cut"), ("5bffffffffffffffff", "cut"),
        ("fb00", "cut"), ("1c", "reserved"), ("ff", "break"), ("62ffff", "utf-8"), ("5f6161ff", "no piece"),
        ("5f5f4101ffff", "no piece"), ("c2", "cut"), ("81" * (MAX_DEPTH + 1) + "00", "nested deeper"),
        ("c1" * 100_000 + "00", "nested deeper"),
    ],
)  # fmt: skip
def test_what_is_damaged_is_said(payload: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        cbor_value(bytes.fromhex(payload))


def test_a_value_that_holds_itself_is_not_followed() -> None:
    """`x = [x, x]` with the tags for shared values: nine bytes that another decoder expands without end."""
    assert cbor_value(bytes.fromhex("d81c82d81d00d81d00")) == [0, 0]


def test_a_string_that_is_meant_to_stand_many_times_stands_once() -> None:
    references = b"\xd8\x1d\x00" * 20_000
    payload = b"\x9f\xd8\x1c\x59\x10\x00" + b"x" * 4096 + references + b"\xff"
    assert len(json.dumps(cbor_value(payload))) < 2 * len(payload)


def test_keys_in_keys_do_not_multiply() -> None:
    nested = b"\xa1" * 60 + b"\x63'\"'" + b"\x00" * 60
    assert len(json.dumps(cbor_value(nested))) < 1000


def test_more_values_than_a_payload_may_have_are_not_made() -> None:
    with pytest.raises(ValueError, match="more than 65,536 values"):
        cbor_value(b"\x9f" + b"\x00" * (MAX_VALUES + 1) + b"\xff")
