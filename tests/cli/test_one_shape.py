"""A core dump's report is one JSON object: of `espmon coredump`, of `espmon decode`, and what the session saves."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from espmon.cli import main
from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from espmon.sim.firmware_image import ELF, TCB_BYTES, Image
from espmon.sim.simulated_dump import console_text, pieces
from tests.session.fakes import Port, ScriptedHandle, Watch

IMAGE = Image()
DUMP = console_text(pieces(IMAGE.snapshot("panic"), IMAGE.sha256, 5, TCB_BYTES))


def reports_in(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in folder.rglob("coredump-*.json")]


async def saved_by_a_session(folder: Path) -> dict[str, Any]:
    handle, watch = ScriptedHandle(), Watch()
    session = Session(settings=Settings(), folder=folder, access=PortAccess(opener=Port(handle), resolver=str))
    session.subscribe(watch)
    try:
        await session.open(OpenRequest("fake://board"))
        await session.set_elf((ELF,))
        handle.push(DUMP)
        await watch.until(lambda: bool(reports_in(folder)))
    finally:
        await session.close()
    (report,) = reports_in(folder)
    return report


async def test_one_dump_has_one_report(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(DUMP)
    assert main(["coredump", str(log), "--elf", str(ELF), "--json"]) == 0
    of_command = json.loads(capsys.readouterr().out)
    assert main(["decode", str(log), "--elf", str(ELF), "--json"]) == 0
    records = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    (of_decode,) = [record["report"] for record in records if record["type"] == "coredump"]
    assert of_decode == of_command
    saved = await saved_by_a_session(tmp_path / "sessions")
    found_again = {name: saved.pop(name) for name in ("kind", "offset")}  # by these the same crash is found again
    assert found_again == {"kind": "exception", "offset": 0}
    assert saved == of_command
    assert of_command["sentence"].startswith("Task main wrote to address 0 (a null pointer) in read_register")
