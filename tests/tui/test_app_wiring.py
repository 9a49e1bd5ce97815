"""Every screen behind the monitor: what opens it, what it is given, what its answers do."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from espmon.port import DeviceRegistry, PortInfo, platform
from espmon.port.posix_holders import Holder
from espmon.records.record import Record
from espmon.records.spans.frame import Frame
from espmon.records.spans.png import Png
from espmon.rom import ProbeResult
from espmon.rom.flash_regions import FlashOutcome, RegionResult
from espmon.session.session_events import Failure, FlashEvent, LinkEvent, LinkState, ProbeEvent
from espmon.session.state import State
from espmon.session.status import Activity, Capture, OpenRequest, Status, Undecoded
from espmon.tui import artifact_dialogs as artifacts
from espmon.tui import boards
from espmon.tui.builds import project_of
from espmon.tui.graphics import draws_pictures
from espmon.tui.monitor.refusal import no_picture
from espmon.tui.screens.capture import CaptureScreen
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.core_dump_screen import CoreDumpReportScreen
from espmon.tui.screens.device_manager import DeviceManagerScreen
from espmon.tui.screens.ide_has_port import IdeHasPortScreen
from espmon.tui.screens.panic_screen import PanicReportScreen
from espmon.tui.screens.picker import PickerScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.screens.report_screen import ReportScreen
from espmon.tui.screens.screenshot_screen import ScreenshotScreen
from tests.records.streams import png
from tests.tui.happening import PROMPT, STOP, happen, shown
from tests.tui.running import Running, running
from tests.tui.screens.crash_data import CORE, PANIC

# -- crashes ----------------------------------------------------------------------------------------------------


async def test_a_decoded_core_dump_opens_by_itself_once_with_source_and_variables(tmp_path: Path) -> None:
    async with running(size=(120, 40)) as case:
        entry = case.session.add_event("coredump", "Core dump", path=tmp_path / "core.elf")
        assert case.app.screen is case.screen
        case.session.replace_event(entry.id, report=CORE)
        await shown(case, CoreDumpReportScreen)
        await case.press("3")
        await case.until(lambda: "char * details" in case.text())
        await case.press("escape")
        case.session.replace_event(entry.id, report=CORE)
        await case.press("end")
        assert case.app.screen is case.screen


async def test_a_core_dump_that_is_not_decoded_says_why_keeps_it_and_takes_another_elf(tmp_path: Path) -> None:
    elf = tmp_path / "app.elf"
    elf.write_bytes(b"\x7fELF rest")
    async with running(size=(120, 40)) as case:
        case.app.project = tmp_path
        dump = case.session.add_event("coredump", "Core dump", path=tmp_path / "core.elf", report=Undecoded("no ELF"))
        await shown(case, CaptureScreen)
        await case.until(lambda: "Not decoded: no ELF" in case.text())
        assert "core.elf" in case.text()
        await case.press("e")
        prompt = await shown(case, TextPrompt)
        prompt.query_one("#entry").value = str(elf)
        await case.press("enter")
        await shown(case, CaptureScreen)
        await case.until(lambda: f"decode_again {dump.id}" in case.session.calls)
        assert case.session.calls[-2] == "set_elf"
        case.session.replace_event(dump.id, report=CORE)
        await case.until(lambda: "calling abort()" in case.text())
        await case.press("r")
        await shown(case, CoreDumpReportScreen)


async def test_a_running_core_dump_is_shown_with_its_figures_and_can_be_ended() -> None:
    async with running(size=(120, 40)) as case:
        case.session.set(capture=Capture("coredump", 40_000, None, 640, 3.0))
        await case.press("K")
        await shown(case, CaptureScreen)
        await case.until(lambda: "39.1 KiB   640 lines" in case.text())
        case.session.set(capture=Capture("coredump", 80_000, None, 1280, 6.0))
        await case.until(lambda: "78.1 KiB   1280 lines" in case.text())
        await case.press("a")
        await case.until(lambda: "abort_capture" in case.session.calls)


async def test_the_last_crash_is_one_key_away_and_its_report_is_saved_in_the_session_folder(tmp_path: Path) -> None:
    def found() -> list[Path]:
        return list(tmp_path.glob("panic-*.json"))

    async with running(size=(120, 40)) as case:
        case.session.set(recording=tmp_path)
        case.session.add_event("panic", "Panic", report=PANIC)
        await case.until(lambda: case.app.board.artifacts._last_panic is not None)
        await case.press("C")
        await shown(case, PanicReportScreen)
        await case.until(lambda: "null pointer" in case.text())
        await case.press("s")
        await case.until(lambda: list(tmp_path.glob("panic-*.txt")))
        await case.press("s")
        await case.until(lambda: list(tmp_path.glob("panic-*-2.txt")))
        await case.press("j")
        await case.until(found)
        text = await asyncio.to_thread(next(iter(found())).read_text)
        assert json.loads(text)["sentence"] == PANIC.sentence


async def test_without_a_crash_the_key_says_so() -> None:
    async with running() as case:
        await case.press("C")
        await case.until(lambda: "Nothing has crashed yet" in case.text())


# -- typing is never interrupted --------------------------------------------------------------------------------

TYPING = [("i", "i"), ("raw", "r"), ("search", "slash"), ("filter", "f"), ("menu", "ctrl+t"), ("a key just now", "w")]


@pytest.mark.parametrize("key", [key for _, key in TYPING], ids=[name for name, _ in TYPING])
async def test_what_opens_by_itself_is_a_toast_while_somebody_types(key: str, tmp_path: Path) -> None:
    async with running(size=(120, 40)) as case:
        await case.press(key)
        # However long this machine takes, the last key was pressed long ago, or just now.
        case.app.last_key = float("inf" if key == "w" else "-inf")
        case.session.add_event("coredump", "Core dump", path=tmp_path / "core.elf", report=CORE)
        happen(case, STOP)
        await case.until(lambda: "Core dump decoded: C opens it" in case.text())
        await case.until(lambda: "The board waits in its debug stub: D" in case.text())
        assert case.app.screen is case.screen


@pytest.mark.parametrize("record", [PROMPT, STOP])
async def test_letters_typed_when_a_question_comes_reach_the_board(record: Record) -> None:
    async with running() as case:
        await case.press("i", *"yes")
        happen(case, record)
        await case.until(lambda: len(case.app._notifications))
        await case.press(*"ihd", "enter")
        await case.until(lambda: case.session.sent == [b"yesihd\r"])
        assert case.app.screen is case.screen


async def test_a_dump_that_was_only_told_of_is_one_key_away(tmp_path: Path) -> None:
    async with running(size=(120, 40)) as case:
        await case.press("i", "x")
        case.session.add_event("coredump", "Core dump", path=tmp_path / "core.elf", report=CORE)
        await case.until(lambda: "C opens it" in case.text())
        await case.press("escape", "C")
        await shown(case, CoreDumpReportScreen)


async def test_a_screenshot_that_comes_after_the_user_went_on_is_a_toast(tmp_path: Path) -> None:
    async with running() as case:
        await case.press("s", "i", "a")
        path = tmp_path / "picture.png"
        path.write_bytes(b"not really a picture")
        case.session.add_event("png", "Screenshot 320 x 240", path=path)
        await case.until(lambda: "The screenshot has come" in case.text())
        assert case.app.screen is case.screen


# -- probe, flash, screenshot -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        (ProbeEvent(0, 0.0, ProbeResult("ESP32-C3", "esp32c3", "", mac="aa:bb"), "sync ok"), ("aa:bb", "sync ok")),
        (ProbeEvent(0, 0.0, Failure("no answer", "hold BOOT"), "sync"), ("no answer", "hold BOOT", "sync")),
        (
            FlashEvent(
                0,
                0.0,
                "write",
                FlashOutcome("write", regions=[RegionResult(0x10000, 4096, "app.bin", md5_flash="feed")]),
                "flash begin",
            ),
            ("0x00010000", "WRONG", "app.bin", "feed", "flash begin"),
        ),
        (
            FlashEvent(0, 0.0, "write", Failure("Unfinished: a", cancelled=True, unfinished=("/b/a", "/b/c"))),
            ("Cancelled. Unfinished: a", "/b/a, /b/c"),
        ),
        (LinkEvent(0, 0.0, LinkState.LOST), ("Link",)),
        (
            Frame(0, 0, 0.0, kind="json", value=[{"ms": 1, "t": 21.5}, {"ms": 2, "t": 22}], payload=b"x"),
            ("ms  t", "1   21.5", "2   22"),
        ),
    ],
)
async def test_an_event_opens_its_whole_report(record: Record, wanted: tuple[str, ...]) -> None:
    async with running(size=(120, 40)) as case:
        entry = happen(case, record)
        case.app.board.artifacts.show(entry)
        await shown(case, ReportScreen)
        await case.until(lambda: all(text in case.text() for text in wanted))


async def test_a_picture_that_failed_is_a_toast_with_the_reason() -> None:
    async with running() as case:
        await case.press("s")
        await case.until(lambda: case.app.board.artifacts._awaiting_picture)
        happen(case, Png(0, 0, 0.0, complete=False, error="the board sent an empty picture"))
        await case.until(lambda: "empty picture" in case.text().replace("\n", " "))
        assert case.app.screen is case.screen


async def test_a_png_frame_answers_the_key_and_opens_as_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"not really a picture")
    picture = png(320, 240)
    async with running(size=(120, 40)) as case:
        await case.press("s")
        await case.until(lambda: case.app.board.artifacts._awaiting_picture)
        entry = happen(case, Frame(0, 0, 0.0, kind="png", encoding="base64", crc="ok", payload=picture), path=path)
        screen = await shown(case, ScreenshotScreen)
        assert screen._pixels == (320, 240)
        assert not case.app.board.artifacts._awaiting_picture
        await case.press("escape")
        case.app.board.artifacts.show(entry)
        await shown(case, ScreenshotScreen)


async def test_a_png_frame_that_failed_is_a_toast_with_the_reason() -> None:
    async with running() as case:
        await case.press("s")
        await case.until(lambda: case.app.board.artifacts._awaiting_picture)
        happen(case, Frame(0, 0, 0.0, kind="png", complete=False, error="byte 7 is not base64"))
        await case.until(lambda: "byte 7 is not base64" in case.text().replace("\n", " "))


async def test_a_picture_that_never_comes_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(artifacts, "PICTURE_SECONDS", 0.05)
    async with running(size=(120, 40)) as case:
        await case.press("s")
        await case.until(lambda: "No picture came" in case.text())
        assert not case.app.board.artifacts._awaiting_picture


@pytest.mark.parametrize(
    ("environment", "asked"),
    [
        ({"TERM": "xterm-kitty"}, True),
        ({"TERM": "xterm-256color", "WEZTERM_PANE": "0"}, True),
        ({"TERM": "xterm-256color"}, False),
        ({"TERM": "tmux-256color", "KITTY_WINDOW_ID": "1"}, False),
        ({"TERM": "linux"}, False),
    ],
)
def test_only_terminals_known_to_draw_pictures_are_asked(environment: dict[str, str], asked: bool) -> None:
    assert draws_pictures(environment) is asked


# -- questions --------------------------------------------------------------------------------------------------


async def test_the_rate_is_set_from_the_palette_s_name_and_a_bad_one_is_refused() -> None:
    async with running() as case:
        titles = {command.title for command in case.app.get_system_commands(case.screen)}
        assert "Set baud rate" in titles
        await case.press("B")
        prompt = await shown(case, TextPrompt)
        prompt.query_one("#entry").value = "0"
        await case.press("enter")
        await case.until(lambda: "Enter a number" in case.text())
        prompt.query_one("#entry").value = "921600"
        await case.press("enter")
        await case.until(lambda: "set_baud 921600" in case.session.calls)


async def test_the_elf_prompt_offers_the_builds_here_and_refuses_what_is_none(tmp_path: Path) -> None:
    build = tmp_path / "build"
    build.mkdir()
    (build / "app.elf").write_bytes(b"\x7fELF")
    (build / "project_description.json").write_text('{"app_elf": "app.elf"}')
    (tmp_path / "notes.txt").write_text("no ELF")
    async with running(size=(120, 40)) as case:
        case.app.project = tmp_path
        await case.press("E")
        prompt = await shown(case, TextPrompt)
        prompt.query_one("#entry").value = str(tmp_path / "notes.txt")
        await case.press("enter")
        await case.until(lambda: "no ELF file" in case.text())
        await case.press("tab", "enter")
        await case.until(lambda: case.session.status.elf == build / "app.elf")


@pytest.mark.parametrize(("key", "sent"), [("y", [b"\r"]), ("n", [])])
async def test_a_board_that_waits_for_enter_is_asked_about(key: str, sent: list[bytes]) -> None:
    async with running() as case:
        happen(case, PROMPT)
        await shown(case, ConfirmScreen)
        await case.press(key)
        await case.until(lambda: case.app.screen is case.screen)
        await case.until(lambda: case.session.sent == sent)


async def test_while_the_ide_has_the_port_that_is_shown_and_x_takes_it_back() -> None:
    async with running() as case:
        case.session.set(state=State.LOST, activity=Activity.LENT_TO_IDE)
        await shown(case, IdeHasPortScreen)
        await case.press("escape")
        await case.until(lambda: case.app.screen is case.screen)
        await case.press("D")
        await shown(case, IdeHasPortScreen)
        await case.press("x", "x")
        await case.until(lambda: "stop_waiting_for_ide" in case.session.calls)
        case.session.set(state=State.MONITORING, activity=Activity.RUNNING)
        await case.until(lambda: case.app.screen is case.screen)
        assert case.session.calls.count("stop_waiting_for_ide") == 1


# -- ports, boards, simulated board -----------------------------------------------------------------------------


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeviceRegistry:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    return DeviceRegistry()


async def test_a_known_board_that_is_not_plugged_in_is_listed_as_offline(registry: DeviceRegistry) -> None:
    registry.update("serial:1234", nickname="gfx", name="Graphics board")
    async with running(request=None) as case:
        await shown(case, PickerScreen)
        await case.until(lambda: "gfx" in case.text())
        assert "offline" in case.text()


def test_a_port_that_another_program_has_is_busy_and_espmon_s_own_is_not(
    registry: DeviceRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.update("serial:1", nickname="gfx", baud=9600, elf="/tmp/app.elf")
    held = {"/dev/ttyACM0": [Holder(4242, "minicom")], "/dev/ttyACM1": [Holder(os.getpid(), "espmon")]}
    monkeypatch.setattr(platform, "holders", lambda device: held[device])
    found = [
        PortInfo("/dev/ttyACM0", "usb", 0, "Espressif", serial_number="1"),
        PortInfo("/dev/ttyACM1", "usb", 0, "Espressif", serial_number="2"),
    ]
    first, second = boards.ports(lambda: found)
    assert (first.busy, first.nickname, first.baud, first.elf) == (
        "minicom (pid 4242)",
        "gfx",
        9600,
        Path("/tmp/app.elf"),
    )
    assert second.busy == ""


async def test_the_simulated_board_is_started_off_the_loop_and_opened() -> None:
    loops: list[bool] = []

    def demo() -> OpenRequest:
        try:
            asyncio.get_running_loop()
            loops.append(True)
        except RuntimeError:
            loops.append(False)
        return OpenRequest("rfc2217://127.0.0.1:4000", name="Simulated")

    async with running(request=None, demo=demo) as case:
        await shown(case, PickerScreen)
        await case.press("s")
        await case.until(lambda: case.session.opened)
        assert case.session.opened[0].name == "Simulated"
        assert loops == [False]


async def test_a_simulated_board_that_does_not_start_is_said_in_the_list() -> None:
    def demo() -> OpenRequest:
        raise OSError("no free port")

    async with running(request=None, demo=demo) as case:
        await shown(case, PickerScreen)
        await case.press("s")
        await case.until(lambda: "no free port" in case.text())


async def test_the_device_manager_connects_with_what_is_remembered(registry: DeviceRegistry, tmp_path: Path) -> None:
    registry.update("serial:1234", nickname="gfx", baud=921600, line="8E1", dtr=False)
    port = PortInfo("/dev/ttyACM7", "usb", 0, "Espressif", serial_number="1234")
    async with running(size=(120, 40), request=None, discover=lambda: [port]) as case:
        await shown(case, PickerScreen)
        await case.press("d")
        await shown(case, DeviceManagerScreen)
        await case.until(lambda: "gfx" in case.text())
        await case.press("enter")
        await case.until(lambda: case.session.opened)
        opened = case.session.opened[0]
        assert (opened.url, opened.baud, opened.name) == ("/dev/ttyACM7", 921600, "gfx")
        assert (str(opened.line), opened.dtr, opened.rts) == ("8E1", False, None)
        await case.until(lambda: case.app.screen is case.screen)


# -- builds on disk ---------------------------------------------------------------------------------------------


async def settled(case: Running, condition: Callable[[], object]) -> None:
    for _ in range(10):
        await case.app.board.builds.look()
    await case.until(condition)


async def test_a_new_build_is_told_and_l_loads_it(tmp_path: Path) -> None:
    elf = tmp_path / "app.elf"
    elf.write_bytes(b"\x7fELF")
    async with running() as case:
        case.session.set(elf=elf)
        await case.until(lambda: case.app.board.builds._elf == elf)
        await settled(case, lambda: case.app.board.builds._loaded)
        assert case.app.board.builds.changed is None
        elf.write_bytes(b"\x7fELF and more")
        await settled(case, lambda: case.app.board.builds.changed == elf)
        await case.until(lambda: "app.elf was built anew" in case.text())
        await case.press("L")
        await case.until(lambda: case.session.calls[-1] == "set_elf")
        assert case.app.board.builds.changed is None


async def test_what_was_flashed_is_loaded(tmp_path: Path) -> None:
    elf = tmp_path / "app.elf"
    elf.write_bytes(b"\x7fELF")
    async with running() as case:
        case.session.set(elf=elf)
        await case.until(lambda: case.app.board.builds._elf == elf)
        await settled(case, lambda: case.app.board.builds._loaded)
        elf.write_bytes(b"\x7fELF and more")
        await settled(case, lambda: case.app.board.builds.changed == elf)
        happen(case, FlashEvent(0, 0.0, "write", FlashOutcome("write")))
        await case.until(lambda: case.session.calls[-1] == "set_elf")


def test_the_project_is_the_one_that_the_elf_was_built_in(tmp_path: Path) -> None:
    build = tmp_path / "project" / "build"
    build.mkdir(parents=True)
    (build / "flasher_args.json").write_text("{}")
    other = tmp_path / "elsewhere"
    assert project_of(build / "app.elf", other) == build
    assert project_of(tmp_path / "lone" / "deep" / "down" / "app.elf", other) == other
    assert project_of(None, other) == other


async def test_a_picture_is_waited_for_only_where_one_can_come_and_told_no_longer_than_that(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    path.write_bytes(b"not really a picture")
    assert "D goes there" in no_picture(Status(State.MONITORING, activity=Activity.HALTED))
    async with running(size=(120, 40)) as case:
        case.session.set(activity=Activity.IN_LOADER)
        await case.press("s")
        await case.until(lambda: "sends no picture: Ctrl-T R" in case.text())
        assert not case.app.board.artifacts._awaiting_picture
        case.session.set(activity=Activity.RUNNING)
        await case.press("s")
        await case.until(lambda: artifacts.WAITING_FOR_PICTURE in case.text(), "what is waited for, and how long")
        happen(case, Frame(0, 0, 0.0, kind="png", encoding="base64", crc="ok", payload=png(9, 9)), path=path)
        await shown(case, ScreenshotScreen)
        await case.press("escape")
        await case.until(lambda: case.app.screen is case.screen)
        assert artifacts.WAITING_FOR_PICTURE not in case.text()
