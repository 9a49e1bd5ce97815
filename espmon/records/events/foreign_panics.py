"""Crash reports of other worlds: ESP8266, Rust (esp-hal, esp-backtrace), Zephyr, NuttX."""

from __future__ import annotations

import re

from espmon.model.architecture import XTENSA, is_code_address
from espmon.model.exception_causes import XTENSA_CAUSES
from espmon.model.stack_frame import StackFrame
from espmon.records.events.line_cleaning import number
from espmon.records.events.panic_record import MAX_FRAMES, Panic
from espmon.records.events.panic_rows import KNOWN, alias

_EPC = re.compile(r"\b(epc[123]|excvaddr|depc) ?= ?0x([0-9a-fA-F]{8})(?![0-9a-fA-F])")
_EPC_BAD = re.compile(r"\b(epc[123]|excvaddr|depc) ?= ?0x([0-9a-fA-F]*)")
_CTX = re.compile(r"^(?:ctx: \w+|sp: [0-9a-fA-F]{8} end: [0-9a-fA-F]{8} offset: [0-9a-fA-F]+)")
_TRAP = re.compile(r"\bmepc=(?:0x)?([0-9a-fA-F]{8})(?:, ?mtval=(?:0x)?([0-9a-fA-F]{8}))?")
_STRUCT = re.compile(r"\b(?:TrapFrame|Context) \{(.*)")
_FIELD = re.compile(r"\b([A-Za-z]\w*): (0x[0-9a-fA-F]+|[0-9a-fA-F]+)(?=[,\s}])")
_EQUALS = re.compile(r"(?<![A-Za-z0-9_/])([A-Z][A-Z0-9_]{0,8}(?:/FP)?)(?:/x\d{1,2})?=0x([0-9a-fA-F]{8})(?![0-9a-fA-F])")
_PANIC_FRAME = re.compile(r"={8} PANIC ={8}")
_ZEPHYR_CPU = re.compile(r"\*\* CPU (\d) EXCCAUSE (\d{1,3})(?: \((.{0,80}?)\))?")
_ZEPHYR_ROW = re.compile(r"\*\* +(?:\(|[A-Z])")
_ZEPHYR_VALUE = re.compile(r"\b([A-Z][A-Z0-9]{0,8}) (0x[0-9a-fA-F]{1,8}|0|\(nil\))(?![0-9a-zA-Z])")
_ZEPHYR_RISCV = re.compile(
    r"^(?:<err> os: *|E: *|os: *)?((?:[a-z]{1,2}\d{0,2}|mepc|mstatus|mtval): +[0-9a-fA-F]{1,8}\b)"
)
_ZEPHYR_PAIR = re.compile(r"\b([a-z]{1,2}\d{0,2}|mepc|mstatus|mtval): +([0-9a-fA-F]{1,8})(?![0-9a-zA-Z])")
_ZEPHYR_THREAD = re.compile(r"Current thread(?: ID)?:? =? ?0x[0-9a-fA-F]+(?: \((.{0,80}?)\))?")
_FAULTING = re.compile(r"Faulting instruction address = 0x([0-9a-fA-F]{8})")
_NUTTX_TASK = re.compile(r"task(?:\(CPU(\d)\))?: (.+?)(?: process:.*| 0x[0-9a-fA-F]+)?$")
_NUTTX_ROW = re.compile(r"(?:up_dump_register|_registerdump):")
_NUTTX_TRAP = re.compile(r"\b(MCAUSE|EPC|MTVAL): ([0-9a-fA-F]{8})(?![0-9a-fA-F])")
_NUTTX_TRACE = re.compile(r"backtrace\| *(\d+): ((?:0x[0-9a-fA-F]{8}\s*)+)$")
NUTTX = frozenset({"nuttx", "nuttx_exception"})
"""Starters of reports whose rows are NuttX's: a function's name before them, values without `0x`."""

_CALL_TRACE = re.compile(r"call trace:|^(?:<err> os: *|E: *)\d+: (?:fp|sp): [0-9a-fA-F]+ ra: ([0-9a-fA-F]{8})")


def read_foreign(panic: Panic, name: str, groups: dict[str, str | None], text: str) -> bool:
    """Read what `text` says in one of these dialects; False when it says nothing. `name` is the starter, if any."""
    if name == "exception8266":
        panic.arch = "esp8266"
        cause = int(groups["number"] or 0)
        if panic.kind != "task_wdt":
            # The watchdog of newer cores goes on as an exception: the interrupt that it came with.
            panic.cause = _cause_name(cause, f"Exception ({cause})")
    elif name in ("user8266", "abort8266", "soft_wdt", "panic8266"):
        panic.arch = "esp8266"
    elif name == "nuttx" and (task := _NUTTX_TASK.search(text)):
        panic.core = int(task[1]) if task[1] else panic.core
        panic.task = task[2]
    elif name == "nuttx_exception":
        if cause_number := groups.get("number"):
            panic.arch = "xtensa"
            panic.cause = _cause_name(int(cause_number, 16), f"EXCCAUSE {cause_number}")
        for match in _NUTTX_TRAP.finditer(text):
            panic.registers[alias(match[1])] = int(match[2], 16)
    elif name == "rust_exception" and (cpu := groups.get("cpu")):
        panic.core = {"ProCpu": 0, "AppCpu": 1}.get(cpu, panic.core)
    known = (
        _esp8266(panic, text)
        or _rust(panic, text)
        or (panic.arch != "esp8266" and _zephyr(panic, text))
        or _NUTTX_ROW.search(text) is not None
        or _PANIC_FRAME.search(text) is not None
    )
    return known


