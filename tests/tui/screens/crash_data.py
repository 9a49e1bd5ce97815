"""Crashes of the simulated board, as the decoders report them: what the screens are fed in earnest."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from espmon.model.stack_frame import StackFrame
from espmon.postmortem import CoreReport, Symbolizer, decode_core
from espmon.postmortem.core_report import TaskReport
from espmon.postmortem.panic_report import PanicReport, decode_panic
from espmon.records import Demultiplexer
from espmon.records.events.panic_record import Panic
from espmon.sim.firmware_image import ELF, FOLDER, TCB_BYTES, Image
from espmon.sim.simulated_dump import pieces
from espmon.sim.simulated_panic import panic_text
from espmon.tui.screens.crash_parts import local_source

IMAGE = Image()
SYMBOLIZER = Symbolizer(ELF)


def core_bytes(kind: str) -> bytes:
    """The core dump of a crash, as the board has it in flash."""
    return b"".join(pieces(IMAGE.snapshot(kind), IMAGE.sha256, 5, TCB_BYTES))


def core_report(kind: str) -> CoreReport:
    return decode_core(core_bytes(kind), SYMBOLIZER)


def printed(text: str) -> Panic:
    """The panic in a log."""
    demux = Demultiplexer()
    found = [*demux.feed(text.encode()), *demux.flush()]
    return next(record for record in found if isinstance(record, Panic))


def panic_report(kind: str, *, elf: bool = True, sha256: str = IMAGE.sha256) -> PanicReport:
    """What is made of the panic that the board prints: with its ELF or without; it names this ELF or another."""
    panic = printed(panic_text(IMAGE.snapshot(kind), sha256) + "Rebooting...\r\n")
    return decode_panic(panic, SYMBOLIZER if elf else None)


CORE = core_report("abort")
CRASHED = CORE.tasks[0]
IDLE = next(task for task in CORE.tasks if task.name == "IDLE")
PANIC = panic_report("panic")

SOURCE_FILE, SOURCE_LINE = "/espmon-demo/console.c", 25
"""Where `CORE` went wrong."""

source = local_source({"/espmon-demo": str(Path(FOLDER) / "src")})
SOURCE = source(SOURCE_FILE, SOURCE_LINE)


def task(name: str, frames: list[StackFrame] | None = None, *, used: int = 100, free: int = 900) -> TaskReport:
    """The idle task under another name."""
    trace = replace(IDLE.backtrace, frames=IDLE.frames if frames is None else frames)
    return replace(IDLE, name=name, stack_used=used, stack_free=free, backtrace=trace)
