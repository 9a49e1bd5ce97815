"""An Xtensa board in its stub, made from a core dump: the chain of calls is the one the dump has."""

from __future__ import annotations

import pytest

from espmon.postmortem import SegmentMemory, Symbolizer, decode_core
from espmon.postmortem.core_report import CoreReport
from espmon.session.gdb_client import GdbClient
from tests.inputs import dump_named
from tests.session.fakes import ScriptedHandle
from tests.session.stub import Stub, unwound


class XtensaStub(Stub):
    """Answers with the registers and the memory of a core dump's crashed task."""

    def __init__(self, report: CoreReport, *, loops: bool) -> None:
        super().__init__()
        self._memory = SegmentMemory(report.segments)
        registers = report.registers
        low = [registers.get(f"a{number}", 0) for number in range(16)]
        special = ["lbeg", "lend", "lcount"] if loops else []
        words = [registers["pc"], *low, *[0xDEADBEEF] * 48, *(registers.get(name, 0) for name in special)]
        words += [registers.get("sar", 0), 0, 1, 0, 0, registers.get("ps", 0), 0, 0]
        self._registers = b"".join(word.to_bytes(4, "little").hex().encode() for word in words)

    def answer(self, payload: bytes) -> bytes:
        if payload == b"g":
            return self._registers
        if payload[:1] == b"m":
            address, length = (int(part, 16) for part in payload[1:].split(b","))
            end = self._memory.end_of(address)
            data = self._memory.read(address, min(length, end - address)) if end else None
            return data.hex().encode() if data else b"E01"
        return super().answer(payload)


@pytest.mark.parametrize("loops", [True, False], ids=["esp32", "as the S2 sends it"])
@pytest.mark.parametrize("name", ["xtensa", "xtensa_inlined", "xtensa_bin", "esp32"])
async def test_the_chain_of_calls_from_the_stub_is_the_one_of_the_core_dump(name: str, loops: bool) -> None:
    dump = dump_named(name)
    symbolizer = Symbolizer(dump.elf)
    report = decode_core(dump.text, symbolizer)
    crashed = next(task for task in report.tasks if task.crashed)
    handle = ScriptedHandle()
    handle.answer = XtensaStub(report, loops=loops)
    debugger = GdbClient(handle)
    found = await unwound(debugger, symbolizer)
    assert found == [frame.function for frame in crashed.frames]
    assert len(found) > 3
