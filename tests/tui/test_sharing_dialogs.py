"""A port that another espmon holds, and writing that changes hands, on the screen."""

from __future__ import annotations

from dataclasses import dataclass, field

from espmon.session.share_state import Looking, Sharing
from espmon.session.status import OpenRequest, ReplayState
from espmon.session.viewing.share_link import Holder
from espmon.tui.monitor.refusal import LOOKING_ON
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.widgets.input_line import InputLine
from tests.tui.fake_session import FakeSession
from tests.tui.running import running

VIEW = ReplayState("another espmon's session", finished=True, following=True)
LOOKS = Looking("espmon (pid 7)")


@dataclass
class FakeTurn:
    said: list[object] = field(default_factory=list)

    def change(self) -> None:
        self.said.append("change")

    def answer(self, agreed: bool) -> None:
        self.said.append(agreed)


@dataclass
class FakeLink:
    holder: Holder = field(default_factory=lambda: Holder(7, "lab-3", 1_700_000_000.0))
    closed: bool = False

    async def close(self) -> None:
        self.closed = True


@dataclass
class FakeLooking:
    session: FakeSession
    request: OpenRequest = field(default_factory=lambda: OpenRequest("lab-3", name="lab-3"))


@dataclass
class FakeFinder:
    link: FakeLink | None
    unasked: bool = False
    session: FakeSession = field(default_factory=FakeSession)

    async def find(self, name: str) -> FakeLink | None:
        return self.link

    async def look_on(self, link: FakeLink) -> FakeLooking:
        self.session.set(replay=VIEW, looking=LOOKS)
        return FakeLooking(self.session)


async def test_a_port_that_is_held_is_offered_to_look_on_at() -> None:
    own, finder = FakeSession(), FakeFinder(FakeLink())
    finder.session.feed(b"I (1) main: from the other\r\n")
    async with running(session=own, request=None, finder=finder) as case:
        await case.app.pop_screen()
        await case.app.open_port(OpenRequest("/dev/ttyUSB0"))
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen), "the offer")
        await case.until(lambda: "espmon (pid 7)" in case.text(), "its words")
        await case.press("y")
        await case.until(lambda: "from the other" in case.text(), "the other's log")
        await case.until(lambda: "looking on at espmon (pid 7)" in case.text(), "the header")
        assert not own.opened
        assert case.session.calls.count("open") == 0
        assert [request.name for request in finder.session.opened] == ["lab-3"]


async def test_who_does_not_want_to_look_on_chooses_another_port() -> None:
    own, link = FakeSession(), FakeLink()
    async with running(session=own, request=None, finder=FakeFinder(link)) as case:
        await case.app.pop_screen()
        await case.app.open_port(OpenRequest("/dev/ttyUSB0"))
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen), "the offer")
        await case.press("n")
        await case.until(lambda: "is held by espmon (pid 7)" in case.text(), "the reason")
        await case.until(lambda: link.closed, "the end of it")
        assert not own.opened


async def test_who_looks_on_asks_to_write_and_gets_the_input_line_with_it() -> None:
    session, turn = FakeSession(), FakeTurn()
    session.set(replay=VIEW, looking=LOOKS)
    session.turn = turn
    async with running(session=session, size=(120, 30)) as case:
        assert not case.screen.query_one(InputLine).display
        await case.press("ctrl+t", "r")
        await case.until(lambda: LOOKING_ON[:20] in case.text(), "the reason")
        await case.press("W")
        await case.until(lambda: turn.said == ["change"], "the question")
        session.set(looking=Looking("espmon (pid 7)", writes=True))
        await case.until(lambda: case.screen.query_one(InputLine).display, "the input line")
        await case.press("i", "h", "i", "enter")
        await case.until(lambda: bool(session.sent), "what was sent")
        session.set(looking=LOOKS)
        await case.until(lambda: not case.screen.query_one(InputLine).display and case.screen.mode == "LOG", "the log")


async def test_the_holder_is_asked_and_takes_writing_back() -> None:
    session, turn = FakeSession(), FakeTurn()
    session.turn = turn
    async with running(session=session, size=(120, 30)) as case:
        case.idle()
        session.set(sharing=Sharing(1, asked="pid 9 on /dev/pts/3"))
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen), "the question")
        await case.until(lambda: "pid 9 on /dev/pts/3 looks on" in case.text(), "its words")
        await case.press("y")
        await case.until(lambda: turn.said == [True], "the answer")
        session.set(sharing=Sharing(1, writer="pid 9"))
        await case.until(lambda: "pid 9 writes" in case.text(), "the header")
        await case.press("i", "x", "enter")
        await case.until(lambda: "writes now. W takes it back" in case.text(), "the refusal")
        assert not session.sent
        await case.press("escape", "W")
        await case.until(lambda: turn.said == [True, "change"], "taking it back")
