"""Excerpts of logs from public issues that were once read wrongly: what is right is said here, one by one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from espmon.records.events import Boot, Panic, Reset
from espmon.records.record import Record
from tests.records.events.harness import read, trace

Check = Callable[[list[Record]], None]


def one_panic(events: list[Record]) -> Panic:
    (panic,) = [event for event in events if isinstance(event, Panic)]
    return panic


def resets_of(events: list[Record]) -> list[Reset]:
    return [event for event in events if isinstance(event, Reset)]


def boots_of(events: list[Record]) -> list[Boot]:
    return [event for event in events if isinstance(event, Boot)]


def jump_to_nowhere(events: list[Record]) -> None:
    panic = one_panic(events)
    assert (panic.cause, panic.core, panic.pc, panic.backtrace) == ("InstrFetchProhibited", 1, 0x15383520, [])
    assert (panic.registers["A0"], panic.elf_sha256) == (0x800DFCAC, None)


def kept_by_esphome(events: list[Record]) -> None:
    panic = one_panic(events)
    assert (panic.previous_boot, panic.cause, panic.core, panic.pc) == (True, "Load access fault", 0, 0x420083DC)
    assert panic.arch == "riscv"


def break_in_the_vectors(events: list[Record]) -> None:
    panic = one_panic(events)
    assert (panic.cause, panic.core, trace(panic)) == ("BREAK instr", 1, ["0x400803bd"])
    (reset,) = resets_of(events)
    assert reset.after_panic


def overflow_by_32_bytes(events: list[Record]) -> None:
    panic = one_panic(events)
    assert (panic.kind, panic.cause, panic.task) == ("stack_overflow", "Stack protection fault", "IDLE0")
    assert (panic.stack_pointer, panic.stack_bounds) == (0x4FF16600, (0x4FF16620, 0x4FF16C20))
    assert panic.pc == 0x4FC1B802


def false_alarm_of_the_stack_guard(events: list[Record]) -> None:
    panic = one_panic(events)
    assert (panic.cause, panic.task) == ("Stack protection fault", "mp_task")
    assert panic.stack_bounds is not None
    assert panic.stack_pointer is not None
    assert panic.stack_bounds[0] <= panic.stack_pointer < panic.stack_bounds[1]


def hinted(*words: str) -> Check:
    def check(events: list[Record]) -> None:
        (boot,) = boots_of(events)
        assert boot.hint is not None
        assert all(word in boot.hint for word in words), boot.hint
        assert not [event for event in events if isinstance(event, Panic)]

    return check


def refused_by_the_second_stage(events: list[Record]) -> None:
    hinted("0x20000", "not written")(events)
    (reset,) = resets_of(events)
    assert (reset.code, reset.expected) == (3, False)
    assert "second stage" in (reset.hint or "")
    assert [event.type for event in events] == ["boot", "reset"]


def rust_exception(events: list[Record]) -> None:
    panic = one_panic(events)
    assert (panic.kind, panic.cause) == ("exception", "Store/AMO access fault")
    assert (panic.pc, panic.excvaddr, panic.core) == (0x420071C0, 0x40800A14, 0)


def watchdogs_that_take_turns(events: list[Record]) -> None:
    found = resets_of(events)
    assert [reset.code for reset in found] == [0x12, 7, 7, 0x12]
    assert [reset.repeats for reset in found] == [1, 2, 3, 4]
    assert (found[-1].hint or "").startswith("boot loop: SUPER_WDT_RST and TG0WDT_SYS_RST 4 times in a row")
    assert "flash" in (found[-1].hint or "")


def wrong_flash_mode(events: list[Record]) -> None:
    found = resets_of(events)
    assert len(found) == 4
    assert all("ets_loader.c 78" in (reset.hint or "") and "DIO" in (reset.hint or "") for reset in found)


def banner_in_a_banner(events: list[Record]) -> None:
    first, nested = [event for event in events if isinstance(event, Panic)]
    assert (first.cause, first.damaged[0]) == ("IllegalInstruction", "cause: IllegalInstructi")
    assert (nested.cause, nested.nested, nested.core, nested.pc) == ("StoreProhibited", True, 0, 0x4008860E)


def long_runs(events: list[Record]) -> None:
    found = resets_of(events)
    assert len(found) == 4
    assert [reset.repeats for reset in found] == [1, 1, 1, 1]
    assert not any("loop" in (reset.hint or "") or "supply" in (reset.hint or "") for reset in found)


def no_crash_at_all(events: list[Record]) -> None:
    panic = one_panic(events)
    assert (panic.kind, panic.reason, panic.fatal, len(panic.backtrace)) == ("other", None, False, 7)


def text_of_another_task(events: list[Record]) -> None:
    panic = one_panic(events)
    assert (panic.cause, panic.message, panic.reason, panic.core) == ("LoadProhibited", None, None, 1)
    assert (panic.excvaddr, len(panic.backtrace)) == (8, 3)
    assert (panic.operation, panic.fault_address) == (None, None)


TRUTHS: dict[str, Check] = {
    "002": jump_to_nowhere,
    "008": kept_by_esphome,
    "016": break_in_the_vectors,
    "018": overflow_by_32_bytes,
    "019": false_alarm_of_the_stack_guard,
    "020": hinted("external RAM", "quad or octal"),
    "023": refused_by_the_second_stage,
    "024": hinted("partition 4", "beyond the flash"),
    "026": rust_exception,
    "033": watchdogs_that_take_turns,
    "035": wrong_flash_mode,
    "037": hinted("another chip revision"),
    "041": banner_in_a_banner,
    "craft-backtrace-esp32": no_crash_at_all,
    "craft-en": long_runs,
    "craft-rest": long_runs,
    "craft-untagged-between": text_of_another_task,
}


def test_every_log_has_its_truth(shared_data: Path) -> None:
    assert {path.stem for path in (shared_data / "wild").glob("*.log")} == set(TRUTHS)


@pytest.mark.parametrize("name", TRUTHS)
def test_a_log_from_a_public_issue_is_read_right(shared_data: Path, name: str) -> None:
    TRUTHS[name](read((shared_data / "wild" / f"{name}.log").read_bytes()))
