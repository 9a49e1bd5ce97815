"""A working day at the simulated board, in a real terminal whose window changes its size: what is pressed and seen.

`python -m tests.e2e.working_day` walks through it in a folder of its own and prints each part as it is done.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from espmon.sim.firmware_image import ELF, SOURCE_PREFIX, SOURCES
from espmon.tui.screens.flash_panel import LATE_SECONDS
from tests.e2e.terminal import Board, Terminal, board, terminal, until

SMALL, USUAL, LARGE = (80, 24), (120, 40), (200, 60)
"""Columns and rows of the window, as it is dragged through the day."""

BUILD = """import pathlib
print("Building espmon_demo")
pathlib.Path("build/data.bin").write_bytes(bytes(range(256)) * 16)
print("Project build complete")
"""


class Day:
    """The desk: a terminal in a project's folder, and two boards.

    Args:
        window: the terminal.
        device: the board that is worked with.
        other: one more, for the end of the day.
        project: the folder that the shell stands in.
        scratch: the folder for temporary files that the programs are given.
    """

    def __init__(self, window: Terminal, device: Board, other: Board, project: Path, scratch: Path) -> None:
        self.window, self.device, self.other = window, device, other
        self.project, self.scratch = project, scratch
        self.state = window.data.parent / "state" / "espmon"
        self.pids: list[int] = []
        self.worn = ""
        """The colours of the theme that was chosen."""

    # -- what hands and eyes do ---------------------------------------------------------------------------------

    def rows(self) -> list[str]:
        """The screen from above."""
        return self.window.screen().rstrip("\n").split("\n")

    def resize(self, size: tuple[int, int]) -> None:
        """Drag the window, and wait until the screen has its new size."""
        columns, rows = size
        self.window.resize(columns, rows)

        def fits() -> bool:
            shown = self.rows()
            return len(shown) == rows and "Quit" in shown[-1] and max(map(len, shown)) <= columns

        until(fits, self.window.screen)

    def log_has_keys(self) -> None:
        """Esc until keys go to the log; wait for it: what follows Esc at once would be taken for Alt and a letter."""
        self.window.press("Escape")
        self.window.shows(" LOG ")

    def say(self, line: str) -> None:
        """Type a line at the board's console."""
        self.window.press("i")
        self.window.shows(" INPUT ")
        self.window.type(line)

    def status(self, *texts: str, without: str = "\0") -> str:
        """Wait until the row of the status has these words; returns it."""

        def has() -> bool:
            shown = self.rows()
            return len(shown) > 1 and all(text in shown[-2] for text in texts) and without not in shown[-2]

        until(has, lambda: f"{texts} not in the status of\n{self.window.screen()}")
        return self.rows()[-2]

    def badge(self) -> str:
        """The colours of the word that tells where keys go, "" while it is not there."""
        found = re.search("((?:\x1b\\[[0-9;:]*m)+) LOG ", self.window.coloured())
        return " ".join(re.findall("[34]8;[0-9;]+", found[1])) if found else ""

    def choose(self, command: str) -> None:
        """Find a command in the palette by its words, and run it."""
        self.window.press("C-p")
        self.window.shows("Palette")
        self.window.press(*("Space" if key == " " else key for key in command))
        until(
            lambda: any(command.lower() in row.lower() and "›" not in row for row in self.rows()),
            lambda: f"{command!r} was not found on\n{self.window.screen()}",
        )
        self.window.press("Enter")

    def answer(self, text: str) -> None:
        """Replace what a prompt proposes, and press Enter."""
        self.window.press("C-u")
        self.window.press("C-k")
        self.window.type(text)

    def begin(self, *arguments: str) -> None:
        """Start the program, and remember it."""
        self.window.start(*arguments)
        self.pids.append(self.window.pid)

    def leave(self) -> None:
        """Leave it, and look at how it left."""
        self.window.press("C-]")
        self.window.shows("left with 0")
        pid = self.pids[-1]
        until(lambda: not Path(f"/proc/{pid}").exists(), lambda: f"process {pid} lives on")


def opening(day: Day) -> None:
    """The port is opened, the question is answered, the header has the chip and the ELF."""
    day.begin(day.device.url, "--probe", "--elf", str(day.project / "build" / "app.elf"))
    day.window.shows("Probe (y)", "Cancel", "● open", "esp>")
    day.window.press("y")
    day.window.hides("Probe (y)")
    day.window.shows("● open", "ESP32-C3", "ELF ✓", "boot 2", "esp>")
    day.status("LOG", "following", "● rec")


