"""A panic in plain words: what happened, where, how often, and how far the report can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Footer

from espmon.text import plain
from espmon.tui.screens.crash_parts import (
    OTHER_ELF,
    CrashScreen,
    Frame,
    FramesTable,
    Source,
    SourcePane,
    best_frame,
    frames_text,
    place,
    registers_text,
)
from espmon.tui.screens.dialog import Line, clip, rows

JUMP = "jump"
"""The answer of a reader who wants to see the line in the log."""

KINDS: Mapping[str, str] = {
    "exception": "The processor raised an exception",
    "abort": "The program called abort()",
    "assert": "An assertion failed",
    "task_wdt": "The task watchdog ran out",
    "int_wdt": "The interrupt watchdog ran out",
    "stack_overflow": "A task's stack overflowed",
    "stack_smash": "A function's stack was overwritten",
    "heap": "The heap is corrupted",
    "cache": "The flash cache was used while it was off",
    "brownout": "The supply voltage fell too low",
    "rust": "The Rust program panicked",
}
"""What each kind of panic is, for reports without a sentence of their own."""


def panic_sentence(report: Mapping[str, Any]) -> str:
    """What happened, in one plain sentence."""
    if report.get("sentence"):
        return str(report["sentence"])
    said = KINDS.get(str(report.get("kind")), "The program stopped")
    detail = report.get("message") or report.get("cause")
    return f"{said}: {detail}" if detail else said


class PanicReportScreen(CrashScreen[str | None]):
    """Shows one panic. Returns `JUMP` to see it in the log, else None.

    Args:
        report: the JSON of a `panic` record, with what the session adds where it knows it: `sentence`, `notes`
            {register: what its value tells}, `where` (a frame), `warnings`, `boot`, `count`.
        source: reads source excerpts; called in a thread.
        save_text: saves the readable report, returns where; called in a thread.
        save_json: the same as JSON.
        jump: offer the key that goes to the line in the log.
    """

    DEFAULT_CSS = """
    PanicReportScreen #frames { height: 8; }
    PanicReportScreen.-tall #frames { height: 40%; }
    """
    AUTO_FOCUS = "#frames"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "jump", "In the log", id="panic.jump", tooltip="Show the line in the log"),
    ]

    def __init__(
        self,
        report: Mapping[str, Any],
        *,
        source: Source | None = None,
        save_text: Callable[[], Path] | None = None,
        save_json: Callable[[], Path] | None = None,
        jump: bool = True,
    ) -> None:
        super().__init__(source=source, save_text=save_text, save_json=save_json)
        self._report = report
        self._frames: list[Frame] = list(report.get("backtrace") or [])
        self._jump = jump

    def compose(self) -> ComposeResult:
        """The sentence and the place, warnings, the backtrace, the tabs."""
        yield Line(self._heading(), id="heading")
        yield from self.compose_warnings()
        yield FramesTable()
        yield from self.compose_tabs(
            self._report.get("registers") or {}, self._notes(), "Details", Content(self._details_text())
        )
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Fill the backtrace; its cursor fills the source."""
        self.query_one(FramesTable).show_frames(self._frames)
        self.query_one("#more-text", Line).show(rows(self._details()))
        if not self._frames:
            self.query_one(SourcePane).show_frame({})
            self.action_part("tab-registers" if self._report.get("registers") else "tab-more")

    def _notes(self) -> Mapping[str, str]:
        return {**(self._report.get("notes") or {}), **(self._report.get("symbols") or {})}

    def _place(self) -> str:
        where = self._report.get("where")
        if isinstance(where, Mapping) and (where.get("function") or where.get("file")):
            found = place(where, full=True)
            return f"in {where.get('function') or '??'}" + (f", {found}" if found else "")
        if not self._frames:
            pc = self._report.get("pc")
            return f"at {pc}" if pc else "at an address that was not printed"
        frame = self._frames[best_frame(self._frames)]
        found = place(frame, full=True)
        return f"in {frame.get('function') or frame.get('pc')}" + (f", {found}" if found else "")

    def _circumstances(self) -> list[str]:
        report = self._report
        told = []
        if report.get("task"):
            told.append(f"task {report['task']}")
        if report.get("core") is not None:
            told.append(f"core {report['core']}")
        if report.get("boot"):
            told.append(f"boot {report['boot']}")
        count = int(report.get("count") or 1)
        told.append("seen once" if count == 1 else f"seen {count} times")
        return told

    def _heading(self) -> Content:
        return Content("\n").join(
            [
                Content.styled(clip(panic_sentence(self._report), 300), "bold"),
                Content(clip(self._place(), 300)),
                Content.styled(plain(", ".join(self._circumstances())), "$foreground-muted"),
            ]
        )

    def warnings(self) -> Sequence[str]:
        """Why the report may be wrong."""
        report = self._report
        found = []
        if report.get("elf_match") is False:
            found.append(OTHER_ELF)
        elif report.get("elf_match") is None and any(frame.get("function") for frame in self._frames):
            found.append("Nothing the board printed says whether this ELF is its application's")
        if report.get("corrupted"):
            found.append("The backtrace is corrupted: it ends where it can no longer be trusted")
        damaged = report.get("damaged") or ()
        if damaged:
            found.append("Not readable in the log: " + ", ".join(map(str, damaged)))
        return [*found, *(str(warning) for warning in report.get("warnings") or ())]

    def _details(self) -> list[tuple[str, str]]:
        report = self._report
        known: list[tuple[str, object]] = [
            ("what", panic_sentence(report)),
            ("where", self._place()),
            ("circumstances", ", ".join(self._circumstances())),
            ("kind", report.get("kind")),
            ("cause", report.get("cause")),
            ("message", report.get("message")),
            ("program counter", report.get("pc")),
            ("faulting address", report.get("excvaddr")),
            ("application", report.get("elf_sha256")),
            ("ELF matches", {True: "yes", False: "NO", None: "not known"}[report.get("elf_match")]),
            ("warnings", "\n".join(self.warnings())),
        ]
        return [(label, str(text)) for label, text in known if text]

    def _details_text(self) -> str:
        return "\n".join(f"{label}: {text}" for label, text in self._details())

    def parts(self) -> Sequence[tuple[str, str]]:
        """Every part of the report."""
        registers = self._report.get("registers") or {}
        return [
            ("Panic", self._details_text()),
            ("Backtrace", frames_text(self._frames)),
            ("Registers", registers_text(registers, self._notes())),
        ]

    def focused_part(self) -> tuple[str, str]:
        """The backtrace or the open tab."""
        details, backtrace, registers = self.parts()
        if isinstance(self.focused, FramesTable):
            return backtrace
        return self.open_tab(registers=registers, more=details)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key where the log line is gone."""
        return self._jump if action == "jump" else super().check_action(action, parameters)

    def action_jump(self) -> None:
        """Close, asking for the line in the log."""
        self.dismiss(JUMP)
