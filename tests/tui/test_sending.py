"""What is sent from the screen: texts with pauses, files, bytes, and the way to stop."""

from __future__ import annotations

from pathlib import Path

import pytest

from espmon.session.line_rules import ReplyRule
from espmon.session.sent import LocalEcho
from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import TRANSFER_LEASE, Capture, Progress
from espmon.tui import keymap
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.screens.transfer_screen import TransferScreen
from espmon.tui.sending_dialogs import bytes_of
from espmon.tui.widgets.capture_line import CaptureLine
from tests.tui.running import Running, running


async def answer(case: Running, call: str, text: str) -> None:
    """Run an action from the palette, and answer the prompt that it opens."""
    await case.app.monitor.run_from_elsewhere(call)
    await case.until(lambda: isinstance(case.app.screen, TextPrompt) and case.app.screen.query("#entry"))
    case.app.screen.query_one("#entry").value = text  # type: ignore[attr-defined]
    await case.press("enter")


async def test_a_paste_of_several_lines_is_a_text(tmp_path: Path) -> None:
    async with running() as case:
        case.screen.query_one("#input").send(["one", "two"])  # type: ignore[attr-defined]
        await case.until(lambda: case.session.outgoing.texts)
        (text,) = case.session.outgoing.texts
        assert (text.title, text.lines, text.eol) == ("pasted text", (b"one", b"two"), b"\r")


async def test_the_pauses_are_set_from_the_palette() -> None:
    async with running() as case:
        await answer(case, "app.pacing('line')", "0.25")
        await case.until(lambda: case.session.status.pacing.line_delay == 0.25)
        await answer(case, "app.pacing('char')", "0.01")
        await case.until(lambda: case.session.status.pacing.char_delay == 0.01)
        await answer(case, "app.pacing('prompt')", ">>> $")
        await case.until(lambda: case.session.status.pacing.prompt is not None)
        assert case.session.status.pacing.describe() == (
            "0.25 s after each line, 0.01 s after each character, waiting for >>> $"
        )


@pytest.mark.parametrize(("call", "text"), [("app.pacing('line')", "soon"), ("app.pacing('prompt')", "(")])
async def test_what_is_no_pause_is_refused_in_the_prompt(call: str, text: str) -> None:
    async with running() as case:
        before = case.session.status.pacing
        await answer(case, call, text)
        await case.until(lambda: str(case.app.screen.query_one("#problem").render()))
        assert case.session.status.pacing == before


async def test_a_file_is_sent_with_the_line_end_of_the_input_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x\n")
    async with running() as case:
        await answer(case, "app.send('text')", str(tmp_path / "a.txt"))
        await case.until(lambda: "send_file a.txt b'\\r'" in case.session.calls)


async def test_bytes_are_written_in_hex() -> None:
    async with running() as case:
        await answer(case, "app.send('hex')", "48 65 6c")
        await case.until(lambda: case.session.sent == [b"Hel"])


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("48 65 6c", b"Hel"),
        ("0x48, 0x65,6C", b"Hel"),
        ("48656c", b"Hel"),
        (r"\x48\x65", b"He"),
        ("a", b"\n"),
        ("4", b"\x04"),
        ("486", None),
        ("", None),
        ("hello", None),
        ("00" * 5000, None),
    ],
)
def test_hex_is_read_as_people_write_it(text: str, data: bytes | None) -> None:
    assert bytes_of(text) == data


async def test_escape_stops_the_text_that_is_on_its_way() -> None:
    async with running() as case:
        case.session.set(sending=Progress("notes.txt", "3 of 10 lines", 3, 10))
        line = case.screen.query_one(CaptureLine)
        await case.until(lambda: line.has_class("-running"))
        await case.press("i", "x", "enter")
        await case.until(lambda: any("is still being sent" in note.message for note in case.app._notifications))
        assert case.session.sent == []
        await case.press("escape")
        await case.until(lambda: "stop" in case.session.calls)
        await case.until(lambda: not line.has_class("-running"))


