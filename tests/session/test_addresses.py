"""Code addresses in log lines get their location; data does not."""

from __future__ import annotations

from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.model.architecture import XTENSA
from espmon.postmortem import Frame
from espmon.postmortem.elf import Symbol
from espmon.records.lines import LineBlock
from espmon.session.addresses import Decorator, backtrace_addresses, candidate_lines, code_addresses, decorate


class Known:
    """Knows one function of an Xtensa program from 0x42000000 to 0x42010000, with something inlined at its start, and a
    call before each multiple of 32.
    """

    machine = XTENSA.elf_machine

    def is_code(self, address: int) -> bool:
        return 0x42000000 <= address < 0x42010000

    def code_at(self, address: int, size: int) -> bytes:
        call = bytes.fromhex("e00800")
        return b"".join(call[(at + 3) % 32 : (at + 3) % 32 + 1] or b"\xf0" for at in range(address, address + size))

    def symbol_at(self, address: int) -> Symbol | None:
        return None

    def lookup(self, address: int, statements: bool = False) -> list[Frame]:
        outer = Frame("app_main", "/build/main.c", 10)
        if (address + 3) % 32 < 3:
            return [Frame("caller", "/build/main.c", (address + 3) // 32 * 32 & 0xFF)]
        return [Frame("inner", "/build/in.h", 3, inlined=True), outer] if address == 0x42000000 else [outer]

    def lookup_caller(self, return_address: int, statements: bool = False) -> list[Frame]:
        return [Frame("caller", "/build/main.c", return_address & 0xFF)]


def test_an_address_in_a_sentence_is_decoded() -> None:
    assert decorate(b"abort() was called at PC 0x42001234 on core 0\r\n", Known()) == (
        "0x42001234: app_main at /build/main.c:10",
    )


def test_inlined_functions_are_named_below() -> None:
    assert decorate(b"pc 0x42000000", Known()) == (
        "0x42000000: inner at /build/in.h:3",
        "  (inlined by) app_main at /build/main.c:10",
    )


@pytest.mark.parametrize("step", [0, 3], ids=["return addresses", "inside the calls"])
def test_callers_in_a_backtrace_are_looked_up_inside_their_call(step: int) -> None:
    callers = [0x42000020 - step, 0x42000040 - step]
    chain = " ".join(f"0x{pc:08x}:0x3fc90020" for pc in callers).encode()
    assert decorate(b"Backtrace: 0x42001230:0x3fc90000 " + chain, Known()) == (
        "0x42001230: app_main at /build/main.c:10",
        f"0x{callers[0]:08x}: caller at /build/main.c:32",
        f"0x{callers[1]:08x}: caller at /build/main.c:64",
    )


def test_the_window_size_in_a_backtrace_s_top_bits_is_no_part_of_the_address() -> None:
    assert backtrace_addresses(b"Backtrace:0x400d1234:0x3ffb0000 0x800d5678:0x3ffb0020") == (
        [0x400D1234, 0x400D5678],
        True,
    )


def test_a_chain_without_its_word_is_one_where_the_code_says_so() -> None:
    chain = b"app: 0x42001230:0x3fc90000 0x42000020:0x3fc90020 0x42000040:0x3fc90040"
    assert decorate(chain, Known())[1:] == (
        "0x42000020: caller at /build/main.c:32",
        "0x42000040: caller at /build/main.c:64",
    )
    other = b"range 0x42001230:0x42001250 0x42001234:0x42001258"
    assert [row[:10] for row in decorate(other, Known())] == ["0x42001230", "0x42001250", "0x42001234", "0x42001258"]


@pytest.mark.parametrize(
    "line",
    [
        b"3fc98300: 0x42001234 0x42001238 0x00000000 0x00000000",
        b"--- 0x42001234: app_main at main.c:10",
        b"#0  0x42001234 in app_main at main.c:10",
        b"0x42001234: app_main at main.c:10",
        b"value 0x420012345 has nine digits",
        b"word a0x42001234b",
        b"data address 0x3fc98300",
        b"load:0x42000000,len:6008",
        b"entry 0x42000004",
        b"I (171) esp_image: segment 5: paddr=0x00041778 vaddr=0x42000000 size=0x00400 (  1024) load",
        b"12:00:01.123 -> 3fc98300: 0x42001234 0x42001238 0x00000000 0x00000000",
        b"I (5) dump: 0x3fc98300: 42001234 42001238",
    ],
)
def test_dumps_decoded_lines_and_damaged_words_are_left_alone(line: bytes) -> None:
    assert decorate(line, Known()) == ()


def test_the_return_address_register_of_a_dump_is_looked_up_as_one() -> None:
    assert code_addresses(b"MEPC    : 0x42001234  RA      : 0x42000020  SP      : 0x3fc90000") == [
        (0x42001234, False),
        (0x42000020, True),
        (0x3FC90000, False),
    ]
    assert code_addresses(b"PC      : 0x400d6a31  PS      : 0x00060c30  A0      : 0x800d6a5c")[2] == (0x400D6A5C, True)


def test_the_trap_vector_of_a_dump_is_not_looked_up() -> None:
    assert code_addresses(b"MSTATUS : 0x00001880  MTVEC   : 0x42000100  MCAUSE  : 0x00000007")[1:] == [(7, False)]


def test_the_first_argument_register_of_riscv_is_no_return_address() -> None:
    assert code_addresses(b"S0/FP   : 0x3fc90000  A0      : 0x42001234") == [(0x3FC90000, False), (0x42001234, False)]


@given(st.binary(max_size=300))
def test_no_line_is_too_strange(line: bytes) -> None:
    for row in decorate(line, Known()):
        assert row.isprintable()


@given(st.lists(st.sampled_from([b"x 0x42001234", b"0X42000000", b"Backtrace:42001234:3fc90000", b"0x", b"no"])))
def test_searching_blocks_finds_what_looking_at_each_line_finds(lines: list[bytes]) -> None:
    whole = [line + b"\n" for line in lines]
    starts = array("I", [0])
    for line in whole:
        starts.append(starts[-1] + len(line))
    found = dict(candidate_lines(LineBlock(b"".join(whole), 0, starts)))
    assert {index for index, line in enumerate(whole) if code_addresses(line) or backtrace_addresses(line)[0]} <= set(
        found
    )
    assert all(whole[index] == line for index, line in found.items())


def test_an_address_is_looked_up_once_however_often_it_is_logged() -> None:
    class Counting(Known):
        asked = 0

        def lookup(self, address: int, statements: bool = False) -> list[Frame]:
            self.asked += 1
            return super().lookup(address)

    known = Counting()
    decorator = Decorator(known)
    rows = [decorator.rows(b"called from 0x42001234") for _ in range(5)]
    assert known.asked == 1
    assert rows == [("0x42001234: app_main at /build/main.c:10",)] * 5


def test_hostile_names_from_an_elf_are_made_safe() -> None:
    class Hostile(Known):
        def lookup(self, address: int, statements: bool = False) -> list[Frame]:
            return [Frame("evil\x1b]0;x\x07", "a\nb.c", 1)]

    (row,) = decorate(b"0x42001234", Hostile())
    assert "\x1b" not in row
    assert "\n" not in row


def test_source_paths_are_shown_as_they_are_on_this_computer() -> None:
    assert decorate(b"0x42001234", Known(), {"/build": "/home/me/app"}) == (
        "0x42001234: app_main at /home/me/app/main.c:10",
    )


def test_only_lines_with_candidates_are_looked_at() -> None:
    lines = [b"nothing\n", b"pc 0x42001234\n", b"also nothing\n", b"two 0x42000000 0x42000004\n"]
    starts = array("I", [0])
    for line in lines:
        starts.append(starts[-1] + len(line))
    found = list(candidate_lines(LineBlock(b"".join(lines), 0, starts)))
    assert found == [(1, lines[1]), (3, lines[3])]
