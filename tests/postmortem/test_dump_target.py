"""A core dump as gdb's target: what the protocol asks is answered from the dump, and nothing can be changed."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from espmon.model.architecture import XTENSA
from espmon.postmortem import decode_core
from espmon.postmortem.core_report import CoreReport
from espmon.postmortem.dump_target import PACKET_BYTES, DumpSource, DumpThread
from espmon.postmortem.gdb_target import parse_memory, parse_registers, parse_stop, parse_threads
from espmon.postmortem.memory import SegmentMemory
from espmon.postmortem.remote_target import RemoteTarget
from espmon.postmortem.rsp import Ack, Packet, Parser, encode
from tests.inputs import SIMULATED_ELF, dump_named


@pytest.fixture(scope="module")
def report() -> CoreReport:
    return decode_core(dump_named("riscv").text, SIMULATED_ELF)


class DumpTarget(RemoteTarget):
    """A dump answers at once: nothing is awaited."""

    def told(self, data: bytes) -> bytes:
        with pytest.raises(StopIteration) as answered:
            self.feed(data).send(None)
        return bytes(answered.value.value)


def ask(target: DumpTarget, request: bytes) -> bytes:
    """The payload of the last answer to a request."""
    packets = [item.payload for item in Parser().feed(target.told(encode(request))) if isinstance(item, Packet)]
    return packets[-1]


def test_the_stop_is_the_crashed_task_with_a_signal(report: CoreReport) -> None:
    stop = parse_stop(ask(DumpTarget(report.target()), b"?"))
    assert stop is not None
    assert (stop.signal, stop.thread) == (6, "1")


def test_every_task_is_a_thread_with_its_name(report: CoreReport) -> None:
    target = DumpTarget(report.target())
    assert parse_threads(ask(target, b"qfThreadInfo")) == ["1", "2", "3", "4", "5"]
    assert parse_threads(ask(target, b"qsThreadInfo")) is None
    answer = ask(target, b"qXfer:threads:read::0,1000")
    assert answer[:1] == b"l"
    names = [item.get("name") for item in ElementTree.fromstring(answer[1:].decode())]
    assert names == [task.name for task in report.tasks]
    told = bytes.fromhex(ask(target, b"qThreadExtraInfo,1").decode()).decode()
    assert told == "main (priority 1, running)"


def test_a_long_list_of_threads_comes_in_pieces(report: CoreReport) -> None:
    target = DumpTarget(report.target())
    whole, at = b"", 0
    while True:
        answer = ask(target, b"qXfer:threads:read::%x,20" % at)
        whole += answer[1:]
        at = len(whole)
        if answer[:1] == b"l":
            break
    assert len(ElementTree.fromstring(whole.decode())) == 5


def test_registers_are_those_of_the_chosen_thread(report: CoreReport) -> None:
    target = DumpTarget(report.target())
    for number, task in enumerate(report.tasks, 1):
        assert ask(target, b"Hg%x" % number) == b"OK"
        registers = parse_registers(ask(target, b"g"), 243)
        assert registers["MEPC"] == task.registers["pc"]
        assert registers["SP"] == task.registers["sp"]
        assert ask(target, b"p20") == task.registers["pc"].to_bytes(4, "little").hex().encode()
    assert ask(target, b"Hg9") == b"E01"


def test_memory_is_the_dumps_then_the_elfs_and_else_refused(report: CoreReport) -> None:
    target = DumpTarget(report.target())
    start, data = report.segments[0]
    assert parse_memory(ask(target, b"m%x,10" % start)) == data[:16]
    text = parse_memory(ask(target, b"m%x,4" % report.tasks[0].registers["pc"]))
    assert len(text) == 4
    assert ask(target, b"m100,4") == b"E01"
    held = ask(target, b"m%x,%x" % (start, len(data) + 64))
    assert parse_memory(held)[: len(data)] == data


@pytest.mark.parametrize("request_", [b"G00", b"P1=00", b"M3fc80000,1:00", b"X3fc80000,1:a"])
def test_nothing_can_be_written(report: CoreReport, request_: bytes) -> None:
    assert ask(DumpTarget(report.target()), request_) == b"E01"


@pytest.mark.parametrize("request_", [b"c", b"s", b"C05"])
def test_it_stays_where_it_is_and_says_so(report: CoreReport, request_: bytes) -> None:
    target = DumpTarget(report.target())
    ask(target, b"Hg3")
    packets = [item.payload for item in Parser().feed(target.told(encode(request_))) if isinstance(item, Packet)]
    assert bytes.fromhex(packets[0][1:].decode()) == b"A core dump cannot run: it is what was left behind.\n"
    assert parse_stop(packets[1]) is not None
    registers = parse_registers(ask(target, b"g"), 243)
    assert registers["MEPC"] == report.tasks[0].registers["pc"]


def test_a_damaged_packet_is_asked_for_again_and_an_answer_repeated(report: CoreReport) -> None:
    target = DumpTarget(report.target())
    assert target.told(b"$g#00") == b"-"
    first = target.told(encode(b"qC"))
    assert target.told(b"-") == first[1:]
    assert target.told(encode(b"QStartNoAckMode")).startswith(b"+")
    assert target.told(encode(b"qC")) == encode(b"QC1")


@pytest.mark.parametrize(("request_", "answer"), [(b"D", b"OK"), (b"vKill;1", b"OK")])
def test_a_debugger_can_leave(report: CoreReport, request_: bytes, answer: bytes) -> None:
    target = DumpTarget(report.target())
    assert ask(target, request_) == answer
    assert target.ended


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_any_request_is_answered_or_passed_over(requests: list[bytes]) -> None:
    memory = SegmentMemory([(0x3FFB0000, bytes(64))])
    source = DumpSource(XTENSA, [DumpThread("main", {"pc": 0x400D0000, "a0": 1, "a1": 0x3FFB0000})], memory, "ESP32")
    target = DumpTarget(source)
    for request in requests:
        answers = target.told(encode(request)) + target.told(request)
        assert len(answers) < 4 * PACKET_BYTES
        assert all(isinstance(item, Packet | Ack) for item in Parser().feed(answers))


def test_xtensa_registers_come_as_the_window_at_their_base() -> None:
    registers = {"pc": 0x400D1234, "ps": 0x60020, **{f"a{number}": 0x100 + number for number in range(16)}, "lbeg": 7}
    memory = SegmentMemory([(0x3FFB0000, bytes(64))])
    for chip, words in (("ESP32", 74), ("ESP32-S2", 71)):
        target = DumpTarget(DumpSource(XTENSA, [DumpThread("main", registers)], memory, chip))
        told = ask(target, b"g")
        assert len(told) == 8 * words
        assert told[: 2 * 8] == b"34120d4000010000"
        back = parse_registers(told.replace(b"xxxxxxxx", b"00000000"), 94)
        assert (back["PC"], back["A0"], back["A15"], back["PS"]) == (0x400D1234, 0x100, 0x10F, 0x60020)
