"""SLIP: any payload survives, any cut gives the same packets, a stray mark costs one packet at most."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.rom.slip import MAX_PACKET, Decoder, encode


def test_marks_and_escapes_are_escaped() -> None:
    assert encode(b"a\xc0b\xdbc") == b"\xc0a\xdb\xdcb\xdb\xddc\xc0"


@given(st.lists(st.binary(min_size=1), max_size=8), st.data())
@settings(max_examples=100)
def test_packets_survive_any_cut(payloads: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(map(encode, payloads))
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    decoder, packets = Decoder(), []
    for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        packets += decoder.feed(stream[start:end])
    assert packets == payloads


@given(st.binary(max_size=300), st.binary(min_size=1, max_size=50))
@settings(max_examples=100)
def test_a_packet_behind_any_noise_is_found(noise: bytes, payload: bytes) -> None:
    assert payload in Decoder().feed(noise + encode(payload))


def test_two_packets_may_share_their_mark() -> None:
    assert Decoder().feed(b"\xc0one\xc0two\xc0") == [b"one", b"two"]


def test_a_broken_escape_spoils_its_packet_only() -> None:
    assert Decoder().feed(b"\xc0a\xdbb\xc0\xc0fine\xc0") == [b"fine"]


def test_text_before_a_packet_is_offered_as_one() -> None:
    assert Decoder().feed(b"boot log\xc0\x01\xc0") == [b"boot log", b"\x01"]


def test_a_packet_without_an_end_is_dropped_at_the_cap_and_counted() -> None:
    decoder = Decoder()
    for _ in range(40):
        assert decoder.feed(bytes(8192)) == []
    assert len(decoder.pending()) <= MAX_PACKET
    assert decoder.dropped > 0
    assert decoder.feed(b"\xc0fine\xc0") == [b"fine"]


def test_clear_forgets_an_unfinished_packet() -> None:
    decoder = Decoder()
    decoder.feed(b"\xc0half")
    decoder.clear()
    assert decoder.feed(b"fine\xc0") == [b"fine"]
