"""Telnet taken apart and put together."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from espmon.port import telnet
from espmon.port.telnet import COM_PORT, DO, DONT, IAC, SB, SE, WILL, WONT, Negotiation, Negotiator, Subnegotiation

bytes_with_iac = st.binary(max_size=60) | st.lists(st.sampled_from([255, 250, 240, 251, 0, 65]), max_size=40).map(bytes)
pieces = st.one_of(
    bytes_with_iac.map(lambda data: ("data", data)),
    st.tuples(st.sampled_from([DO, DONT, WILL, WONT]), st.integers(0, 255)).map(lambda pair: ("ask", pair)),
    st.tuples(st.integers(0, 254), bytes_with_iac).map(lambda pair: ("sub", pair)),
)


def encode(parts: list[tuple[str, object]]) -> tuple[bytes, bytes, list[telnet.Event]]:
    wire, data = bytearray(), bytearray()
    events: list[telnet.Event] = []
    for kind, part in parts:
        if kind == "data":
            assert isinstance(part, bytes)
            wire += telnet.escape(part)
            data += part
        elif kind == "ask":
            assert isinstance(part, tuple)
            wire += telnet.negotiation(*part)
            events.append(Negotiation(*part))
        else:
            assert isinstance(part, tuple)
            wire += bytes((IAC, SB, part[0])) + telnet.escape(part[1]) + bytes((IAC, SE))
            events.append(Subnegotiation(*part))
    return bytes(wire), bytes(data), events


def decode(wire: bytes, cuts: list[int]) -> tuple[bytes, list[telnet.Event]]:
    decoder = telnet.TelnetDecoder()
    data, events = bytearray(), []
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    for start, end in pairwise(edges):
        plain, found = decoder.feed(wire[start:end])
        data += plain
        events += found
    return bytes(data), events


@given(st.lists(pieces, max_size=12), st.lists(st.integers(0, 2000), max_size=8))
def test_any_stream_cut_anywhere_is_taken_apart_the_same_way(parts: list[tuple[str, object]], cuts: list[int]) -> None:
    wire, data, events = encode(parts)
    assert decode(wire, cuts) == (data, events)


@given(st.binary(max_size=3000), st.lists(st.integers(0, 3000), max_size=6))
def test_no_stream_raises_and_every_cut_agrees(wire: bytes, cuts: list[int]) -> None:
    assert decode(wire, cuts) == decode(wire, [])


@given(st.binary(max_size=500))
def test_escaped_data_comes_back(data: bytes) -> None:
    assert decode(telnet.escape(data), []) == (data, [])


def test_a_subnegotiation_without_an_end_does_not_swallow_the_stream() -> None:
    wire = bytes((IAC, SB, COM_PORT)) + b"x" * 5000
    data, events = decode(wire, [])
    assert len(data) > 3000
    assert events == []


def test_a_command_carries_its_value_with_iac_doubled() -> None:
    assert telnet.command(1, b"\x00\xff") == bytes((IAC, SB, COM_PORT, 1, 0, 255, 255, IAC, SE))


def test_what_was_offered_already_is_not_answered_again() -> None:
    negotiator = Negotiator()
    assert negotiator.answer(Negotiation(DO, COM_PORT)) == b""
    assert negotiator.serial_control is True
    assert negotiator.answer(Negotiation(WILL, telnet.BINARY)) == b""


def test_unknown_options_are_refused_and_a_refusal_is_not_argued_with() -> None:
    negotiator = Negotiator()
    assert negotiator.answer(Negotiation(DO, 31)) == bytes((IAC, WONT, 31))
    assert negotiator.answer(Negotiation(WILL, telnet.ECHO)) == bytes((IAC, DONT, telnet.ECHO))
    assert negotiator.answer(Negotiation(DONT, 31)) == b""
    assert negotiator.answer(Negotiation(WONT, 31)) == b""
    assert negotiator.answer(Negotiation(DONT, COM_PORT)) == bytes((IAC, WONT, COM_PORT))
    assert negotiator.answer(Negotiation(DONT, COM_PORT)) == b""
    assert negotiator.serial_control is False


@given(st.lists(st.sampled_from([b"\r", b"\n", b"\r\n", b"x", b"\0y", b"\xff"])), st.lists(st.integers(0, 40)))
def test_line_ends_of_a_text_only_server_come_back_however_they_are_cut(parts: list[bytes], cuts: list[int]) -> None:
    data = b"".join(parts)
    wire = telnet.Newlines.to_send(data)
    edges = [0, *sorted(cut % (len(wire) + 1) for cut in cuts), len(wire)]
    newlines = telnet.Newlines()
    assert b"".join(newlines.received(wire[start:end]) for start, end in pairwise(edges)) == data
