"""A panic in plain words: what happened, where, how often, and how far the report can be trusted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Footer

from espmon.postmortem.panic_report import PanicReport
from espmon.text import plain
from espmon.tui.screens.crash_parts import (
    OTHER_ELF,
    CrashScreen,
    FramesTable,
    Source,
    SourcePane,
    address,
    frames_text,
    function_and_place,
    registers_text,
    remarks,
)
from espmon.tui.screens.dialog import Line, clip, rows

IN_HEADING = frozenset({"what", "where", "circumstances"})
"""Details that stand above everything."""

JUMP = "jump"
"""The answer of a reader who wants to see the line in the log."""


class PanicReportScreen(CrashScreen[str | None]):
    """Shows one panic. Returns `JUMP` to see it in the log, else None.

    Args:
        report: the decoded panic.
        boot: the boot it happened in, 0 before any was seen.
        count: how often the same happened.
        source: reads source excerpts; called in a thread.
        save_text: saves the readable report, returns where; called in a thread.
        save_json: the same as JSON.
        jump: offer the key that goes to the line in the log.
    """

    DEFAULT_CSS = """
    """
    TABLES = "#frames"
    AUTO_FOCUS = "#frames"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "jump", "In the log", id="panic.jump", tooltip="Show the line in the log"),
    ]

    def __init__(
        self,
        report: PanicReport,
        *,
        boot: int = 0,
        count: int = 1,
        source: Source | None = None,
        save_text: Callable[[], Path] | None = None,
        save_json: Callable[[], Path] | None = None,
        jump: bool = True,
    ) -> None:
        super().__init__(source=source, save_text=save_text, save_json=save_json)
        self._report = report
        self._boot = boot
        self._count = count
        self._jump = jump

    def compose(self) -> ComposeResult:
        """The sentence and the place, warnings, the backtrace, the tabs."""
        yield Line(self._heading(), id="heading")
        yield from self.compose_warnings()
        yield FramesTable()
        report = self._report
        yield from self.compose_tabs(report.core.registers, remarks(report), "Details", self._circumstances_of)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Fill the backtrace; its cursor fills the source."""
        report = self._report
        self.query_one(FramesTable).show_frames(report.frames, report.place)
        if not report.frames:
            self.query_one(SourcePane).show_frame(None)
            self.action_part("tab-registers" if report.core.registers else "tab-more")

    def _place(self) -> str:
        report = self._report
        frame = report.place or next(iter(report.frames), None)
        if frame is None:
            pc = report.facts.pc
            return f"at {address(pc)}" if pc else "at an address that was not printed"
        function, found = function_and_place(frame, full=True)
        return f"in {function}, {found}" if found else f"in {function}"

    def _circumstances(self) -> list[str]:
        facts, core = self._report.facts, self._report.core.core
        told = []
        if facts.task:
            told.append(f"task {facts.task}")
        if core is not None:
            told.append(f"core {core}")
        if self._boot:
            told.append(f"boot {self._boot}")
        told.append("seen once" if self._count == 1 else f"seen {self._count} times")
        return told

    def _heading(self) -> Content:
        return Content("\n").join(
            [
                Content.styled(clip(self._report.sentence, 300), "bold"),
                Content(clip(self._place(), 300)),
                Content.styled(plain(", ".join(self._circumstances())), "$foreground-muted"),
            ]
        )

    def warnings(self) -> Sequence[str]:
        """Why the report may be wrong."""
        report = self._report
        found = []
        if report.elf_match is False:
            found.append(OTHER_ELF)
        elif report.elf_match is None and any(frame.function for frame in report.frames):
            found.append("Nothing the board printed says whether this ELF is its application's")
        if report.facts.damaged:
            found.append("Not readable in the log: " + ", ".join(report.facts.damaged))
        return [*found, *report.warnings]

    def _details(self) -> list[tuple[str, str]]:
        report, facts = self._report, self._report.facts
        known = [
            ("what", report.sentence),
            ("where", self._place()),
            ("circumstances", ", ".join(self._circumstances())),
            ("kind", facts.kind),
            ("cause", facts.cause),
            ("message", facts.message),
            ("program counter", None if facts.pc is None else address(facts.pc)),
            ("faulting address", None if facts.excvaddr is None else address(facts.excvaddr)),
            ("application", facts.elf_sha256),
            ("ELF matches", {True: "yes", False: "NO", None: "not known"}[report.elf_match]),
            ("warnings", "\n".join(self.warnings())),
        ]
        return [(label, text) for label, text in known if text]

    def _circumstances_of(self, cells: int) -> Content:
        """The details without what the heading says already."""
        return rows([row for row in self._details() if row[0] not in IN_HEADING], cells=cells)

    def table_rows(self) -> int:
        """The frames."""
        return max(1, len(self._report.frames))

    def _details_text(self) -> str:
        return "\n".join(f"{label}: {text}" for label, text in self._details())

    def parts(self) -> Sequence[tuple[str, str]]:
        """Every part of the report."""
        report = self._report
        return [
            ("Panic", self._details_text()),
            ("Backtrace", frames_text(report.frames)),
            ("Registers", registers_text(report.core.registers, remarks(report))),
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
