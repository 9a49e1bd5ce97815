"""The installed `espmon` as a user meets it: in a real terminal, on a board that is a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.terminal import ESPMON, LIMIT, Board, Terminal, board, have_tmux, terminal, until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not have_tmux(), reason="tmux is not installed: no terminal to run the program in"),
]


@pytest.fixture
def window(tmp_path: Path) -> Iterator[Terminal]:
    with terminal(tmp_path) as made:
        yield made


@pytest.fixture
def device(tmp_path: Path) -> Iterator[Board]:
    with board(tmp_path) as made:
        yield made


BEHIND = 0.1
"""Seconds that the recording may be behind the board."""


def gone(pid: int) -> bool:
    return not Path(f"/proc/{pid}").exists()


def children(pid: int) -> list[str]:
    return [
        child
        for task in Path(f"/proc/{pid}/task").iterdir()
        for child in (task / "children").read_text("ascii").split()
    ]


def test_the_first_command_of_the_readme_opens_on_the_simulated_board(window: Terminal) -> None:
    window.start("demo")
    window.shows("Simulated ESP32-C3", "● open", "Probe Simulated ESP32-C3?", "Cancel")
    window.press("n")
    window.hides("Cancel")
    window.shows("esp>", "following")


def test_enter_on_the_question_cancels_and_the_board_is_not_touched(window: Terminal, device: Board) -> None:
    window.start(device.url, "--probe")
    window.shows("Cancel", "Probe (y)", "● open")
    window.press("Enter")
    window.hides("Probe (y)")
    window.shows("esp>", "following")
    assert [event["mode"] for event in device.events("mode")] == ["application"]
    assert [event for event in device.events("lines") if event["dtr"] != event["rts"]] == []


def test_y_probes_the_header_shows_the_chip_and_the_log_goes_on(window: Terminal, device: Board) -> None:
    window.start(device.url, "--probe")
    window.shows("Probe (y)", "esp>")
    window.press("y")
    window.hides("Probe (y)")
    window.shows("● open  ESP32-C3", "esp>")
    assert [event["mode"] for event in device.events("mode")] == ["application", "loader", "application"]
    assert len(device.events("connect")) == 1
    window.press("i")
    window.type("help")
    window.shows("software restart")


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        ("screenshot", ("Screenshot 240x135",)),
        ("coredump", ("Core dump", "checksum ok")),
        ("gdbstub", ("gdb stub waits", "waits in its debug stub")),
    ],
)
def test_what_a_console_command_makes_the_board_send_shows_up(
    window: Terminal, command: str, seen: tuple[str, ...]
) -> None:
    window.start("demo", "--no-probe")
    window.shows("esp>", "ELF ✓")
    window.press("i")
    window.type(command)
    window.shows(*seen)


def test_a_panic_is_in_the_inspector(window: Terminal) -> None:
    window.start("demo", "--no-probe")
    window.shows("esp>", "ELF ✓")
    window.press("i")
    window.type("panic")
    window.shows("boot 2", "esp>")
    window.press("Escape")
    window.shows("LOG   following")  # or the terminal would take the next key for Alt and a letter
    window.press("e")
    window.shows("Panic: Core 0")


@pytest.mark.parametrize("key", ["C-]", "C-q"])
def test_leaving_returns_the_terminal_as_it_was_and_exit_code_0(window: Terminal, device: Board, key: str) -> None:
    before = window.stty()
    window.start(device.url)
    window.shows("esp>")
    window.press(key)
    window.shows("left with 0")
    assert window.stty() == before
    assert window.format("#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_flag}") == "0 1 0 0"


def test_leaving_the_list_when_the_port_could_not_be_opened_is_exit_code_3(window: Terminal) -> None:
    window.start("/nonexistent")
    window.shows("/nonexistent", "choose a port")
    window.press("Escape")
    window.shows("left with 3")


def test_alt_keys_of_the_search_work_as_the_terminal_sends_them(window: Terminal, device: Board) -> None:
    window.start(device.url)
    window.shows("wifi")
    window.press("/", "w", "i", ".", "i")
    window.shows("/ wi.i ", "  0 lines")
    window.press("M-r")
    window.hides("  0 lines")
    window.shows("/ wi.i ")


def test_an_alt_key_soon_after_another_key_is_not_kept_back(window: Terminal, device: Board) -> None:
    window.start(device.url)
    window.shows("wifi")
    window.press("/", "w", "i", ".", "i")
    time.sleep(0.05)  # within the time that an unfinished sequence is given, counted from the first key
    window.press("M-r")
    window.shows("/ wi.i ")
    window.hides("  0 lines")


@pytest.mark.parametrize("key", ["C-]", "C-q"])
def test_leaving_works_while_a_question_is_asked(window: Terminal, device: Board, key: str) -> None:
    window.start(device.url, "--probe")
    window.shows("Probe (y)")
    window.press(key)
    window.shows("left with 0")


def test_every_size_shows_header_log_and_input(window: Terminal, device: Board) -> None:
    window.start(device.url)
    window.shows("esp>", "● open")
    for columns, rows in ((80, 24), (120, 40), (80, 24), (40, 10), (120, 40)):
        window.resize(columns, rows)

        def fits(columns: int = columns, rows: int = rows) -> bool:
            lines = window.screen().rstrip("\n").split("\n")
            return (
                len(lines) == rows
                and "● open" in lines[0]
                and lines[-3].startswith(" › ")
                and max(len(line) for line in lines) <= columns
                and "LOG" in lines[-2]
            )

        until(fits, window.screen)


def test_an_unplugged_board_is_lost_and_found_again(window: Terminal, device: Board) -> None:
    window.start(device.url)
    window.shows("esp>", "● open")
    device.unplug()
    window.shows("○ lost", "port lost")
    device.plug()
    window.shows("● open", "esp>")
    window.press("i")
    window.type("help")
    window.shows("software restart")
    links = [event for event in window.sidecar() if event.get("type") == "link"]
    assert [link["state"] for link in links] == ["opened", "lost", "reopened"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_program_with_its_recording_complete(
    window: Terminal, device: Board, number: signal.Signals
) -> None:
    before = window.stty()
    window.start(device.url)
    window.shows("esp>", "● rec")
    assert children(window.pid) == []
    window.press("i")
    window.type("flood 200000")
    until(lambda: len(window.recorded()) > 1_000_000, lambda: "no flood")
    os.kill(window.pid, number)
    window.shows(f"left with {128 + number}")
    assert gone(window.pid)
    closed, end = window.sidecar()[-2:]
    assert (closed.get("trigger"), end["event"]) == ("close", "end")
    assert window.stty() == before
    assert window.format("#{alternate_on} #{cursor_flag} #{mouse_any_flag} #{keypad_flag}") == "0 1 0 0"


def test_a_window_that_is_closed_ends_the_program(tmp_path: Path, device: Board) -> None:
    with terminal(tmp_path) as window:
        window.start(device.url)
        window.shows("esp>", "● rec")
        pid = window.pid
    until(lambda: gone(pid), lambda: f"process {pid} lives without a terminal", LIMIT)
    closed, end = window.sidecar()[-2:]
    assert (closed.get("trigger"), end["event"]) == ("close", "end")


def test_a_program_that_is_killed_leaves_a_recording_that_is_hardly_behind(window: Terminal) -> None:
    """What was read more than a tenth of a second before is on disk, whatever happens to the program."""
    master, slave = os.openpty()
    tty.setraw(slave)
    sent: list[tuple[float, int]] = []
    stopped = threading.Event()

    def send() -> None:
        total = 0
        while not stopped.wait(0.005):
            total += os.write(master, f"{total:015d}\n".encode() * 16)
            sent.append((time.monotonic(), total))

    sender = threading.Thread(target=send, daemon=True)
    try:
        window.start(os.ttyname(slave))
        window.shows("following", "● rec")
        sender.start()
        until(lambda: len(window.recorded()) > 50_000, lambda: "nothing is recorded")
        os.kill(window.pid, signal.SIGKILL)
        killed = time.monotonic()
        window.shows("left with 137")
    finally:
        stopped.set()
        sender.join(5)
        os.close(master)
        os.close(slave)
    recorded = window.recorded()
    whole = b"".join(f"{start:015d}\n".encode() * 16 for start in range(0, len(recorded) + 256, 256))
    assert whole.startswith(recorded), "the recording has a gap"
    due = max(total for when, total in sent if when <= killed - BEHIND)
    assert len(recorded) >= due


@pytest.mark.parametrize("arguments", [[], ["demo"]])  # a port is monitored without the screen
def test_without_a_terminal_it_says_so_in_one_line_and_leaves_with_2(arguments: list[str]) -> None:
    done = subprocess.run([ESPMON, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=LIMIT)
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert "needs a terminal" in done.stderr
