"""What a board's own output shows to be missing is said once, with the line that adds it."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.session.config_advice import ALL, NO_COLOURS, NO_CORE_DUMP, NO_PARTITION, PLAIN_LINES, SILENT_REBOOT, Advice
from espmon.session.connection import PortAccess
from espmon.session.session import Session
from espmon.session.session_events import SessionNote
from espmon.session.settings import Settings
from espmon.session.status import OpenRequest
from tests.records.streams import core_dump
from tests.session.fakes import Port, ScriptedHandle, Watch

PANIC = (
    b"Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n\r\n"
    b"Core  0 register dump:\r\nPC      : 0x400d1234  PS      : 0x00060030  A0      : 0x800d1a2b  A1 : 0x3ffb5e20\r\n"
    b"EXCVADDR: 0x00000000\r\n\r\nBacktrace: 0x400d1234:0x3ffb5e20 0x400d1b3c:0x3ffb5e60\r\n\r\n"
)
RESET = b"ets Jul 29 2019 12:21:46\r\n\r\nrst:0xc (SW_CPU_RESET),boot:0x13 (SPI_FAST_FLASH_BOOT)\r\n"
RESTART = b"I (900) app: alive\r\n" + RESET
POWER_ON = RESET.replace(b"0xc (SW_CPU_RESET)", b"0x1 (POWERON_RESET)")
BOOT = (
    b"I (31) boot: ESP-IDF v5.2 2nd stage bootloader\r\nI (300) app_init: Application information:\r\n"
    b"I (301) app_init: Project name:     weather\r\nI (302) app_init: App version:      1\r\n"
    b"I (303) app_init: ESP-IDF:          v5.2\r\nI (310) main_task: Calling app_main()\r\n"
)
MISSING = b"\x1b[0;31mE (191) esp_core_dump_flash: No core dump partition found!\x1b[0m\r\n"
PLAIN = b"".join(b"I (%d) app: line %d\r\n" % (number, number) for number in range(PLAIN_LINES + 40))
COLOURED = PLAIN.replace(b"I (7)", b"\x1b[0;32mI (7)")


async def advised(folder: Path, *data: bytes) -> list[Advice]:
    """The advice that is in the events once all of this has come."""
    handle, watch = ScriptedHandle(), Watch()
    session = Session(settings=Settings(), folder=folder, access=PortAccess(opener=Port(handle), resolver=str))
    session.subscribe(watch)
    try:
        await session.open(OpenRequest("fake://board"))
        size = 0
        for piece in data:
            size += len(piece)
            handle.push(piece)
            await watch.until(lambda size=size: session.pipeline.demux.offset >= size)  # type: ignore[misc]
    finally:
        await session.close()
    known = {advice.text: advice for advice in ALL}
    notes = [entry.record for entry in session.events if isinstance(entry.record, SessionNote)]
    assert all(tuple(note.evidence) == known[note.text].lines for note in notes if note.text in known)
    return [known[note.text] for note in notes if note.text in known]


CASES = {
    "a crash without a dump, twice": ([PANIC, RESET + BOOT, PANIC, RESET + BOOT], [NO_CORE_DUMP]),
    "a crash with a dump": ([PANIC + core_dump() + b"Rebooting...\r\n", RESET + BOOT], []),
    "a crash whose dump goes to flash": (
        [PANIC + b"I (9) esp_core_dump_flash: Save core dump to flash...\r\n", RESET],
        [],
    ),
    "a crash and nothing else yet": ([PANIC], []),
    "a reset without a crash": ([RESET + BOOT, RESET + BOOT], []),
    "no partition, twice": ([RESET + BOOT + MISSING + MISSING, RESET + BOOT + MISSING], [NO_PARTITION]),
    "a log without colours": ([RESET + BOOT, PLAIN, PLAIN], [NO_COLOURS]),
    "a log with colours": ([RESET + BOOT, COLOURED, PLAIN], []),
    "restarts without a word": ([RESET + BOOT, RESTART + BOOT, RESTART + BOOT, RESTART + BOOT], [SILENT_REBOOT]),
    "one restart without a word": ([POWER_ON + BOOT, RESTART + BOOT], []),
    "restarts that the program means": ([POWER_ON + BOOT] + 3 * [b"I (9) ota: Restarting\r\n" + RESTART + BOOT], []),
    "restarts of something else": ([POWER_ON] + 4 * [RESTART], []),
    "power that goes and comes": (4 * [POWER_ON + BOOT], []),
    "a log of something else": ([PLAIN, PLAIN], []),
}


@pytest.mark.parametrize("name", CASES)
async def test_what_is_missing_is_said_once(tmp_path: Path, name: str) -> None:
    data, expected = CASES[name]
    assert await advised(tmp_path, *data) == expected


def test_each_advice_names_what_to_write() -> None:
    assert all("CONFIG_" in " ".join(advice.lines) for advice in ALL)
