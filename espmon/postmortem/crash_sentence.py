"""One plain sentence for a crash, of a panic and of a core dump alike: who, did what, and where."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from espmon.model.abort_frames import ABORT_FRAME_FILES, ABORT_FRAMES, SCHEDULER_FRAMES
from espmon.model.crash_facts import CrashFacts, StackPieces
from espmon.model.exception_causes import Access, cause_named
from espmon.model.stack_frame import StackFrame
from espmon.postmortem.panic_notes import NULL_REACH, note_on

VERBS: Mapping[Access, str] = {Access.READ: "read from", Access.WRITE: "wrote to", Access.EXECUTE: "jumped to"}
"""What was done with the address of a fault."""


class Description(NamedTuple):
    """What happened, and where, if the board's own text says so."""

    what: str
    where: str | None = None


GIVEN_UP = frozenset({"abort", "assert", "heap", "stack_smash", "stack_overflow", "rust"})
"""Kinds where the program itself called the panic: the frames on top are machinery."""


def _text(facts: CrashFacts) -> str:
    return facts.message or ""


def _place(function: str | None, file: str | None, line: str | None) -> str | None:
    where = f"{file.replace(chr(92), '/').rsplit('/', 1)[-1]}:{line}" if file and line else ""
    if function:
        return f"{function.split('(')[0].split(' ')[-1]} ({where})" if where else function
    return where or None


ASSERT = re.compile(
    r"assert failed: (?P<function>\S+) (?:(?P<file>\S+?):(?P<line>\d+))? ?"
    r"\((?P<expression>(?:(?!assert failed: ).)*)\)\s*$",
    re.MULTILINE,
)
NEWLIB = re.compile(
    r'assertion "(?P<expression>(?:(?!assertion ").)*)" failed: file "(?P<file>[^"]*)", line (?P<line>\d+)'
    r"(?:, function: (?P<function>.*))?"
)
ERROR_CHECK = re.compile(r"ESP_ERROR_CHECK failed: esp_err_t 0x(?P<code>[0-9a-fA-F]+)(?: \((?P<name>\w+)\))?")
ERROR_PLACE = re.compile(r'file: "(?P<file>[^"]*)" line (?P<line>\d+)(?:\s*func: (?P<function>[^\n]*))?')
ERROR_EXPRESSION = re.compile(r"expression: (?P<expression>[^\n]*)")
TERMINATE = re.compile(r"terminate called(?: after throwing an instance of '(?P<type>[^']*)')?")
WHAT = re.compile(r"what\(\): +(?P<what>[^\n]*)")
ESP8266_PANIC = re.compile(r"^Panic (?P<file>\S+):(?P<line>\d+) (?P<function>\S+)")
HEAP = re.compile(
    r"CORRUPT HEAP: (?P<what>Bad head|Bad tail|Invalid data) at 0x(?P<address>[0-9a-fA-F]{8})\. "
    r"Expected 0x(?P<expected>[0-9a-fA-F]{8}) got 0x(?P<got>[0-9a-fA-F]{8})"
)
HEAP_PARTS: Mapping[str, str] = {
    "Bad head": "the marker before a block",
    "Bad tail": "the marker behind a block",
    "Invalid data": "memory that was free or never written",
}
RUST_NEW = re.compile(r"panicked at (?P<file>[^\s:']+):(?P<line>\d+):\d+:?\s*(?P<text>[^\n]*)")
RUST_OLD = re.compile(r"panicked at '(?P<text>(?:(?!panicked at ').)*)', (?P<file>[^\s:]+):(?P<line>\d+)")
RUST_BARE = re.compile(r"panic occur+ed in '(?P<file>[^']*)', at line (?P<line>\d+)")
UNDEFINED = re.compile(r"Undefined behavior of type (?P<type>\w+)")


def _assert(facts: CrashFacts) -> Description:
    found = ASSERT.search(_text(facts)) or NEWLIB.search(_text(facts))
    if not found:
        first = _text(facts).splitlines()[0] if _text(facts) else ""
        return Description(f"stopped at a failed assertion: {first}" if first else "stopped at a failed assertion")
    expression = found["expression"].strip()
    return Description(
        f"stopped because an assertion failed: {expression}" if expression else "stopped at a failed assertion",
        _place(found["function"], found["file"], found["line"]),
    )


GIVE_UPS: Mapping[str, str] = {
    "ESP_ERROR_CHECK failed": "because ESP_ERROR_CHECK failed",
    "C++ exception": "because nobody caught a C++ exception",
}
"""Part of what a dump without the board's own words is known by -> why the program gave up."""


def _abort(facts: CrashFacts) -> Description:
    text = _text(facts)
    if found := ERROR_CHECK.search(text):
        name = f"{found['name']} (0x{found['code']})" if found["name"] else f"error 0x{found['code']}"
        expression = ERROR_EXPRESSION.search(text)
        source = f" from {expression['expression'].strip()}" if expression else ""
        place = ERROR_PLACE.search(text)
        where = _place(place["function"], place["file"], place["line"]) if place else None
        return Description(f"gave up because ESP_ERROR_CHECK got {name}{source}", where)
    if found := TERMINATE.search(text):
        kind = f" {found['type']}" if found["type"] else ""
        what = WHAT.search(text)
        detail = f" ({what['what'].strip()})" if what else ""
        return Description(f"gave up because nobody caught the C++ exception{kind}{detail}")
    if found := ESP8266_PANIC.search(text):
        return Description("gave up by calling panic()", _place(found["function"], found["file"], found["line"]))
    reason = next((reason for start, reason in GIVE_UPS.items() if start in text), "by calling abort()")
    return Description(f"gave up {reason}")


