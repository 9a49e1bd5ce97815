"""The flash panel from the key to the board and back: asked first, each job asked again, left as it is said."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.widgets import Input

from espmon.rom.app_image import Partition
from espmon.rom.flash_regions import FlashOutcome, RegionResult
from espmon.session.flash_job import FlashJob
from espmon.session.flash_job_queue import FlashJobError, FlashJobQueue
from espmon.session.state import State
from espmon.sim.nvs_image import nvs_partition, ota_data_partition
from espmon.tui.flash_panel_dialogs import FlashPanel, region_of
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.flash_panel import FlashPanelScreen
from espmon.tui.screens.flash_screens import FlashConfirmScreen
from espmon.tui.screens.nvs_screen import NvsScreen
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.screens.report_screen import ReportScreen
from tests.tui.running import Running, running
from tests.tui.screens.test_flash_panel import PARTITIONS


class FakeQueue(FlashJobQueue):
    """Does at once what it is asked; what is in `fail` goes wrong, and with `slow` a job waits to be cancelled."""

    def __init__(self) -> None:
        super().__init__()
        self.held = asyncio.Event()
        self.jobs: list[FlashJob] = []
        self.fail: list[FlashJobError] = []
        self.slow = False
        self._cancelled = asyncio.Event()

    async def do(self, job: FlashJob) -> FlashOutcome:
        self.jobs.append(job)
        if self.slow:
            await self._cancelled.wait()
            raise FlashJobError("Cancelled", cancelled=True)
        if self.fail:
            raise self.fail.pop(0)
        if job.action == "info":
            return FlashOutcome("info", "ESP32-C3", "stub", partitions=list(PARTITIONS))
        outcome = FlashOutcome(job.action, "ESP32-C3", "stub", [RegionResult(0, 1, "", ok=True, written=1)])
        if job.action == "read":
            outcome.data = ota_data_partition(0x2000) if job.address == 0xD000 else nvs_partition(0x4000)
        return outcome

    def cancel(self) -> None:
        self._cancelled.set()

    def leave(self) -> None:
        self.held.set()


@asynccontextmanager
async def opened(*, size: tuple[int, int] = (100, 30)) -> AsyncIterator[tuple[Running, FakeQueue]]:
    """The panel, its table read."""
    queue = FakeQueue()
    async with running(size=size) as case:
        case.app.flash_panel = FlashPanel(case.app, lambda: queue)
        await case.press("M")
        await case.until(lambda: isinstance(case.app.screen, ConfirmScreen))
        assert queue.jobs == []
        await case.press("y")
        await case.until(lambda: "factory starts" in case.text(), "the table")
        await case.until(lambda: not panel(case).busy)
        yield case, queue
        case.app.link.call(queue.held.set)


def panel(case: Running) -> FlashPanelScreen:
    return next(screen for screen in case.app.screen_stack if isinstance(screen, FlashPanelScreen))


async def entered(case: Running, text: str) -> None:
    """A text in the field that is asked for."""
    await shown(case, TextPrompt)
    case.app.screen.query_one(Input).value = text
    await case.press("enter")


async def shown(case: Running, kind: type) -> None:
    await case.until(lambda: isinstance(case.app.screen, kind), kind.__name__)
    await case.pilot.pause()


async def test_the_panel_is_asked_for_and_reads_what_starts() -> None:
    async with opened() as (case, queue):
        assert [(job.action, job.address) for job in queue.jobs] == [("info", None), ("read", 0xD000)]
        assert "through the stub" in case.text()
        assert str(case.session.status.state) == "leased"
        await case.press("escape")
        await case.until(lambda: case.app.screen is case.screen, "the log")
        assert str(case.session.status.state) == "monitoring"


async def test_without_consent_nothing_is_touched() -> None:
    async with running() as case:
        await case.press("M")
        await shown(case, ConfirmScreen)
        await case.press("n")
        await case.until(lambda: case.app.screen is case.screen)
        assert "flash panel" not in case.session.calls


async def test_a_file_is_chosen_and_asked_about_before_it_is_written(tmp_path: Path) -> None:
    file, big = tmp_path / "new.bin", tmp_path / "big.bin"
    file.write_bytes(b"settings")
    big.write_bytes(bytes(0x4001))
    async with opened() as (case, queue):
        await case.press("w")
        await entered(case, str(big))
        await case.until(lambda: "It has 16,385 bytes, and the partition 16,384" in case.text())
        await entered(case, str(file))
        await shown(case, FlashConfirmScreen)
        assert "What the partition held there is lost" in case.text()
        assert len(queue.jobs) == 2
        queue.fail.append(FlashJobError("flash encryption is on", can_force=True))
        await case.press("y")
        await case.until(lambda: "Refused: do it all the same?" in case.text())
        await case.press("y")
        await case.until(lambda: "written: 1 B" in case.text())
        written = [job for job in queue.jobs if job.action == "write"]
        [region] = written[-1].plan.regions if written[-1].plan is not None else []
        assert (region.address, region.data, region.role) == (0x9000, b"settings", "data")
        assert [job.force for job in written] == [False, True]


async def test_an_erase_is_asked_twice_and_a_region_is_saved_under_a_name_that_is_free(tmp_path: Path) -> None:
    async with opened() as (case, queue):
        await case.press("x")
        await shown(case, FlashConfirmScreen)
        await case.press("y")
        await shown(case, ConfirmScreen)
        assert len(queue.jobs) == 2
        await case.press("y")
        await case.until(lambda: "erased and found empty" in case.text())
        erased, *read = queue.jobs[2:]
        assert (erased.address, erased.size) == (0x9000, 0x4000)
        assert [job.action for job in read] == ["info", "read"], "what the flash holds may be another table now"
        await case.press("g")
        await entered(case, "0x0 0x1000")
        await case.until(lambda: "Save into which file?" in case.text())
        await entered(case, str(tmp_path / "out.bin"))
        await case.until(lambda: "saved in" in case.text())
        assert (queue.jobs[-1].address, queue.jobs[-1].size) == (0, 0x1000)
        assert queue.jobs[-1].output == tmp_path / "out.bin"


async def test_stored_values_and_ota_data_open_decoded_and_a_job_is_cancelled_alone() -> None:
    async with opened() as (case, queue):
        await case.press("enter")
        await shown(case, NvsScreen)
        await case.press("escape", "down", "enter")
        await shown(case, ReportScreen)
        await case.until(lambda: "aborted: did not say that it works" in case.text())
        await case.press("escape")
        queue.slow = True
        await case.press("enter")
        await case.until(lambda: panel(case).busy)
        await case.press("escape")
        await case.until(lambda: not panel(case).busy, "the end of the job")
        assert "Cancelled" in case.text()
        assert case.session.status.state is State.LEASED


async def test_a_stay_that_ends_by_itself_closes_the_panel() -> None:
    async with opened() as (case, queue):
        await case.press("ctrl+right_square_bracket")
        await case.until(lambda: "The board waits in its loader: really leave?" in case.text())
        await case.press("n")
        case.app.link.call(queue.held.set)
        await case.until(lambda: case.app.screen is case.screen, "the log")


def test_a_region_is_two_numbers() -> None:
    assert region_of("0x9000 24576") == (0x9000, 0x6000)


async def test_what_is_typed_waits_for_the_question_that_a_key_leads_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = threading.Event()

    def slow(self: FlashPanel, row: Partition) -> str:
        assert found.wait(30)
        return "built.bin"

    monkeypatch.setattr(FlashPanel, "_built_for", slow)
    async with opened() as (case, _):
        assert case.app.settled()
        await case.press("w")
        assert not case.app.settled(), "the next key would be the panel's"
        found.set()
        await case.until(lambda: isinstance(case.app.screen, TextPrompt))
        await case.until(case.app.settled)
        assert sum(isinstance(screen, TextPrompt) for screen in case.app.screen_stack) == 1
