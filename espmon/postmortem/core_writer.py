"""A core dump as an ELF core: what gdb and IDEs open beside the application's ELF.

The layout is the one that boards write (see `core_format`), with a note of registers for each task, the crashed one
first; a dump in another format becomes the same.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping

from espmon.model.chip_identity import chips_by_number
from espmon.postmortem.core_format import (
    NOTE_DETAILS,
    NOTE_EXTRA,
    NOTE_INFO,
    NOTE_STATUS,
    NOTE_TASK,
    SKIPPED_TCB,
    Core,
)

ELF_HEADER, PROGRAM_HEADER = 52, 32
PT_LOAD, PT_NOTE = 1, 4
ET_CORE = 4
READ_WRITE = 6

STATUS_HEADER = struct.Struct("<24xI44x")
"""What stands before the registers of a status note: nothing but the task's control block for a process number."""

TASK_NAME_BYTES = 16


def elf_core(core: Core) -> bytes:
    """Return a dump as an ELF core file of its own."""
    pieces = [
        (PT_NOTE, 0, _status_notes(core)),
        *((PT_LOAD, start, data) for start, data in core.segments),
        (PT_NOTE, 0, _info_notes(core)),
    ]
    offset = ELF_HEADER + PROGRAM_HEADER * len(pieces)
    header = b"\x7fELF\x01\x01\x01".ljust(16, b"\0") + struct.pack(
        "<HHIIIIIHHHHHH",
        ET_CORE,
        core.architecture.elf_machine,
        1,
        0,
        ELF_HEADER,
        0,
        0,
        ELF_HEADER,
        PROGRAM_HEADER,
        len(pieces),
        0,
        0,
        0,
    )
    table: list[bytes] = []
    body: list[bytes] = []
    for kind, address, data in pieces:
        table.append(struct.pack("<8I", kind, offset, address, address, len(data), len(data), READ_WRITE, 1))
        padded = data + bytes(-len(data) % 4)
        body.append(padded)
        offset += len(padded)
    return b"".join((header, *table, *body))


def _note(name: bytes, kind: int, content: bytes) -> bytes:
    title = name + b"\0"
    return b"".join(
        (
            struct.pack("<III", len(title), len(content), kind),
            title + bytes(-len(title) % 4),
            content + bytes(-len(content) % 4),
        )
    )


def _words(values: list[int]) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def _status_notes(core: Core) -> bytes:
    tasks = sorted(core.tasks, key=lambda task: task.tcb != core.crashed_tcb or core.crashed_skipped)
    return b"".join(
        _note(b"CORE", NOTE_STATUS, STATUS_HEADER.pack(task.tcb) + _words(core.layout.status_words(task.registers)))
        for task in tasks
    )


def _info_notes(core: Core) -> bytes:
    crashed = SKIPPED_TCB if core.crashed_skipped else core.crashed_tcb or 0
    extra = _words([crashed, *core.layout.extra_words(_cause(core), core.isr)])
    notes = [
        _note(b"ESP_EXTRA_INFO", NOTE_EXTRA, extra),
        _note(b"ESP_CORE_DUMP_INFO", NOTE_INFO, _words([_version(core)]) + (core.app_sha256 or "").encode() + b"\0"),
        *(_note(b"ESP_PANIC_DETAILS", NOTE_DETAILS, text.encode() + b"\0") for text in core.details),
    ]
    for number, task in enumerate(core.tasks):
        if task.stack is not None and (task.flags or task.name is not None):
            content = _words([number, task.flags, task.tcb, *task.stack])
            name = (task.name or "").encode()[: TASK_NAME_BYTES - 1]
            notes.append(_note(b"TASK_INFO", NOTE_TASK, content + name.ljust(TASK_NAME_BYTES, b"\0")))
    return b"".join(notes)


def _cause(core: Core) -> dict[str, int]:
    """What the extra information keeps of the crash; a dump of another format has it among the task's registers."""
    crashed: Mapping[str, int] = next((task.registers for task in core.tasks if task.tcb == core.crashed_tcb), {})
    kept = (core.architecture.cause_register.lower(), core.architecture.address_register.lower())
    return {**{name: crashed[name] for name in kept if name in crashed}, **core.extra}


def _version(core: Core) -> int:
    """The version word with the chip's number on top; 0 where the dump says neither."""
    number = next((number for number, chip in chips_by_number().items() if chip.name == core.chip), None)
    return 0 if number is None else number << 16 | (core.version or 0)
