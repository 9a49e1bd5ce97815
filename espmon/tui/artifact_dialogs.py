"""Shows what events hold: pictures, core dumps, panics; and the capture that brings the next one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from espmon.records.events.panic_record import Panic
from espmon.records.record import PayloadRecord
from espmon.records.spans.coredump_capture import Coredump
from espmon.records.spans.frame import Frame
from espmon.records.spans.gdb_packets import Gdb
from espmon.session.status import EventEntry, Status, Undecoded
from espmon.time_limit import time_limit
from espmon.tui.dump_comparison import DumpComparison, sightings
from espmon.tui.file_dialogs import FileOffers
from espmon.tui.graphics import Graphics
from espmon.tui.host import Host
from espmon.tui.report_files import as_json, as_text, saver

if TYPE_CHECKING:
    from textual.timer import Timer

    from espmon.tui.screens.capture import CaptureAnswer, CaptureScreen

NOT_DECODED = "Core dump kept, not decoded: C tells why"
DECODED = "Core dump decoded: C opens it"
"""Said of a core dump whose report may not open by itself."""

OPEN_SECONDS = 1.0
"""Longest wait for a crash that is decoded because it is opened; then what there is is shown."""

PICTURE_SECONDS = 10.0
"""Longest wait for a picture that was asked for to begin."""

WAITING_FOR_PICTURE = f"Waiting for the board's picture, {PICTURE_SECONDS:g} s at most"


class Artifacts:
    """Opens the right screen for an event.

    Args:
        app: the app.
        ask_elf: asks for an ELF; calls back when one was chosen.
        offer_stub: offers what can be done about a debug stub.
    """

    def __init__(
        self, app: Host, ask_elf: Callable[[Callable[[Path], None]], None], offer_stub: Callable[[], None]
    ) -> None:
        self._app = app
        self._ask_elf = ask_elf
        self._offer_stub = offer_stub
        self._panel: CaptureScreen | None = None
        self._last: EventEntry | None = None
        self._last_panic: EventEntry | None = None
        self._awaiting_picture = False
        self._asked = 0.0
        self._graphics = Graphics(app)
        self._files = FileOffers(app)
        self._timer: Timer | None = None
        self._shown: set[int] = set()

    # -- changes ---------------------------------------------------------------------------------------------------

    def expect_picture(self) -> None:
        """The user asked for a screenshot: show the next one that is saved, or say that none came."""
        self._asked = self._app.last_key
        # It stands as long as that lasts.
        self._app.withdraw(WAITING_FOR_PICTURE)
        self._app.notify(WAITING_FOR_PICTURE, timeout=PICTURE_SECONDS, markup=False)
        self._wait_for_picture()

    def _wait_for_picture(self) -> None:
        self._awaiting_picture = True
        if self._timer is not None:
            self._timer.stop()
        self._timer = self._app.set_timer(PICTURE_SECONDS, self._no_picture)

    def _no_picture(self) -> None:
        if not self._awaiting_picture:
            return
        if self._app.status.capture is not None:
            self._wait_for_picture()
            return
        self._awaiting_picture = False
        known = self._app.status.capabilities
        announced = known is not None and known.pictures
        way_on = "" if announced else ". espmon firmware writes code for that, espmon formats explains it"
        self._app.notify(
            f"No picture came within {PICTURE_SECONDS:g} s. What is sent is the setting screenshot_trigger"
            f"{' or what the board announced' if announced else ''}; "
            f"the application has to answer it with a picture{way_on}",
            title="No screenshot",
            severity="warning",
            markup=False,
        )

    def follow_status(self, status: Status) -> None:
        """Tell an open panel how far the capture is."""
        if self._panel is not None and status.capture is not None:
            self._panel.update_capture(status.capture)

    def follow_entry(self, entry: EventEntry) -> None:
        """A new or fuller event: show an awaited picture, bring an open panel up to date."""
        record = entry.record
        if isinstance(record, Coredump):
            self._last = entry
            if self._panel is not None:
                self._fill(self._panel, entry)
            elif entry.report is not None and entry.path is not None and entry.id not in self._shown:
                self._open_by_itself(entry)
        elif isinstance(record, Panic):
            last = self._last_panic
            # An older one may only have been decoded again.
            if last is None or entry.id == last.id or (entry.order, entry.id) > (last.order, last.id):
                self._last_panic = entry
        elif isinstance(record, Frame) and record.kind == "file":
            self._files.follow_entry(entry)
        elif self._awaiting_picture and isinstance(record, PayloadRecord) and record.pixels is not None:
            self._picture_came(entry, record)

    def _open_by_itself(self, entry: EventEntry) -> None:
        """A core dump came and was looked at: show it, unless the user is busy."""
        self._shown.add(entry.id)
        if self._app.may_interrupt():
            self._core_dump(entry)
        elif isinstance(entry.report, Undecoded):
            self._app.invite(NOT_DECODED, "coredump")
        else:
            self._app.invite(DECODED, "coredump")

    def _picture_came(self, entry: EventEntry, picture: PayloadRecord) -> None:
        if entry.path is not None:
            self._awaiting_picture = False
            self._app.withdraw(WAITING_FOR_PICTURE)
            if self._app.may_interrupt(self._asked):
                self.show(entry)
            else:
                self._app.invite("The screenshot has come: o on its row in the events (e) opens it")
        elif picture.error and not picture.size:
            self._awaiting_picture = False
            self._app.withdraw(WAITING_FOR_PICTURE)
            self._app.notify(f"No screenshot: {picture.error}", title=entry.title, severity="error", markup=False)

    # -- screens ------------------------------------------------------------------------------------------------

    def show(self, entry: EventEntry) -> None:
        """What an event holds, or where it was saved."""
        record = entry.record
        if isinstance(record, PayloadRecord) and record.pixels is not None and entry.path is not None:
            self._picture(record, record.pixels, entry.path)
        elif isinstance(record, Panic | Coredump) and entry.report is None:
            self._app.run_worker(self._decode_and_show(entry), group="decode", exclusive=True)
        elif isinstance(record, Panic):
            self._panic(entry, record)
        elif isinstance(record, Coredump):
            self._core_dump(entry)
        elif isinstance(record, Gdb):
            self._offer_stub()
        elif isinstance(record, Frame) and record.kind == "file" and entry.path is not None:
            self._files.ask(record, entry.path)
        else:
            from espmon.tui.event_reports import event_screen

            status = self._app.status
            self._app.push_screen(event_screen(entry, status.name or status.url, status.recording))

    def show_crash(self, here: EventEntry | None = None) -> None:
        """A crash; None: the last panic or core dump, whichever came later."""
        if here is not None:
            self.show(here)
            return
        found = [entry for entry in (self._last_panic, self._last) if entry is not None]
        if found:
            self.show(max(found, key=lambda entry: (entry.time or 0.0, entry.order, entry.id)))
        else:
            self._app.notify("Nothing has crashed yet", markup=False)

    def show_core_dump(self) -> None:
        """The running capture, or the last core dump."""
        capture = self._app.status.capture
        if capture is not None:
            self._show_panel(capture.kind)
        elif self._last is not None:
            self._core_dump(self._last)
        else:
            self._app.notify("No core dump has come yet", markup=False)

    def _withdraw_crash_toasts(self) -> None:
        """Take away the toasts about the last crash: they would cover what the report says in full."""
        crashes = [entry for entry in (self._last_panic, self._last) if entry is not None]
        reports = [entry.report for entry in crashes]
        told = [report.sentence for report in reports if report is not None and not isinstance(report, Undecoded)]
        self._app.withdraw(DECODED, NOT_DECODED, *told, *(entry.title for entry in crashes))

    async def _decode_and_show(self, entry: EventEntry) -> None:
        """A crash of a storm, or one so old that its report was let go: decoded now that somebody looks at it."""
        link = self._app.link
        with suppress(TimeoutError):
            async with time_limit(OPEN_SECONDS):
                await link.run(link.session.decode_again(entry.id))
        entry = next((other for other in link.session.events if other.id == entry.id), entry)
        if isinstance(entry.record, Panic):
            self._panic(entry, entry.record)
        else:
            self._core_dump(entry)

    def _picture(self, picture: PayloadRecord, pixels: tuple[int, int], path: Path) -> None:
        from espmon.tui.screens.screenshot_screen import ScreenshotScreen

        self._graphics.prepare()
        note = "" if picture.complete else f"cut short: {picture.error or 'the end is missing'}"
        self._app.push_screen(ScreenshotScreen(path, *pixels, picture.size, note))

    def _panic(self, entry: EventEntry, panic: Panic) -> None:
        from espmon.postmortem.panic_report import PanicReport, decode_panic  # before a crash, nobody waits for it
        from espmon.tui.screens.crash_parts import local_source
        from espmon.tui.screens.panic_screen import JUMP, PanicReportScreen

        self._withdraw_crash_toasts()
        report = entry.report if isinstance(entry.report, PanicReport) else decode_panic(panic, None)

        def answered(answer: str | None) -> None:
            if answer == JUMP and entry.line is not None:
                self._app.monitor.go_to_line(entry.line)

        screen: PanicReportScreen
        folder = self._app.status.recording
        seen = {"boot": entry.boot, "count": entry.count}
        screen = PanicReportScreen(
            report,
            boot=entry.boot,
            count=entry.count,
            source=local_source(self._app.settings.path_map),
            save_text=saver(folder, f"panic-{entry.id}.txt", lambda: as_text(screen.parts())),
            save_json=saver(folder, f"panic-{entry.id}.json", lambda: as_json({**report.to_json(), **seen})),
            jump=entry.line is not None,
        )
        self._app.push_screen(screen, answered)

    def _core_dump(self, entry: EventEntry) -> None:
        from espmon.postmortem import CoreReport

        self._withdraw_crash_toasts()
        report = entry.report
        if not isinstance(report, CoreReport):
            self._show_panel("coredump", entry)
            return
        from espmon.tui.screens.core_dump_screen import CHOOSE_ELF, COMPARE, CoreDumpReportScreen
        from espmon.tui.screens.crash_parts import local_source

        def answered(answer: str | None) -> None:
            if answer == CHOOSE_ELF:
                self._ask_elf_for(entry)
            elif answer == COMPARE:
                DumpComparison(self._app).ask(report, entry.path)

        self._shown.add(entry.id)
        screen: CoreDumpReportScreen
        folder = self._app.status.recording
        screen = CoreDumpReportScreen(
            report,
            source=local_source(self._app.settings.path_map),
            save_text=saver(folder, f"coredump-{entry.id}-report.txt", lambda: as_text(screen.parts())),
            save_json=saver(folder, f"coredump-{entry.id}-report.json", lambda: as_json(report.to_json())),
            path=entry.path,
            seen=lambda: sightings(report),
        )
        self._app.push_screen(screen, answered)

    def _show_panel(self, kind: str, entry: EventEntry | None = None) -> None:
        from espmon.tui.screens.capture import CaptureAnswer, CaptureScreen

        link = self._app.link

        def abort() -> None:
            link.ask(link.session.abort_capture())

        def answered(answer: CaptureAnswer | None) -> None:
            self._panel = None
            if answer is CaptureAnswer.REPORT and self._last is not None:
                self._core_dump(self._last)
            elif answer is CaptureAnswer.CHOOSE_ELF and self._last is not None:
                self._ask_elf_for(self._last)

        panel = self._panel = CaptureScreen(kind, abort)
        self._app.push_screen(panel, answered)
        capture = self._app.status.capture
        if entry is not None:
            self._fill(panel, entry)
        elif capture is not None:
            panel.update_capture(capture)

    def _fill(self, panel: CaptureScreen, entry: EventEntry) -> None:
        from espmon.postmortem import CoreReport
        from espmon.tui.screens.capture import CaptureResult

        dump, report = entry.record, entry.report
        assert isinstance(dump, Coredump)
        chip = report.chip if isinstance(report, CoreReport) else None
        panel.show_result(
            CaptureResult(
                dump.size,
                entry.path,
                lines=dump.lines,
                complete=dump.complete,
                checksum=dump.checksum,
                chip=chip or self._app.status.chip or "",
                error=dump.error or "",
            )
        )
        if isinstance(report, CoreReport):
            panel.show_ready(report.sentence)
        elif isinstance(report, Undecoded):
            panel.show_failed(report.reason, "The dump is kept. e chooses an ELF to decode it with.")
        else:
            panel.show_decoding()

    def _ask_elf_for(self, entry: EventEntry) -> None:
        """Another ELF for one dump: the panel shows how decoding it goes."""
        link = self._app.link

        def chosen(path: Path) -> None:
            async def decode() -> None:
                await link.session.set_elf((path,))
                await link.session.decode_again(entry.id)

            link.ask(decode())
            self._show_panel("coredump", replace(entry, report=None))

        self._ask_elf(chosen)
