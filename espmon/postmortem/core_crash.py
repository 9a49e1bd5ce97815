"""What a core dump says of its crash: as facts, and in the words of the dump itself."""

from __future__ import annotations

import re
from collections.abc import Mapping

from espmon.model.abort_frames import ABORT_REASONS, AbortReason
from espmon.model.architecture import Architecture
from espmon.model.crash_facts import CrashFacts
from espmon.model.crash_kinds import kind_of, kind_of_message, plain_words
from espmon.model.exception_causes import Cause
from espmon.model.registers import RegisterSet
from espmon.model.stack_frame import Backtrace
from espmon.postmortem.core_format import Core

UNKNOWN_CAUSE = Cause("unknown cause", "a cause this version does not know")

NOT_RECORDED = "the dump does not record why"

GURU = re.compile(r"Guru Meditation Error: Core +(?P<core>\d+) panic'ed \((?P<cause>.{0,200}?)\)")


def crash_facts(core: Core, registers: RegisterSet, task: str | None, trace: Backtrace | None) -> CrashFacts:
    """Returns the crash of a dump, as a printed panic has it.

    Its kind and cause come from the dump's own words, else from the functions on the crashed task's stack, else from
    the cause register.
    """
    architecture = core.architecture
    address = registers.get(architecture.address_register.lower())
    facts = CrashFacts(
        arch=architecture.name,
        core=registers.get("mhartid"),
        isr=core.isr,
        task=task,
        pc=registers.get("pc"),
        registers=registers,
    )
    details = "\n".join(dict.fromkeys(core.details))
    cause = _cause(architecture, registers)
    if guru := GURU.search(details):
        facts.core, facts.cause = int(guru["core"]), guru["cause"]
        facts.kind = kind_of(facts.cause) or "exception"
    elif details:
        facts.kind, facts.message = kind_of_message(details) or "abort", details
    elif (given_up := _given_up(trace)) is not None:
        facts.kind, facts.message = given_up[0]
    elif cause is not None:
        facts.kind, facts.cause = cause.kind, cause.name
    if facts.cause is not None and cause is not None and cause.has_address:
        facts.excvaddr = address
    facts.plain = plain_words(facts.cause) or (None if facts.message or facts.cause else NOT_RECORDED)
    return facts


def _given_up(trace: Backtrace | None) -> tuple[AbortReason, str | None] | None:
    """The function on the stack that says why the program gave up, and the one that called it."""
    running = [frame.function for frame in trace.frames] if trace is not None else []
    for name, reason in ABORT_REASONS.items():
        if name in running:
            outer = running[len(running) - running[::-1].index(name) :]
            return reason, outer[0] if outer else None
    return None


def reason_of(details: list[str], trace: Backtrace | None) -> str | None:
    """Return the dump's own words, else what the functions on the stack tell, None when neither does."""
    if details:
        return "; ".join(dict.fromkeys(details))
    given_up = _given_up(trace)
    if given_up is None:
        return None
    reason, caller = given_up
    return f"{reason.words} in {caller}" if caller else reason.words


def _cause(architecture: Architecture, registers: Mapping[str, int]) -> Cause | None:
    number = registers.get(architecture.cause_register.lower())
    if number is None or number in architecture.no_cause:
        return None
    return architecture.causes.get(number & 0xFFF, UNKNOWN_CAUSE)


def cause_of(architecture: Architecture, registers: Mapping[str, int], on_purpose: bool) -> str | None:
    """Return the processor's exception cause with its number, address and plain words; None when it is not in the dump.

    `on_purpose`: abort() raises an exception itself, which then says nothing of the program.
    """
    cause = _cause(architecture, registers)
    if cause is None:
        return None
    number = registers[architecture.cause_register.lower()] & 0xFFF
    address = registers.get(architecture.address_register.lower(), 0)
    place = f" at 0x{address:08x}" if cause.has_address else ""
    return f"{cause.title} ({number}){place}: {'raised on purpose by abort()' if on_purpose else cause.words}"
