"""What the processor, the caches, the watchdogs and the stack guards say of a crash."""

from __future__ import annotations

import re
from collections.abc import Mapping

from espmon.model.architecture import ADDRESS_NAMES, XTENSA
from espmon.model.crash_facts import CrashFacts, StackPieces
from espmon.model.crash_kinds import fault_words, plain_words
from espmon.model.exception_causes import Access, cause_named
from espmon.postmortem.crash_texts import Description, text_of
from espmon.postmortem.panic_notes import NULL_REACH, note_on

VERBS: Mapping[Access, str] = {Access.READ: "read from", Access.WRITE: "wrote to", Access.EXECUTE: "jumped to"}
"""What was done with the address of a fault."""

PROTECTED = re.compile(r"Memory protection fault|^APM - ")
"""Causes where a unit refused an access that the processor could have made."""

FLASH_WRITE = re.compile(r"tried to write cache|write back to flash|write to cache rejected")
"""What boards say of a write to memory that is mapped from flash."""

NO_DETAILS = "Cache error"
"""The cause where another line says which cache error it was."""

BREAK = re.compile(r"^BREAK\b")
XTENSA_RAM = ((0x4002_0000, 0x400A_0000), (0x4037_0000, 0x403E_0000))
"""Instruction RAM of the Xtensa chips, where their exception vectors are."""

VECTORS_BYTES = 0x400
DOUBLE_EXCEPTION = range(0x3C0, 0x400)
"""Size of the vectors' table, to which it is aligned, and where in it double exceptions go (Xtensa ISA, and the
`_DoubleExceptionVector` of ESP-IDF).
"""

UNDEFINED = re.compile(r"Undefined behavior of type (?P<type>\w+)")
IDLE = re.compile(r"IDLE\d?(?: \(.*\))?")


def describe_cause(facts: CrashFacts) -> Description:
    """An exception, from its cause and its address."""
    if facts.arch == XTENSA.name and BREAK.search(facts.cause or "") and _in_double_exception_vector(facts.pc):
        return Description("stopped", why=plain_words("Double exception") or "")
    if PROTECTED.search(facts.cause or ""):
        return _refused(facts)
    cause = cause_named(facts.cause or "")
    where = facts.excvaddr if facts.fault_address is None else facts.fault_address
    words = facts.plain or facts.cause or facts.kind
    misaligned = cause is not None and cause.misaligned
    if where is not None and misaligned and where % 4:
        return Description(f"used the unaligned address 0x{where:08x}")
    if where is not None and cause is not None and not misaligned:
        if cause.access is not None:
            return Description(
                f"{VERBS[cause.access]} {address(where, facts.stack)}", jumped=cause.access is Access.EXECUTE
            )
        if cause.has_address:
            return Description(f"accessed {address(where, facts.stack)}", why=words)
    return Description("stopped", why=words)


def _in_double_exception_vector(pc: int | None) -> bool:
    """Whether the breakpoint is the one that ESP-IDF has in the vector of double exceptions, in instruction RAM."""
    in_ram = pc is not None and any(start <= pc < end for start, end in XTENSA_RAM)
    return in_ram and (pc or 0) % VECTORS_BYTES in DOUBLE_EXCEPTION


def _refused(facts: CrashFacts) -> Description:
    """An access that memory protection or a permission unit refused."""
    who = "the access permission unit (APM)" if (facts.cause or "").startswith("APM") else "memory protection"
    where = facts.fault_address
    if where is None:
        there = f"{facts.memory} " if facts.memory else "memory "
        return Description(f"used {there}in a way that {who} forbids, such as running data or writing code")
    verb = {Access.EXECUTE: "ran code at"}.get(facts.operation, VERBS.get(facts.operation, "accessed"))  # type: ignore[arg-type]
    there = f" in {facts.memory}" if facts.memory and not facts.memory.startswith("INVALID") else ""
    return Description(f"{verb} {address(where, facts.stack)}{there}, which {who} forbids")


def describe_cache(facts: CrashFacts) -> Description:
    """A cache error, from the line that says which."""
    text = text_of(facts).partition("\n")[0]
    where = f"address 0x{facts.fault_address:08x}" if facts.fault_address is not None else ""
    if FLASH_WRITE.search(text):
        there = f"{where}, which is" if where else "memory that is"
        return Description(f"wrote to {there} mapped from flash and read-only, such as constant data")
    cause = "" if text and facts.cause == NO_DETAILS else facts.cause or ""
    words = fault_words("cache", text) or fault_words("cache", cause)
    if words is None:
        return Description("stopped", why=f"a cache error, {text}" if text else facts.plain or "a cache error")
    return Description("stopped", why=f"{words}, at {where}" if where else words)


def describe_task_watchdog(facts: CrashFacts) -> Description:
    """A task watchdog: a task that kept the processor, or one that did not report in time."""
    if facts.arch == "esp8266":
        return Description("kept the system waiting until the software watchdog fired")
    starved = [name for name, _ in facts.starved]
    if facts.suspect and facts.suspect not in starved:
        return Description("kept the processor so long that the task watchdog fired")
    running = [f"{name} ran on CPU {cpu}" for cpu, name in sorted(facts.running.items())]
    if running and all(IDLE.fullmatch(name) for name in facts.running.values()):
        idle = "the processor was idle" if len(running) == 1 else "the processors were idle"
        return Description("did not reset the task watchdog in time", why=f"{idle}, so it was waiting for something")
    if running and starved:
        return Description("did not reset the task watchdog in time", why=f"meanwhile {' and '.join(running)}")
    return Description("did not reset the task watchdog in time")


def describe_stack_overflow(facts: CrashFacts) -> Description:
    """A stack that overflowed, or that the guard says did; the printed pointer and bounds tell."""
    pointer, bounds = facts.stack_pointer, facts.stack_bounds
    if pointer is None or bounds is None:
        return Description("used more stack than it has")
    low, high = bounds
    between = f"its bounds are 0x{low:08x} and 0x{high:08x}"
    if low <= pointer < high:
        return Description(
            "was stopped by the stack guard although its stack pointer lies inside its stack",
            why=f"0x{pointer:08x}, {between}; most likely a false alarm",
        )
    over = low - pointer if pointer < low else pointer - high
    side = "more stack than it has" if pointer < low else "a stack pointer above its stack"
    return Description(f"used {side}", why=f"the stack pointer 0x{pointer:08x} is {over} bytes outside, {between}")


def describe_other(facts: CrashFacts) -> Description:
    """What has no kind of its own."""
    if found := UNDEFINED.search(text_of(facts)):
        return Description("stopped at undefined behaviour", why=found["type"].replace("_", " "))
    if facts.reason and not facts.cause:
        return Description("printed a backtrace", why=facts.reason.partition("\n")[0])
    if not facts.cause and not facts.plain:
        return Description("printed a backtrace without a reason")
    return describe_cause(facts)


def address(value: int, stack: StackPieces) -> str:
    """Returns an address that was accessed, with what it gives away."""
    if value == 0:
        return "address 0 (a null pointer)"
    if value < NULL_REACH:
        return f"address 0x{value:08x} (a null pointer plus {value})"
    note = note_on(ADDRESS_NAMES[0], value, stack=[(start, start + len(data)) for start, data in stack])
    return f"address 0x{value:08x} ({note})" if note else f"address 0x{value:08x}"