def reading(day: Day) -> None:
    """The board is asked, and answers; the window is small."""
    day.resize(SMALL)
    day.say("help")
    day.window.shows("software restart")
    day.log_has_keys()


def holding(day: Day) -> None:
    """The log is held while lines come, and followed again."""
    day.window.press("Space")
    day.status("held", without="held, 0 new")
    day.window.shows("new line")
    day.window.press("Space")
    day.status("following")
    day.window.press("g")
    day.window.shows("ESP-ROM:esp32c3")
    day.window.press("G")
    day.status("following")


def searching(day: Day) -> None:
    """Two searches, from match to match, and the first one again from the history."""
    day.resize(USUAL)
    for text in ("partition table", "heap_init"):
        day.window.press("/")
        day.window.shows(" FIND ")
        day.answer(text)
        day.status(f"/ {text}", "LOG")
    (found,) = re.findall(r"/ heap_init (\d)/4 ", day.status("/4 "))
    day.window.press("n")
    day.status(f"/ heap_init {int(found) % 4 + 1}/4", "held")
    day.window.press("N")
    day.status(f"/ heap_init {found}/4")
    day.window.press("/")
    day.window.shows(" FIND ")
    day.window.press("Up")
    day.window.press("Up")
    day.window.press("Enter")
    day.status("/ partition table", "LOG")
    day.window.press("/")
    day.window.shows(" FIND ")
    day.answer("")
    day.status("LOG", without="partition table")
    day.window.press("G")


def filtering(day: Day) -> None:
    """Levels and tags; the filter gets a name, is dropped, and used again by its name."""
    day.window.press("f")
    day.window.shows(" FILTER ")
    day.window.press("BTab")
    day.window.press("i")
    day.status("filter", " of ")
    day.window.press("i")
    day.status(without=" of ")
    day.window.press("Tab")
    day.window.press("Tab")
    day.window.press("Tab")
    day.window.shows("████")
    day.window.press(*"heap_init")
    day.status("filter heap_init", " of ")
    day.window.press("C-s")
    day.window.shows("Save this filter under a name")
    day.answer("memory")
    until(lambda: (day.state / "filters.json").exists(), day.window.screen)
    day.window.hides("Save this filter")
    day.log_has_keys()
    day.window.press("F")
    day.status(without=" of ")
    day.window.press("f")
    day.window.shows(" FILTER ")
    day.window.press("C-l")
    day.window.shows("Use a saved filter")
    day.answer("memory")
    day.status("filter heap_init", " of ")
    day.log_has_keys()
    day.window.press("F")
    day.status(without=" of ")


def walking(day: Day) -> None:
    """From boot to boot, a mark, and the list of places."""
    day.window.press("[")
    day.window.press("b")
    day.status("held", "line ")
    day.window.press("m")
    day.window.shows("mark")
    day.window.press("G")
    day.status("following")
    day.window.press("[")
    day.window.press("m")
    day.status("held", "line ")
    day.window.press("'")
    day.window.shows("Go to", "mark")
    day.answer("1")
    day.status("line 1 of")
    day.window.press("G")
    day.status("following")


def crashing(day: Day) -> None:
    """A crash is one row, which opens and closes in place; its report has the source."""
    day.resize(LARGE)
    day.say("panic")
    day.window.shows("✖ 1 crash", "boot 3")
    day.log_has_keys()
    day.window.press("[")
    day.window.press("c")
    day.window.shows("▸ ✖ wrote to address 0", "read_register sensor.h:26")
    day.window.press("Enter")
    day.window.shows("▾ ✖ wrote to address 0", "Guru Meditation")
    day.window.press("Enter")
    day.window.hides("Guru Meditation")
    day.window.press("C")
    day.window.shows("sensor_sample", "registers->control = SENSOR_START")
    day.window.press("Escape")
    day.window.shows(" LOG ")
    day.window.press("G")
    day.status("following")


def dumping(day: Day) -> None:
    """A core dump comes, is decoded, and read in a smaller window."""
    day.window.shows("esp>")
    day.say("coredump")
    day.window.shows("✖ 2 crashes")
    day.log_has_keys()
    day.resize(USUAL)
    day.window.press("C")
    day.window.shows("display_render", "esp_timer", "sensor.h:26")
    day.window.press("2")
    day.window.shows("mcause")
    day.window.press("Escape")
    day.window.shows(" LOG ")


