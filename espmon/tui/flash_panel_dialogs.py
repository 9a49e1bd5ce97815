"""The flash panel: asked for, filled, and what the user wants of it carried out, each after a question of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.session.flash_job import FlashJob
from espmon.session.flash_job_queue import CHANGES, FlashJobError, FlashJobQueue
from espmon.session.flash_plan import SECTOR, FlashPlan, PlanError, Region, number, read_file
from espmon.session.state import State
from espmon.session.status import PANEL_LEASE, Status
from espmon.tui.flash_dialogs import job_of, plan_for, question
from espmon.tui.host import Host
from espmon.tui.partition_reports import partition_report, result_text
from espmon.tui.screens.dialog import size_text, time_text
from espmon.tui.screens.flash_panel import FlashPanelScreen, PanelContents
from espmon.tui.user_input import new_file_problem, path_of

if TYPE_CHECKING:
    from espmon.rom.app_image import Partition
    from espmon.rom.flash_regions import FlashOutcome

OPENING = (
    "The board is reset into its ROM loader; what it is doing now is interrupted.",
    "Its partition table, what its applications are and which one starts are read; nothing is written.",
    "It stays in the loader until you leave the panel: then the application starts.",
)
DOING = ("The board is in its loader already. Regions that are the same are not written.",)
COMPARING = ("The board is in its loader already. Nothing is written.",)
BEGINS_WITH = 4096
"""Bytes that are read to look at a partition that nothing decodes."""

WHOLE = frozenset({("data", "nvs"), ("data", "ota")})
"""Partitions that are read whole to be looked at."""

MAX_REGION = 256 << 20
"""Bytes of the largest region that can be asked for."""


class FlashPanel:
    """Leads the user through the flash of one board.

    Args:
        app: the app.
        make: makes the queue of jobs.
    """

    def __init__(self, app: Host, make: Callable[[], FlashJobQueue] = FlashJobQueue) -> None:
        self._app = app
        self._make = make
        self._queue: FlashJobQueue | None = None
        self._screen: FlashPanelScreen | None = None
        self._entered = False

    # -- opening and leaving ------------------------------------------------------------------------------------

    def open(self) -> None:
        """Ask, then go into the loader and read what is there."""
        from espmon.tui.screens.confirm import ConfirmScreen

        app = self._app
        if app.status.state is not State.MONITORING:
            app.notify("The flash panel needs an open port that nothing else uses", severity="warning", markup=False)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._begin()

        app.push_screen(ConfirmScreen(f"Open the flash of {self._name}?", OPENING, "Open"), answered)

    @property
    def _name(self) -> str:
        return self._app.status.name or self._app.status.url

    def _begin(self) -> None:
        app, queue = self._app, self._make()
        self._queue, self._entered = queue, False
        screen = FlashPanelScreen(f"Flash of {self._name}", self._asked, self._cancel, self._leave)
        self._screen = screen
        app.push_screen(screen)

        async def hold() -> None:
            try:
                await app.link.session.run(queue)
            finally:
                queue.end("The flash panel has ended")
                app.link.on_screen(lambda: self._ended(screen))

        app.link.ask(hold())
        self._start(self._read_table())

    def _ended(self, screen: FlashPanelScreen) -> None:
        if self._screen is screen:
            self._screen = self._queue = None
        if app_stack := [other for other in self._app.screen_stack if other is screen]:
            app_stack[0].finish()

    def follow(self, status: Status) -> None:
        """Show how far the running job is."""
        if self._screen is not None and status.lease == PANEL_LEASE and status.progress is not None:
            self._screen.update_progress(status.progress)

    def _cancel(self) -> None:
        queue, link = self._queue, self._app.link
        if queue is None:
            return
        if self._entered:
            link.call(queue.cancel)
        else:
            link.ask(link.session.cancel())

    def _leave(self) -> None:
        queue, link = self._queue, self._app.link
        if queue is not None:
            link.call(queue.leave)

    # -- jobs ---------------------------------------------------------------------------------------------------

    def _start(self, work: Coroutine[object, None, None]) -> None:
        self._app.run_worker(work, group="flash-panel")

    def _ask_soon(self, question: Coroutine[object, None, None]) -> None:
        """Ask something that a file has to be read for; what is typed meanwhile waits for the question."""
        self._app.run_worker(question, group="flash-question", exclusive=True)

    async def _do(self, job: FlashJob, step: str, *, name: str = "") -> FlashOutcome | None:
        """Carry out a job; what went wrong is shown, and asked about where it can be forced."""
        screen, queue = self._screen, self._queue
        if screen is None or queue is None:
            return None
        screen.begin(step)
        try:
            outcome = await self._app.link.run(queue.do(job))
        except FlashJobError as error:
            if self._screen is screen:
                screen.show_result(str(error), name=name, problem=True)
                if error.can_force:
                    self._ask_force(job, step, error, name)
            return None
        self._entered = True
        return outcome if self._screen is screen else None

    def _ask_force(self, job: FlashJob, step: str, error: FlashJobError, name: str) -> None:
        from espmon.tui.screens.confirm import ConfirmScreen

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._start(self._change(replace(job, force=True), step, name))

        body = [f"{error.message}.", "", "The board may not start afterwards."]
        self._app.push_screen(ConfirmScreen("Refused: do it all the same?", body, "Do it", danger=True), answered)

    async def _read_table(self) -> None:
        if await self._read_contents("entering the loader") and self._screen is not None:
            self._screen.show_result("")

    async def _read_contents(self, step: str) -> bool:
        """Read and show what the flash holds; False when that went wrong, or nobody looks any more."""
        from espmon.rom.ota_data import OTA_DATA_BYTES, parse_ota_data

        outcome = await self._do(FlashJob("info"), step)
        if outcome is None or self._screen is None:
            return False
        boots, why = None, ""
        ota = next((row for row in outcome.partitions if (row.type, row.subtype_name) == (1, "ota")), None)
        if ota is not None:
            job = FlashJob("read", address=ota.offset, size=min(ota.size, OTA_DATA_BYTES))
            data = await self._do(job, "reading the OTA data")
            if data is not None:
                choice = parse_ota_data(data.data, outcome.partitions)
                boots, why = choice.boots, choice.reason
        screen = self._screen
        if screen is None:
            return False
        through = "the stub" if outcome.loader == "stub" else "the ROM loader"
        screen.show_contents(
            PanelContents(
                f"{outcome.chip}, through {through}",
                outcome.partitions,
                dict(outcome.applications),
                boots,
                why,
                outcome.warnings,
            )
        )
        return True

    async def _change(self, job: FlashJob, step: str, name: str) -> None:
        """Write, erase or compare, and tell how it ended; what the flash holds is another table by then."""
        outcome = await self._do(job, step, name=name)
        if outcome is not None and job.action in CHANGES:
            await self._read_contents("reading the table again")
        screen = self._screen
        if outcome is None or screen is None:
            return
        screen.show_result(result_text(outcome), name=name, problem=not outcome.ok)

    async def _save(self, address: int, size: int, path: Path, name: str) -> None:
        step = f"reading {size_text(size)}"
        outcome = await self._do(FlashJob("read", address=address, size=size, output=path), step, name=name)
        if outcome is not None and self._screen is not None:
            self._screen.show_result(f"{size_text(size)} saved in {path}", name=name)

    # -- what is asked ------------------------------------------------------------------------------------------

    def _asked(self, what: str, row: Partition | None) -> None:
        if what == "again":
            self._start(self._read_table())
        elif what == "erase_all":
            self._ask_erase(None)
        elif what == "region":
            self._ask_region()
        elif what in ("project", "verify_project"):
            self._ask_soon(self._ask_project("flash" if what == "project" else "verify"))
        elif row is not None and what in ("verify", "write"):
            self._ask_soon(self._ask_file(what, row))
        elif row is not None and what == "erase":
            self._ask_erase(row)
        elif row is not None and what == "save":
            self._ask_save(row.offset, row.size, f"{row.name or 'flash'}-{row.offset:x}.bin", row.name)
        elif row is not None:
            self._start(self._look(row))

    async def _ask_project(self, kind: str) -> None:
        app = self._app
        try:
            plan = await asyncio.to_thread(plan_for, kind, app.status.elf, app.project)
        except PlanError as error:
            if self._screen is not None:
                self._screen.show_result(str(error), problem=True)
            return

        def answered(agreed: bool | None) -> None:
            if agreed:
                step = "comparing the project" if kind == "verify" else "writing the project"
                self._start(self._change(job_of(kind, plan), step, ""))

        app.push_screen(question(kind, plan, app.status, COMPARING if kind == "verify" else DOING), answered)

    async def _ask_file(self, what: str, row: Partition) -> None:
        """Which file; then whether to."""
        from espmon.tui.screens.prompt import TextPrompt

        proposed = await asyncio.to_thread(self._built_for, row)

        def check(text: str) -> str:
            return file_problem(text, row.size)

        def answered(text: str | None) -> None:
            if text:
                self._ask_soon(self._ask_about(what, row, path_of(text).absolute()))

        verb = "Compare" if what == "verify" else "Write"
        title = f"{verb} which file {'with' if what == 'verify' else 'into'} {row.name}?"
        note = f"{size_text(row.size)} at 0x{row.offset:08x}. You are asked once more."
        self._app.push_screen(TextPrompt(title, proposed, check=check, note=note, label="Go on"), answered)

    def _built_for(self, row: Partition) -> str:
        """The file of the project that belongs there, "" when there is none."""
        try:
            plan = plan_for("flash", self._app.status.elf, self._app.project)
        except PlanError:
            return ""
        return next((str(region.file) for region in plan.regions if region.address == row.offset), "")

    async def _ask_about(self, what: str, row: Partition, path: Path) -> None:
        from espmon.tui.screens.flash_screens import FlashConfirmScreen, FlashRegion

        try:
            data = await asyncio.to_thread(read_file, path)
        except PlanError as error:
            if self._screen is not None:
                self._screen.show_result(str(error), problem=True)
            return
        role = "application" if row.type_name == "app" else "data"
        plan = FlashPlan((Region(row.offset, data, path, role),), None, str(path))
        compare = what == "verify"
        job = FlashJob("verify" if compare else "write", plan=plan)

        def answered(agreed: bool | None) -> None:
            if agreed:
                verb = "comparing" if compare else "writing"
                self._start(self._change(job, f"{verb} {path.name}", row.name))

        screen = FlashConfirmScreen(
            f"Compare {row.name} with {path.name}?" if compare else f"Write {path.name} into {row.name}?",
            [FlashRegion(row.offset, len(data), path, row.name)],
            COMPARING if compare else (*DOING, "What the partition held there is lost."),
            warnings=("The table says that it is read only",) if row.readonly and not compare else (),
            confirm_label="Compare" if compare else "Write",
        )
        self._app.push_screen(screen, answered)

    def _ask_erase(self, row: Partition | None) -> None:
        from espmon.tui.screens.flash_screens import FlashConfirmScreen, FlashRegion

        what = "the whole flash" if row is None else f"the partition {row.name}, {size_text(row.size)}"
        size = None if row is None else -(-row.size // SECTOR) * SECTOR
        job = FlashJob("erase") if row is None else FlashJob("erase", address=row.offset, size=size)

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._start(self._change(job, f"erasing {what}", row.name if row is not None else ""))

        lost = "The board has no program then, until it is flashed." if row is None else "What it holds is lost."
        regions = [] if row is None else [FlashRegion(row.offset, row.size, None, row.name)]
        screen = FlashConfirmScreen(f"Erase {what}?", regions, (lost,), erase=what, confirm_label="Erase")
        self._app.push_screen(screen, answered)

    def _ask_region(self) -> None:
        from espmon.tui.screens.prompt import TextPrompt

        def answered(text: str | None) -> None:
            if text:
                address, size = region_of(text)
                self._ask_save(address, size, f"flash-{address:x}.bin", "")

        def check(text: str) -> str:
            try:
                region_of(text)
            except PlanError as error:
                return str(error)
            return ""

        note = "Address and size in bytes, both decimal or 0x."
        prompt = TextPrompt("Read which region?", "0x0 0x1000", check=check, note=note, label="Go on")
        self._app.push_screen(prompt, answered)

    def _ask_save(self, address: int, size: int, proposed: str, name: str) -> None:
        from espmon.tui.screens.prompt import TextPrompt

        def answered(text: str | None) -> None:
            if text:
                self._start(self._save(address, size, path_of(text).absolute(), name))

        note = f"{size_text(size)} from 0x{address:08x}. The flash is read, and nothing is written to it."
        self._app.push_screen(
            TextPrompt("Save into which file?", proposed, check=new_file_problem, note=note, label="Save"), answered
        )

    # -- looking inside -----------------------------------------------------------------------------------------

    async def _look(self, row: Partition) -> None:
        """What a partition holds, decoded where that can be done."""
        kind = row.type_name, row.subtype_name
        size = row.size if kind in WHOLE else min(row.size, BEGINS_WITH)
        outcome = await self._do(FlashJob("read", address=row.offset, size=size), f"reading {row.name}")
        screen = self._screen
        if outcome is None or screen is None:
            return
        screen.show_result(f"{row.name} read, {time_text(outcome.elapsed)}")
        if self._app.screen is not screen:
            return
        if kind == ("data", "nvs"):
            from espmon.rom.nvs import parse_nvs
            from espmon.tui.screens.nvs_screen import NvsScreen

            contents = await asyncio.to_thread(parse_nvs, outcome.data)
            self._app.push_screen(NvsScreen(f"{row.name} at 0x{row.offset:08x}", contents))
        else:
            self._app.push_screen(partition_report(row, outcome, screen.partitions))


def file_problem(text: str, size: int) -> str:
    """Why a file cannot be compared with, or written into, so many bytes; "" when it can."""
    path = path_of(text)
    if not text.strip() or not os.path.isfile(path):
        return "There is no such file"
    length = os.path.getsize(path)
    if not length:
        return "The file is empty"
    return f"It has {length:,} bytes, and the partition {size:,}" if length > size else ""


def region_of(text: str) -> tuple[int, int]:
    """(address, size) that `text` names. Raises `PlanError`."""
    words = text.split()
    if len(words) != 2:
        raise PlanError("Enter an address and a size, as in 0x9000 0x6000")
    address, size = map(number, words)
    if not 0 < size <= MAX_REGION or address + size > 1 << 32:
        raise PlanError("No flash has such a region")
    return address, size
