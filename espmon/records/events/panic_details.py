"""The lines between a crash's banner and its registers that belong to it: each system's own, by form.

Anything else that is printed there is another task's text, and says nothing about the crash.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from espmon.model.crash_kinds import kind_of
from espmon.model.exception_causes import Access
from espmon.records.events.panic_record import Panic

OPERATIONS: Mapping[str, Access] = {
    "read": Access.READ,
    "write": Access.WRITE,
    "exec": Access.EXECUTE,
    "execute": Access.EXECUTE,
    "instruction fetch": Access.EXECUTE,
}
"""What ESP-IDF calls an operation, in small letters -> what it is. Others ("NONE", "Unknown") say nothing."""

DETAILS: Sequence[re.Pattern[str]] = tuple(
    map(
        re.compile,
        (
            r'^Detected in task "?(?P<task>[^"]{0,64}?)"? at 0x[0-9a-fA-F]{8}',
            r"^memory type: (?P<memory>\w+)$",
            r"^faulting address: (?:0x(?P<address>[0-9a-fA-F]{8})$|N/A)",
            r"^world: \S",
            r"^operation type: (?P<operation>\w*)",
            r"^- no details available -",
            r"^(?P<operation>[A-Z][a-z]+(?: [a-z]+)?) operation at address 0x(?P<address>[0-9a-fA-F]{8}) not permitted"
            r"(?: \((?P<memory>\w+)\))?",
            r"^Fault addr: 0x[0-9a-fA-F]{8} \| Origin: ",
            r"^Access addr: 0x(?P<address>[0-9a-fA-F]{8}) \| Mode: ",
            r"^Module: [^|]* \| Path: ",
            r"^Master: [^|]* \| Region: ",
        ),
    )
)
"""Said by ESP-IDF below the banner of a stack protection fault, a memory protection fault, a refused access. Their
groups are fields of the crash."""

CACHE = re.compile(
    r"(?:Cached? |[DI]bus |[DI]cache |MMU |Preload |Sync |Write back error|The following backtrace may not)"
    r"|.*\berror address: 0x"
)
"""The same below a cache error."""

_ADDRESS = re.compile(r"error address: 0x([0-9a-fA-F]{8})(?![0-9a-fA-F])")
_WROTE = re.compile(r"\btr(?:ied|ies) to write\b|\bwrite to cache\b")
_STACK_POINTER = re.compile(r"Stack pointer: 0x([0-9a-fA-F]{8})$")
_STACK_BOUNDS = re.compile(r"Stack bounds: 0x([0-9a-fA-F]{8}) - 0x([0-9a-fA-F]{8})$")
_DEBUG_REASON = re.compile(r"Debug exception reason: (.*)")
_CANARY = re.compile(r"Stack canary watchpoint triggered \((.*)$")
_KASAN = re.compile(r"KASAN error: (READ|WRITE) of size \d+ at 0x([0-9a-fA-F]{8})(?![0-9a-fA-F])")
_KASAN_ROW = re.compile(r"Bug type: |KASAN: ")


def read_detail(panic: Panic, text: str) -> bool:
    """Read one line; False when it is none of these forms."""
    if match := _DEBUG_REASON.search(text):
        panic.cause = match[1].strip()
        if canary := _CANARY.search(panic.cause):
            panic.task = canary[1].rstrip().removesuffix(")")
        return True
    if match := _STACK_POINTER.match(text):
        panic.stack_pointer = int(match[1], 16)
        return True
    if match := _STACK_BOUNDS.match(text):
        panic.stack_bounds = int(match[1], 16), int(match[2], 16)
        return True
    match = next((found for form in DETAILS if (found := form.match(text))), None)
    if match is not None:
        panic.say(text)
        _fields(panic, match.groupdict())
        return True
    if panic.cause is not None and kind_of(panic.cause) == "cache" and CACHE.match(text):
        panic.say(text)
        if address := _ADDRESS.search(text):
            panic.fault_address = int(address[1], 16)
        if _WROTE.search(text):
            panic.operation = Access.WRITE
        return True
    return False


def read_kasan(panic: Panic, text: str) -> bool:
    """The same for what the address sanitizer of ESP-IDF says before it gives up."""
    if match := _KASAN.search(text):
        panic.operation = OPERATIONS[match[1].lower()]
        panic.fault_address = int(match[2], 16)
        return True
    if not _KASAN_ROW.match(text):
        return False
    panic.say(text)
    if text.startswith("KASAN: "):
        panic.reason = text
    return True


def _fields(panic: Panic, groups: Mapping[str, str | None]) -> None:
    if task := groups.get("task"):
        panic.task = task
    if memory := groups.get("memory"):
        panic.memory = memory
    if address := groups.get("address"):
        panic.fault_address = int(address, 16)
    if operation := groups.get("operation"):
        panic.operation = OPERATIONS.get(operation.lower())
