"""What the board said of itself, in the monitor: the screenshot key, and commands that complete."""

from __future__ import annotations

from textual.widgets import Input

from espmon.records.capabilities import Command, capabilities_of
from espmon.tui.screens.board_abilities import BoardAbilitiesScreen
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.widgets.command_completion import MAX_NOTE, completed, matching, note
from espmon.tui.widgets.header import BoardHeader
from espmon.tui.widgets.input_line import InputLine
from tests.tui.fake_session import FakeSession
from tests.tui.happening import shown
from tests.tui.running import Running, running

COMMANDS = (
    Command("help", "this list"),
    Command("heap", "free memory"),
    Command("wifi join", "join a network", "<ssid> [<pass>]"),
)


def mute() -> FakeSession:
    """A board that has not said that it sends its screen."""
    session = FakeSession()
    session.set(pictured=False)
    return session


def footer(case: Running) -> str:
    return case.text().splitlines()[-1]


async def test_the_key_says_what_firmware_would_need_and_asks_all_the_same() -> None:
    async with running(session=mute(), size=(120, 40)) as case:
        assert "Screenshot" not in footer(case)
        await case.press("s")
        await shown(case, ConfirmScreen)
        await case.until(lambda: "espmon firmware --lang c DIR" in case.text())
        await case.press("n")
        await case.until(lambda: case.app.screen is case.screen)
        assert "screenshot" not in case.session.calls
        await case.press("s")
        await shown(case, ConfirmScreen)
        await case.press("y")
        await case.until(lambda: "screenshot" in case.session.calls)


async def test_the_key_is_offered_once_the_board_announces_pictures() -> None:
    async with running(session=mute(), size=(120, 40)) as case:
        case.session.set(capabilities=capabilities_of({"frames": ["png"]}))
        await case.until(lambda: "Screenshot" in footer(case))
        await case.press("s")
        await case.until(lambda: "screenshot" in case.session.calls)


async def test_tab_completes_with_what_the_console_takes() -> None:
    async with running(size=(120, 40)) as case:
        case.session.set(console_commands=COMMANDS)
        await case.until(lambda: case.screen.query_one(InputLine).commands == COMMANDS)
        await case.press("i", "h")
        await case.until(lambda: "help  heap" in case.text())
        await case.press("tab")
        field = case.screen.query_one("#line", Input)
        await case.until(lambda: field.value == "he")
        await case.press("a", "tab")
        await case.until(lambda: field.value == "heap")
        await case.press("enter")
        await case.until(lambda: case.session.sent == [b"heap\r"])
        await case.press("w", "tab")
        await case.until(lambda: field.value == "wifi join ")
        await case.until(lambda: "<ssid> [<pass>]" in case.text())


async def test_without_known_commands_tab_goes_on_to_the_next_part() -> None:
    async with running() as case:
        await case.press("i", "h", "tab")
        await case.until(lambda: case.screen.mode != "INPUT")


async def test_the_listed_commands_are_among_what_the_board_can_do() -> None:
    async with running(size=(120, 40)) as case:
        case.session.set(console_commands=COMMANDS)
        await case.until(lambda: case.app.status.console_commands == COMMANDS)
        case.app.action_abilities()
        await shown(case, BoardAbilitiesScreen)
        await case.until(lambda: "<ssid> [<pass>]" in case.text())
        await case.press("enter")
        await case.until(lambda: case.session.sent == [b"help\r"])


async def test_a_chip_of_the_header_leads_to_what_the_board_can_do() -> None:
    async with running(session=mute(), size=(160, 40)) as case:
        assert "◆" not in case.text().splitlines()[0]
        case.session.set(capabilities=capabilities_of({"commands": {"a": "", "b": ""}}))
        await case.until(lambda: "◆ 2 commands A" in case.text().splitlines()[0])
        await case.pilot.click(BoardHeader, offset=(case.text().splitlines()[0].index("◆"), 0))
        await shown(case, BoardAbilitiesScreen)


def test_what_is_said_beside_the_field() -> None:
    assert note("he", COMMANDS) == "help  heap"
    assert note("wifi join home", COMMANDS) == "<ssid> [<pass>]"
    assert note("heap", COMMANDS) == "free memory"
    assert note("", COMMANDS) == note("x", COMMANDS) == ""
    assert len(note("c", [Command(f"c{index}", "") for index in range(256)])) == MAX_NOTE


def test_what_completes() -> None:
    assert completed("h", COMMANDS) == "he"
    assert completed("wifi", COMMANDS) == "wifi join "
    assert completed("x", COMMANDS) == "x"
    assert matching("", COMMANDS) == []
