"""The header: what matters most stays where it is narrow."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.session.state import State
from espmon.session.status import Activity, ElfState
from espmon.tui.widgets.header import BoardHeader, short_name
from tests.tui.running import Running, running

ORDER = ("● open", "desk board", "▲ boot loop ×4", "ELF ✓", "ESP32-C3", "boot 12", "115200 Bd")
"""By importance, the most important first."""


async def header(case: Running, **changes: object) -> str:
    told = {
        "state": State.MONITORING,
        "chip": "ESP32-C3 (revision 0.4)",
        "boot": 12,
        "elf": Path("a1b2c3d4e5" + "0" * 54 + ".elf"),
        "elf_state": ElfState.MATCH,
        **changes,
    }
    case.session.set(**told)
    await case.until(lambda: "boot 12" in case.screen.query_one(BoardHeader).text)
    return str(case.screen.query_one(BoardHeader).render().plain)


@pytest.mark.parametrize("width", [80, 120])
async def test_a_library_s_elf_leaves_room_for_boot_and_state(width: int) -> None:
    async with running(size=(width, 24)) as case:
        row = await header(case)
        for part in ("desk board", "● open", "ESP32-C3", "boot 12", "ELF ✓ a1b2c3d4e ", "115200 Bd"):
            assert part in row


@pytest.mark.parametrize("width", range(20, 100, 7))
async def test_less_important_parts_are_given_up_first(width: int) -> None:
    async with running(size=(width, 24)) as case:
        row = await header(case, loop="boot loop ×4")
        there = [part in row for part in ORDER]
        assert there == sorted(there, reverse=True)
        assert there[0]
        assert len(row) <= width


@pytest.mark.parametrize("name", ["desk board", "CP2102N USB to UART Bridge Controller"])
@pytest.mark.parametrize("loop", ["boot loop ×4", "boot loop ×1200"])
async def test_a_boot_loop_leaves_state_chip_and_elf_where_they_are(name: str, loop: str) -> None:
    async with running(size=(80, 24)) as case:
        row = await header(case, name=name, loop=loop)
        for part in ("● open", "ESP32-C3", f"▲ {loop}", "ELF ✓", name[:11]):
            assert part in row
        assert len(row) <= 78


async def test_a_board_s_long_name_is_cut_before_the_link_state_is() -> None:
    async with running(size=(40, 24)) as case:
        row = await header(case, name="a board with a name that nobody should have given it")
        assert "…" in row
        assert "● open" in row


def test_names_of_elfs_are_short() -> None:
    assert short_name("app.elf") == "app.elf"
    assert short_name("ab" * 32 + ".elf") == "abababababab"[:9]
    assert len(short_name("a-very-long-application-name-indeed.elf")) == 24


async def test_a_lost_port_says_that_it_is_waited_for() -> None:
    async with running(size=(80, 24)) as case:
        assert "○ lost, waiting for it to come back" in await header(case, state=State.LOST, waiting=True)


async def test_a_board_that_was_left_in_its_loader_is_not_simply_open() -> None:
    async with running(size=(80, 24)) as case:
        row = await header(case, state=State.MONITORING, activity=Activity.IN_LOADER, unfinished=("data.bin",))
        assert "● download mode, unfinished: data.bin" in row
        assert "● open" not in row


async def test_a_rate_that_seems_wrong_stays_in_the_header_until_it_is_right() -> None:
    async with running() as case:
        assert "▲ 74880 Bd?" in await header(case, wrong_rate=74880)
        case.session.set(wrong_rate=None)
        await case.until(lambda: "▲" not in case.screen.query_one(BoardHeader).text)
