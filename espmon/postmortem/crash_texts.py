"""What the board's own text says of a crash: assertions, aborts, damaged heaps, Rust panics."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from espmon.model.crash_facts import CrashFacts


class Description(NamedTuple):
    """What happened, as the end of a sentence: "stopped because an assertion failed"."""

    what: str
    where: str | None = None
    """The place that the board's own text names: "in main (app.c:3)", "at app.c:3"."""

    why: str = ""
    """What stands behind a colon."""

    jumped: bool = False
    """The program went to an address that is no code: where it came from is what counts."""


ASSERT = re.compile(
    r"assert failed: (?P<function>\S*) (?:(?P<file>\S+?):(?P<line>\d+))? ?"
    r"\((?P<expression>(?:(?!assert failed: ).)*)\)\s*$"
    r"|Assert failed in (?P<tee_function>[^\s,]+), (?P<tee_file>[^\s:]+):(?P<tee_line>\d+) "
    r"\((?P<tee_expression>(?:(?!Assert failed in ).)*)\)"
    r'|assertion "(?P<newlib_expression>(?:(?!assertion ").)*)" failed: '
    r'file "(?P<newlib_file>[^"]*)", line (?P<newlib_line>\d+)'
    r"(?:, function: (?P<newlib_function>.*))?",
    re.MULTILINE,
)
ASSERT_FORMS = ("", "tee_", "newlib_")
"""Prefixes of the groups of `ASSERT`: ESP-IDF's, its trusted environment's, newlib's."""

ASSERT_UNREADABLE = re.compile(r"assert failed: <cached disabled> <cached disabled>:(?P<line>\d+)")
ASSERT_SILENT = re.compile(r"assert failed: (?P<address>0x[0-9a-fA-F]{8})\s*$")
ERROR_CHECK = re.compile(r"ESP_ERROR_CHECK failed: esp_err_t 0x(?P<code>[0-9a-fA-F]+)(?: \((?P<name>\w+)\))?")
ERROR_PLACE = re.compile(r'file: "(?P<file>[^"]*)" line (?P<line>\d+)(?:\s*func: (?P<function>[^\n]*))?')
ERROR_EXPRESSION = re.compile(r"expression: (?P<expression>[^\n]*)")
TERMINATE = re.compile(r"terminate called(?: after throwing an instance of '(?P<type>[^']*)')?(?P<without> without)?")
PURE_VIRTUAL = re.compile(r"(?:pure|deleted) virtual method called")
WHAT = re.compile(r"what\(\): +(?P<what>[^\n]*)")
KASAN = re.compile(r"KASAN error: (?P<access>\w+) of size (?P<size>\d+) at (?P<address>0x[0-9a-fA-F]+)")
KASAN_BUG = re.compile(r"Bug type: (?P<bug>[\w-]+)")
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
RUST_NEW = re.compile(
    r"panicked at (?P<file>[A-Za-z]:[^\n:']{1,400}|[^\s:']{1,400}):(?P<line>\d+):\d+:?\s*(?P<text>[^\n]*)"
)
RUST_OLD = re.compile(
    r"panicked at '(?P<text>(?:(?!panicked at ').)*)', (?P<file>[A-Za-z]:[^\n:']{1,400}|[^\s:]{1,400}):(?P<line>\d+)"
)
RUST_BARE = re.compile(
    r"panic occur+ed in '(?P<file>[^']*)', at line (?P<line>\d+)(?:, column \d+)?:?(?:\n(?P<text>[^\n]*))?"
)

GIVE_UPS: Mapping[str, str] = {
    "ESP_ERROR_CHECK failed": "because ESP_ERROR_CHECK failed",
    "C++ exception": "because nobody caught a C++ exception",
}
"""Part of what a dump without the board's own words is known by -> why the program gave up."""


def text_of(facts: CrashFacts) -> str:
    """Returns everything that the board said beside the dump."""
    return "\n".join(part for part in (facts.reason, facts.message) if part)


def file_name(path: str) -> str:
    """Returns the last part of a source path, of any system."""
    return path.replace("\\", "/").rsplit("/", 1)[-1]


