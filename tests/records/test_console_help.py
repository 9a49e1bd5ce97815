"""What `help` of a console lists, in the layouts of ESP-IDF before and after 5.1, and in none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from espmon.records.capabilities import MAX_COMMANDS, MAX_HELP, Command
from espmon.records.console_help import help_commands
from espmon.text import plain

OLD = """\
help 
  Print the list of registered commands

heap 
  Get minimum size of free heap memory that was available during program execu
  tion

wifi_join  [--timeout=<t>] <ssid> [<pass>]
  Join an access point
  --timeout=<t>  Connection timeout, ms
        <ssid>  SSID of AP
        <pass>  PSK of AP

"""  # noqa: W291
NEW = """\
help  [<string>] [-v <0|1>]
  Print the summary of all registered commands if no arguments are given,
  otherwise print summary of given command.
      <string>  Name of command
  -v, --verbose=<0|1>  If specified, list console commands with given verbose level

restart
  Software reset of the chip

led  on|off
  -

"""
BRIEF = "help [<string>] [-v <0|1>]\nrestart\nled <on|off>\n"
COLUMNS = "help         this list\nstorm        storm N: the same panic N times\n@ESPCAPS?    what it can send\n"


def test_old_layout() -> None:
    assert help_commands(OLD.splitlines()) == (
        Command("help", "Print the list of registered commands"),
        Command("heap", "Get minimum size of free heap memory that was available during program execu tion"),
        Command("wifi_join", "Join an access point", "[--timeout=<t>] <ssid> [<pass>]"),
    )


def test_new_layout() -> None:
    found = help_commands(NEW.splitlines())
    assert [command.line for command in found] == ["help", "restart", "led"]
    assert found[0].hint == "[<string>] [-v <0|1>]"
    assert found[0].help.endswith("otherwise print summary of given command.")
    assert found[2] == Command("led", "", "on|off")


def test_brief_layout() -> None:
    assert help_commands(BRIEF.splitlines()) == (
        Command("help", "", "[<string>] [-v <0|1>]"),
        Command("restart", ""),
        Command("led", "", "<on|off>"),
    )


def test_columns() -> None:
    assert help_commands(COLUMNS.splitlines())[1:] == (
        Command("storm", "storm N: the same panic N times"),
        Command("@ESPCAPS?", "what it can send"),
    )


@pytest.mark.parametrize("text", ["", "Unrecognized command\n", "the quick brown fox\n  jumps\n", "quit\n  Leave\n"])
def test_what_does_not_list_help_is_no_list(text: str) -> None:
    assert help_commands(text.splitlines()) == ()


def test_a_million_commands_are_bounded() -> None:
    lines = ["help"] + [f"c{index}" for index in range(1_000_000)]
    assert len(help_commands(lines)) == MAX_COMMANDS
    (shown,) = help_commands(["help", "  " + "x" * 100_000])
    assert len(shown.help) == MAX_HELP


def test_nothing_in_a_list_reaches_the_terminal_or_ends_a_line() -> None:
    found = help_commands(["help", "  \x1b[2J[red]", "rm\x1b[31m", "a\rb", "ok"])
    assert [command.line for command in found] == ["help"]
    assert found[0].help == "␛[2J[red]"


@settings(deadline=None)
@given(st.lists(st.text(max_size=90), max_size=60))
def test_nothing_is_raised_and_all_of_it_can_be_sent(lines: list[str]) -> None:
    for command in help_commands(["help", *lines]):
        assert command.line.isascii()
        assert command.line.isprintable()
        assert plain(command.help + command.hint) == command.help + command.hint