def _heap(facts: CrashFacts) -> Description:
    found = HEAP.search(_text(facts))
    if not found:
        first = _text(facts).splitlines()[0] if _text(facts) else ""
        return Description(f"found a damaged heap: {first}" if first else "found a damaged heap")
    return Description(
        f"found a damaged heap: {HEAP_PARTS[found['what']]}, at 0x{found['address'].lower()}, was overwritten "
        f"(0x{found['got'].lower()} instead of 0x{found['expected'].lower()})"
    )


def _rust(facts: CrashFacts) -> Description:
    if found := RUST_OLD.search(_text(facts)) or RUST_NEW.search(_text(facts)):
        text = found["text"].strip()
        return Description(f"panicked: {text}" if text else "panicked", _place(None, found["file"], found["line"]))
    if found := RUST_BARE.search(_text(facts)):
        return Description("panicked", _place(None, found["file"], found["line"]))
    first = _text(facts).splitlines()[0] if _text(facts) else ""
    return Description(f"panicked: {first}" if first else "panicked")


def _task_watchdog(facts: CrashFacts) -> Description:
    if facts.arch == "esp8266":
        return Description("kept the system waiting until the software watchdog fired")
    if facts.suspect:
        return Description("kept the processor so long that the task watchdog fired")
    return Description("did not reset the task watchdog in time")


def _other(facts: CrashFacts) -> Description:
    if found := UNDEFINED.search(_text(facts)):
        return Description(f"stopped at undefined behaviour: {found['type'].replace('_', ' ')}")
    if not facts.cause and not facts.plain:
        return Description("printed a backtrace without a reason")
    return _cause(facts)


def _cause(facts: CrashFacts) -> Description:
    cause = cause_named(facts.cause or "")
    misaligned = "lign" in (facts.cause or "")
    if facts.excvaddr is not None and misaligned and facts.excvaddr % 4:
        return Description(f"used the unaligned address 0x{facts.excvaddr:08x}")
    if facts.excvaddr is not None and cause is not None and cause.access is not None and not misaligned:
        return Description(f"{VERBS[cause.access]} {address(facts.excvaddr, facts.stack)}")
    return Description(f"stopped: {facts.plain or facts.cause or facts.kind}")


DESCRIPTIONS: Mapping[str, Callable[[CrashFacts], Description]] = {
    "exception": _cause,
    "abort": _abort,
    "assert": _assert,
    "heap": _heap,
    "rust": _rust,
    "task_wdt": _task_watchdog,
    "int_wdt": lambda facts: Description("kept interrupts off until the interrupt watchdog fired"),
    "stack_overflow": lambda facts: Description("used more stack than it has"),
    "stack_smash": lambda facts: Description("wrote past the end of a local buffer"),
    "brownout": lambda facts: Description("stopped because the supply voltage fell too low"),
    "other": _other,
}
"""Kind of crash -> how to describe it."""


def crash_sentence(facts: CrashFacts, core: int | None, place: StackFrame | None) -> str:
    """Returns what happened. `core`: its number; `place`: the frame where it happened; None where not known."""
    who = f"Task {facts.task}" if facts.task else f"Core {core}" if core is not None else "The program"
    if facts.isr:
        who = "An interrupt"
    told = DESCRIPTIONS.get(facts.kind, _cause)(facts)
    where = told.where
    if place is not None:
        at = f" ({place.file.replace(chr(92), '/').rsplit('/', 1)[-1]}:{place.line})" if place.file else ""
        where = f"{place.function}{at}"
    text = f"{who} {told.what}".rstrip(".")
    if where is None:
        return text + "."
    if told.what.startswith("jumped to") and place is not None and place.pc != facts.pc:
        return f"{text}, called from {where}."
    bare = place is None and " (" not in where and ":" in where
    return f"{text}{',' if ': ' in told.what else ''} {'at' if bare else 'in'} {where}."


def crash_place(kind: str, frames: Sequence[StackFrame]) -> StackFrame | None:
    """Returns the frame where the program itself went wrong: the first outside of the abort machinery."""
    named = [frame for frame in frames if frame.function]
    skipped = ABORT_FRAMES | SCHEDULER_FRAMES if kind == "stack_overflow" else ABORT_FRAMES
    if kind in GIVEN_UP:
        for frame in named:
            if frame.function not in skipped and not any(part in (frame.file or "") for part in ABORT_FRAME_FILES):
                return frame
    return next((frame for frame in named if frame.function not in skipped), named[0] if named else None)


def address(value: int, stack: StackPieces) -> str:
    """Returns an address that was accessed, with what it gives away."""
    if value == 0:
        return "address 0 (a null pointer)"
    if value < NULL_REACH:
        return f"address 0x{value:08x} (a null pointer plus {value})"
    note = note_on("EXCVADDR", value, stack=[(start, start + len(data)) for start, data in stack])
    return f"address 0x{value:08x} ({note})" if note else f"address 0x{value:08x}"
