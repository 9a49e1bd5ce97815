"""Flashing from the screen: plan, ask, show progress. What is written and how is the session's and the ROM room's."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.session.session_events import FlashEvent
from espmon.session.state import State
from espmon.session.status import EventEntry, Status
from espmon.tui.builds import project_of
from espmon.tui.host import Host

if TYPE_CHECKING:
    from espmon.session.flash_job import FlashJob
    from espmon.session.flash_plan import FlashPlan
    from espmon.tui.screens.flash_screens import FlashConfirmScreen, FlashProgressScreen

KINDS = {
    "flash": "Flash the project",
    "app-flash": "Flash the application",
    "erase-flash": "Erase everything and flash the project",
    "verify": "Compare the project with the flash",
}
"""Menu entry -> what it does, in words."""

RESETS = "The board is reset into its ROM loader; what it is doing now is interrupted."
WRITING = (RESETS, "Regions that are the same already are not written. Afterwards the application starts.")
ERASING = (
    "Everything on the flash goes first: NVS (settings, Wi-Fi keys), file systems, and all that is not in this list.",
    f"{RESETS} Then these regions are written, and the application starts.",
)
"""What happens, in the words of the question."""


def plan_for(kind: str, elf: Path | None, folder: Path) -> FlashPlan:
    """What `kind` writes, from the build of `elf`, else from the one in `folder`.

    Raises `PlanError`. Reads files: call it in a thread.
    """
    from espmon.session.flash_plan import from_project

    plan = from_project(project_of(elf, folder))
    return plan.only("application") if kind == "app-flash" else plan


READING = (RESETS, "Nothing is written. Afterwards the application starts.")
SHOWN = frozenset({"info", "verify"})
"""Actions whose result is what the user wants to see."""


def job_of(kind: str, plan: FlashPlan) -> FlashJob:
    """The job that the user is asked about."""
    from espmon.session.flash_job import FlashJob

    return FlashJob("verify" if kind == "verify" else "write", plan=plan, erase_first=kind == "erase-flash")


def question(kind: str, plan: FlashPlan, status: Status, doing: Sequence[str] = ()) -> FlashConfirmScreen:
    """The question before `kind`, with what it is about.

    Args:
        kind: as in `KINDS`.
        plan: what is written or compared.
        status: of the session whose board it is.
        doing: what happens to the board, in place of the usual words.
    """
    from espmon.tui.screens.flash_screens import FlashConfirmScreen, FlashRegion

    erase, compare = kind == "erase-flash", kind == "verify"
    name = status.name or status.url
    other = plan.chip and status.chip_key and plan.chip != status.chip_key
    return FlashConfirmScreen(
        f"{KINDS[kind]} of {name}?" if compare else f"{KINDS[kind]} to {name}?",
        [FlashRegion(one.address, one.size, one.file, one.role) for one in plan.regions],
        doing or (READING if compare else ERASING if erase else WRITING),
        warnings=(f"The build is for {plan.chip}, the board is an {status.chip}",) if other else (),
        erase="the whole flash, NVS and what is not in the list included" if erase else "",
        confirm_label="Compare" if compare else "Erase and flash" if erase else "Flash",
    )


class Flashing:
    """Leads the user through a flash, and through looking at one.

    Args:
        app: the app.
        show: opens the report of an event.
    """

    def __init__(self, app: Host, show: Callable[[EventEntry], None]) -> None:
        self._app = app
        self._show_report = show
        self._progress: FlashProgressScreen | None = None
        self._title = ""
        self._wanted = False
        """Whether the user waits for a result that is to be shown."""

        self._result: EventEntry | None = None

    def ask_info(self) -> None:
        """Ask, then read the partition table and what the applications say of themselves."""
        from espmon.session.flash_job import FlashJob
        from espmon.tui.screens.confirm import ConfirmScreen

        if not self._free():
            return
        name = self._app.status.name or self._app.status.url
        self._title = f"Partition table of {name}"

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._begin(FlashJob("info"))

        self._app.push_screen(ConfirmScreen(f"Read the partition table of {name}?", READING, "Read"), answered)

    def _free(self) -> bool:
        """Whether the port can be used now; says so when it cannot."""
        free = self._app.status.state is State.MONITORING
        if not free:
            self._app.notify("Flashing needs an open port that nothing else uses", severity="warning", markup=False)
        return free

    def _begin(self, job: FlashJob) -> None:
        self._wanted, self._result = job.action in SHOWN, None
        self._app.link.ask(self._app.link.session.flash(job))

    async def start(self, kind: str) -> None:
        """Plan, then ask. Nothing is touched before the user agrees."""
        from espmon.session.flash_plan import PlanError

        app = self._app
        if not self._free():
            return
        asked = app.last_key
        try:
            plan = await asyncio.to_thread(plan_for, kind, app.status.elf, app.project)
        except PlanError as error:
            app.notify(str(error), severity="error", markup=False)
            return
        if app.still_wanted(asked):
            self._ask(kind, plan)
        else:
            # A `y` that was meant for the board must not begin to write its flash.
            app.invite(f"Not flashed while you type: {KINDS[kind]} asks again from the menu (Ctrl-T)")

    def _ask(self, kind: str, plan: FlashPlan) -> None:
        name = self._app.status.name or self._app.status.url
        self._title = f"{KINDS[kind]}: {name}"
        job = job_of(kind, plan)

        def answered(agreed: bool | None) -> None:
            if agreed:
                self._begin(job)

        self._app.push_screen(question(kind, plan, self._app.status), answered)

    def follow(self, status: Status) -> None:
        """Show the progress while the lease is out, and close it when it comes back."""
        running = status.state is State.LEASED and status.lease == "flash"
        if running and self._progress is None:
            self._show()
        if self._progress is None:
            return
        if not running:
            self._progress.finish()
            self._progress = None
            self._app.call_after_refresh(self._show_result)
        elif status.progress is not None:
            self._progress.update_progress(status.progress)

    def follow_entry(self, entry: EventEntry) -> None:
        """The result that the user waits for."""
        record = entry.record
        if self._wanted and isinstance(record, FlashEvent) and record.action in SHOWN and record.failure is None:
            self._wanted, self._result = False, entry

    def _show_result(self) -> None:
        entry, self._result = self._result, None
        if entry is None:
            return
        if self._app.may_interrupt(self._app.last_key):
            self._show_report(entry)
        else:
            self._app.invite("What the flash holds is read: o on its row in the events (e) opens it")

    def _show(self) -> None:
        from espmon.tui.screens.flash_screens import FlashProgressScreen

        link = self._app.link

        def cancel() -> None:
            link.ask(link.session.cancel())

        screen = FlashProgressScreen(self._title or "Flashing", cancel, time.monotonic)
        self._progress = screen
        self._app.push_screen(screen)
