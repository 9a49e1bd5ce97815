"""The remote protocol: packets whole over any cut, checksums, escapes, run lengths, retransmission."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.postmortem.gdb_target import parse_memory, parse_registers, parse_stop, parse_threads
from espmon.postmortem.rsp import (
    MAX_PACKET,
    RETRIES,
    Ack,
    Exchange,
    Item,
    Noise,
    Packet,
    Parser,
    RspError,
    decode_body,
    encode,
    gone,
)


def test_a_packet_carries_its_checksum() -> None:
    assert encode(b"OK") == b"$OK#9a"


@given(st.binary(max_size=200))
def test_every_payload_survives_encoding(payload: bytes) -> None:
    (item,) = Parser().feed(encode(payload))
    assert item == Packet(payload, ok=True)


@given(
    st.lists(
        st.sampled_from([b"+", b"-", b"$T05#b9", b"$#00", b"I (1) log\r\n", b"%Stop#zz", b"$cut", b"-5 C\n"]),
        max_size=8,
    ),
    st.booleans(),
    st.data(),
)
def test_any_cut_gives_the_same_packets(parts: list[bytes], text: bool, data: st.DataObject) -> None:
    stream = b"".join(parts)
    cut = data.draw(st.integers(0, len(stream)))

    def packets(*reads: bytes) -> list[Item]:
        parser = Parser(text=text)
        return [item for read in reads for item in parser.feed(read) if not isinstance(item, Noise)]

    assert packets(stream) == packets(stream[:cut], stream[cut:])


@given(st.binary(max_size=500))
def test_nothing_that_arrives_raises_or_is_lost(stream: bytes) -> None:
    parser = Parser()
    parser.feed(stream)
    parser.pending()
    assert parser.pending() == b""


def test_a_wrong_checksum_is_seen() -> None:
    (item,) = Parser().feed(b"$T05#00")
    assert item == Packet(b"T05", ok=False)


def test_runs_are_expanded() -> None:
    assert decode_body(b"0* ") == b"0000"


def test_a_packet_cut_off_by_the_next_is_noise() -> None:
    assert Parser().feed(b"$T05th$S05#b8") == [Noise(b"$T05th"), Packet(b"S05", ok=True)]


def test_signs_inside_log_text_are_no_acknowledgements() -> None:
    items = Parser().feed(b"+temperature -5, +3\r\n-1\r\n$OK#9a-")
    assert [item for item in items if isinstance(item, Ack)] == [Ack.GOOD, Ack.AGAIN]


def test_a_sign_right_after_a_request_is_an_acknowledgement() -> None:
    parser = Parser()
    parser.feed(b"some text")
    parser.begin()
    assert parser.feed(b"-") == [Ack.AGAIN]


def test_where_replies_are_text_a_line_end_ends_what_looked_like_a_packet() -> None:
    assert Parser(text=True).feed(b"costs $5\r\n$OK#9a")[-1] == Packet(b"OK", ok=True)


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=5), st.booleans())
def test_noise_and_packets_keep_every_byte_of_a_log(stream: bytes, cuts: list[int], text: bool) -> None:
    stream = stream.translate(None, b"$%+-#")
    parser = Parser(text=text)
    edges = [0, *sorted(cut for cut in cuts if cut < len(stream)), len(stream)]
    items = [item for low, high in pairwise(edges) for item in parser.feed(stream[low:high])]
    assert b"".join(item.data for item in items if isinstance(item, Noise)) == stream


def test_an_endless_packet_is_given_up() -> None:
    parser = Parser()
    items = parser.feed(b"$" + b"0" * (MAX_PACKET + 10))
    assert isinstance(items[0], Noise)
    assert not parser.inside


def test_a_reply_that_repeats_the_request_is_the_echo_of_a_console() -> None:
    exchange = Exchange(b"?")
    assert exchange.feed(Packet(b"?", ok=True)) == b""
    assert exchange.result is None


def test_console_output_is_acknowledged_and_kept_apart() -> None:
    exchange = Exchange(b"s", once=True)
    assert exchange.feed(Packet(b"O6869", ok=True)) == b"+"
    assert exchange.result is None
    assert exchange.console == b"hi"


def test_what_must_not_happen_twice_is_not_sent_twice() -> None:
    exchange = Exchange(b"s", once=True)
    assert exchange.again() == encode(b"s")
    exchange.feed(Ack.GOOD)
    assert exchange.again() == b""
    assert exchange.feed(Ack.AGAIN) == encode(b"s")


@pytest.mark.parametrize(
    ("received", "log"),
    [
        (b"junk\r\nESP-ROM:esp32c3-api1\r\n", b"ESP-ROM:esp32c3-api1\r\n"),
        (b"\xff\x00ets Jul 29 2019 12:21:46\r\n", b"\xff\x00ets Jul 29 2019 12:21:46\r\n"),
        (b"a\nb\nc\n", b"a\nb\nc\n"),
    ],
)
def test_a_boot_or_a_few_lines_instead_of_a_reply_show_that_the_stub_is_gone(received: bytes, log: bytes) -> None:
    found = gone(received)
    assert found is not None
    assert found.log == log


def test_a_line_or_two_before_a_reply_prove_nothing() -> None:
    assert gone(b"Entering gdb stub now.\r\n$T0b#") is None


def test_log_text_before_a_reply_is_kept_apart() -> None:
    exchange = Exchange(b"?")
    for item in Parser().feed(b"I (9) still alive\r\n+$S05#b8"):
        exchange.feed(item)
    assert exchange.result == b"S05"
    assert exchange.noise == b"I (9) still alive\r\n"


def test_a_request_that_arrived_damaged_is_sent_again() -> None:
    exchange = Exchange(b"g")
    assert exchange.feed(Ack.AGAIN) == encode(b"g")


def test_a_reply_that_arrived_damaged_is_asked_for_again() -> None:
    exchange = Exchange(b"g")
    assert exchange.feed(Packet(b"00", ok=False)) == b"-"
    assert exchange.feed(Packet(b"00", ok=True)) == b"+"
    assert exchange.result == b"00"


def test_a_silent_stub_is_given_up_after_the_retries() -> None:
    exchange = Exchange(b"g")
    for _ in range(RETRIES):
        exchange.again()
    with pytest.raises(RspError, match="does not answer"):
        exchange.again()


def test_a_stop_reply_names_signal_and_thread() -> None:
    stop = parse_stop(b"T0bthread:00000001;")
    assert stop is not None
    assert (stop.signal, stop.thread) == (11, "00000001")
    assert parse_stop(b"OK") is None


def test_riscv_registers_are_named_as_panics_name_them() -> None:
    payload = b"".join(number.to_bytes(4, "little").hex().encode() for number in range(33))
    registers = parse_registers(payload)
    assert (registers["SP"], registers["A0"], registers["MEPC"]) == (2, 10, 32)


def test_the_xtensa_window_is_rotated_to_a0() -> None:
    words = [0x400D0000, *range(64), 1, 2, 3, 4, 2, 0xFF, 0, 0, 0x60030]
    payload = b"".join(word.to_bytes(4, "little").hex().encode() for word in words)
    registers = parse_registers(payload)
    assert (registers["PC"], registers["A0"], registers["A15"], registers["PS"]) == (0x400D0000, 8, 23, 0x60030)


def test_the_s2_has_no_loop_registers() -> None:
    words = [0x400D0000, *range(64), 4, 2, 0xFF, 0, 0, 0x60030, 0, 0]
    registers = parse_registers(b"".join(word.to_bytes(4, "little").hex().encode() for word in words), 94)
    assert (registers["SAR"], registers["A0"], registers["PS"]) == (4, 8, 0x60030)
    assert "LBEG" not in registers


def test_too_few_registers_are_an_error_in_words() -> None:
    with pytest.raises(RspError, match="has 33"):
        parse_registers(b"00000000" * 20)
    with pytest.raises(RspError, match="Xtensa core has more"):
        parse_registers(b"00000000" * 33, 94)


def test_a_register_that_the_stub_does_not_know_is_left_out() -> None:
    registers = parse_registers(b"xxxxxxxx" + b"01000000" * 32)
    assert "ZERO" not in registers
    assert registers["RA"] == 1


def test_errors_of_the_stub_become_words() -> None:
    with pytest.raises(RspError, match="refused"):
        parse_memory(b"E01")
    with pytest.raises(RspError, match="no hex"):
        parse_memory(b"zz")


def test_the_thread_list_ends_with_l() -> None:
    assert parse_threads(b"m1,2,3") == ["1", "2", "3"]
    assert parse_threads(b"l") is None
