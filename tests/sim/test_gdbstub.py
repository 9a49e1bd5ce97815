"""The gdb stub's side of the remote protocol."""

from __future__ import annotations

import re

import pytest

from espmon.sim.firmware_image import Image
from espmon.sim.gdbstub import BANNER, GdbStub, Outcome, packet

IMAGE = Image()
PANIC = IMAGE.snapshot("panic")


def ask(stub: GdbStub, content: str) -> str:
    """Send a packet; the content of the answer, its acknowledgement and checksum checked."""
    answer = stub.feed(packet(content))
    match = re.fullmatch(rb"\+\$([^#]*)#([0-9a-f]{2})", answer)
    assert match, answer
    assert int(match[2], 16) == sum(match[1]) & 0xFF
    return match[1].decode()


def test_it_greets_with_a_verified_stop_packet() -> None:
    assert GdbStub(PANIC).greeting() == BANNER + b"$T0b#e6"


def test_registers_are_those_of_the_panic() -> None:
    words = ask(GdbStub(PANIC), "g")
    assert len(words) == 33 * 8
    values = [int.from_bytes(bytes.fromhex(words[i : i + 8]), "little") for i in range(0, len(words), 8)]
    assert (values[2], values[1], values[32]) == tuple(PANIC.registers[name] for name in ("sp", "ra", "mepc"))


def test_a_single_register() -> None:
    assert ask(GdbStub(PANIC), "p20") == PANIC.registers["mepc"].to_bytes(4, "little").hex()
    assert ask(GdbStub(PANIC), "p99") == "E01"


def test_memory_of_stack_and_code_can_be_read_and_nothing_else() -> None:
    stub = GdbStub(PANIC)
    stack = PANIC.registers["sp"]
    assert bytes.fromhex(ask(stub, f"m{stack:x},20")) == PANIC.memory.read(stack, 32)
    assert len(ask(stub, f"m{PANIC.registers['mepc']:x},4")) == 8
    assert ask(stub, "m0,4") == "E01"
    assert ask(stub, "mzz,4") == "E01"


def test_written_memory_and_registers_are_kept() -> None:
    stub = GdbStub(PANIC)
    address = PANIC.registers["sp"]
    assert ask(stub, f"M{address:x},2:beef") == "OK"
    assert ask(stub, f"m{address:x},2") == "beef"
    assert ask(stub, "P5=78563412") == "OK"
    assert ask(stub, "p5") == "78563412"
    assert ask(stub, "M0,1:00") == "E01"
    code = PANIC.registers["mepc"]
    before = ask(stub, f"m{code:x},2")
    assert ask(stub, f"M{code:x},2:0290") == "E01", "flash is read only"
    assert ask(stub, f"m{code:x},2") == before


@pytest.mark.parametrize("kind", range(5))
def test_breakpoints_are_refused_as_the_stub_for_panics_does(kind: int) -> None:
    stub = GdbStub(PANIC)
    assert ask(stub, f"Z{kind},{PANIC.registers['mepc']:x},2") == ""
    assert ask(stub, f"z{kind},{PANIC.registers['mepc']:x},2") == ""


def test_threads_and_their_registers() -> None:
    stub = GdbStub(PANIC)
    assert ask(stub, "qfThreadInfo") == "m1,2,3,4,5"
    assert ask(stub, "qsThreadInfo") == "l"
    assert b"wifi" in bytes.fromhex(ask(stub, "qThreadExtraInfo,3"))
    assert ask(stub, "Hg3") == "OK"
    wifi = PANIC.tasks[2]
    assert ask(stub, "p20") == PANIC.memory.words(wifi.top, 1)[0].to_bytes(4, "little").hex()
    assert ask(stub, "Hg9") == "E01"
    assert ask(stub, "T9") == "E01"


def test_a_bad_checksum_is_refused_and_a_refusal_brings_the_last_answer_again() -> None:
    stub = GdbStub(PANIC)
    assert stub.feed(b"$g#00") == b"-"
    first = stub.feed(packet("?"))
    assert stub.feed(b"-") == first.removeprefix(b"+")


def test_acknowledgements_can_be_switched_off() -> None:
    stub = GdbStub(PANIC)
    stub.feed(packet("QStartNoAckMode"))
    assert stub.feed(packet("?")) == b"$T0b#e6"


def test_a_packet_may_arrive_byte_by_byte() -> None:
    stub = GdbStub(PANIC)
    assert b"".join(stub.feed(bytes([byte])) for byte in b"noise" + packet("?")) == b"+$T0b#e6"


def test_a_step_runs_into_the_same_fault() -> None:
    assert ask(GdbStub(PANIC), "s") == "T0b"


@pytest.mark.parametrize(
    ("command", "outcome"), [("c", Outcome.CONTINUE), ("D", Outcome.CONTINUE), ("k", Outcome.RESET)]
)
def test_how_it_ends(command: str, outcome: Outcome) -> None:
    stub = GdbStub(PANIC)
    stub.feed(packet(command))
    assert stub.outcome is outcome


def test_an_endless_packet_is_dropped() -> None:
    stub = GdbStub(PANIC)
    assert stub.feed(b"$" + b"m" * 5000) == b""
    assert ask(stub, "?") == "T0b"


def test_unknown_commands_are_answered_with_nothing() -> None:
    assert ask(GdbStub(PANIC), "vMustReplyEmpty") == ""
