"""The core dump itself: header, checksum, tasks with their registers, memory, notes."""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field

from espmon.model.architecture import ARCHITECTURES, MACHINES, Architecture
from espmon.model.chip_identity import chips_by_number
from espmon.model.dump_versions import VERSIONS
from espmon.model.registers import RegisterSet
from espmon.postmortem.binary import u16, u32
from espmon.postmortem.core_input import CoreInput
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.register_layouts import LAYOUTS, RegisterLayout

MAX_TASKS = 1024
MAX_SEGMENTS = 16_384
MAX_NOTES = 16_384
SEGMENT_BYTES_PER_BYTE = 2
"""Bytes of all segments for each byte of the file: segments may overlap, but boards do not make them do it."""

NOTE_STATUS, NOTE_INFO, NOTE_EXTRA, NOTE_TASK, NOTE_DETAILS = 1, 8266, 677, 678, 679
SKIPPED_TCB = 0xDEADBEEF
MAX_FRAME_BYTES = 256
"""How much of a stack is looked at for the registers that were left there."""
FAKE_STACKS = range(0x2000_0000, 0x3000_0000)
"""Where the device places a stack whose real pointer was not sane."""


@dataclass(slots=True)
class CoreTask:
    """A task as the dump has it; `registers` by lower-case name, `flags` from its TASK_INFO note (1 TCB bad, 2 stack
    bad).
    """

    tcb: int
    registers: RegisterSet
    flags: int = 0
    name: str | None = None
    stack: tuple[int, int] | None = None


