"""The header: what matters most stays where it is narrow."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.widgets import Input

from espmon.records.capabilities import Command
from espmon.session.share_state import Looking, Sharing
from espmon.session.state import State
from espmon.session.status import Activity, ElfState, RecordingState, ReplayState, Status
from espmon.tui import actions
from espmon.tui.widgets import paced_row
from espmon.tui.widgets.header import BoardHeader
from espmon.tui.widgets.header_chips import fitting, holding
from espmon.tui.widgets.status_chips import CHIPS, lasting, short_name
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


# -- chips ------------------------------------------------------------------------------------------------------------

EVERYTHING = Status(
    state=State.MONITORING,
    name="a board with a name that nobody should have given it",
    chip="ESP32-S3 (revision v0.2)",
    boot=12,
    loop="boot loop ×12",
    crashes=40,
    activity=Activity.HALTED,
    elf=Path("my-application.elf"),
    elf_state=ElfState.MISMATCH,
    log=Path("log.txt"),
    recorder=RecordingState("No space left on device", 1_000),
)
"""All that can go wrong at once."""

STATES = (
    EVERYTHING,
    Status(state=State.MONITORING, console_commands=(Command("help", "this list"),)),
    Status(state=State.LOST, lost_for=12, waiting=True, crashes=1),
    Status(state=State.MONITORING, activity=Activity.AWAITING_ENTER, wrong_rate=74880),
    Status(state=State.MONITORING, activity=Activity.IN_LOADER, unfinished=("data.bin",)),
    Status(state=State.LOST, activity=Activity.LENT_TO_IDE),
    Status(state=State.MONITORING, replay=ReplayState("log file", 10, 100)),
    Status(state=State.LEASED, lease="flash", recorder=RecordingState(unwritten=5)),
    Status(state=State.MONITORING, sharing=Sharing(2, writer="pid 7 on /dev/pts/3")),
    Status(state=State.MONITORING, replay=ReplayState("session"), looking=Looking("espmon (pid 7)")),
    *(Status(state=state) for state in State),
    *(Status(elf=Path("app.elf"), elf_state=state) for state in ElfState),
)


def test_every_chip_holds_somewhere_and_leads_to_an_action_that_there_is() -> None:
    seen = {shown.chip.id for status in STATES for shown in holding(status, "LOG", {})}
    assert seen >= {chip.id for chip in CHIPS} - {"recording.behind"}
    assert {chip.action for chip in CHIPS} <= {"", *actions.BY_ID}
    assert len({chip.id for chip in CHIPS}) == len(CHIPS)


@pytest.mark.parametrize("status", STATES)
def test_each_chip_that_leads_on_names_the_key(status: Status) -> None:
    for shown in holding(status, "LOG", {}):
        if shown.chip.action:
            assert shown.key == actions.first_key(actions.BY_ID[shown.chip.action], {})
            assert shown.key


def test_while_keys_are_text_the_way_to_the_key_is_named_too() -> None:
    shown = {chip.chip.id: chip.key for chip in holding(EVERYTHING, "INPUT", {})}
    assert shown["crashes"] == "Esc C"
    assert shown["log"] == "Ctrl-T L"
    assert not any(chip.key for chip in holding(EVERYTHING, "RAW", {}))
    assert {chip.key for chip in holding(EVERYTHING, "LOG", {"board.crash": "f9"})} >= {"F9"}


@pytest.mark.parametrize("width", [78, 118, 198])
@pytest.mark.parametrize("mode", ["LOG", "INPUT"])
def test_all_that_can_go_wrong_at_once_is_told_at_80_columns(width: int, mode: str) -> None:
    kept = fitting(holding(EVERYTHING, mode, {}), EVERYTHING, width)
    told = {shown.chip.id for shown in kept}
    assert told >= {"recording.stopped", "activity.halted", "loop", "crashes", "elf.mismatch", "link.monitoring"}
    assert sum(shown.cells + 2 for shown in kept) - 2 <= width


@pytest.mark.parametrize("status", STATES)
def test_what_is_shown_always_fits(status: Status) -> None:
    for width in range(24, 130, 13):
        kept = fitting(holding(status, "LOG", {}), status, width)
        assert sum(shown.cells + 2 for shown in kept) - 2 <= width


def test_no_rate_is_named_where_there_is_none() -> None:
    def told(status: Status) -> set[str]:
        return {shown.chip.id for shown in holding(status, "LOG", {})}

    assert "baud" in told(Status(state=State.MONITORING))
    assert "baud" not in told(Status(state=State.MONITORING, has_rate=False))
    assert "baud" not in told(Status())


def test_times_that_go_on_are_short() -> None:
    assert [lasting(seconds) for seconds in (0, 12, 60, 185, 7300)] == ["0 s", "12 s", "1 min", "3 min", "2 h"]


async def test_a_lost_port_says_for_how_long() -> None:
    async with running(size=(120, 24)) as case:
        row = await header(case, state=State.LOST, waiting=True, lost_for=12)
        assert "○ lost for 12 s, waiting for it to come back o" in row


async def test_an_elf_that_nothing_confirms_is_called_unverified() -> None:
    async with running(size=(120, 24)) as case:
        row = await header(case, elf=Path("app.elf"), elf_state=ElfState.UNVERIFIED)
        assert "ELF unverified app.elf E" in row
        narrow = Status(state=State.MONITORING, elf_state=ElfState.UNVERIFIED, name="a long name " * 3, crashes=9)
        assert [chip.words for chip in fitting(holding(narrow, "LOG", {}), narrow, 40) if chip.chip.right] == ["ELF ?"]


@pytest.mark.parametrize(
    ("start_in", "chip"), [("log", "crashes"), ("input", "crashes"), ("log", "baud"), ("log", "rate.wrong")]
)
async def test_a_click_on_a_chip_does_what_its_key_does(start_in: str, chip: str) -> None:
    async with running(size=(120, 24), start_in=start_in) as case:
        await header(case, crashes=2, wrong_rate=74880 if chip == "rate.wrong" else None)
        bar = case.screen.query_one(BoardHeader)
        action = next(known.action for known in CHIPS if known.id == chip)
        cells = next(cells for cells, leads_to in bar._spans if leads_to == action)
        await case.pilot.click(BoardHeader, offset=(cells.start + 1, 0))
        if chip == "rate.wrong":
            await case.until(lambda: case.app.screen.query_one(Input).value == "74880", "the rate that it looks like")
        elif chip == "crashes":
            await case.until(lambda: "Nothing has crashed yet" in case.text())
        else:
            await case.until(lambda: "Baud rate of this port" in case.text())


async def test_a_stream_of_changes_is_drawn_a_few_times_a_second_and_ends_with_the_newest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with running() as case:
        bar = case.screen.query_one(BoardHeader)
        await header(case)
        monkeypatch.setattr(paced_row, "DRAW_SECONDS", 3600.0)
        for number in range(50):
            bar.show(Status(name=f"board {number}"), "LOG")
        assert "board" not in bar.text.replace("desk board", "")
        assert bar.waits
        bar._draw_now()
        assert "board 49" in bar.text
