"""What stands around the log: toasts that cover nothing, the filter in words, silence explained."""

from __future__ import annotations

import pytest
from textual.widgets._toast import Toast

from espmon.session.state import State
from espmon.session.status import Notice, Severity
from espmon.tui import actions
from espmon.tui.log.query import LineFilter, TextQuery
from espmon.tui.raw.terminal_view import TerminalView
from espmon.tui.sanitise import MAX_PATH, short_paths
from espmon.tui.screens.report_screen import ReportScreen, Section
from espmon.tui.toast_words import LEADS
from espmon.tui.widgets.event_list import EventList
from espmon.tui.widgets.silence import EmptyLog
from espmon.tui.widgets.status_bar import StatusBar
from tests.tui.running import Running, numbered, running

LONG = "Port lost: the device is gone. espmon waits for it, and goes on by itself; " * 3


async def told(case: Running) -> None:
    """Two toasts are on the screen."""
    case.session.notify(LONG, Severity.WARNING)
    case.session.notify("Core dump decoded: C opens it")
    await case.until(lambda: len(case.app.screen.query(Toast)) == 2)
    await case.until(lambda: all(toast.region.height for toast in case.app.screen.query(Toast)))


# -- toasts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
@pytest.mark.parametrize("lines", [3, 400])
async def test_toasts_cover_neither_the_newest_lines_nor_the_events(size: tuple[int, int], lines: int) -> None:
    async with running(size=size) as case:
        await case.feed(numbered(lines))
        case.session.add_event("note", "an event", line=1)
        await case.press("e")
        await told(case)
        others = [case.screen.query_one(EventList), case.screen.query_one(StatusBar), case.pane]
        for toast in case.app.screen.query(Toast):
            assert not any(toast.region.overlaps(other.region) for other in others if other.region)
        if size[0] >= 100:
            await case.until(lambda: f"line {lines - 1}" in case.text())
        assert "an event" in case.text()


async def test_toasts_cover_no_report() -> None:
    async with running(size=(80, 24)) as case:
        await case.app.push_screen(ReportScreen("A report", [Section("Part", text="\n".join(map(str, range(100))))]))
        await told(case)
        parts = case.app.screen.query_one("#parts")
        assert not any(toast.region.overlaps(parts.region) for toast in case.app.screen.query(Toast))


def test_paths_are_shortened_in_the_middle() -> None:
    path = "/home/somebody/projects/a-firmware-with-a-name/build/esp32s3/application.elf"
    text = short_paths(f"ELF that fits the board: {path}")
    assert text == "ELF that fits the board: /home/somebody/projects…/application.elf"
    assert len(text.split(": ")[1]) <= MAX_PATH
    assert short_paths("Logging to /tmp/log.txt") == "Logging to /tmp/log.txt"
    assert short_paths("a/b, and no path: 1/2") == "a/b, and no path: 1/2"
    windows = short_paths(r"C:\Users\somebody\projects\a-firmware-with-a-name\build\application.elf")
    assert windows.startswith("C:\\Users")
    assert windows.endswith("…\\application.elf")


async def test_a_toast_shows_both_ends_of_a_path() -> None:
    async with running(size=(80, 24)) as case:
        case.session.notify(f"Logging to /{'folder/' * 20}name.txt")
        await case.until(lambda: "…/name.txt" in case.text())
        assert "/folder/folder" in case.text()


async def test_a_notice_names_the_key_that_leads_on() -> None:
    async with running(size=(80, 24)) as case:
        case.session.tell(Notice("wrote to address 0 (null pointer)", Severity.ERROR, about="panic"))
        await case.until(lambda: "wrote to address 0 (null pointer) · C Crash" in case.text())
        await case.press("i")
        case.session.tell(Notice("Port lost: gone", Severity.WARNING, about="link"))
        await case.until(lambda: "Port lost: gone · Esc o Ports" in case.text())


def test_what_notices_are_about_leads_to_actions() -> None:
    assert set(LEADS.values()) <= set(actions.BY_ID)


async def test_an_invitation_takes_the_place_of_the_notice_about_the_same_event() -> None:
    async with running(size=(80, 24), start_in="input") as case:
        case.session.tell(Notice("The core dump is saved, but not decoded", Severity.WARNING, about="coredump"))
        case.session.tell(Notice("Port lost", Severity.WARNING, about="link"))
        await case.until(lambda: len(case.app.screen.query(Toast)) == 2)
        case.app.invite("Core dump kept: C tells why", "coredump")
        await case.until(lambda: "C tells why" in case.text())
        assert "not decoded" not in case.text()
        assert "Port lost" in case.text()