@dataclass(slots=True)
class Core:
    """A dump taken apart. `checksum` is "ok", "bad" or "unknown"; `segments` are (address, bytes) in the order of the
    file; `revision` is the chip's, as 100 * major + minor.
    """

    chip: str | None
    architecture: Architecture
    format: str
    version: int | None
    checksum: str
    partial: bool
    tasks: list[CoreTask] = field(default_factory=list)
    segments: list[tuple[int, bytes]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    app_sha256: str | None = None
    crashed_tcb: int | None = None
    crashed_skipped: bool = False
    isr: bool | None = None
    details: list[str] = field(default_factory=list)
    extra: RegisterSet = field(default_factory=RegisterSet)
    warnings: list[str] = field(default_factory=list)
    revision: int | None = None
    by_tcb: dict[int, CoreTask] = field(default_factory=dict)

    @property
    def layout(self) -> RegisterLayout:
        """Where its registers stand."""
        return LAYOUTS[self.architecture.name]


def parse_core(source: CoreInput) -> Core:
    """Take a dump apart; raises `PostmortemError` when nothing in it can be used."""
    data = source.data
    with reading("core dump"):
        if data[:4] == b"\x7fELF":
            core = Core(None, _architecture(u16(data, 18)), "elf", None, "unknown", not source.complete)
            core.warnings.extend(source.warnings)
            _elf_body(core, data)
            return _finish(core)
        length, version = u32(data, 0), u32(data, 4)
        layout, chip = VERSIONS[version & 0xFFFF], chips_by_number()[version >> 16]
        core = Core(chip.name, ARCHITECTURES[chip.architecture], layout.body, version & 0xFFFF, "unknown", False)
        core.warnings.extend(source.warnings)
        if layout.revision_at is not None:
            core.revision = u32(data, layout.revision_at)
        body_end = length - layout.checksum_bytes
        if body_end <= layout.header:
            raise PostmortemError(f"core dump header: impossible length {length}")
        if length > len(data):
            core.partial = True
            core.warnings.append(
                f"the dump is cut short: {len(data)} of {length} bytes are here; what is whole is shown"
            )
        else:
            core.checksum = "ok" if layout.is_whole(data[:length]) else "bad"
            if core.checksum == "bad":
                core.warnings.append(
                    f"the checksum ({layout.checksum}) does not match: some bytes of the dump are wrong"
                )
        if layout.body == "bin":
            _bin_body(core, data[: min(body_end, len(data))], layout.header)
        else:
            _elf_body(core, data[layout.header : min(body_end, len(data))])
    return _finish(core)


def _finish(core: Core) -> Core:
    if not core.tasks:
        raise PostmortemError("core dump: no task in it could be read" + (" (it is cut short)" if core.partial else ""))
    if not core.crashed_skipped and core.crashed_tcb not in {task.tcb for task in core.tasks}:
        if core.crashed_tcb is not None:
            core.warnings.append(
                f"the crashed task 0x{core.crashed_tcb:08x} is not among the tasks; the first one is taken for it"
            )
        core.crashed_tcb = core.tasks[0].tcb  # the crashed task is stored first
    return core


def _bin_body(core: Core, data: bytes, header: int) -> None:
    count, tcb_size = u32(data, 8), u32(data, 12)
    segments = u32(data, 16) if header >= 20 else 0
    if count > MAX_TASKS or tcb_size > 0x10000:
        raise PostmortemError(
            f"core dump header: {count} tasks with control blocks of {tcb_size} bytes are not possible"
        )
    pos = header
    for number in range(count):
        if pos + 12 > len(data):
            _cut(core, f"task {number + 1} of {count}")
            return
        tcb, top, end = struct.unpack_from("<III", data, pos)
        stack_size = abs(top - end)
        stack_at = pos + 12 + tcb_size
        following = stack_at + (stack_size + 3) // 4 * 4
        if stack_size > len(data) or stack_at + stack_size > len(data):
            _cut(core, f"task {number + 1} of {count} (0x{tcb:08x}, {stack_size} bytes of stack)")
            return
        stack = data[stack_at : stack_at + stack_size]
        core.segments += [(tcb, data[pos + 12 : stack_at]), (min(top, end), stack)]
        core.kinds += ["tcb", "stack"]
        core.tasks.append(
            CoreTask(tcb, core.layout.stack(_words(stack[:MAX_FRAME_BYTES])), stack=(min(top, end), stack_size))
        )
        pos = following
    for number in range(min(segments, MAX_SEGMENTS)):
        if pos + 8 > len(data):
            _cut(core, f"memory segment {number + 1} of {segments}")
            return
        start, size = struct.unpack_from("<II", data, pos)
        if pos + 8 + size > len(data):
            _cut(core, f"memory segment {number + 1} of {segments}")
            return
        core.segments.append((start, data[pos + 8 : pos + 8 + size]))
        core.kinds.append("memory")
        pos += 8 + (size + 3) // 4 * 4


def _cut(core: Core, where: str) -> None:
    if not core.partial:
        core.warnings.append(f"the dump is damaged: {where} goes beyond its end")
    core.partial = True


def _words(content: bytes) -> tuple[int, ...]:
    return struct.unpack_from(f"<{len(content) // 4}I", content)


def _architecture(machine: int) -> Architecture:
    """Raises `PostmortemError` for a processor that is none of these chips'."""
    if machine not in MACHINES:
        known = " nor ".join(f"{each.title} ({number})" for number, each in MACHINES.items())
        raise PostmortemError(f"core dump: machine {machine} is neither {known}")
    return MACHINES[machine]


def _elf_body(core: Core, data: bytes) -> None:
    if data[:4] != b"\x7fELF" or len(data) < 52:
        raise PostmortemError("core dump: its ELF body does not begin as one")
    kind, machine = u16(data, 16), u16(data, 18)
    if data[4] != 1 or data[5] != 1 or kind != 4:
        raise PostmortemError(f"core dump: not a 32-bit little-endian ELF core (type {kind})")
    architecture = _architecture(machine)
    if core.chip is not None and architecture is not core.architecture:
        core.warnings.append(f"the header says {core.chip}, the registers are of machine {machine}")
    core.architecture = architecture
    offset, entry, count = u32(data, 28), u16(data, 42), u16(data, 44)
    if entry < 32:
        raise PostmortemError("core dump: its program headers are too small")
    notes: list[bytes] = []
    left = SEGMENT_BYTES_PER_BYTE * len(data)
    for number in range(min(count, MAX_SEGMENTS)):
        at = offset + number * entry
        if at + 32 > len(data):
            _cut(core, f"program header {number + 1} of {count}")
            break
        kind, where, address, _, size, _, _, _ = struct.unpack_from("<IIIIIIII", data, at)
        piece = data[where : where + size]
        left -= len(piece)
        if left < 0:
            _cut(core, f"segment {number + 1} of {count}, which shares its bytes with others,")
            break
        if len(piece) < size:
            _cut(core, f"segment {number + 1} of {count} (0x{address:08x}, {size} bytes)")
        if kind == 4:
            notes.append(piece)
        elif kind == 1 and piece:
            core.segments.append((address, piece))
            core.kinds.append("memory")
    for piece in notes:
        _notes(core, piece)
    _name_kinds(core)


def _notes(core: Core, data: bytes) -> None:
    pos = 0
    for _ in range(MAX_NOTES):
        if pos + 12 > len(data):
            return
        name_size, size, kind = struct.unpack_from("<III", data, pos)
        # Behind the first NUL, boards leave what was in the buffer before.
        name = data[pos + 12 : pos + 12 + name_size].split(b"\0")[0]
        start = pos + 12 + (name_size + 3) // 4 * 4
        content = data[start : start + size]
        if len(content) < size:
            _cut(core, f"note {name.decode('ascii', 'replace')} ({size} bytes)")
            return
        pos = start + (size + 3) // 4 * 4
        if name == b"CORE" and kind == NOTE_STATUS:
            if len(core.tasks) < MAX_TASKS and size >= 72 + 4:
                task = CoreTask(u32(content, 24), core.layout.status(_words(content[72:])))
                core.tasks.append(task)
                core.by_tcb.setdefault(task.tcb, task)
        elif kind == NOTE_INFO:
            _application(core, content)
        elif kind == NOTE_EXTRA:
            _extra(core, content)
        elif kind == NOTE_DETAILS:
            text = content.split(b"\0")[0].decode("utf-8", "replace").strip()
            if text:
                core.details.append(text)
        elif kind == NOTE_TASK and size >= 20:
            _task_info(core, content)


def _application(core: Core, content: bytes) -> None:
    """The version word, which says the chip where there is no header, and the application's SHA-256."""
    if core.version is None and len(content) >= 4 and u16(content, 0) in VERSIONS:
        chip = chips_by_number().get(u16(content, 2))
        if chip is not None and ARCHITECTURES[chip.architecture] is core.architecture:
            core.chip, core.version = chip.name, u16(content, 0)
    prefix = content[4:].split(b"\0")[0].decode("ascii", "replace").strip().lower()
    core.app_sha256 = prefix or None


def _extra(core: Core, content: bytes) -> None:
    words = _words(content)
    if not words:
        return
    if words[0] == SKIPPED_TCB:
        core.crashed_skipped = True
        core.warnings.append(
            "the crashed task was too damaged to be stored: its registers and stack are not in the dump"
        )
    else:
        core.crashed_tcb = words[0]
    core.extra, core.isr = core.layout.extra(words[1:])


def _task_info(core: Core, content: bytes) -> None:
    _, flags, tcb, start, size = struct.unpack_from("<IIIII", content)
    name = content[20:36].split(b"\0")[0].decode("utf-8", "replace")
    if task := core.by_tcb.get(tcb):
        task.flags, task.name, task.stack = flags, name or None, (start, size)


def _name_kinds(core: Core) -> None:
    """Tell control blocks and stacks from other memory: a block starts at its task, a stack holds its stack pointer."""
    blocks = {task.tcb for task in core.tasks}
    pointers = sorted(task.registers.get(core.architecture.sp.lower(), 0) for task in core.tasks)
    after_block = False
    for index, (start, data) in enumerate(core.segments):
        if start in blocks:
            core.kinds[index] = "tcb"
            after_block = True
            continue
        holds = bisect_left(pointers, start) < bisect_right(pointers, start + len(data))
        if after_block or holds:
            core.kinds[index] = "stack"
        after_block = False
