"""Decoding beside the log: before and after the ELF, with one thread, and never in the way."""

from __future__ import annotations

import asyncio
from array import array
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from espmon.postmortem import Symbolizer
from espmon.records.lines import LineBlock
from espmon.session.decoder import Decoder
from espmon.session.publisher import Publisher
from espmon.session.status import Change, DecorationsChanged, ElfState, Notice, StatusChanged
from espmon.session.store import LogStore
from espmon.sim.firmware_image import ELF
from espmon.time_limit import time_limit


def app_main() -> int:
    symbol = Symbolizer(ELF).elf.symbol_named("app_main")
    assert symbol is not None
    return symbol.address


class Case:
    def __init__(self) -> None:
        self.store = LogStore()
        self.changes: list[Change] = []
        self.states: list[ElfState] = []
        self._wake = asyncio.Event()
        publisher = Publisher()
        publisher.subscribe(self._emit)
        self.decoder = Decoder(self.store, publisher, {})

    def _emit(self, change: Change) -> None:
        if isinstance(change, StatusChanged):
            self.states.append(change.status.elf_state)
        else:
            self.changes.append(change)
        self._wake.set()

    def log(self, *lines: bytes) -> None:
        starts = array("I", [0])
        for line in lines:
            starts.append(starts[-1] + len(line) + 1)
        self.store.append(LineBlock(b"".join(line + b"\n" for line in lines), 0, starts))
        self.decoder.lines_appended()

    async def decorated(self, line: int) -> tuple[str, ...]:
        async with time_limit(10):
            while not self.decoder.decoration(line):
                self._wake.clear()
                await self._wake.wait()
        return self.decoder.decoration(line)


@pytest.fixture
async def case() -> AsyncIterator[Case]:
    case = Case()
    yield case
    case.decoder.stop()


async def test_lines_received_before_the_elf_are_decorated_too(case: Case) -> None:
    case.log(b"nothing", b"at 0x%08x" % app_main())
    assert case.decoder.decoration(1) == ()
    assert await case.decoder.load((ELF,))
    (row,) = await case.decorated(1)
    assert "app_main at /espmon-demo/main.c" in row
    assert case.decoder.decoration(0) == ()
    assert any(isinstance(change, DecorationsChanged) and change.lines == (1,) for change in case.changes)


async def test_lines_after_the_elf_are_decorated_as_they_come(case: Case) -> None:
    await case.decoder.load((ELF,))
    for number in range(3):
        case.log(b"at 0x%08x" % app_main())
        assert "app_main" in (await case.decorated(number))[0]


async def test_a_new_elf_decides_for_the_whole_log(case: Case, tmp_path: Path) -> None:
    case.log(b"at 0x%08x" % app_main())
    await case.decoder.load((ELF,))
    await case.decorated(0)
    await case.decoder.load(())
    assert case.decoder.decoration(0) == ()
    assert case.states[-1] is ElfState.NONE


async def test_a_file_that_is_no_elf_is_a_notice(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "app.elf"
    path.write_bytes(b"not an ELF")
    assert not await case.decoder.load((path,))
    assert case.states == [ElfState.LOADING, ElfState.FAILED]
    (notice,) = case.changes
    assert isinstance(notice, Notice)
    assert "ELF not usable" in notice.text


async def test_of_two_elves_in_a_row_the_second_stays(case: Case, tmp_path: Path) -> None:
    path = tmp_path / "gone.elf"
    first = asyncio.create_task(case.decoder.load((path,)))
    await asyncio.sleep(0)
    assert await case.decoder.load((ELF,))
    assert not await first
    assert case.decoder.loaded is not None
    assert case.changes == []


async def test_a_prefix_of_the_sha_is_compared(case: Case) -> None:
    assert case.decoder.matches("0123456789") is None
    await case.decoder.load((ELF,))
    assert case.decoder.matches(case.decoder.sha256[:9].upper()) is True
    assert case.decoder.matches("0123456789") is False
    assert case.decoder.matches("0") is None
