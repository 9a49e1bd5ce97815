"""The server side of RFC 2217, byte by byte."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from espmon.port.rfc2217_server import Answer, Data, Event, Line, Rate, Rfc2217Server
from espmon.port.telnet import escape

DTR_ON = bytes((255, 250, 44, 5, 8, 255, 240))
RTS_OFF = bytes((255, 250, 44, 5, 12, 255, 240))
BAUD_921600 = bytes((255, 250, 44, 1)) + (921600).to_bytes(4, "big") + bytes((255, 240))


def merged(events: list[Event]) -> list[Event]:
    """Neighbouring data put together, so that cuts do not show."""
    result: list[Event] = []
    for event in events:
        if isinstance(event, Data) and result and isinstance(result[-1], Data):
            result[-1] = Data(result[-1].content + event.content)
        else:
            result.append(event)
    return result


@given(st.binary(max_size=300))
def test_data_survives_the_escape(data: bytes) -> None:
    events = merged(list(Rfc2217Server().receive(escape(data))))
    assert events == ([Data(data)] if data else [])


@given(st.lists(st.integers(0, 60)))
def test_any_cut_of_the_stream_means_the_same(cuts: list[int]) -> None:
    stream = b"abc" + DTR_ON + escape(b"\xff\xfe") + BAUD_921600 + b"def" + RTS_OFF + bytes((255, 251, 44)) + b"end"
    whole = merged(list(Rfc2217Server().receive(stream)))
    server, events, last = Rfc2217Server(), list[Event](), 0
    for cut in [*sorted(min(cut, len(stream)) for cut in cuts), len(stream)]:
        events += server.receive(stream[last:cut])
        last = cut
    assert merged(events) == whole


@given(st.binary(max_size=600))
def test_no_bytes_break_it(data: bytes) -> None:
    list(Rfc2217Server().receive(data))


def test_a_line_move_is_reported_and_acknowledged() -> None:
    events = list(Rfc2217Server().receive(DTR_ON))
    assert events == [Line("dtr", True), Answer(bytes((255, 250, 44, 105, 8, 255, 240)))]


def test_a_rate_is_reported_and_acknowledged() -> None:
    events = list(Rfc2217Server().receive(BAUD_921600))
    assert events[0] == Rate(921600)
    assert events[1] == Answer(bytes((255, 250, 44, 101)) + (921600).to_bytes(4, "big") + bytes((255, 240)))


def test_rate_zero_asks_for_the_current_one() -> None:
    [answer] = Rfc2217Server(74880).receive(bytes((255, 250, 44, 1, 0, 0, 0, 0, 255, 240)))
    assert answer == Answer(bytes((255, 250, 44, 101)) + (74880).to_bytes(4, "big") + bytes((255, 240)))


def test_the_state_of_a_line_can_be_asked() -> None:
    server = Rfc2217Server()
    list(server.receive(DTR_ON))
    [answer] = server.receive(bytes((255, 250, 44, 5, 7, 255, 240)))
    assert answer == Answer(bytes((255, 250, 44, 105, 8, 255, 240)))


def test_what_the_greeting_offered_is_not_answered_again() -> None:
    server = Rfc2217Server()
    server.greeting()
    assert list(server.receive(bytes((255, 253, 44, 255, 251, 44)))) == []


def test_an_unknown_option_is_refused() -> None:
    assert list(Rfc2217Server().receive(bytes((255, 253, 99)))) == [Answer(bytes((255, 252, 99)))]


def test_a_subnegotiation_without_an_end_is_given_up() -> None:
    server = Rfc2217Server()
    assert list(server.receive(bytes((255, 250, 44, 5)))) == []
    assert any(isinstance(event, Data) for event in server.receive(b"x" * 400))
