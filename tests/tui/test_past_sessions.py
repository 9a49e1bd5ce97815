"""Past sessions from the list of ports, and the keys that set the pace of a recording."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from textual import events

from espmon.session.archive.past_sessions import PastSession
from espmon.session.archive.session_index import Summary
from espmon.session.pace import Goal
from espmon.session.replay.moment import SourceError
from espmon.session.status import OpenRequest, ReplayState
from espmon.tui.monitor.session_interface import SessionLike
from espmon.tui.recording_actions import ALL_HERE, DROP_THERE, NO_TIMES
from espmon.tui.screens.past_sessions_screen import PastSessionsScreen
from espmon.tui.screens.picker import PickerScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.user_input import dropped_path
from tests.tui.fake_session import FakeSession
from tests.tui.running import running


def past(name: str, **summary: object) -> PastSession:
    folder = Path("/sessions") / name
    summed = Summary(bytes=1_500_000, **summary)  # type: ignore[arg-type]
    return PastSession(folder, name, "/dev/ttyUSB0", 1_700_000_000.0, 3723.0, summed, 2_000_000, False, False)


@dataclass
class FakeRecordings:
    sessions: list[PastSession]
    session: FakeSession = field(default_factory=FakeSession)
    opened: list[Path] = field(default_factory=list)
    fails: bool = False

    def listed(self) -> Sequence[PastSession]:
        return self.sessions

    async def open(self, path: Path, whole: Callable[[SessionLike], None]) -> tuple[FakeSession, OpenRequest]:
        if self.fails:
            raise SourceError("it cannot be read")
        self.opened.append(path)
        return self.session, OpenRequest(str(path), name=path.name)


@dataclass
class FakePace:
    speed: float | None = 1.0
    paused: bool = False
    timed: bool = True
    skipped: float = 0.0
    goals: list[str] = field(default_factory=list)

    def set_speed(self, speed: float | None) -> None:
        self.speed = speed

    def pause(self, paused: bool) -> None:
        self.paused = paused

    def skip(self, seconds: float) -> None:
        self.skipped += seconds

    def seek(self, goal: Goal) -> None:
        self.goals.append(str(goal))


async def test_a_past_session_is_chosen_in_place_of_a_port() -> None:
    found = FakeRecordings([past("lab-4", boots=3, crashes=2), past("lab-3", chip="esp32c3")])
    found.session.set(replay=ReplayState("session", finished=True))
    found.session.feed(b"I (1) main: from then\r\n")
    async with running(request=None, size=(100, 30), past=found) as case:
        await case.until(lambda: isinstance(case.app.screen, PickerScreen), "the ports")
        await case.press("o")
        await case.until(lambda: isinstance(case.app.screen, PastSessionsScreen) and "lab-3" in case.text(), "the list")
        assert "1:02:03" in case.text()
        await case.press("escape")
        await case.until(lambda: isinstance(case.app.screen, PickerScreen), "the ports again")
        await case.press("o")
        await case.until(lambda: isinstance(case.app.screen, PastSessionsScreen) and "lab-3" in case.text(), "the list")
        await case.press("down", "enter")
        await case.until(lambda: "from then" in case.text(), "the recording")
        assert found.opened == [Path("/sessions/lab-3")]


async def test_one_that_cannot_be_read_leads_back_to_the_ports() -> None:
    async with running(request=None, past=FakeRecordings([past("lab-3")], fails=True)) as case:
        await case.until(lambda: isinstance(case.app.screen, PickerScreen), "the ports")
        await case.press("o")
        await case.until(lambda: isinstance(case.app.screen, PastSessionsScreen) and "lab-3" in case.text(), "the list")
        await case.press("enter")
        await case.until(lambda: "it cannot be read" in case.text(), "the reason")


async def test_keys_set_the_pace() -> None:
    session, pace = FakeSession(), FakePace()
    session.pace = pace
    session.set(replay=ReplayState("session", 10, 100, speed=1.0))
    async with running(session=session) as case:
        await case.press("greater_than_sign", "greater_than_sign", "less_than_sign")
        await case.until(lambda: pace.speed == 2.0, "the speed")
        await case.press("full_stop")
        await case.until(lambda: pace.paused, "the pause")
        await case.press("right_parenthesis")
        await case.until(lambda: pace.skipped == 60.0, "the skip")
        await case.press("equals_sign")
        await case.until(lambda: pace.speed is None, "all at once")
        session.set(replay=ReplayState("session", 100, 100, finished=True))
        await case.press("less_than_sign")
        await case.until(lambda: ALL_HERE[:30] in case.text(), "the reason")
        pace.timed = False
        await case.press("less_than_sign")
        await case.until(lambda: NO_TIMES[:30] in case.text(), "the other reason")


async def test_what_is_still_to_come_is_played_to() -> None:
    session, pace = FakeSession(), FakePace()
    session.pace = pace
    session.feed(b"I (1) main: before\r\n")
    session.set(replay=ReplayState("session", 10, 100, speed=1.0))
    async with running(session=session, size=(120, 30)) as case:
        await case.until(lambda: "before" in case.text())
        for key in "ecb":
            await case.press("right_square_bracket", key)
        await case.until(lambda: len(pace.goals) == 3)
        assert pace.goals == ["the next line of level E", "the next crash", "the next reset"]
        came = session.store.record(0).time
        assert came is not None
        later = datetime.fromtimestamp(session.store.wall(came) + 3600.0)
        for place in ("boot 3", f"{later:%Y-%m-%d %H:%M:%S}"):
            await case.press("apostrophe")
            await case.until(lambda: isinstance(case.app.screen, TextPrompt))
            case.app.screen.query_one("#entry").value = place  # type: ignore[attr-defined]
            await case.press("enter")
            await case.until(lambda: case.app.screen is case.screen)
        await case.until(lambda: pace.goals[3:] == ["boot 3", f"{later:%Y-%m-%d %H:%M:%S}"])
        session.set(replay=ReplayState("session", 100, 100, finished=True))
        await case.press("right_square_bracket", "e")
        await case.until(lambda: "No error after this" in case.text())
        assert len(pace.goals) == 5


async def test_a_board_has_no_pace() -> None:
    session, pace = FakeSession(), FakePace()
    session.pace = pace
    async with running(session=session) as case:
        await case.press("greater_than_sign", "full_stop")
        assert (pace.speed, pace.paused) == (1.0, False)


def test_what_terminals_paste_for_a_file_that_is_dropped(tmp_path: Path) -> None:
    path = tmp_path / "my board's (1).log"
    path.write_text("x")
    for text in (
        str(path),
        f" {path}\n",
        shlex.quote(str(path)) + " ",
        re.sub(r"([ '()])", r"\\\1", str(path)),
        path.as_uri(),
    ):
        assert dropped_path(text) == path, text
    (tmp_path / "other").write_text("")
    texts = ("", "hello", "other", "/", f"{path}x", f"{tmp_path}/other {tmp_path}/other", "'", "\0", "/" * 5000, "a\nb")
    assert [dropped_path(text) for text in texts if text != "/"] == [None] * (len(texts) - 1)


async def test_a_file_that_is_dropped_on_the_list_of_ports_or_a_recording_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "board.log"
    path.write_text("x")
    found = FakeRecordings([])
    found.session.set(replay=ReplayState("log file", finished=True))
    found.session.feed(b"I (1) main: from then\r\n")
    async with running(request=None, size=(100, 30), past=found) as case:
        await case.until(lambda: isinstance(case.app.screen, PickerScreen) and case.app.focused, "the ports")
        case.app.post_message(events.Paste("nothing of the kind"))
        case.app.post_message(events.Paste(f"'{path}' "))
        await case.until(lambda: "from then" in case.text(), "the log file")
        await case.until(lambda: case.app.screen is case.screen and case.app.focused, "the log")
        case.app.post_message(events.Paste(str(path)))
        await case.until(lambda: found.opened == [path, path], "it again")


async def test_a_file_that_is_dropped_on_a_board_closes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "board.log"
    path.write_text("x")
    found = FakeRecordings([])
    async with running(past=found) as case:
        await case.press("escape")
        await case.until(lambda: case.screen.mode == "LOG")
        case.app.post_message(events.Paste(str(path)))
        await case.until(lambda: DROP_THERE[:30] in case.text())
        assert found.opened == []