def comparing(day: Day) -> None:
    """Events of each boot, and two boots beside each other."""
    day.window.press("e")
    day.window.shows("Events", "boot 3", "Panic: ")
    day.log_has_keys()
    day.choose("compare the newest boot")
    day.window.shows("Boot 3 beside boot 2", "Only in boot 3")
    day.window.press("Escape")
    day.window.shows(" LOG ")
    day.window.press("e")
    day.window.shows(" EVENTS ")
    day.window.press("e")
    day.window.hides("Panic: ")


def counting(day: Day) -> None:
    """Numbers of the board, drawn."""
    day.resize(SMALL)
    day.window.press("P")
    day.window.shows(" PLOT ", "Numbers", "free heap", "┤")
    day.window.press("p")
    day.window.shows("paused")
    day.window.press("p")
    day.window.hides("paused")
    day.log_has_keys()
    day.window.press("P")
    day.window.hides("Numbers")


def keeping(day: Day) -> None:
    """A selection is copied; the log leaves as text, as JSON lines, and with its colours."""
    day.resize(USUAL)
    for _ in range(3):
        day.window.press("S-Up")
    day.status("rows selected")
    day.window.press("y")
    until(lambda: (day.state / "clipboard.txt").exists(), day.window.screen)
    day.window.press("Escape")
    day.status(without="selected")
    for name, end in (("day.txt", "\n"), ("day.jsonl", "}\n"), ("day.html", "</html>\n")):
        day.window.press("S")
        day.window.shows("Save what the filter shows as")
        day.answer(name)
        path = day.project / name

        def written(path: Path = path, end: str = end) -> bool:
            return path.exists() and path.read_text().endswith(end)

        until(written, day.window.screen)
        day.window.hides("Save what the filter shows as")
    text = (day.project / "day.txt").read_text()
    assert "I (268) demo: espmon demo application" in text
    objects = [json.loads(line) for line in (day.project / "day.jsonl").read_text().splitlines()]
    assert any(one["text"].endswith("Calling app_main()") for one in objects)
    assert "<span" in (day.project / "day.html").read_text()
    day.window.press("G")
    day.status("following")


def flashing(day: Day) -> None:
    """The flash panel: the partition table, stored values, the project compared, and back to the log."""
    day.window.press("M")
    day.window.shows("Cancel")
    day.window.press("y")
    day.window.shows("Partition", "coredump", "starts, espmon_demo", "Leave")
    day.window.press("Enter")
    day.window.shows("Namespace")
    day.window.press("Escape")
    day.window.shows("Partition", "Leave")
    day.window.press("V")
    day.window.shows("data.bin")
    day.window.press("y")
    day.window.shows("DIFFERENT: 1 region", "0x00110000")
    time.sleep(LATE_SECONDS)  # an Esc until then is taken for one that was meant to cancel
    day.window.press("Escape")
    day.window.shows(" LOG ", "boot 4", "esp>")


def picturing(day: Day) -> None:
    """What the board's display shows."""
    day.window.press("s")
    day.window.shows("240 x 135 pixels")
    day.window.press("Escape")
    day.window.shows(" LOG ")


def unplugging(day: Day) -> None:
    """The board goes, and comes back: the gap is marked, the log goes on."""
    day.device.unplug()
    day.window.shows("○ lost", "port lost")
    day.device.plug()
    day.window.shows("● open", "boot 5", "esp>")
    links = [event["state"] for event in day.window.sidecar() if event.get("type") == "link"]
    assert links == ["opened", "lost", "reopened"]
    day.say("help")
    day.window.shows("software restart")
    day.log_has_keys()


def building(day: Day) -> None:
    """The project is built by its command; what changed would be flashed."""
    day.resize(LARGE)
    day.window.press("b")
    day.window.shows("Which command builds this project?")
    day.answer(f"{sys.executable} build_it.py")
    day.window.shows("Flash the project", "data.bin", "Cancel")
    day.window.press("y")
    until(lambda: any(event.get("type") == "flash" for event in day.window.sidecar()), day.window.screen)
    day.window.shows(" LOG ", "● open", "esp>")


def dressing(day: Day) -> None:
    """Another theme."""
    day.resize(USUAL)
    before = day.badge()
    day.choose("change the theme")
    day.window.shows("nord", "solarized")
    day.window.type("nord")
    day.window.hides("nord")
    until(lambda: day.badge() not in ("", before), day.window.screen)
    day.worn = day.badge()


