"""The debugger against a chip that misbehaves: what is asked again, what is given up, what turns out to be log."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.port import PortError
from espmon.postmortem.rsp import RETRIES, RspError, TargetGone, encode
from espmon.session.gdb_client import MAX_MEMORY, MEMORY_PIECE, GdbClient
from tests.session.fakes import ScriptedHandle
from tests.session.stub import BANNER, CODE, SP, Stub, times

QUICK = 0.02
"""Seconds of silence after which these tests ask again."""


def speaking(stub: Stub) -> tuple[GdbClient, ScriptedHandle]:
    handle = ScriptedHandle()
    handle.answer = stub
    return GdbClient(handle), handle


async def test_registers_have_the_names_that_panics_print() -> None:
    debugger, _ = speaking(Stub())
    found = await debugger.registers()
    assert (found["SP"], found["MEPC"], found["A0"]) == (SP, CODE, 10)


async def test_memory_is_fetched_in_pieces() -> None:
    stub = Stub()
    debugger, _ = speaking(stub)
    assert await debugger.memory(SP, 600) == bytes(SP + at & 0xFF for at in range(600))
    assert stub.requests == [b"m%x,%x" % (SP, 256), b"m%x,%x" % (SP + 256, 256), b"m%x,%x" % (SP + 512, 88)]
    assert MEMORY_PIECE == 256


async def test_a_stub_that_sends_less_than_was_asked_for_is_asked_on() -> None:
    debugger, _ = speaking(Stub(times(1, lambda answer: b"+$0001#c1", b"m")))
    assert (await debugger.memory(SP, 4))[:2] == b"\x00\x01"


async def test_memory_ends_where_the_stub_refuses() -> None:
    debugger, _ = speaking(Stub())
    assert len(await debugger.memory(SP + 4096 - 256, 1024)) == 256


async def test_refused_memory_is_an_error_in_words() -> None:
    debugger, _ = speaking(Stub())
    with pytest.raises(RspError, match="refused: reading memory"):
        await debugger.memory(0x60000000, 4)


async def test_a_read_of_everything_is_bounded() -> None:
    class Endless(Stub):
        def answer(self, payload: bytes) -> bytes:
            return b"00" * MEMORY_PIECE

    stub = Endless()
    debugger, _ = speaking(stub)
    assert len(await debugger.memory(0, 1 << 30)) == MAX_MEMORY


async def test_a_damaged_reply_is_asked_for_again_and_not_executed_twice() -> None:
    stub = Stub()

    def damaged(answer: bytes) -> bytes:
        return answer[:-2] + b"zz"

    stub._script = times(1, damaged)
    debugger, handle = speaking(stub)
    # The real answer follows the chip's own reading of "-": it sends its last packet again.
    plain = handle.answer
    assert plain is not None
    handle.answer = lambda data: plain(b"$g#67") if data == b"-" else plain(data)
    assert (await debugger.registers())["SP"] == SP


async def test_damaged_replies_without_end_are_given_up() -> None:
    debugger, handle = speaking(Stub())
    handle.answer = lambda data: b"" if data == b"+" else b"+$00#zz"
    with pytest.raises(RspError, match="damaged"):
        await debugger.request(b"g", QUICK)


async def test_a_lost_request_is_sent_again() -> None:
    stub = Stub(times(1, lambda answer: b""))
    debugger, _ = speaking(stub)
    assert len(await debugger.request(b"g", QUICK)) == 33 * 8
    assert stub.requests == [b"g", b"g"]


async def test_a_late_answer_to_a_repeated_request_is_not_taken_for_the_next_answer() -> None:
    # The chip is slow: the first request is answered only when the second has come, then both are.
    stub = Stub()
    held: list[bytes] = []

    def slow(payload: bytes, answer: bytes) -> bytes:
        if payload != b"g":
            return answer
        held.append(answer)
        return b"" if len(held) == 1 else b"".join(held)

    stub._script = slow
    debugger, _ = speaking(stub)
    await debugger.request(b"g", QUICK)
    assert await debugger.memory(SP, 4) == bytes(SP + at & 0xFF for at in range(4))


async def test_silence_is_given_up_after_the_retries() -> None:
    stub = Stub(lambda payload, answer: b"")
    debugger, _ = speaking(stub)
    with pytest.raises(RspError, match="does not answer"):
        await debugger.request(b"?", QUICK)
    assert stub.requests == [b"?"] * (RETRIES + 1)


async def test_a_stub_that_did_not_understand_gets_the_request_again() -> None:
    stub = Stub(times(1, lambda answer: b"-"))
    debugger, _ = speaking(stub)
    await debugger.registers()
    assert stub.requests == [b"g", b"g"]


async def test_signs_in_log_text_ask_for_nothing() -> None:
    stub = Stub(times(1, lambda answer: b"I (5) t: -5 +3 - - - $4\r\n" + answer))
    debugger, _ = speaking(stub)
    assert (await debugger.registers())["SP"] == SP
    assert stub.requests == [b"g"]


async def test_a_reset_ends_the_inspection_and_gives_the_boot_log_back() -> None:
    debugger, _ = speaking(Stub(times(1, lambda answer: answer[:40] + b"\x00" + BANNER)))
    with pytest.raises(TargetGone, match="reset") as raised:
        await debugger.registers()
    assert raised.value.log.endswith(BANNER)
    assert BANNER.startswith(raised.value.log[-len(BANNER) :])


async def test_a_reset_between_requests_is_seen_by_the_next_one() -> None:
    debugger, handle = speaking(Stub())
    await debugger.registers()
    handle.push(BANNER)
    with pytest.raises(TargetGone, match="reset") as raised:
        await debugger.registers()
    assert raised.value.log == BANNER


async def test_a_reset_between_requests_is_seen_at_once_while_watching() -> None:
    debugger, handle = speaking(Stub())
    handle.push(BANNER[:5])
    handle.push(BANNER[5:])
    with pytest.raises(TargetGone) as raised:
        await debugger.watch()
    assert raised.value.log == BANNER


async def test_a_board_that_runs_on_is_told_from_a_stub() -> None:
    line = b"I (%d) app: all is well\r\n"
    debugger, _ = speaking(Stub(lambda payload, answer: line % 1 + line % 2 + line % 3))
    with pytest.raises(TargetGone, match="prints log text") as raised:
        await debugger.registers()
    assert raised.value.log == line % 1 + line % 2 + line % 3


async def test_a_shell_that_does_not_know_the_request_is_told_from_a_stub() -> None:
    said = [b"$?#3f\r\nUnknown command\r\n"]
    debugger, handle = speaking(Stub())
    handle.answer = lambda data: said.pop() if said else b""
    with pytest.raises(TargetGone, match="prints log text") as raised:
        await debugger.request(b"?", QUICK)
    assert raised.value.log == b"$?#3f\r\nUnknown command\r\n"


async def test_a_step_is_never_executed_twice() -> None:
    stub = Stub(lambda payload, answer: b"+" if payload == b"s" else answer)
    debugger, _ = speaking(stub)
    with pytest.raises(RspError, match="does not answer"):
        await debugger.request(b"s", QUICK, once=True)
    assert stub.requests == [b"s"]


async def test_console_output_of_the_program_is_no_reply() -> None:
    stub = Stub(times(1, lambda answer: b"+" + encode(b"O6869") + answer[1:], b"s"))
    debugger, _ = speaking(stub)
    assert (await debugger.step()).signal == 5
    assert debugger.console == b"hi"


async def test_a_port_that_vanishes_is_a_port_error() -> None:
    debugger, handle = speaking(Stub())
    handle.lose()
    with pytest.raises(PortError):
        await debugger.registers()


async def test_continue_returns_the_log_behind_the_acknowledgement() -> None:
    debugger, handle = speaking(Stub())
    handle.answer = lambda data: b"+I (7) app: on we go\r\n"
    assert await debugger.resume() == b"I (7) app: on we go\r\n"


@pytest.mark.parametrize("answers", [[b"+$OK#9alog"], [b"+log"], [b"+$OK", b"#9alog"]])
async def test_the_answer_to_a_detach_is_no_log(answers: list[bytes]) -> None:
    debugger, handle = speaking(Stub())

    async def read(timeout: float | None = None) -> bytes:
        return answers.pop(0) if answers else b""

    handle.read = read  # type: ignore[method-assign]
    assert await debugger.resume(b"D") == b"log"


async def test_a_stub_that_cannot_be_detached_from_is_told_to_go_on() -> None:
    debugger, handle = speaking(Stub())
    handle.answer = lambda data: b"+$#00" if data.startswith(b"$D") else b"+on we go"
    assert await debugger.resume(b"D") == b"on we go"
    assert handle.written == b"$D#44$c#63"


PIECES = [b"+", b"-", b"$", b"#", b"$#00", b"$E01#a6", b"$OK#9a", b"$T05#b9", b"\r\n", b"ESP-ROM:", b"}*", b"%Stop#00"]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=6).map(b"".join), max_size=8))
def test_whatever_a_stub_sends_a_request_ends_with_an_answer_or_an_error_in_words(replies: list[bytes]) -> None:
    async def ask() -> None:
        debugger, handle = speaking(Stub())
        left = list(replies)
        handle.answer = lambda data: left.pop(0) if left else b""
        with contextlib.suppress(RspError):
            await debugger.request(b"g", 0.001)
        assert len(handle.written) < 1000

    asyncio.run(ask())
