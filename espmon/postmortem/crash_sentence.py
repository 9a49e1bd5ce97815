"""One plain sentence for a crash, of a panic and of a core dump alike: who, did what, and where."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from espmon.model.abort_frames import ABORT_FRAME_FILES, ABORT_FRAMES, SCHEDULER_FRAMES
from espmon.model.crash_facts import CrashFacts
from espmon.model.stack_frame import StackFrame
from espmon.postmortem.crash_faults import (
    describe_cache,
    describe_cause,
    describe_other,
    describe_stack_overflow,
    describe_task_watchdog,
)
from espmon.postmortem.crash_texts import (
    Description,
    describe_abort,
    describe_assert,
    describe_heap,
    describe_rust,
    file_name,
)

GIVEN_UP = frozenset({"abort", "assert", "heap", "stack_smash", "stack_overflow", "rust"})
"""Kinds where the program itself called the panic: the frames on top are machinery."""

DESCRIPTIONS: Mapping[str, Callable[[CrashFacts], Description]] = {
    "exception": describe_cause,
    "abort": describe_abort,
    "assert": describe_assert,
    "heap": describe_heap,
    "rust": describe_rust,
    "cache": describe_cache,
    "task_wdt": describe_task_watchdog,
    "int_wdt": lambda facts: Description("kept interrupts off until the interrupt watchdog fired"),
    "stack_overflow": describe_stack_overflow,
    "stack_smash": lambda facts: Description("wrote past the end of a local buffer"),
    "brownout": lambda facts: Description("stopped because the supply voltage fell too low"),
    "other": describe_other,
}
"""Kind of crash -> how to describe it."""


MAX_WHY = 60
"""Most characters of a reason in a headline."""

IN_FEWER_WORDS = (
    ("(a null pointer", "(null pointer"),
    ("stopped because an assertion failed", "assertion failed"),
    ("stopped at a failed assertion", "failed assertion"),
)
"""What a sentence says -> what a row says instead."""


def crash_sentence(facts: CrashFacts, core: int | None, frames: Sequence[StackFrame]) -> str:
    """Returns what happened. `core`: its number, None where not known; `frames`: the chain of calls."""
    told = DESCRIPTIONS.get(facts.kind, describe_cause)(facts)
    text = f"{_who(facts, core)} {told.what}{f': {told.why}' if told.why else ''}".rstrip(".")
    where, place = told.where, crash_place(facts.kind, frames)
    if place is not None:
        at = f" ({file_name(place.file)}:{place.line})" if place.file else ""
        if told.jumped and place.pc != facts.pc:
            return f"{text}, called from {place.function}{at}."
        library = _library(facts.kind, frames, place)
        where = f"in {f'{library}, called from ' if library else ''}{place.function}{at}"
    if where is None:
        return text if text.endswith(("!", "?")) else f"{text}."
    return f"{text}{',' if told.why else ''} {where}."


def crash_headline(facts: CrashFacts, place: StackFrame | None) -> str:
    """Returns the same in a few words for one row: what, where, who."""
    told = DESCRIPTIONS.get(facts.kind, describe_cause)(facts)
    what = told.what
    for long, short in IN_FEWER_WORDS:
        what = what.replace(long, short)
    if told.why:
        what += f": {told.why if len(told.why) <= MAX_WHY else told.why[: MAX_WHY - 1] + '…'}"
    words = [what]
    if place is not None and place.function:
        words.append(f"{place.function} {file_name(place.file)}:{place.line}" if place.file else place.function)
    elif told.where:
        words.append(_WHERE.sub(_bare_place, told.where))
    if facts.task:
        words.append(f"task {facts.task}")
    return " · ".join(words)


_WHERE = re.compile(r"(?:in|at) (?P<name>\S+)(?: \((?P<file>[^()]*)\))?")
"""A place as the end of a sentence."""


def _bare_place(where: re.Match[str]) -> str:
    """The same beside other words: `function file:line`."""
    return " ".join(part for part in (where["name"], where["file"]) if part)


def _who(facts: CrashFacts, core: int | None) -> str:
    if facts.isr:
        return "An interrupt"
    if facts.lp_core:
        return "The low-power core"
    if facts.task:
        return f"Task {facts.task}"
    return f"Core {core}" if core is not None else "The program"


def crash_place(kind: str, frames: Sequence[StackFrame]) -> StackFrame | None:
    """Returns the frame where the program itself went wrong: the first outside of the abort machinery, and of those one
    with a source file if there is any: code without one is a library's.
    """
    named = [frame for frame in frames if frame.function]
    skipped = ABORT_FRAMES | SCHEDULER_FRAMES if kind == "stack_overflow" else ABORT_FRAMES
    own = [frame for frame in named if frame.function not in skipped]
    if kind in GIVEN_UP:
        outside = [frame for frame in own if not any(part in (frame.file or "") for part in ABORT_FRAME_FILES)]
        own = outside or own
    with_source = next((frame for frame in own if frame.file), None)
    return with_source or next(iter(own), named[0] if named else None)


def _library(kind: str, frames: Sequence[StackFrame], place: StackFrame) -> str | None:
    """The function without source, called from `place`, in which the processor stopped; None where there is none."""
    top = next((frame for frame in frames if frame.function), None)
    if top is None or top is place or top.file or kind in GIVEN_UP or top.function in ABORT_FRAMES:
        return None
    return top.function
