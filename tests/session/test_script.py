"""Scripts: what is read of them, what is wrong with them, and what `expect` finds."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from espmon.records import Demultiplexer
from espmon.session.look_back import MAX_LINES, LookBack
from espmon.session.script import COMMANDS, Consent, ScriptError, Step, parse_script
from espmon.user_pattern import UserPattern

IDF_MONITOR = (
    "# of the documentation of idf.py monitor\n\n"
    "reset\nflash\nflash-all\napp-flash\noutput\nlog\ntimestamps\nbootloader\n"
    "send  two spaces \nsleep 0.5\nexpect ALL TESTS PASSED\nexpect --timeout 10 Hello (world|there)\nEXIT\n"
)


def problems(text: str) -> list[str]:
    with pytest.raises(ScriptError) as caught:
        parse_script(text.encode(), "x.txt")
    return caught.value.problems


def test_every_command_of_idf_monitor_is_known() -> None:
    steps = parse_script(IDF_MONITOR.encode(), "x.txt")
    assert [step.command for step in steps] == [
        "reset", "flash", "flash-all", "app-flash", "output", "log", "timestamps", "bootloader", "send", "sleep",
        "expect", "expect", "exit",
    ]  # fmt: skip
    assert [step.line for step in steps] == list(range(3, 16))
    assert steps[8].text == " two spaces "
    assert steps[9].seconds == 0.5
    assert (steps[10].seconds, steps[11].seconds) == (None, 10.0)
    assert steps[11].pattern is not None
    assert steps[11].pattern.name == "Hello (world|there)"


def test_line_ends_of_windows_and_a_byte_order_mark_do_not_matter() -> None:
    assert parse_script(b"\xef\xbb\xbfreset\r\nsend a\r\n", "x.txt") == [Step(1, "reset"), Step(2, "send", "a")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("resett", "unknown command `resett`"),
        ("reset now", "takes nothing"),
        ("sleep long", "no number of seconds"),
        ("sleep -1", "no number of seconds"),
        ("sleep inf", "no number of seconds"),
        ("expect", "needs a regular expression"),
        ("expect (", "Not a regular expression"),
        ("expect --timeout 5", "needs the seconds and a regular expression"),
        ("expect --timeout x y", "no number of seconds"),
        ("expect --timeout 0 y", "no number of seconds"),
        ("mark ", "needs a text"),
    ],
)
def test_a_mistake_names_file_line_and_what_is_wrong(line: str, words: str) -> None:
    (problem,) = problems(f"# first\n{line}\n")
    assert problem.startswith("x.txt:2: ")
    assert words in problem


def test_all_mistakes_are_named_at_once() -> None:
    assert [problem.split(": ")[0] for problem in problems("one\nreset\ntwo\n")] == ["x.txt:1", "x.txt:3"]


def test_a_script_that_is_no_text_says_where() -> None:
    with pytest.raises(ScriptError, match=r"x\.txt:2: not UTF-8"):
        parse_script(b"reset\n\xff\n", "x.txt")


def test_what_a_mistake_quotes_acts_in_no_terminal() -> None:
    assert "\x1b" not in problems("\x1b[2Jreset\n")[0]


def test_what_resets_or_writes_needs_consent() -> None:
    asking = {name for name, command in COMMANDS.items() if command.consent is not Consent.NOTHING}
    assert asking == {"reset", "bootloader", "flash", "flash-all", "app-flash", "probe", "coredump"}


def test_the_readme_names_every_command() -> None:
    text = (Path(__file__).resolve().parents[2] / "README.md").read_text("utf-8")
    section = text.partition("\n## Scripts\n")[2].partition("\n## ")[0]
    assert [name for name in COMMANDS if not re.search(rf"`{name}[ `]", section)] == []


# -- expect ---------------------------------------------------------------------------------------------------------


class Said:
    """A board that says something, cut as given."""

    def __init__(self) -> None:
        self.look_back = LookBack()
        self._demux = Demultiplexer()

    def say(self, data: bytes) -> None:
        for part in self._demux.feed(data).parts:
            self.look_back.take("board", part)
        if self._demux.unfinished is not None:
            self.look_back.unfinished("board", self._demux.unfinished)

    def expect(self, expression: str) -> bool:
        return self.look_back.expect(UserPattern(expression, expression))


def test_a_line_that_came_before_it_was_expected_is_found_once() -> None:
    board = Said()
    board.say(b"one\ntwo\nthree\n")
    assert board.expect("two")
    assert not board.expect("two")
    board.say(b"two\n")
    assert not board.look_back.waits


def test_what_stands_before_a_match_is_used_up_with_it() -> None:
    board = Said()
    board.say(b"one\ntwo\nthree\n")
    assert board.expect("three")
    assert not board.expect("one")


def test_a_prompt_is_found_before_its_line_ends_and_not_again_when_it_does() -> None:
    board = Said()
    assert not board.expect("esp> ")
    board.say(b"esp> ")
    assert not board.look_back.waits
    assert not board.expect("esp> ")
    board.say(b"heap\nesp> ")
    assert not board.look_back.waits
    board.say(b"x\n")
    assert not board.expect("heap")


def test_one_line_meets_two_expectations_with_two_places() -> None:
    board = Said()
    board.say(b"beat beat\n")
    assert board.expect("beat")
    assert board.expect("beat")
    assert not board.expect("beat")


def test_old_lines_are_forgotten() -> None:
    board = Said()
    board.say(b"first\n" + b"x\n" * MAX_LINES)
    assert not board.expect("first")
