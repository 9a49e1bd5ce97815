"""One plain sentence for a crash: who, did what, and where the board's own text says so."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from espmon.postmortem.panic_notes import NULL_REACH, note_on

VERBS: Sequence[tuple[str, str]] = (
    ("Load", "read from"),
    ("Store", "wrote to"),
    ("Instr", "jumped to"),
)
"""Start of a cause -> what was done with the address."""


@dataclass(frozen=True, slots=True)
class Told:
    """What the board's text says: what happened, and where, if it says so."""

    what: str
    where: str | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What a sentence is made of; see `PanicFacts` for the fields."""

    kind: str
    cause: str | None
    plain: str | None
    arch: str | None
    excvaddr: int | None
    message: str
    suspect: str | None
    stack: Sequence[tuple[int, int]]


def _place(function: str | None, file: str | None, line: str | None) -> str | None:
    where = f"{file.replace(chr(92), '/').rsplit('/', 1)[-1]}:{line}" if file and line else ""
    if function:
        return f"{function.split('(')[0].split(' ')[-1]} ({where})" if where else function
    return where or None


ASSERT = re.compile(
    r"assert failed: (?P<function>\S+) (?:(?P<file>\S+?):(?P<line>\d+))? ?\((?P<expression>.*)\)\s*$", re.MULTILINE
)
NEWLIB = re.compile(
    r'assertion "(?P<expression>.*)" failed: file "(?P<file>[^"]*)", line (?P<line>\d+)'
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
RUST_OLD = re.compile(r"panicked at '(?P<text>.*)', (?P<file>[^\s:]+):(?P<line>\d+)")
RUST_BARE = re.compile(r"panic occur+ed in '(?P<file>[^']*)', at line (?P<line>\d+)")
UNDEFINED = re.compile(r"Undefined behavior of type (?P<type>\w+)")


def _assert(words: Words) -> Told:
    found = ASSERT.search(words.message) or NEWLIB.search(words.message)
    if not found:
        first = words.message.splitlines()[0] if words.message else ""
        return Told(f"stopped at a failed assertion: {first}" if first else "stopped at a failed assertion")
    expression = found["expression"].strip()
    return Told(
        f"stopped because an assertion failed: {expression}" if expression else "stopped at a failed assertion",
        _place(found["function"], found["file"], found["line"]),
    )


def _abort(words: Words) -> Told:
    text = words.message
    if found := ERROR_CHECK.search(text):
        name = f"{found['name']} (0x{found['code']})" if found["name"] else f"error 0x{found['code']}"
        expression = ERROR_EXPRESSION.search(text)
        source = f" from {expression['expression'].strip()}" if expression else ""
        place = ERROR_PLACE.search(text)
        where = _place(place["function"], place["file"], place["line"]) if place else None
        return Told(f"gave up because ESP_ERROR_CHECK got {name}{source}", where)
    if found := TERMINATE.search(text):
        kind = f" {found['type']}" if found["type"] else ""
        what = WHAT.search(text)
        detail = f" ({what['what'].strip()})" if what else ""
        return Told(f"gave up because nobody caught the C++ exception{kind}{detail}")
    if found := ESP8266_PANIC.search(text):
        return Told("gave up by calling panic()", _place(found["function"], found["file"], found["line"]))
    return Told("gave up by calling abort()")


def _heap(words: Words) -> Told:
    found = HEAP.search(words.message)
    if not found:
        first = words.message.splitlines()[0] if words.message else ""
        return Told(f"found a damaged heap: {first}" if first else "found a damaged heap")
    return Told(
        f"found a damaged heap: {HEAP_PARTS[found['what']]}, at 0x{found['address'].lower()}, was overwritten "
        f"(0x{found['got'].lower()} instead of 0x{found['expected'].lower()})"
    )


def _rust(words: Words) -> Told:
    if found := RUST_OLD.search(words.message) or RUST_NEW.search(words.message):
        text = found["text"].strip()
        return Told(f"panicked: {text}" if text else "panicked", _place(None, found["file"], found["line"]))
    if found := RUST_BARE.search(words.message):
        return Told("panicked", _place(None, found["file"], found["line"]))
    first = words.message.splitlines()[0] if words.message else ""
    return Told(f"panicked: {first}" if first else "panicked")


def _task_watchdog(words: Words) -> Told:
    if words.arch == "esp8266":
        return Told("kept the system waiting until the software watchdog fired")
    if words.suspect:
        return Told("kept the processor so long that the task watchdog fired")
    return Told("did not reset the task watchdog in time")


def _other(words: Words) -> Told:
    if found := UNDEFINED.search(words.message):
        return Told(f"stopped at undefined behaviour: {found['type'].replace('_', ' ')}")
    if not words.cause and not words.plain:
        return Told("printed a backtrace without a reason")
    return _cause(words)


def _cause(words: Words) -> Told:
    if words.excvaddr is not None:
        for start, verb in VERBS:
            if (words.cause or "").startswith(start) and "lign" not in (words.cause or ""):
                return Told(f"{verb} {address(words.excvaddr, words.stack)}")
        if "lign" in (words.cause or "") and words.excvaddr % 4:
            return Told(f"used the unaligned address 0x{words.excvaddr:08x}")
    if words.plain:
        return Told("stopped: " + words.plain)
    return Told(f"stopped: {words.cause or words.kind}")


TELLERS: Mapping[str, Callable[[Words], Told]] = {
    "exception": _cause,
    "abort": _abort,
    "assert": _assert,
    "heap": _heap,
    "rust": _rust,
    "task_wdt": _task_watchdog,
    "int_wdt": lambda words: Told("kept interrupts off until the interrupt watchdog fired"),
    "stack_overflow": lambda words: Told("used more stack than it has"),
    "stack_smash": lambda words: Told("wrote past the end of a local buffer"),
    "brownout": lambda words: Told("stopped because the supply voltage fell too low"),
    "other": _other,
}
"""Kind of panic -> how to tell it."""


def tell(words: Words) -> Told:
    """What happened, in plain words, and the place that the board's own text names."""
    return TELLERS.get(words.kind, _cause)(words)


def address(value: int, stack: Sequence[tuple[int, int]] = ()) -> str:
    """An address that was accessed, with what it gives away."""
    if value == 0:
        return "address 0 (a null pointer)"
    if value < NULL_REACH:
        return f"address 0x{value:08x} (a null pointer plus {value})"
    note = note_on("EXCVADDR", value, stack=stack)
    return f"address 0x{value:08x} ({note})" if note else f"address 0x{value:08x}"