def evening(day: Day) -> None:
    """Leaving: the terminal is as it was, the recording is complete."""
    day.leave()
    closed, end = day.window.sidecar()[-2:]
    assert (closed.get("trigger"), end["event"]) == ("close", "end")


def next_morning(day: Day) -> None:
    """The recording is opened: its crashes are there, and the theme."""
    day.window.resize(*SMALL)
    day.begin("open", "last")
    day.window.shows("✖ 2 crashes", " LOG ")
    until(lambda: day.badge() == day.worn, lambda: f"{day.badge()!r} is not {day.worn!r}")
    day.resize(USUAL)
    day.window.press("C")
    day.window.shows("display_render", "sensor.h:26")
    day.window.press("Escape")
    day.window.shows(" LOG ")
    day.leave()


def several(day: Day) -> None:
    """Two boards: a tab each, and one timeline of both."""
    day.begin(day.device.url, day.other.url)
    day.window.shows("0 All", "● open", "I (")
    day.window.press("F8")
    day.window.shows("esp32s3")
    day.window.press("0")
    day.window.shows("2 boards, 2 open", "esp>")
    day.resize(SMALL)
    day.window.press("/")
    day.window.shows(" FIND ")
    day.answer("Calling app_main")
    day.status("/ Calling app_main 1/1")
    day.leave()


def tidying(day: Day) -> None:
    """No process is left, and no file but what was asked for and what is recorded."""
    assert [pid for pid in day.pids if Path(f"/proc/{pid}").exists()] == []
    assert files(day.scratch) == set()
    built = {"build/app.elf", "build/data.bin", "build/flasher_args.json", "build_it.py"}
    assert files(day.project) == built | {"day.txt", "day.jsonl", "day.html"}
    kept = {name for name in files(day.state) if not name.startswith("history/")}
    assert kept == {"builds.json", "clipboard.txt", "filters.json", "screen.json"}
    recordings = list((day.window.data / "espmon" / "sessions").iterdir())
    assert len(recordings) == 3
    suffixes = {path.suffix for recording in recordings for path in recording.rglob("*") if path.is_file()}
    assert suffixes == {".bin", ".jsonl", ".png", ".json", ".txt"}


def files(folder: Path) -> set[str]:
    """The files below a folder, by their places in it."""
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if not path.is_dir()}


PARTS: tuple[Callable[[Day], None], ...] = (
    opening,
    reading,
    holding,
    searching,
    filtering,
    walking,
    crashing,
    dumping,
    comparing,
    counting,
    keeping,
    flashing,
    picturing,
    unplugging,
    building,
    dressing,
    evening,
    next_morning,
    several,
    tidying,
)
"""In the order of the day."""


def make_project(folder: Path) -> None:
    """A project with a build, as ESP-IDF leaves it."""
    build = folder / "build"
    build.mkdir(parents=True)
    shutil.copyfile(ELF, build / "app.elf")
    (build / "data.bin").write_bytes(bytes(4096))
    (folder / "build_it.py").write_text(BUILD)
    arguments = {"flash_files": {"0x110000": "data.bin"}, "extra_esptool_args": {"chip": "esp32c3"}}
    (build / "flasher_args.json").write_text(json.dumps(arguments))


@contextmanager
def desk(folder: Path) -> Iterator[Day]:
    """A day's terminal, boards and project below `folder`."""
    project = folder / "project"
    make_project(project)
    settings = f'start_in = "log"\n[path_map]\n"{SOURCE_PREFIX}" = "{SOURCES}"\n'
    boards = [folder / name for name in ("first", "second")]
    for place in boards:
        place.mkdir()
    with (
        tempfile.TemporaryDirectory(prefix="espmon-day-") as scratch,
        board(boards[0]) as device,
        board(boards[1], "--chip", "esp32s3") as other,
        terminal(folder, *USUAL, settings=settings) as window,
    ):
        window.type(f"cd {project}; export TMPDIR={scratch}; clear")
        yield Day(window, device, other, project, Path(scratch))


def main() -> None:
    """Walk through the day, and print how long each part took."""
    wanted = set(sys.argv[1:])
    with (
        tempfile.TemporaryDirectory(prefix="espmon-day-", ignore_cleanup_errors=True) as folder,
        desk(Path(folder)) as day,
    ):
        for part in PARTS:
            if wanted and part.__name__ not in wanted and part is not opening:
                continue
            begun = time.monotonic()
            part(day)
            print(f"{time.monotonic() - begun:5.1f} s  {part.__name__}: {part.__doc__}", flush=True)


if __name__ == "__main__":
    main()
