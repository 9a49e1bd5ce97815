"""Typing to the board: the input line, raw keys, the menu, Ctrl-C, leaving."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual import events

from espmon.session.settings import Settings
from espmon.session.state import State
from espmon.session.status import Capture
from espmon.tui import actions
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.widgets.input_line import InputLine
from espmon.tui.widgets.key_catcher import key_bytes
from espmon.tui.widgets.line_history import History, history_of
from tests.tui.running import BOARD, Running, numbered, running


async def test_a_line_is_sent_with_the_chosen_end() -> None:
    async with running() as case:
        await case.press("i", *"help", "enter")
        await case.press("ctrl+o", *"a", "enter")
        await case.press("ctrl+o", *"b", "enter")
        await case.until(lambda: len(case.session.sent) == 3)
        assert case.session.sent == [b"help\r", b"a\n", b"b\r\n"]


async def test_sending_a_line_goes_back_to_following() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.press("g")
        assert not case.pane.follow
        await case.press("i", "a")
        assert not case.pane.follow
        await case.press("enter")
        await case.until(lambda: case.pane.follow)
        await case.until(lambda: "line 99" in case.rows())


async def test_no_single_key_resets_the_board() -> None:
    async with running() as case:
        await case.press("ctrl+r", "x")
        assert case.session.calls == ["open"]
        assert ("Ctrl-T R", "Reset the board") in [row[:2] for row in actions.help_rows()]


@pytest.mark.parametrize("width", [80, 120])
@pytest.mark.parametrize(
    ("keys", "wanted", "unwanted"),
    [
        ((), ("? Help", "i Input", "/ Search", "Ctrl-] Quit"), ()),
        (("i",), ("F1 Help", "Ctrl-] Quit"), ("? Help",)),
        (("slash",), ("F1 Help", "Ctrl-] Quit"), ("? Help",)),
        (("f",), ("F1 Help", "Ctrl-] Quit"), ("? Help",)),
        (("r",), ("Ctrl-T Menu", "Ctrl-] Quit"), ("Help",)),
        (("e",), ("To the line", "o Open", "? Help", "Ctrl-T Menu", "Ctrl-] Quit"), ("/ Search",)),
    ],
)
async def test_the_footer_shows_the_way_out_and_no_character_as_a_key(
    keys: tuple[str, ...], wanted: tuple[str, ...], unwanted: tuple[str, ...], width: int
) -> None:
    async with running(size=(width, 24)) as case:
        await case.press(*keys)
        footer = case.text().split("\n")[-1]
        for part in wanted:
            assert part in footer
        for part in unwanted:
            assert part not in footer


def file_of(folder: Path, device: str) -> Path:
    path = history_of(folder, device).path
    assert path is not None
    return path


async def test_the_settings_choose_the_first_line_end() -> None:
    async with running(settings=Settings(eol="CRLF")) as case:
        await case.press("i", "x", "enter")
        await case.until(lambda: case.session.sent)
        assert case.session.sent == [b"x\r\n"]


async def test_up_and_down_walk_the_lines_typed_before(tmp_path: Path) -> None:
    folder = tmp_path / "folder" / "history"
    history = file_of(folder, BOARD.url)
    async with running(history=folder) as case:
        await case.press("i", *"one", "enter", *"two", "enter", *"dra")
        await case.press("up", "up")
        line = case.screen.query_one("#input")
        assert line.value == "one"  # type: ignore[attr-defined]
        await case.press("down", "down")
        assert line.value == "dra"  # type: ignore[attr-defined]
        await case.until(history.exists)
        await case.until(lambda: history.read_text() == "one\ntwo\n")


def test_history_is_read_again_bounded_and_without_repeats(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("".join(f"command {number}\n" for number in range(2000)))
    history = History(path)
    history.take(history.read())
    assert history.step(-1, "") == "command 1999"
    history.add("x")
    history.add("x")
    history.add("y" * 10_000)
    assert history.lines[-2:] == ["command 1999", "x"]
    assert len(history.lines) == 500


def test_lines_typed_before_the_history_was_read_come_after_it(tmp_path: Path) -> None:
    path = tmp_path / "history"
    path.write_text("old\n")
    history = History(path)
    assert not history.add("new"), "writing now would lose the old lines"
    assert history.step(-1, "") == "new"
    history.take(history.read())
    assert history.step(-1, "") == "old"
    history.write()
    assert path.read_text() == "old\nnew\n"


async def test_the_lines_of_earlier_sessions_are_there(tmp_path: Path) -> None:
    file_of(tmp_path, BOARD.url).write_text("yesterday\n")
    file_of(tmp_path, "/dev/other").write_text("to another board\n")
    async with running(history=tmp_path) as case:
        field = case.screen.query_one(InputLine)
        await case.until(lambda: field.history.lines == ["yesterday"])
        await case.press("i", "up")
        assert field.value == "yesterday"
        case.session.set(device="/dev/other")
        await case.until(lambda: field.history.lines == ["to another board"])


def test_two_boards_whose_names_clean_to_the_same_have_two_files(tmp_path: Path) -> None:
    assert file_of(tmp_path, "serial:a/b") != file_of(tmp_path, "serial:a-b")
    assert file_of(tmp_path, "../../etc/passwd").parent == tmp_path


def test_files_of_boards_not_typed_to_for_long_go(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("espmon.tui.widgets.line_history.MAX_BOARDS", 3)
    for number in range(5):
        path = file_of(tmp_path, f"/dev/board{number}")
        path.write_text("x\n")
        os.utime(path, (number, number))
    history = history_of(tmp_path, "/dev/new")
    history.take(history.read())
    assert history.add("a")
    history.write()
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {file_of(tmp_path, f"/dev/{board}").name for board in ("board3", "board4", "new")}


def test_a_history_that_cannot_be_written_does_not_disturb(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    history = History(blocked / "history")
    history.take(history.read())
    assert history.add("a")
    history.write()
    assert blocked.read_text() == ""


async def test_escape_comes_back_from_the_input_line() -> None:
    async with running() as case:
        await case.press("i", "x", "escape")
        assert case.screen.mode == "LOG"
        assert case.screen.focused is case.pane


async def test_raw_keys_send_every_key_as_a_terminal_would() -> None:
    async with running() as case:
        await case.press("r")
        assert "RAW KEYS" in case.text()
        await case.press("n", "slash", "enter", "up", "tab", "escape", "backspace", "ctrl+a", "q")
        await case.until(lambda: len(case.session.sent) == 9)
        assert b"".join(case.session.sent) == b"n/\r\x1b[A\t\x1b\x7f\x01q"


async def test_the_footer_offers_only_what_works_while_keys_go_to_the_board() -> None:
    async with running() as case:
        await case.press("r")
        footer = case.text().split("\n")[-1]
        assert "Menu" in footer
        assert "Search" not in footer
        await case.press("ctrl+t", "r")
        await case.until(lambda: "reset" in case.session.calls)
        await case.press("ctrl+t", "escape")
        assert "Search" in case.text().split("\n")[-1]


@pytest.mark.parametrize("way", [("ctrl+t", "escape"), ("ctrl+t", "k")])
async def test_raw_mode_has_ways_out(way: tuple[str, ...]) -> None:
    async with running() as case:
        await case.press("r")
        assert case.screen.mode == "RAW"
        await case.press(*way)
        assert case.screen.mode == "LOG"
        assert case.screen.focused is case.pane
        assert case.session.sent == []


async def test_ctrl_c_goes_to_the_board_in_every_mode() -> None:
    async with running() as case:
        await case.press("ctrl+c", "r", "ctrl+c", "ctrl+t", "escape", "i", "ctrl+c")
        await case.until(lambda: len(case.session.sent) == 3)
        assert case.session.sent == [b"\x03"] * 3


async def test_among_raw_keys_all_but_two_go_to_the_board() -> None:
    async with running() as case:
        await case.press("r", "f2", "ctrl+q", "ctrl+p", "f5", "f12", "escape", "delete")
        await case.until(lambda: len(case.session.sent) == 7)
        assert b"".join(case.session.sent) == b"\x1bOQ\x11\x10\x1b[15~\x1b[24~\x1b\x1b[3~"
        assert case.screen.mode == "RAW"


async def test_ctrl_c_copies_a_selection_instead() -> None:
    async with running() as case:
        await case.feed(b"some text\n")
        await case.pilot.mouse_down(case.pane, offset=(0, 0))
        await case.pilot.hover(case.pane, offset=(3, 0))
        await case.pilot.mouse_up(case.pane, offset=(3, 0))
        await case.press("ctrl+c")
        assert case.app.clipboard == "some"
        assert case.session.sent == []


@pytest.mark.parametrize(
    ("key", "before"),
    [
        *((key, before) for key in ("ctrl+right_square_bracket", "ctrl+q") for before in ((), ("i",), ("slash",))),
        ("ctrl+right_square_bracket", ("r",)),
    ],
)
async def test_both_exit_keys_leave_from_everywhere(key: str, before: tuple[str, ...]) -> None:
    async with running() as case:
        await case.press(*before)
        await case.pilot.press(key)
        await case.until(lambda: case.app._exit)
    assert case.session.calls[-1] == "close"


async def test_the_menu_shows_its_keys_and_any_key_closes_it() -> None:
    async with running() as case:
        await case.press("ctrl+t")
        text = case.text()
        for word in ("Ctrl-T", "reset", "bootloader", "flash", "app-flash", "output", "log file", "times", "quit"):
            assert word in text
        await case.press("z")
        assert not case.screen.in_menu
        assert case.screen.focused is case.pane


@pytest.mark.parametrize("key", ["r", "R", "ctrl+r"])
async def test_menu_reset(key: str) -> None:
    async with running() as case:
        await case.press("ctrl+t", key)
        await case.until(lambda: "reset" in case.session.calls)


@pytest.mark.parametrize("key", ["p", "P", "ctrl+p"])
async def test_menu_bootloader(key: str) -> None:
    async with running() as case:
        await case.press("ctrl+t", key)
        await case.until(lambda: "Reset desk board into its loader?" in case.text())
        assert "reset_to_loader" not in case.session.calls
        await case.press("y")
        await case.until(lambda: "reset_to_loader" in case.session.calls)


async def test_a_reset_into_the_loader_that_is_not_wished_does_nothing() -> None:
    async with running() as case:
        await case.press("ctrl+t", "p")
        await case.until(lambda: "Reset desk board into its loader?" in case.text())
        await case.press("escape")
        await case.until(lambda: case.app.screen is case.screen)
        assert "reset_to_loader" not in case.session.calls


async def test_menu_key_twice_and_exit_key_send_themselves() -> None:
    async with running() as case:
        await case.press("ctrl+t", "ctrl+t", "ctrl+t", "ctrl+right_square_bracket")
        await case.until(lambda: len(case.session.sent) == 2)
        assert case.session.sent == [b"\x14", b"\x1d"]
        assert not case.app._exit


async def test_menu_output_off_holds_the_screen_and_loses_nothing() -> None:
    async with running() as case:
        await case.feed(b"shown\n")
        await case.press("ctrl+t", "y")
        case.session.feed(b"hidden\n")
        await case.until(lambda: "output off, 1 hidden" in case.text())
        assert "hidden" not in case.rows()
        assert "following" not in case.text()
        await case.press("ctrl+t", "y")
        assert case.rows()[:2] == ["shown", "hidden"]


async def test_menu_times_on_and_off() -> None:
    async with running() as case:
        await case.feed(b"x\n")
        await case.press("ctrl+t", "i")
        assert case.rows()[0].endswith(" x")
        await case.press("ctrl+t", "i")
        assert case.rows()[0] == "x"


async def test_menu_log_file_on_and_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with running() as case:
        await case.press("ctrl+t", "l")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt))
        await case.until(lambda: "log.desk-board." in case.text())
        await case.press("enter")
        await case.until(lambda: case.session.calls[-1:] == ["set_log"])
        await case.press("ctrl+t", "l")
        await case.until(lambda: case.session.calls[-2:] == ["set_log", "set_log off"])


async def test_menu_quits_with_x() -> None:
    async with running() as case:
        await case.pilot.press("ctrl+t", "x")
        await case.until(lambda: case.app._exit)


async def test_the_menu_works_from_the_input_line_and_goes_back_to_it() -> None:
    async with running() as case:
        await case.press("i", "a", "ctrl+t", "i", "b", "enter")
        await case.until(lambda: case.session.sent)
        assert case.session.sent == [b"ab\r"]


async def test_keys_can_be_remapped_in_the_settings() -> None:
    settings = Settings(menu_key="ctrl+y", keymap={"log.follow": "ctrl+g"})
    async with running(settings=settings) as case:
        await case.press("ctrl+g")
        assert not case.pane.follow
        await case.press("ctrl+y")
        assert case.screen.in_menu


async def test_an_action_without_a_key_of_its_own_gets_one_in_the_settings() -> None:
    async with running(settings=Settings(keymap={"board.reset": "R,f9", "log.follow": "ctrl+g"})) as case:
        await case.press("R")
        await case.until(lambda: case.session.calls.count("reset") == 1)
        await case.press("f9")
        await case.until(lambda: case.session.calls.count("reset") == 2)
        await case.press("i", "R", "escape")
        assert case.session.calls.count("reset") == 2, "typed, not meant"
        assert "R, F9, Ctrl-T R Reset the board" in help_text(case)


def help_text(case: Running) -> str:
    rows = actions.help_rows(case.app.chosen_keys)
    return "\n".join(f"{keys} {title}" for keys, title, _, _ in rows)


async def test_nothing_is_sent_while_no_port_is_open() -> None:
    async with running() as case:
        case.session.set(state=State.CLOSED)
        await case.press("i", "x", "enter")
        await case.until(lambda: "No port is open" in case.text())
        assert case.session.sent == []


async def test_a_capture_shows_its_progress_and_ends_at_the_users_wish() -> None:
    async with running() as case:
        case.session.set(capture=Capture("coredump", 12_345, None, 250, 2.5))
        await case.until(lambda: "core dump" in case.text())
        assert "12.3 kB · 250 lines · 2.5 s" in case.text()
        await case.press("a")
        await case.until(lambda: "abort_capture" in case.session.calls)
        await case.until(lambda: "core dump" not in case.text())


def test_each_action_has_a_name_and_a_title_and_ids_are_unique() -> None:
    ids = [action.id for action in actions.ACTIONS]
    assert len(set(ids)) == len(ids)
    assert all(action.title and action.label for action in actions.ACTIONS)


def test_no_key_means_two_things() -> None:
    keys = [key for action in actions.ACTIONS for key in action.keys.split(",") if key]
    assert sorted(keys) == sorted(set(keys))
    menu = [key for entry in actions.MENU for key in entry.keys]
    assert sorted(menu) == sorted(set(menu))


def test_keys_without_bytes_send_nothing() -> None:
    assert key_bytes("f20", None) == b""
    assert key_bytes("ü", "ü") == "ü".encode()


async def test_pasted_lines_stand_in_the_line_and_are_all_sent_in_order() -> None:
    async with running() as case:
        await case.press("i", *"AT")
        case.app.post_message(events.Paste("+ONE\nAT+TWO\r\nAT+THREE\n"))
        await case.until(lambda: case.screen.query_one(InputLine).value == "AT+ONE↵AT+TWO↵AT+THREE")
        assert case.session.sent == []
        await case.press("enter")
        await case.until(lambda: b"".join(case.session.sent) == b"AT+ONE\rAT+TWO\rAT+THREE\r")


@pytest.mark.parametrize(("key", "sent"), [("y", 21), ("n", 0)])
async def test_more_pasted_lines_than_can_be_read_are_asked_about(key: str, sent: int) -> None:
    async with running() as case:
        await case.press("i")
        case.app.post_message(events.Paste("\n".join(f"line {number}" for number in range(21))))
        await case.until(lambda: "Send 21 pasted lines?" in case.text())
        await case.press(key)
        await case.until(lambda: case.app.screen is case.screen)
        await case.until(lambda: b"".join(case.session.sent).count(b"\r") == sent)
        assert b"".join(case.session.sent) == b"".join(b"line %d\r" % number for number in range(sent))


async def test_text_pasted_into_the_log_is_said_not_to_be_sent() -> None:
    async with running() as case:
        case.app.post_message(events.Paste("AT\n"))
        await case.until(lambda: any("from the input line" in toast.message for toast in case.app._notifications))
        assert case.session.sent == []


async def test_f2_turns_raw_keys_on_from_the_input_line_and_the_menu_key_with_escape_off() -> None:
    async with running() as case:
        await case.press("i", *"half", "f2", "x")
        await case.until(lambda: case.session.sent == [b"x"])
        await case.press("ctrl+t", "escape")
        assert case.screen.mode == "INPUT"
        assert case.screen.query_one(InputLine).value == "half"


async def test_alt_and_a_letter_are_no_text_for_the_board() -> None:
    async with running() as case:
        await case.press("i", "a")
        case.app.post_message(events.Key("alt+c", "c"))
        await case.press("b")
        assert case.screen.query_one(InputLine).value == "ab"


async def test_raw_keys_lead_back_to_the_field_that_was_typed_in() -> None:
    async with running() as case:
        await case.press("i", *"half", "f2", "ctrl+t", "escape", *" typed")
        assert case.screen.mode == "INPUT"
        assert case.screen.query_one(InputLine).value == "half typed"


async def test_alt_and_a_letter_go_out_as_raw_keys_as_a_terminal_sends_them() -> None:
    assert key_bytes("alt+c", "c") == b"\x1bc"
    assert key_bytes("alt+shift+c", "C") == b"\x1bC"


async def test_a_line_for_a_port_that_is_gone_stays_in_the_field_until_it_can_be_sent() -> None:
    async with running(size=(120, 40)) as case:
        case.session.set(state=State.LOST, waiting=True)
        await case.until(lambda: "○ lost, waiting for it" in case.text())
        await case.press("i", *"help", "enter")
        await case.until(lambda: "Not sent: the port is lost" in case.text())
        assert case.session.sent == []
        case.session.set(state=State.MONITORING, waiting=False)
        await case.press("enter")
        await case.until(lambda: case.session.sent == [b"help\r"])


async def test_a_log_file_is_seen_in_the_status_bar(tmp_path: Path) -> None:
    async with running(size=(80, 24)) as case:
        case.session.set(recording=tmp_path, log=tmp_path / "log.txt")
        await case.until(lambda: "● rec  ● log" in case.text())
