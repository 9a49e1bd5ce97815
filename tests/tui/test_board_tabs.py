"""Several boards on one screen: a tab each, and all of them in one timeline."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from espmon.session.share_state import Sharing
from espmon.session.state import State
from espmon.session.status import OpenRequest, Severity
from espmon.tui.actions import ACTIONS, BOARD, split
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.picker import PickerScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.widgets.filter_bar import FilterBar
from espmon.tui.widgets.input_line import InputLine
from espmon.tui.widgets.level_picker import LevelPicker
from espmon.tui.widgets.tab_bar import TabBar
from tests.tui.fake_session import FakeSession
from tests.tui.running import Running, running
from tests.tui.test_sharing_dialogs import LOOKS, FakeFinder, FakeLink

LEFT, RIGHT = OpenRequest("/dev/ttyUSB0", name="left"), OpenRequest("/dev/ttyUSB1", name="right")


@dataclass
class Desk:
    """A running app with several boards."""

    case: Running
    sessions: list[FakeSession] = field(default_factory=list)

    def make(self) -> FakeSession:
        """The session of one more board."""
        self.sessions.append(FakeSession())
        return self.sessions[-1]

    @property
    def tabs(self) -> str:
        """What the row of tabs says, "" where there is none."""
        bars = self.case.screen.query(TabBar)
        return bars.first().render().plain if bars else ""

    async def look_at(self, key: str, name: str) -> None:
        """Press a key, and wait for the tab of that name."""
        await self.case.press(key)
        await self.case.until(lambda: self.case.app.tabs.current.name == name, name)
        await self.case.until(lambda: self.case.screen.completed and self.case.screen.query(TabBar), "its screen")
        await self.case.until(lambda: "\n" in self.case.text(), "a picture")


@asynccontextmanager
async def desk(*more: OpenRequest, **options: Any) -> AsyncIterator[Desk]:
    """`left`, and these beside it."""
    sessions = [FakeSession()]
    made = Desk(None, sessions)  # type: ignore[arg-type]
    async with running(request=LEFT, session=sessions[0], more=more, another=made.make, **options) as case:
        made.case = case
        await case.until(lambda: len(sessions) == 1 + len(more) and all(one.opened for one in sessions), "the ports")
        await case.until(lambda: not more or case.screen.query(TabBar), "the tabs")
        yield made


async def test_each_board_keeps_its_own_log_filter_and_place() -> None:
    async with desk(RIGHT) as made:
        case = made.case
        made.sessions[0].feed(b"I (1) a: from the left\nW (2) a: once more\n")
        made.sessions[1].feed(b"I (1) b: from the right\n")
        await case.until(lambda: "from the left" in case.text())
        await case.press("f", *"once", "enter")
        await case.until(lambda: "1 of 2 lines" in case.text())
        await made.look_at("f8", "right")
        await case.until(lambda: "from the right" in case.text())
        assert "once" not in case.text()
        assert "1 of 2 lines" not in case.text()
        await made.look_at("f7", "left")
        await case.until(lambda: "1 of 2 lines" in case.text())


async def test_the_timeline_has_the_lines_of_all_and_is_searched_and_filtered_as_one_log() -> None:
    async with desk(RIGHT, size=(120, 30)) as made:
        case = made.case
        for number in range(2):
            made.sessions[number % 2].feed(b"needle %d\nhay\n" % number)
        await made.look_at("0", "All")
        await case.until(lambda: case.rows()[1:3] == ["left  hay", "right needle 1"])
        await case.until(lambda: "2 boards, 2 open" in case.text())
        assert "ELF" not in case.text(), "which one has an ELF is said in its own tab"
        made.sessions[0].feed(b"needle 2\nhay\n")
        await case.until(lambda: case.rows()[4:5] == ["left  needle 2"])
        await case.press("slash", *"needle", "enter")
        await case.until(lambda: "/3 lines" in case.text() or "3/3" in case.text())
        await case.press("f")
        await case.until(lambda: case.screen.query(FilterBar))
        bar = case.screen.query_one(FilterBar)
        bar.field("boards").value = "ri"
        await case.until(lambda: case.rows()[:2] == ["right needle 1", "right hay"])
        assert "board 2" in case.text()
        bar.field("boards").value = "-ri"
        await case.until(lambda: case.rows()[1:3] == ["left  hay", "left  needle 2"])
        bar.field("boards").value = "nobody"
        await case.until(lambda: bar.field("boards").has_class("-bad"))


async def test_a_board_that_nobody_looks_at_tells_what_is_wrong() -> None:
    async with desk(RIGHT) as made:
        case, right = made.case, made.sessions[1]
        right.feed(b"E (1) a: wrong\nE (2) a: wrong again\nI (3) a: fine\n")
        await case.until(lambda: "right E2" in made.tabs)
        right.set(crashes=1, state=State.LOST)
        await case.until(lambda: "right ✗ lost ✖1 E2" in made.tabs)
        right.notify("all is well")
        right.notify("the port is gone", Severity.ERROR)
        await case.until(lambda: "the port is gone" in case.text())
        assert [(toast.title, toast.message) for toast in case.app._notifications] == [("right", "the port is gone")]
        await made.look_at("f8", "right")
        assert "✖1" not in made.tabs
        await made.look_at("f7", "left")
        await case.until(lambda: "right ✗ lost" in made.tabs)
        assert "E2" not in made.tabs


async def test_a_board_asks_when_it_is_looked_at() -> None:
    asks = OpenRequest("/dev/ttyUSB1", name="right", probe=True)
    async with desk(asks) as made:
        case = made.case
        await case.until(lambda: "right ? asks" in made.tabs)
        assert case.app.screen is case.screen
        await case.press("f8")
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen) and "Probe right?" in case.text())
        await case.press("n")
        await case.until(lambda: "decline" in made.sessions[1].calls)
        assert "decline" not in made.sessions[0].calls


async def test_in_the_timeline_an_action_is_for_the_board_that_is_named() -> None:
    async with desk(RIGHT) as made:
        case = made.case
        await made.look_at("0", "All")
        await case.press("i")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt) and "Which board?" in case.text())
        case.app.screen.query_one("#entry").value = "right"  # type: ignore[attr-defined]
        await case.press("enter")
        await case.until(lambda: case.app.board.name == "right" and case.screen.completed)
        await case.until(lambda: case.screen.mode == "INPUT")
        await case.press(*"hi", "enter")
        await case.until(lambda: made.sessions[1].sent)
        assert made.sessions[0].sent == []
        assert case.screen.query_one(InputLine).value == ""


async def test_in_the_timeline_esc_and_the_letters_of_the_levels_ask_for_no_board() -> None:
    async with desk(RIGHT) as made:
        case = made.case
        await made.look_at("0", "All")
        await case.press("slash", "a", "enter")
        await case.until(lambda: not case.app.monitor.typing)
        await case.press("escape", "escape")
        await case.until(case.app.settled)
        assert case.app.screen is case.app.monitor
        await case.press("f")
        await case.until(lambda: case.app.monitor.mode == "FILTER")
        await case.press("shift+tab", "s", "p")
        await case.until(case.app.settled)
        assert case.app.screen is case.app.monitor
        await case.press("ctrl+t", "f")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt), "the menu means it")


async def test_at_the_ticks_of_the_levels_no_letter_asks_for_something_on_the_board() -> None:
    async with running() as case:
        await case.press("f")
        await case.until(lambda: case.app.monitor.mode == "FILTER")
        await case.press("shift+tab")
        await case.until(lambda: isinstance(case.app.focused, LevelPicker))
        for action in ACTIONS:
            for key in split(action.keys):
                if len(key) == 1 and action.group == BOARD:
                    await case.press(key)
                    await case.until(case.app.settled)
                    assert case.app.screen is case.app.monitor, key
        assert case.session.sent == []


async def test_in_the_timeline_an_action_is_for_the_board_of_the_line_walked_to() -> None:
    async with desk(RIGHT) as made:
        case = made.case
        made.sessions[0].feed(b"plain\n" * 50)
        made.sessions[1].feed(b"W (1) a: careful\n")
        made.sessions[0].feed(b"plain\n" * 50)
        await made.look_at("0", "All")
        await case.press("left_square_bracket", "w")
        await case.until(lambda: not case.pane.follow)
        await case.press("p")
        await case.until(lambda: case.app.board.name == "right")
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen) and "Probe right?" in case.text())


async def test_closing_a_tab_closes_that_board_only() -> None:
    async with desk(RIGHT) as made:
        case = made.case
        await case.app.run_action("app.close_tab")
        await case.until(lambda: "close" in made.sessions[0].calls)
        await case.until(lambda: case.app.board.name == "right" and made.tabs == "")
        assert "close" not in made.sessions[1].calls
        made.sessions[1].feed(b"still here\n")
        await case.until(lambda: "still here" in case.text())
        await case.press("f8", "0")
        assert case.app.board.name == "right"


async def test_the_picker_opens_a_port_beside_the_others() -> None:
    async with desk() as made:
        case = made.case
        await case.press("o")
        await case.until(lambda: isinstance(case.app.screen, PickerScreen) and "Beside" in case.text())
        case.app.screen.query_one("#url").value = "/dev/ttyUSB1"  # type: ignore[attr-defined]
        await case.press("plus")
        await case.until(lambda: len(made.sessions) == 2 and made.sessions[1].opened, "the second port")
        await case.until(lambda: case.app.board is case.app.boards[1] and case.screen.query(TabBar))
        assert "close" not in made.sessions[0].calls
        assert made.sessions[1].opened[0].url == "/dev/ttyUSB1"


async def test_leaving_lets_the_board_go_that_is_held_not_the_one_that_is_looked_at() -> None:
    async with desk(RIGHT) as made:
        made.sessions[1].set(state=State.LEASED, lease="gdb")
        await made.case.press("ctrl+q")
        await made.case.until(lambda: "right: The inspection ends" in made.case.text())
        await made.case.press("y")
        await made.case.until(lambda: made.case.app._exit)
        assert "debug let go" in made.sessions[1].calls
        assert "debug let go" not in made.sessions[0].calls


async def test_leaving_names_what_runs_and_closes_every_board() -> None:
    async with desk(RIGHT) as made:
        made.sessions[1].set(state=State.LEASED, lease="flash")
        await made.case.press("ctrl+q")
        await made.case.until(lambda: "right: The board stays half written" in made.case.text())
        assert "left: The board" not in made.case.text()
        await made.case.press("y")
        await made.case.until(lambda: made.case.app._exit)
        assert all("close" in session.calls for session in made.sessions)


class Holders(FakeFinder):
    """Another espmon holds the port on the right, and no other."""

    async def find(self, name: str) -> FakeLink | None:
        return self.link if name == RIGHT.url else None


async def test_a_tab_looks_on_at_a_port_that_another_espmon_holds() -> None:
    finder = Holders(FakeLink())
    finder.session.feed(b"I (1) main: from the other\r\n")
    async with desk(finder=finder) as made:
        case = made.case
        case.app.run_worker(case.app.add_board(RIGHT))
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen) and "espmon (pid 7)" in case.text())
        await case.press("y")
        await case.until(lambda: "lab-3 ▶ looks on" in made.tabs)
        await case.until(lambda: "from the other" in case.text())
        assert len(made.sessions) == 1
        assert [request.name for request in finder.session.opened] == ["lab-3"]
        case.app.run_worker(case.app.add_board(RIGHT))
        await case.until(lambda: "is open already" in case.text())
        await made.look_at("f7", "left")
        finder.session.set(looking=replace(LOOKS, gone="it was killed"))
        await case.until(lambda: "✗ gone" in made.tabs)


async def test_who_does_not_want_a_tab_that_looks_on_gets_none() -> None:
    link = FakeLink()
    async with desk(finder=Holders(link)) as made:
        case = made.case
        case.app.run_worker(case.app.add_board(RIGHT))
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        await case.press("n")
        await case.until(lambda: link.closed and "is held by espmon (pid 7)" in case.text())
        assert made.tabs == ""


async def test_where_looking_on_is_all_that_is_wanted_no_port_is_opened_in_a_tab() -> None:
    async with desk(finder=FakeFinder(None)) as made:
        case = made.case
        assert case.app.finder is not None
        case.app.finder.unasked = True
        case.app.run_worker(case.app.add_board(RIGHT))
        await case.until(lambda: "no other espmon holds /dev/ttyUSB1" in case.text())
        assert made.tabs == ""
        assert len(made.sessions) == 1


async def test_a_tab_tells_that_somebody_asks_to_write_there() -> None:
    async with desk(RIGHT) as made:
        case = made.case
        made.sessions[1].set(sharing=Sharing(1, asked="pid 9"))
        await case.until(lambda: "right ? asks" in made.tabs)
        assert case.app.screen is case.screen
        await case.press("f8")
        await case.until(lambda: "pid 9 asks to write to the board: W answers" in case.text())
