"""Why it crashed, in plain words: from the dump's own text, the exception cause, or the functions that were running."""

from __future__ import annotations

from collections.abc import Mapping

from espmon.postmortem.backtrace import Backtrace
from espmon.postmortem.core_chips import RISCV_CAUSES, XTENSA_CAUSES
from espmon.postmortem.elf import XTENSA

FUNCTIONS: dict[str, str] = {
    "__assert_func": "an assertion failed",
    "__stack_chk_fail": "stack smashing was detected: a local buffer was written beyond its end",
    "vApplicationStackOverflowHook": "a task's stack overflowed",
    "_esp_error_check_failed": "ESP_ERROR_CHECK failed",
    "task_wdt_timeout_abort": "the task watchdog ran out",
    "task_wdt_timeout_abort_xtensa": "the task watchdog ran out",
    "task_wdt_isr": "the task watchdog ran out",
    "multi_heap_assert": "the heap is damaged",
    "__cxa_throw": "a C++ exception was not caught",
    "__verbose_terminate_handler": "a C++ exception was not caught",
    "rust_begin_unwind": "a Rust panic",
    "abort": "abort() was called",
    "panic_abort": "abort() was called",
}
"""Function on the crashed task's stack -> what it means; earlier ones say more."""


def reason_of(details: list[str], trace: Backtrace | None) -> str | None:
    """Return the dump's own words, else what the functions on the stack tell, None when neither does."""
    if details:
        return "; ".join(dict.fromkeys(details))
    if trace is None:
        return None
    running = [frame.function for frame in trace.frames]
    for name, words in FUNCTIONS.items():
        if name in running:
            outer = running[len(running) - running[::-1].index(name) :]
            return f"{words} in {outer[0]}" if outer and outer[0] else words
    return None


ON_THE_WAY_DOWN = frozenset(FUNCTIONS) | {"esp_system_abort", "__assert", "_esp_error_check_failed_without_abort"}
"""Functions between the code that gave up and the place where the processor stopped."""

PSEUDO_CAUSE_NONE = 64
"""What the Xtensa panic handler stores when no exception is the reason."""


def cause_of(machine: int, registers: Mapping[str, int], extra: Mapping[str, int], on_purpose: bool) -> str | None:
    """Return the processor's exception cause with its number, address and plain words; None when it is not in the dump.

    `on_purpose`: abort() raises an exception itself, which then says nothing of the program.
    """
    if machine == XTENSA:
        number = extra.get("exccause", registers.get("exccause"))
        address = extra.get("excvaddr", registers.get("excvaddr", 0))
        table, has_address = XTENSA_CAUSES, number in (2, 3, 9, 13, 15, 20, 24, 25, 26, 28, 29)
        if number is None or number == PSEUDO_CAUSE_NONE:
            return None
    else:
        number = registers.get("mcause")
        address = registers.get("mtval", 0)
        if number is None:
            return None
        number &= 0xFFF
        table, has_address = RISCV_CAUSES, number in (0, 1, 4, 5, 6, 7, 12, 13, 15)
    name, words = table.get(number, ("unknown cause", "a cause this version does not know"))
    place = f" at 0x{address:08x}" if has_address else ""
    if on_purpose:
        return f"{name} ({number}){place}: raised on purpose by abort()"
    return f"{name} ({number}){place}: {words}"
