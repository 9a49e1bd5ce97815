"""The remote protocol: packets whole over any cut, checksums, escapes, run lengths, retransmission."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.postmortem.gdb_target import parse_memory, parse_registers, parse_stop, parse_threads
from espmon.postmortem.rsp import RETRIES, Ack, Exchange, Item, Noise, Packet, Parser, RspError, decode_body, encode


def test_a_packet_carries_its_checksum() -> None:
    assert encode(b"OK") == b"$OK#9a"


@given(st.binary(max_size=200))
def test_every_payload_survives_encoding(payload: bytes) -> None:
    (item,) = Parser().feed(encode(payload))
    assert item == Packet(payload, ok=True)


@given(
    st.lists(st.sampled_from([b"+", b"-", b"$T05#b9", b"$#00", b"I (1) log\r\n", b"%Stop#zz", b"$cut"]), max_size=8),
    st.data(),
)
def test_any_cut_gives_the_same_packets(parts: list[bytes], data: st.DataObject) -> None:
    stream = b"".join(parts)
    cut = data.draw(st.integers(0, len(stream)))

    def packets(*reads: bytes) -> list[Item]:
        parser = Parser()
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
