"""Names mangled by Rust's current scheme (v0), as linkers and ELF symbol tables have them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.postmortem.demangle import demangle

CASES = [
    ("_RNvCs4fqI2P2rA04_5hello4main", "hello::main"),
    ("_RNvNtCs1234_4core9panicking9panic_fmt", "core::panicking::panic_fmt"),
    ("_RNCNvCs1_4demo4main0", "demo::main::{closure#0}"),
    ("_RNCNvCs1_4demo4mains_0", "demo::main::{closure#1}"),
    ("_RNSNvC4core4drop6vtable", "core::drop::{shim:vtable#0}"),
    ("_RNvMNtC4demo6sensorNtB2_6Sensor4read", "<demo::sensor::Sensor>::read"),
    ("_RNvXs_NtC4demo6sensorNtB4_6SensorNtNtC4core3fmt5Debug3fmt", "<demo::sensor::Sensor as core::fmt::Debug>::fmt"),
    ("_RNvYNtC3foo3BarNtNtC4core3fmt5Debug3fmt", "<foo::Bar as core::fmt::Debug>::fmt"),
    (
        "_RINvNtC4core3ptr13drop_in_placeNtNtC5alloc6string6StringEC4demo",
        "core::ptr::drop_in_place::<alloc::string::String>",
    ),
    ("_RINvC4demo4sendAhj10_E", "demo::send::<[u8; 16]>"),
    ("_RINvC4demo4sendRShQeE", "demo::send::<&[u8], &mut str>"),
    ("_RINvC4demo4sendTlExPmOtE", "demo::send::<(i32,), i64, *const u32, *mut u16>"),
    ("_RINvC4demo4sendFUKChEzE", 'demo::send::<unsafe extern "C" fn(u8) -> !>'),
    ("_RINvC4demo4sendFG_RL0_hEuE", "demo::send::<for<'a> fn(&'a u8)>"),
    ("_RINvC4demo4sendDNtC4core4Iterp4ItemhEL_E", "demo::send::<dyn core::Iter<Item = u8>>"),
    ("_RINvC4demo4sendDG_INtC4core2FnL0_EEL_E", "demo::send::<dyn for<'a> core::Fn<'a>>"),
    ("_RINvC4demo4sendKanff_Kb1_Kc41_KpE", "demo::send::<-255, true, 'A', _>"),
    ("_RINvC4demo4sendKoffffffffffffffffff_E", "demo::send::<0xffffffffffffffffff>"),
    ("_RNvC4demou8gdel_5qa", "demo::gödel"),
    ("_RNvC4demo4main.llvm.1234", "demo::main"),
]


@pytest.mark.parametrize(("mangled", "readable"), CASES)
def test_a_v0_name_becomes_a_path(mangled: str, readable: str) -> None:
    assert demangle(mangled) == readable


@pytest.mark.parametrize(
    "name",
    [
        "_R",
        "_RNvC4demo",  # ends in the middle
        "_RNvC4demo4mainX",  # something after the end
        "_RB_",  # points at itself
        "_RNvC4demo9999999999main",
        "_RINvC4demo4sendL3_E",  # a lifetime that nothing binds
        "_RINvC4demo4sendKcffffffff_E",
        "_RINvC4demo1x" + "T" * 500 + "E" * 501,
        "_RNvC4demou4_-*!",
        "_Reset",
    ],
)
def test_what_is_no_v0_name_stays_as_it_is(name: str) -> None:
    assert demangle(name) == name


@given(st.text("_RNvCIXMYBEKLTASQDFGpsu0123456789abcxyz", max_size=60))
def test_nothing_raises_or_grows_without_end(tail: str) -> None:
    assert len(demangle("_R" + tail)) <= 4_100


def base_62(number: int) -> str:
    digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
    text, number = "", number - 1
    while number >= 0:
        text, number = digits[number % 62] + text, number // 62 - (1 if number < 62 else 0)
    return text + "_"


def doubled(levels: int) -> str:
    """A name of about 10 letters a level whose last argument has 2 to the power of `levels` parts."""
    text = "INvC1a1b"
    at, text = len(text), text + "TuuE"
    for _ in range(levels - 1):
        start = len(text)
        text += f"TB{base_62(at)}B{base_62(at)}E"
        at = start
    return f"_R{text}E"


def test_back_references_cannot_blow_up() -> None:
    assert demangle(doubled(2)) == "a::b::<((), ()), (((), ()), ((), ()))>"
    assert demangle(doubled(40)) == doubled(40)