async def test_local_echo_has_three_states() -> None:
    async with running() as case:
        seen = []
        for _ in LocalEcho:
            before = case.session.status.local_echo
            seen.append(before)
            await case.app.monitor.run_from_elsewhere("screen.echo")
            await case.until(lambda before=before: case.session.status.local_echo is not before)  # type: ignore[misc]
        assert set(seen) == set(LocalEcho)


async def test_a_transfer_is_shown_and_can_be_cancelled(tmp_path: Path) -> None:
    (tmp_path / "app.bin").write_bytes(b"x")
    async with running() as case:
        await answer(case, "app.send('ymodem')", str(tmp_path / "app.bin"))
        await case.until(lambda: TRANSFER_LEASE in case.session.calls)
        progress = Progress(TRANSFER_LEASE, "app.bin: 512 bytes", 512, 1024)
        case.session.set(state=State.LEASED, lease=TRANSFER_LEASE, progress=progress)
        await case.until(lambda: isinstance(case.app.screen, TransferScreen) and "512 bytes" in case.text())
        case.session.set(state=State.MONITORING, lease=None, progress=None)
        await case.until(lambda: case.app.screen is case.screen)


async def test_received_files_go_into_a_folder_that_is_there(tmp_path: Path) -> None:
    async with running() as case:
        await answer(case, "app.send('receive-ymodem')", str(tmp_path / "none"))
        await case.until(lambda: "no such folder" in case.text())
        case.app.screen.query_one("#entry").value = str(tmp_path)  # type: ignore[attr-defined]
        await case.press("enter")
        await case.until(lambda: TRANSFER_LEASE in case.session.calls)


MACROS = Settings(macros={"heap": "heap", "two": "a\nb"}, macro_keys={"f5": "heap", "f6": "two", "f7": "none"})


async def test_a_macro_is_sent_by_its_key_also_while_typing() -> None:
    async with running(settings=MACROS) as case:
        await case.press("i", "x", "f5")
        await case.until(lambda: case.session.sent == [b"heap\r"])
        await case.press("f6")
        await case.until(lambda: case.session.outgoing.texts)
        assert (case.session.outgoing.texts[0].title, case.session.outgoing.texts[0].lines) == ("two", (b"a", b"b"))
        await case.press("f7")
        assert case.screen.query_one("#input").value == "x"  # type: ignore[attr-defined]


async def test_macros_are_in_the_palette() -> None:
    async with running(settings=MACROS) as case:
        (command,) = [one for one in case.app.get_system_commands(case.screen) if one.title == "Send heap"]
        await command.callback()
        await case.until(lambda: case.session.sent == [b"heap\r"])


async def test_replies_are_switched_off_and_on_in_the_palette() -> None:
    async with running(settings=Settings(replies=(ReplyRule("login", "login: $", "root"),))) as case:
        (command,) = [one for one in case.app.get_system_commands(case.screen) if one.title.startswith("Replies")]
        await command.callback()
        await case.until(lambda: not case.session.status.replies and not case.app.monitor.status.replies)
        await command.callback()
        await case.until(lambda: case.session.status.replies)


async def test_without_replies_the_palette_says_so() -> None:
    async with running() as case:
        await case.app.monitor.run_from_elsewhere("screen.replies")
        await case.until(lambda: any("No replies" in note.message for note in case.app._notifications))
        assert case.session.status.replies


async def test_a_macro_waits_for_no_payload() -> None:
    async with running(settings=MACROS) as case:
        case.session.set(capture=Capture("png", 1, None, 0, 0.0))
        await case.press("f5")
        await case.until(lambda: any("not free" in note.message for note in case.app._notifications))
        assert case.session.sent == []


def test_a_key_that_is_none_and_a_macro_that_is_none_are_said() -> None:
    keys = {"f5": "heap", "f6": "none", "no such key": "heap"}
    settings, problems = keymap.checked(Settings(macros={"heap": "heap"}, macro_keys=keys), "f")
    assert settings.macro_keys == {"f5": "heap"}
    assert problems == [
        "f: [macro_keys] 'f6': there is no macro 'none'; ignored",
        "f: [macro_keys] 'no such key': it is no key; ignored",
    ]
