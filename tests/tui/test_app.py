"""What the app does with a session: opening, asking, probing, failing, telling, staying safe."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from textual.widgets import Input
from textual.widgets._toast import Toast, ToastHolder

from espmon.session.session_events import Failure, ProbeEvent
from espmon.session.state import State
from espmon.session.status import Notice, OpenRequest, Severity
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.help import HelpScreen
from espmon.tui.screens.picker import PickerScreen
from espmon.tui.screens.probing_screen import ProbingScreen
from tests.tui.fake_session import FakeSession
from tests.tui.running import BOARD, numbered, running

PROBED = OpenRequest("/dev/ttyUSB0", name="desk board", probe=True)


async def test_a_port_on_the_command_line_is_opened_once_and_without_questions() -> None:
    async with running() as case:
        assert case.session.opened == [BOARD]
        assert case.app.screen is case.screen
        assert "desk board" in case.text()


async def test_without_a_port_the_picker_comes_first() -> None:
    async with running(request=None) as case:
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        assert case.session.opened == []


async def test_a_probe_asks_first_and_cancel_touches_nothing() -> None:
    async with running(request=PROBED) as case:
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        assert case.session.calls == ["open"]
        await case.press("enter")
        await case.until(lambda: "decline" in case.session.calls)
        assert "consent" not in case.session.calls
        assert case.app.screen is case.screen


async def test_a_probe_is_not_asked_about_while_somebody_types() -> None:
    async with running() as case:
        await case.press("i", "a")
        case.session.set(state=State.AWAITING_CONSENT)
        await case.until(lambda: "p asks" in case.text())
        await case.press("y", "enter")
        await case.until(lambda: case.session.sent == [b"ay\r"])
        assert case.session.calls == ["open", "decline"]


async def test_the_probe_runs_with_consent_and_the_header_names_the_chip() -> None:
    async with running(request=PROBED, size=(120, 30)) as case:
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        await case.press("y")
        await case.until(lambda: isinstance(case.app.screen, ProbingScreen))
        case.app._runner.call(case.session.finish_probe)
        await case.until(lambda: case.app.screen is case.screen)
        await case.until(lambda: "ESP32-S3" in case.text())
        await case.feed(numbered(3))
        assert case.rows()[:3] == ["line 0", "line 1", "line 2"]
        assert len(case.session.opened) == 1


async def test_the_bars_stay_whole_after_other_screens_were_there() -> None:
    # The toolkit's progress bar brings style rules for every widget of the name `Bar`.
    async with running(request=PROBED, size=(120, 30)) as case:
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        await case.press("y")
        await case.until(lambda: isinstance(case.app.screen, ProbingScreen))
        case.app._runner.call(case.session.finish_probe)
        await case.until(lambda: case.app.screen is case.screen)
        await case.press("e")
        lines = case.text().split("\n")
        assert "desk board" in lines[0]
        assert lines[0].endswith("115200 Bd B")


async def test_a_failed_probe_returns_to_the_picker_with_the_reason() -> None:
    session = FakeSession()
    session.fail_probe = ("The chip did not answer", "Hold BOOT and try again")
    async with running(request=PROBED, session=session) as case:
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        await case.press("y")
        await case.until(lambda: isinstance(case.app.screen, ProbingScreen))
        case.app._runner.call(session.finish_probe)
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        await case.until(lambda: "The chip did not answer" in case.text())
        assert "Hold BOOT" in case.text()
        assert "Exchange" not in case.text(), "there was none"


async def test_the_exchange_of_a_failed_probe_opens_from_the_list_of_ports() -> None:
    session = FakeSession()
    session.fail_probe = ("The chip did not answer", "")
    async with running(request=PROBED, session=session) as case:
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        await case.press("y")
        await case.until(lambda: isinstance(case.app.screen, ProbingScreen))
        failed = ProbeEvent(0, 1.0, Failure("The chip did not answer"), "> 07 07 12 20\n< nothing")
        session.add_event("probe", failed.title, record=failed)
        case.app._runner.call(session.finish_probe)
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        await case.press("x")
        await case.until(lambda: "07 07 12 20" in case.text(), "the exchange")


async def test_cancelling_a_probe_returns_to_the_picker() -> None:
    async with running(request=PROBED) as case:
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        await case.press("y")
        await case.until(lambda: isinstance(case.app.screen, ProbingScreen))
        await case.press("escape")
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        assert "cancel" in case.session.calls


async def test_a_port_that_cannot_be_opened_shows_why_in_the_picker() -> None:
    session = FakeSession()
    session.fail_open = ("/dev/ttyUSB0 is in use by minicom (pid 42)", "Close it, then try again")
    async with running(session=session) as case:
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        await case.until(lambda: "minicom" in case.text())


async def test_a_probe_from_the_monitor_asks_first() -> None:
    async with running() as case:
        await case.press("p")
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        await case.press("n")
        assert "probe" not in case.session.calls
        await case.press("p")
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        await case.press("y")
        await case.until(lambda: "probe" in case.session.calls)


async def test_a_notice_is_seen_on_every_screen_and_never_read_as_markup() -> None:
    async with running() as case:

        def said(text: str) -> bool:
            return text in case.text()

        for number, key in enumerate(("", "i", "r", "question_mark")):
            if key:
                await case.press(key)
            case.session.notify(f"crash {number} in path[/dev/ttyUSB0]", Severity.ERROR)
            await case.until(partial(said, f"crash {number} in path[/dev/ttyUSB0]"))
            if key == "r":
                await case.press("f2")
            elif key == "i":
                await case.press("escape")


async def test_toasts_are_few_and_low_and_never_twice_the_same() -> None:
    async with running(size=(80, 24)) as case:
        for number in (1, 2, 2, 3, 3, 3):
            case.app.toast(Notice(f"remark {number} of several, each of which is of some length", title="A title"))
        await case.until(lambda: "remark 3" in case.text())
        await case.until(lambda: len(case.app.screen.query(Toast)) == 2)
        toasts = list(case.app.screen.query(Toast))
        assert ["remark 2" in str(toast._notification.message) for toast in toasts] == [True, False]
        assert sum(toast.region.height for toast in toasts) <= 4


async def test_toasts_that_gave_way_give_their_rows_back_to_the_log() -> None:
    async with running(size=(100, 24)) as case:
        height = case.pane.size.height
        for number in range(6):
            case.app.notify(f"remark {number}", timeout=600)
            await case.until(lambda said=f"remark {number}": said in case.text())  # type: ignore[misc]
        await case.until(lambda: len(case.app.screen.query(ToastHolder)) == 2, "the holders of two")
        await case.until(lambda: case.pane.size.height == height - 2, "the rows")


async def test_no_escape_from_the_device_reaches_the_screen() -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e[link=x]boo[/link]"
    async with running(size=(120, 40)) as case:
        await case.feed(evil.encode() + b"\n")
        case.session.set(name=evil, chip=evil, loop=evil)
        case.session.notify(evil, title=evil)
        case.session.add_event("panic", evil, severity=Severity.ERROR, line=0, details=((evil, evil),))
        await case.press("e")
        await case.until(lambda: "boo" in case.text())
        text = case.text().replace("\n", "")
        assert not any(ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 for character in text)
        assert "\u202e" not in text
        assert "[link=x]boo[/link]" in text


async def test_the_header_names_a_lost_port_a_loop_and_the_elf() -> None:
    async with running(size=(120, 30)) as case:
        case.session.set(state=State.LOST, loop="boot loop: 12 resets in 30 s", boot=12, elf=Path("app.elf"))
        await case.until(lambda: "boot loop" in case.text())
        assert "○ lost" in case.text()
        assert "boot 12" in case.text()


async def test_an_error_of_an_action_becomes_a_notice() -> None:
    async with running() as case:

        async def failing() -> None:
            raise RuntimeError("the board took nothing for 5 s")

        case.app.link.ask(failing())
        await case.until(lambda: "took nothing" in case.text())


async def test_help_lists_every_action_with_its_present_key() -> None:
    async with running(size=(120, 80)) as case:
        await case.press("question_mark")
        await case.until(lambda: isinstance(case.app.screen, HelpScreen))
        await case.until(lambda: "Search the log" in case.text())
        rows = [row.strip() for row in case.text().split("\n")]
        assert rows.index("Find") < next(number for number, row in enumerate(rows) if "Search the log" in row)


async def test_the_palette_offers_the_actions() -> None:
    async with running() as case:
        titles = {command.title for command in case.app.get_system_commands(case.screen)}
        assert {"Wrap long lines", "Reset the board", "Filter by level, tag and text"} <= titles
        await case.press("ctrl+p", *"wrap long")
        await case.until(lambda: "Wrap long lines" in case.text())
        await case.press("enter")
        await case.until(lambda: case.pane.drawing.wrap)


async def test_a_session_can_be_made_after_the_first_frame() -> None:
    session = FakeSession()
    session.feed(numbered(3))
    async with running(session=lambda: session, request=None) as case:  # type: ignore[arg-type]
        await case.until(lambda: case.app.link.session is session)
        case.session = session
        await case.feed(b"line 3\n")
        assert case.rows()[:4] == ["line 0", "line 1", "line 2", "line 3"]


async def test_a_picture_that_was_asked_for_is_shown(tmp_path: Path) -> None:
    async with running() as case:
        await case.press("s")
        await case.until(lambda: "screenshot" in case.session.calls)
        path = tmp_path / "picture.png"
        path.write_bytes(b"not really a picture")
        case.session.add_event("png", "Screenshot 320 x 240", path=path)
        await case.until(lambda: "picture.png" in case.text().replace("\n", ""))


async def test_leaving_works_when_the_port_does_not_close(monkeypatch: object) -> None:
    import asyncio

    from espmon.tui import app as module

    session = FakeSession()
    gate = asyncio.Event()

    async def never() -> None:
        await gate.wait()

    session.close = never  # type: ignore[method-assign]
    monkeypatch.setattr(module, "CLOSE_SECONDS", 0.05)  # type: ignore[attr-defined]
    async with running(session=session) as case:
        await case.pilot.press("ctrl+q")
        await case.until(lambda: case.app._exit)


async def test_a_typed_url_that_fails_is_not_lost_and_letters_stay_letters() -> None:
    session = FakeSession()
    session.fail_open = ("/nonexistent cannot be opened", "Check the path")
    async with running(request=None, session=session) as case:
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        await case.press("u", *"/nonexistent", "enter")
        await case.until(lambda: isinstance(case.app.screen, PickerScreen) and "cannot be opened" in case.text())
        await case.press("d")
        assert case.app.screen.query_one("#url", Input).value == "/nonexistentd"


async def test_leaving_without_ever_having_opened_the_port_is_known() -> None:
    session = FakeSession()
    session.fail_open = ("/dev/ttyUSB0 is in use", "")
    async with running(session=session) as case:
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        assert case.app.board.router.never_opened


async def test_a_port_that_was_open_once_counts_as_opened() -> None:
    async with running() as case:
        await case.until(lambda: case.app.status.state is State.MONITORING)
        case.session.set(state=State.OPENING)
        case.session.set(state=State.CLOSED, reason="gone")
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        assert not case.app.board.router.never_opened


async def test_leaving_the_list_when_nothing_was_asked_for_is_no_failure() -> None:
    async with running(request=None) as case:
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        assert not case.app.board.router.never_opened


async def test_the_help_of_the_list_of_ports_begins_with_its_own_keys() -> None:
    async with running(request=None) as case:
        await case.until(lambda: isinstance(case.app.screen, PickerScreen))
        for key in ("question_mark", "f1"):
            await case.press(key)
            await case.until(lambda: isinstance(case.app.screen, HelpScreen) and "On this screen" in case.text())
            rows = case.text()
            assert "Name: Give the board on this port a nickname" in rows
            assert rows.index("On this screen") < rows.index("Type to the board")
            await case.press("escape")
            await case.until(lambda: isinstance(case.app.screen, PickerScreen))
