"""Why it crashed, in plain words: from the dump's own text, the exception cause, or the functions that were running."""

from __future__ import annotations

from collections.abc import Mapping

from espmon.model.abort_frames import ABORT_REASONS
from espmon.model.architecture import Architecture
from espmon.model.exception_causes import Cause
from espmon.model.stack_frame import Backtrace

UNKNOWN_CAUSE = Cause("unknown cause", "a cause this version does not know")


def reason_of(details: list[str], trace: Backtrace | None) -> str | None:
    """Return the dump's own words, else what the functions on the stack tell, None when neither does."""
    if details:
        return "; ".join(dict.fromkeys(details))
    if trace is None:
        return None
    running = [frame.function for frame in trace.frames]
    for name, words in ABORT_REASONS.items():
        if name in running:
            outer = running[len(running) - running[::-1].index(name) :]
            return f"{words} in {outer[0]}" if outer and outer[0] else words
    return None


def cause_of(
    architecture: Architecture, registers: Mapping[str, int], extra: Mapping[str, int], on_purpose: bool
) -> str | None:
    """Return the processor's exception cause with its number, address and plain words; None when it is not in the dump.

    `on_purpose`: abort() raises an exception itself, which then says nothing of the program.
    """
    where, which = architecture.address_register.lower(), architecture.cause_register.lower()
    number = extra.get(which, registers.get(which))
    if number is None or number in architecture.no_cause:
        return None
    number &= 0xFFF
    cause = architecture.causes.get(number, UNKNOWN_CAUSE)
    place = f" at 0x{extra.get(where, registers.get(where, 0)):08x}" if cause.has_address else ""
    words = "raised on purpose by abort()" if on_purpose else cause.words
    return f"{cause.title} ({number}){place}: {words}"