def _cause_name(number: int, otherwise: str | None = None) -> str | None:
    cause = XTENSA_CAUSES.get(number)
    return cause.name if cause is not None else otherwise


def nuttx_stack_row(text: str) -> str | None:
    """The part of a NuttX line that is a row of stack memory."""
    at = text.find("stack_dump: ")
    return text[at:] if at >= 0 else None


def nuttx_trace(text: str) -> tuple[str, list[int]] | None:
    """Task number and addresses of a NuttX backtrace row: it prints those of several tasks, one after the other."""
    match = _NUTTX_TRACE.search(text)
    return (match[1], [int(word, 16) for word in match[2].split()]) if match else None


def _esp8266(panic: Panic, text: str) -> bool:
    found = False
    whole = {match[1]: match[2] for match in _EPC.finditer(text)}
    for match in _EPC_BAD.finditer(text):
        found = True
        if match[1] not in whole:
            panic.damage(f"{match[1]}=0x{match[2]}")
    for register, value in whole.items():
        panic.registers[register.upper()] = int(value, 16)
    if whole:
        panic.arch = "esp8266"
        if "epc1" in whole:
            panic.pc = int(whole["epc1"], 16)
        if "excvaddr" in whole:
            panic.excvaddr = int(whole["excvaddr"], 16)
    return found or _CTX.match(text) is not None


def _rust(panic: Panic, text: str) -> bool:
    found = False
    if trap := _TRAP.search(text):
        found = True
        panic.registers["MEPC"] = panic.pc = int(trap[1], 16)
        if trap[2]:
            panic.registers["MTVAL"] = panic.excvaddr = int(trap[2], 16)
    if struct := _STRUCT.search(text):
        found = True
        _struct(panic, struct[1])
    for match in _EQUALS.finditer(text):
        if match[1] in KNOWN:
            found = True
            panic.registers.setdefault(alias(match[1]), int(match[2], 16))
    return found


def _struct(panic: Panic, text: str) -> None:
    """Registers as Rust's Debug prints them: decimal, except where every number has the eight digits of a hex word."""
    fields = [(match[1].upper(), match[2]) for match in _FIELD.finditer(text)]
    hexadecimal = bool(fields) and all(len(value) == 8 for _, value in fields)
    for name, value in fields:
        if name not in KNOWN:
            continue
        content = int(value, 16) if value.startswith("0x") or hexadecimal else number(value)
        if content is None:
            panic.damage(f"register {name}: {value}")
        elif content < 1 << 32:
            panic.registers.setdefault(alias(name), content)


def _zephyr(panic: Panic, text: str) -> bool:
    if cpu := _ZEPHYR_CPU.search(text):
        panic.core = int(cpu[1])
        panic.registers["EXCCAUSE"] = int(cpu[2])
        panic.cause = cpu[3] or _cause_name(int(cpu[2]))
        panic.arch = "xtensa"
        _zephyr_values(panic, text[cpu.end() :])
        return True
    if _ZEPHYR_ROW.search(text):
        _zephyr_values(panic, text)
        return True
    if row := _ZEPHYR_RISCV.match(text):
        for match in _ZEPHYR_PAIR.finditer(text, row.start(1)):
            name = match[1].upper()
            if name in KNOWN:
                panic.registers.setdefault(alias(name), int(match[2], 16))
        panic.arch = "riscv"
        return True
    if thread := _ZEPHYR_THREAD.search(text):
        if thread[1] and thread[1] != "unknown":
            panic.task = thread[1]
        return True
    if fault := _FAULTING.search(text):
        address = XTENSA.call_address(int(fault[1], 16))
        if panic.pc is None and is_code_address(address):
            panic.pc = address
        return True
    if call := _CALL_TRACE.search(text):
        if call[1] and len(panic.backtrace) < MAX_FRAMES:
            panic.backtrace.append(StackFrame(int(call[1], 16)))
        return True
    return False


def _zephyr_values(panic: Panic, text: str) -> None:
    for match in _ZEPHYR_VALUE.finditer(text):
        name = {"VADDR": "EXCVADDR", "SP": "A1"}.get(match[1], match[1])
        if name in KNOWN:
            panic.registers.setdefault(name, 0 if match[2] == "(nil)" else int(match[2], 16))
