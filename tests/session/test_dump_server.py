"""A core dump served to a debugger on this computer."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path

import pytest

from espmon.model.architecture import RISCV
from espmon.postmortem import decode_core
from espmon.postmortem.rsp import encode
from espmon.session.dump_server import DumpServer, gdb_command
from tests.inputs import SIMULATED_ELF, dump_named


async def test_gdb_shows_the_threads_the_report_has() -> None:
    gdb = shutil.which("gdb-multiarch")
    if gdb is None:
        pytest.skip("gdb-multiarch is not installed")
    report = decode_core(dump_named("riscv_inlined").text, SIMULATED_ELF)
    async with DumpServer(report.target()).listening(0) as port:
        commands = ("info threads", "thread apply all bt 3", "p/x $a5", "info locals")
        words = gdb_command(gdb, RISCV, f"127.0.0.1:{port}", str(SIMULATED_ELF), commands)
        process = await asyncio.create_subprocess_exec(
            words[0], "-batch", *words[1:], stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
        )
        shown = (await asyncio.wait_for(process.communicate(), 60))[0].decode()
    for task in report.tasks:
        assert f'"{task.name}"' in shown
    assert "received signal" not in shown or "SIGSEGV" in shown
    assert re.search(r"read_register\s+\(registers=0x0\)", shown)
    assert "$1 = 0x0" in shown


async def test_two_debuggers_are_served_each_for_itself() -> None:
    report = decode_core(dump_named("riscv").text, SIMULATED_ELF)
    async with DumpServer(report.target()).listening(0) as port:
        ways = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
        for number, (reader, writer) in enumerate(ways, 1):
            writer.write(encode(b"Hg%x" % number))
            assert await asyncio.wait_for(reader.readexactly(len(b"+$OK#9a")), 30) == b"+$OK#9a"
        for number, (reader, writer) in enumerate(ways, 1):
            writer.write(encode(b"p20"))
            answer = await asyncio.wait_for(reader.readexactly(len(b"+$12345678#00")), 30)
            assert report.tasks[number - 1].registers["pc"].to_bytes(4, "little").hex().encode() in answer
        reader, writer = ways[0]
        writer.write(encode(b"D"))
        assert await asyncio.wait_for(reader.read(), 30) == b"+$OK#9a"
        for _, writer in ways:
            writer.close()


def test_gdb_is_told_the_architecture_only_without_an_elf() -> None:
    told = gdb_command("/usr/bin/gdb-multiarch", RISCV, "/run/x/gdb", None)
    assert "set architecture riscv:rv32" in told
    assert "target remote /run/x/gdb" in told
    told = gdb_command("/usr/bin/gdb-multiarch", RISCV, "/run/x/gdb", str(SIMULATED_ELF))
    assert not any("set architecture" in word for word in told)
    assert told[-2:] == ["--", str(Path(SIMULATED_ELF).absolute())]


@pytest.mark.skipif(os.name != "posix", reason="a script stands for gdb")
async def test_gdb_gets_the_address_and_its_exit_code_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "gdb"
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/words\nexit 7\n')
    stub.chmod(0o755)
    monkeypatch.setattr("espmon.session.dump_server.find_gdb", lambda machine, chip: str(stub))
    report = decode_core(dump_named("riscv").text, SIMULATED_ELF)
    assert await DumpServer(report.target()).debug(RISCV.elf_machine, None, ["info threads"]) == 7
    words = (tmp_path / "words").read_text().splitlines()
    address = next(word for word in words if word.startswith("target remote ")).removeprefix("target remote ")
    assert words[-1] == "info threads"
    assert not (tmp_path / address).exists(), "nobody listens any more"