async def test_a_port_that_is_back_is_not_told_lost_beside_it() -> None:
    async with running(size=(80, 24)) as case:
        case.session.tell(Notice("Core 0 wrote to address 0", Severity.ERROR, about="panic"))
        case.session.tell(Notice("Port lost", Severity.WARNING, about="link"))
        await case.until(lambda: "Port lost" in case.text())
        case.session.tell(Notice("Port is back", about="link"))
        await case.until(lambda: "Port is back" in case.text())
        assert "Port is back ·" not in case.text()
        assert "Port lost" not in case.text()
        assert "Core 0 wrote" in case.text()


# -- the status row ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        (LineFilter(), ""),
        (LineFilter(printed="wifi:N *:W"), "−wifi W+"),
        (LineFilter(printed="wifi:I app"), "wifi I+ app"),
        (LineFilter(printed="wifi:E *:N"), "wifi E −others"),
        (LineFilter(levels=frozenset("EW")), "W+"),
        (LineFilter(levels=frozenset(("E", "W", "I", ""))), "I+·"),
        (LineFilter(levels=frozenset("ED")), "ED"),
        (LineFilter(levels=frozenset("EWIDV")), "−·"),
        (LineFilter(levels=frozenset()), "none"),
        (LineFilter(include=TextQuery("beacon"), exclude=TextQuery("rssi.*9", regex=True)), "beacon −/rssi.*9/"),
    ],
)
def test_a_filter_is_told_in_words(chosen: LineFilter, words: str) -> None:
    assert chosen.describe() == words


# -- silence ----------------------------------------------------------------------------------------------------------


async def test_silence_is_explained_where_the_first_line_would_be() -> None:
    async with running(size=(80, 24)) as case:
        hint = case.screen.query_one(EmptyLog)
        assert not hint.display
        case.session.set(quiet=8)
        await case.until(lambda: "Nothing received for 8 s: Ctrl-T R resets, B rate, o port" in case.text())
        case.session.set(quiet=9, has_rate=False)
        await case.until(lambda: "Nothing received for 9 s: Ctrl-T R resets, o port" in case.text())
        case.session.set(quiet=0)
        await case.feed(b"a line\n")
        await case.until(lambda: not hint.display)


async def test_a_board_that_has_spoken_before_is_told_silent_in_the_status_row() -> None:
    async with running(size=(120, 24), start_in="input") as case:
        await case.feed(b"a line\n")
        case.session.set(quiet=180)
        await case.until(lambda: "Nothing received for 3 min: Ctrl-T R resets, Esc B rate, Esc o port" in case.text())
        assert not case.screen.query_one(EmptyLog).display
        case.session.set(quiet=0, rate=100.0)
        await case.until(lambda: "Nothing received" not in case.text())


@pytest.mark.parametrize(
    ("start_in", "row"),
    [
        ("log", "Silent 10 s: Ctrl-T R resets, B rate, o port"),
        ("input", "Silent 10 s: Ctrl-T R resets, Esc B rate, Esc o port"),
        ("raw", "10 s: Ctrl-T R resets, Ctrl-T Esc B rate, Ctrl-T Esc o port"),
    ],
)
async def test_a_narrow_row_keeps_the_keys_that_end_the_silence_and_gives_up_counts(start_in: str, row: str) -> None:
    async with running(size=(80, 24), start_in=start_in) as case:
        await case.feed(b"a line\n" * 300)
        bar = case.screen.query_one(StatusBar)
        case.session.set(quiet=10)
        await case.until(lambda: row in bar.render().plain, "the silence with its keys")
        assert "B/s" not in bar.render().plain
        case.session.set(quiet=0)
        await case.until(lambda: "B/s" in bar.render().plain, "the counts again")


async def test_a_port_that_is_closed_says_where_ports_are() -> None:
    async with running(size=(80, 24)) as case:
        case.session.set(state=State.CLOSED)
        await case.until(lambda: "No port is open: o lists the ports" in case.text())


async def test_among_raw_keys_a_toast_covers_nothing_that_the_board_draws() -> None:
    async with running(size=(80, 24)) as case:
        await case.press("r")
        await case.until(lambda: case.screen.mode == "RAW")
        for number in range(3):
            case.session.notify(f"Something happened, number {number}: " + "and it takes many words to tell " * 8)
        await case.until(lambda: any(toast.region.height for toast in case.app.screen.query(Toast)), "a toast")
        await case.until(lambda: "number 2" in case.text())
        board = case.screen.query_one(TerminalView).region
        toasts = case.app.screen.query(Toast)
        assert len(toasts) == 1
        assert all(not toast.region.overlaps(board) for toast in toasts)
        assert "Ctrl-T Esc comes back" in case.text()
