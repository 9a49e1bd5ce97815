"""Flash over the wire of the loader kit, on every chip of the table, and once against esptool both ways."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from espmon.rom import load_chips
from espmon.rom.loader_session import LoaderSession
from espmon.testing import MockChannel, Operation, Quirks
from tests.benchmarks.flash_server import FlashServer
from tests.rom.flash_boards import noise, piece
from tests.rom.matrix_flash import Ways

CHIPS = load_chips().chips
DATA = noise(40_000)
AT = 0x20000


@pytest.mark.parametrize("stub", [False, True], ids=["rom", "stub"])
@pytest.mark.parametrize("chip", sorted(CHIPS))
async def test_every_chip_is_written_verified_and_read(chip: str, stub: bool) -> None:
    async with MockChannel(chip) as channel:
        stay = LoaderSession(channel, use_stub=stub)
        await stay.enter()
        written = await stay.write([piece(AT, DATA)])
        assert written.ok
        assert bytes(channel.peer.flash.data[AT : AT + len(DATA)]) == DATA
        # The mock's C2 has revision 0, which runs no stub, and there is none for the E22.
        runs = stub and chip not in ("esp32c2", "esp32e22")
        assert written.loader == ("stub" if runs else "rom")
        if chip != "esp8266" or stub:
            assert (await stay.verify([piece(AT, DATA)])).ok
            assert not (await stay.verify([piece(AT, DATA[:-1] + b"\0")])).ok
            assert (await stay.read(AT, 300)).data == DATA[:300]
        assert channel.peer.counts[Operation.MEM_END] == runs


@pytest.mark.parametrize("chip", ["esp32c3", "esp32"])
async def test_a_rom_erases_what_it_is_told(chip: str) -> None:
    async with MockChannel(chip) as channel:
        channel.peer.flash.data[:] = bytes(len(channel.peer.flash.data))
        stay = LoaderSession(channel, use_stub=False)
        await stay.enter()
        assert (await stay.erase(AT, 0x3000)).ok
        assert set(channel.peer.flash.data[AT : AT + 0x3000]) == {0xFF}
        assert not any(channel.peer.flash.data[:AT])


async def test_verify_write_and_verify_again_are_one_stay_with_one_upload_and_one_reset() -> None:
    async with MockChannel("esp32c3", in_loader=False) as channel:
        stay = LoaderSession(channel)
        await stay.enter()
        await stay.verify([piece(AT, DATA)])
        await stay.write([piece(AT, DATA)])
        before = channel.peer.counts[Operation.MEM_BEGIN]
        assert (await stay.verify([piece(AT, DATA)])).ok
        assert channel.peer.counts[Operation.MEM_BEGIN] == before
        assert len(channel.played) == 1
        left = await stay.leave()
        assert (left.after, channel.peer.mode) == ("application", "application")


async def test_a_stub_that_runs_already_is_recognised_and_not_uploaded_again() -> None:
    async with MockChannel("esp32s3", Quirks(stub_running=True)) as channel:
        stay = LoaderSession(channel)
        await stay.enter()
        assert stay.loader.is_stub
        assert channel.peer.counts[Operation.MEM_BEGIN] == 0


async def test_refusals_that_come_eight_times_do_not_confuse_a_write() -> None:
    async with MockChannel("esp32", Quirks(error_repeats=8)) as channel:
        stay = LoaderSession(channel, use_stub=False)
        await stay.enter()
        assert (await stay.write([piece(AT, DATA)])).ok


@pytest.fixture(scope="module")
def port() -> Iterator[str]:
    with FlashServer("tcp", "esp32c3") as url:
        yield url


@pytest.mark.e2e
def test_what_espmon_writes_esptool_verifies(port: str, tmp_path: Path) -> None:
    ways = Ways(port, True, tmp_path)
    name = ways.file("ours.bin", DATA)
    assert ways.espmon("write", hex(AT), name) == "ok"
    assert ways.esptool("verify-flash", hex(AT), name) == "ok"


@pytest.mark.e2e
def test_what_esptool_writes_espmon_verifies_and_reads(port: str, tmp_path: Path) -> None:
    ways = Ways(port, True, tmp_path)
    name = ways.file("theirs.bin", theirs := noise(30_000, 7))
    assert ways.esptool("write-flash", "--flash-size", "keep", hex(AT), name) == "ok"
    assert ways.espmon("verify", hex(AT), name) == "ok"
    assert ways.espmon("read", hex(AT), str(len(theirs)), "read.bin") == "ok"
    assert ways.same("read.bin", theirs) == "ok"


@pytest.mark.e2e
def test_the_installed_program_finds_the_stub_beside_a_script_of_its_name(port: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("espmon")
    command = [str(program), "flash", "read", port, hex(AT), "40000", str(tmp_path / "out.bin"), "--yes"]
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert "through its stub" in result.stdout
    assert "No stub" not in result.stderr
