"""Shows what events hold: pictures, core dumps, panics; and the capture that brings the next one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from espmon.session.status import EventEntry, Status
from espmon.tui.graphics import Graphics
from espmon.tui.host import Host
from espmon.tui.report_files import as_json, as_text, saver

if TYPE_CHECKING:
    from textual.timer import Timer

    from espmon.tui.screens.capture import CaptureAnswer, CaptureScreen

NOT_DECODED = "Core dump kept, not decoded: C tells why"
DECODED = "Core dump decoded: C opens it"
"""Said of a core dump whose report may not open by itself."""

PICTURE_SECONDS = 10.0
"""Longest wait for a picture that was asked for to begin."""


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
        self._timer: Timer | None = None
        self._shown: set[int] = set()

    # -- news ---------------------------------------------------------------------------------------------------

    def expect_picture(self) -> None:
        """The user asked for a screenshot: show the next one that is saved, or say that none came."""
        self._asked = self._app.last_key
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
        self._app.notify(
            f"No picture came within {PICTURE_SECONDS:g} s. What is sent is the setting screenshot_trigger; "
            "the application has to answer it with a picture",
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
        kind = entry.record.type
        if kind == "coredump":
            self._last = entry
            if self._panel is not None:
                self._fill(self._panel, entry)
            elif entry.report is not None and entry.path is not None and entry.id not in self._shown:
                self._open_by_itself(entry)
        elif kind == "panic":
            last = self._last_panic
            # An older one may only have been decoded again.
            if last is None or entry.id == last.id or (entry.order, entry.id) > (last.order, last.id):
                self._last_panic = entry
        elif kind == "png" and self._awaiting_picture:
            self._picture_came(entry)

    def _open_by_itself(self, entry: EventEntry) -> None:
        """A core dump came and was looked at: show it, unless the user is busy."""
        self._shown.add(entry.id)
        if self._app.may_interrupt():
            self._core_dump(entry)
        elif "error" in _mapping(entry.report):
            self._app.invite(NOT_DECODED)
        else:
            self._app.invite(DECODED)

    def _picture_came(self, entry: EventEntry) -> None:
        facts = entry.record.fields()
        if entry.path is not None:
            self._awaiting_picture = False
            if self._app.may_interrupt(self._asked):
                self.show(entry)
            else:
                self._app.invite("The screenshot has come: o on its row in the events (e) opens it")
        elif facts.get("error") and not facts.get("bytes"):
            self._awaiting_picture = False
            self._app.notify(f"No screenshot: {facts['error']}", title=entry.title, severity="error", markup=False)

    # -- screens ------------------------------------------------------------------------------------------------

    def show(self, entry: EventEntry) -> None:
        """What an event holds, or where it was saved."""
        kind = entry.record.type
        if kind == "png" and entry.path is not None:
            self._picture(entry, entry.path)
        elif kind == "panic":
            self._panic(entry)
        elif kind == "coredump":
            self._core_dump(entry)
        elif kind == "gdb":
            self._offer_stub()
        else:
            from espmon.tui.event_reports import event_screen

            status = self._app.status
            self._app.push_screen(event_screen(entry, status.name or status.url, status.recording))

    def show_crash(self) -> None:
        """The last panic or core dump, whichever came later."""
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
        told = [str(_mapping(entry.report).get("sentence") or entry.title) for entry in crashes]
        self._app.withdraw(DECODED, NOT_DECODED, *told, *(entry.title for entry in crashes))

    def _picture(self, entry: EventEntry, path: Path) -> None:
        from espmon.tui.screens.screenshot import ScreenshotScreen

        self._graphics.prepare()
        facts = entry.record.fields()
        note = "" if facts.get("complete", True) else f"cut short: {facts.get('error') or 'the end is missing'}"
        screen = ScreenshotScreen(
            path, int(facts.get("width") or 0), int(facts.get("height") or 0), int(facts.get("bytes") or 0), note
        )
        self._app.push_screen(screen)

    def _panic(self, entry: EventEntry) -> None:
        from espmon.tui.screens.crash_parts import local_source
        from espmon.tui.screens.panic_screen import JUMP, PanicReportScreen

        self._withdraw_crash_toasts()
        facts = {**entry.record.fields(), **_mapping(entry.report), "boot": entry.boot, "count": entry.count}

        def answered(answer: str | None) -> None:
            if answer == JUMP and entry.line is not None:
                self._app.monitor.go_to_line(entry.line)

        screen: PanicReportScreen
        folder = self._app.status.recording
        screen = PanicReportScreen(
            facts,
            source=local_source(self._app.settings.path_map),
            save_text=saver(folder, f"panic-{entry.id}.txt", lambda: as_text(screen.parts())),
            save_json=saver(folder, f"panic-{entry.id}.json", lambda: as_json(facts)),
            jump=entry.line is not None,
        )
        self._app.push_screen(screen, answered)

    def _core_dump(self, entry: EventEntry) -> None:
        self._withdraw_crash_toasts()
        report = _mapping(entry.report)
        if not report or "error" in report:
            self._show_panel("coredump", entry)
            return
        from espmon.tui.screens.core_dump_screen import CHOOSE_ELF, CoreDumpReportScreen
        from espmon.tui.screens.crash_parts import local_source

        def answered(answer: str | None) -> None:
            if answer == CHOOSE_ELF:
                self._ask_elf_for(entry)

        self._shown.add(entry.id)
        screen: CoreDumpReportScreen
        folder = self._app.status.recording
        screen = CoreDumpReportScreen(
            report,
            source=local_source(self._app.settings.path_map),
            save_text=saver(folder, f"coredump-{entry.id}-report.txt", lambda: as_text(screen.parts())),
            save_json=saver(folder, f"coredump-{entry.id}-report.json", lambda: as_json(report)),
            path=entry.path,
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
        from espmon.tui.screens.capture import CaptureResult

        facts = entry.record.fields()
        report = _mapping(entry.report)
        panel.show_result(
            CaptureResult(
                int(facts.get("bytes") or 0),
                entry.path,
                lines=int(facts.get("lines") or 0),
                complete=bool(facts.get("complete", True)),
                checksum=str(facts.get("checksum") or "unknown"),
                chip=str(report.get("chip") or self._app.status.chip or ""),
                error=str(facts.get("error") or ""),
            )
        )
        if "error" in report:
            panel.show_failed(str(report["error"]), "The dump is kept. e chooses an ELF to decode it with.")
        elif report:
            from espmon.tui.screens.core_dump_screen import core_sentence

            panel.show_ready(core_sentence(report))
        elif entry.record.type == "coredump":
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


def _mapping(value: Any) -> dict[str, Any]:
    """A report as a dictionary; {} for anything else."""
    return dict(value) if isinstance(value, dict) else {}