def _place(function: str | None, file: str | None, line: str | None) -> str | None:
    where = f"{file_name(file)}:{line}" if file and line else ""
    name = "".join(letter for letter in (function or "").split("(")[0].split(" ")[-1] if letter.isprintable())
    if name:
        return f"in {name} ({where})" if where else f"in {name}"
    return f"at {where}" if where else None


def describe_assert(facts: CrashFacts) -> Description:
    """An assertion that failed."""
    text = text_of(facts)
    if found := ASSERT_UNREADABLE.search(text):
        return Description(
            f"stopped at a failed assertion in line {found['line']} of a source file, with the flash cache off: the "
            "names of function and file are in flash and could not be read"
        )
    if found := ASSERT_SILENT.search(text):
        return Description(f"stopped at a failed assertion at {found['address'].lower()}")
    found = ASSERT.search(text)
    if not found:
        return Description("stopped at a failed assertion", why=text.partition("\n")[0])
    form = next(form for form in ASSERT_FORMS if found[f"{form}expression"] is not None)
    expression = found[f"{form}expression"].strip()
    where = _place(found[f"{form}function"], found[f"{form}file"], found[f"{form}line"])
    if not expression:
        return Description("stopped at a failed assertion", where)
    return Description("stopped because an assertion failed", where, expression)


def describe_abort(facts: CrashFacts) -> Description:
    """The program gave up: by abort(), by ESP_ERROR_CHECK, in the C++ run time, with words of its own."""
    text = text_of(facts)
    if found := ERROR_CHECK.search(text):
        name = f"{found['name']} (0x{found['code']})" if found["name"] else f"error 0x{found['code']}"
        expression = ERROR_EXPRESSION.search(text)
        source = f" from {expression['expression'].strip()}" if expression else ""
        place = ERROR_PLACE.search(text)
        where = _place(place["function"], place["file"], place["line"]) if place else None
        return Description(f"gave up because ESP_ERROR_CHECK got {name}{source}", where)
    if PURE_VIRTUAL.search(text):
        return Description(
            "gave up because a pure virtual function was called, on an object that is not made yet or not any more"
        )
    if found := TERMINATE.search(text):
        return _terminated(found, text)
    if found := KASAN.search(text):
        bug = KASAN_BUG.search(text)
        kind = f" ({bug['bug']})" if bug else ""
        return Description(
            f"gave up because KASAN found a {found['access'].lower()} of {found['size']} bytes at "
            f"{found['address'].lower()} that is not allowed{kind}"
        )
    if found := ESP8266_PANIC.search(text):
        return Description("gave up by calling panic()", _place(found["function"], found["file"], found["line"]))
    if facts.reason:
        return Description("gave up", why=facts.reason.partition("\n")[0])
    reason = next((reason for start, reason in GIVE_UPS.items() if start in text), "by calling abort()")
    return Description(f"gave up {reason}")


def _terminated(found: re.Match[str], text: str) -> Description:
    if found["without"]:
        return Description(
            "gave up because std::terminate() was called without an exception: a std::thread that was neither joined "
            "nor detached was destroyed, or an exception left a function that is noexcept"
        )
    kind = f" {found['type']}" if found["type"] else ""
    what = WHAT.search(text)
    detail = f" ({what['what'].strip()})" if what else ""
    return Description(f"gave up because nobody caught the C++ exception{kind}{detail}")


def describe_heap(facts: CrashFacts) -> Description:
    """The heap's own checks found it damaged."""
    text = text_of(facts)
    found = HEAP.search(text)
    if not found:
        return Description("found a damaged heap", why=text.partition("\n")[0])
    return Description(
        "found a damaged heap",
        why=f"{HEAP_PARTS[found['what']]}, at 0x{found['address'].lower()}, was overwritten "
        f"(0x{found['got'].lower()} instead of 0x{found['expected'].lower()})",
    )


def describe_rust(facts: CrashFacts) -> Description:
    """A Rust panic."""
    text = text_of(facts)
    if found := RUST_OLD.search(text) or RUST_NEW.search(text):
        return Description("panicked", _place(None, found["file"], found["line"]), found["text"].strip())
    if found := RUST_BARE.search(text):
        return Description("panicked", _place(None, found["file"], found["line"]), (found["text"] or "").strip())
    return Description("panicked", why=text.partition("\n")[0])
