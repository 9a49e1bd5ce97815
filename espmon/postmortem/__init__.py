"""Symbols, unwinding and core dumps from the ELF alone. Public names are imported from here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.lazy import names_from
from espmon.model.stack_frame import Backtrace, Frame, StackFrame
from espmon.postmortem.postmortem_error import PostmortemError

if TYPE_CHECKING:
    from espmon.postmortem.core_decoder import decode_core
    from espmon.postmortem.core_report import CoreReport
    from espmon.postmortem.memory import Memory, SegmentMemory
    from espmon.postmortem.riscv_unwinder import unwind_riscv
    from espmon.postmortem.symbolizer import Symbolizer
    from espmon.postmortem.xtensa_unwinder import unwind_xtensa

_HOMES = {
    "core_decoder": "decode_core",
    "core_report": "CoreReport",
    "memory": "Memory SegmentMemory",
    "riscv_unwinder": "unwind_riscv",
    "symbolizer": "Symbolizer",
    "xtensa_unwinder": "unwind_xtensa",
}
"""Names whose module is imported when they are first used: what only says that something went wrong needs none."""

__all__ = [
    "Backtrace", "CoreReport", "Frame", "Memory", "PostmortemError", "SegmentMemory", "StackFrame", "Symbolizer",
    "decode_core", "unwind_riscv", "unwind_xtensa",
]  # fmt: skip


__getattr__ = names_from(__name__, _HOMES)
