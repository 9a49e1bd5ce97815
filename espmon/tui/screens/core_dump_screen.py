"""The core dump report: who crashed, why, and what every task was doing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import DataTable, Footer, TabbedContent, TabPane
from textual.worker import Worker, WorkerState

from espmon.postmortem.core_report import CoreReport, TaskReport
from espmon.postmortem.global_variables import GlobalVariables
from espmon.postmortem.memory_guide import MemoryGuide
from espmon.postmortem.variables import Variable
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
from espmon.tui.screens.dialog import Line, clip, rows, size_text
from espmon.tui.screens.globals_pane import GlobalsPane
from espmon.tui.screens.kernel_pane import KernelPane
from espmon.tui.screens.memory_pane import MemoryPane
from espmon.tui.screens.reflowed import Reflowed
from espmon.tui.screens.table import Column, KeyedTable, Row
from espmon.tui.screens.variables_pane import VariablesPane

CHOOSE_ELF, COMPARE = "choose elf", "compare"
"""The answers of a reader who wants another ELF for this dump, and of one who wants another dump beside it."""

PANES: Mapping[str, tuple[str, type[VariablesPane | GlobalsPane | MemoryPane | KernelPane]]] = {
    "tab-variables": ("Variables", VariablesPane),
    "tab-globals": ("Global variables", GlobalsPane),
    "tab-memory": ("Memory", MemoryPane),
    "tab-kernel": ("FreeRTOS and heaps", KernelPane),
}
"""Tabs that are copied as they stand."""

WIDE = 110
"""Columns from which the task list is wider."""

TASK_COLUMNS = (
    Column("mark", " ", 1),
    Column("name", "task", 10, share=2),
    Column("priority", "prio", 4),
    Column("stack", "stack", 9, share=1),
    Column("state", "state", 9, from_width=52),
)


def stack_part(task: TaskReport) -> float | None:
    """How much of its stack a task uses, 0 to 1; None when the dump does not say."""
    size = task.stack_size
    return (task.stack_used or 0) / size if size else None


def by_suspicion(tasks: Sequence[TaskReport]) -> list[TaskReport]:
    """The crashed task first, then the fullest stacks, then as the dump has them."""
    return sorted(tasks, key=lambda task: (not task.crashed, -(stack_part(task) or 0.0)))


def stack_text(task: TaskReport) -> str:
    """`624 of 3.5 KiB` would not fit a column: used bytes and how full that is."""
    part = stack_part(task)
    if part is None:
        return "-" if task.stack_used is None else str(task.stack_used)
    return f"{task.stack_used} {part:.0%}"


def variable_text(variable: Variable) -> str:
    """A variable's value, or why it is not known."""
    return variable.value if variable.value is not None else f"not known: {variable.note or 'not recorded'}"


class CoreDumpReportScreen(CrashScreen[str | None]):
    """Shows a decoded core dump. Returns `CHOOSE_ELF` when another ELF is wanted, else None.

    Args:
        report: the decoded core dump.
        source: reads source excerpts; called in a thread.
        save_text: saves the readable report, returns where; called in a thread.
        save_json: the same as JSON.
        path: where the dump itself is.
        choose_elf: offer the key that asks for another ELF.
        seen: where the same crash was met before, a line each; called in a thread.
    """

    DEFAULT_CSS = """
    CoreDumpReportScreen #tasks { width: 36; }
    CoreDumpReportScreen.-wide #tasks { width: 56; }
    CoreDumpReportScreen #frames { width: 1fr; }
    """
    AUTO_FOCUS = "#tasks"
    TABLES = "#tables"
    BINDINGS: ClassVar[list[BindingType]] = [
        # Not in the footer, which has no room for it at 80 columns.
        Binding("v", "frame('open')", "Editor", show=False, id="crash.edit", tooltip="The chosen frame in the editor"),
        Binding("4", "part('tab-variables')", "Variables", show=False, id="coredump.variables"),
        Binding("5", "part('tab-globals')", "Globals", show=False, id="coredump.globals"),
        Binding("6", "part('tab-memory')", "Memory", show=False, id="coredump.memory"),
        Binding("7", "part('tab-kernel')", "RTOS and heaps", show=False, id="coredump.kernel"),
        Binding("d", "compare", "Compare", id="coredump.compare", tooltip="What differs from another dump"),
        Binding("e", "choose_elf", "Other ELF", id="coredump.elf", tooltip="Decode with another ELF file"),
    ]

    def __init__(
        self,
        report: CoreReport,
        *,
        source: Source | None = None,
        save_text: Callable[[], Path] | None = None,
        save_json: Callable[[], Path] | None = None,
        path: Path | None = None,
        choose_elf: bool = True,
        seen: Callable[[], Sequence[str]] | None = None,
    ) -> None:
        super().__init__(source=source, save_text=save_text, save_json=save_json)
        self._report = report
        self._tasks = by_suspicion(report.tasks)
        self._path = path
        self._choose_elf = choose_elf
        self._seen = seen
        self._sightings: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        """What happened, warnings, tasks and frames side by side, the tabs."""
        yield Line(self._sentence(), id="heading")
        yield from self.compose_warnings()
        with Horizontal(id="tables"):
            yield KeyedTable(TASK_COLUMNS, id="tasks")
            yield FramesTable()
        others = (
            TabPane("4 Variables", VariablesPane(), id="tab-variables"),
            TabPane("5 Globals", GlobalsPane(self._globals()), id="tab-globals"),
            TabPane("6 Memory", MemoryPane(lambda: MemoryGuide(self._report), self._stack_pointer()), id="tab-memory"),
            TabPane("7 RTOS", KernelPane(self._kernel_text), id="tab-kernel"),
        )
        yield from self.compose_tabs(self._report.registers, remarks(self._report), "Details", self._details, others)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Fill the task list; its cursor fills the rest."""
        self.query_one("#tasks", KeyedTable).show([self._task_row(index) for index in range(len(self._tasks))])
        if not self._tasks:
            self.query_one(SourcePane).show_frame(None)
        if self._seen is not None:
            self._look_back(self._seen)

    @work(thread=True, exclusive=True, group="seen", exit_on_error=False)
    def _look_back(self, seen: Callable[[], Sequence[str]]) -> Sequence[str]:
        return seen()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """The same crash was looked for in past sessions; where that fails, nothing is said of it."""
        if event.worker.group == "seen" and event.state is WorkerState.SUCCESS and event.worker.result:
            self._sightings = event.worker.result
            self.query_one("#more-text", Reflowed).reflow()

    @on(TabbedContent.TabActivated)
    def _tab_opened(self, event: TabbedContent.TabActivated) -> None:
        """What takes a while to read is read when it is looked at."""
        for pane in event.pane.query("GlobalsPane, MemoryPane, KernelPane"):
            if isinstance(pane, GlobalsPane | MemoryPane | KernelPane):
                pane.open()

    def _globals(self) -> Callable[[], GlobalVariables] | None:
        inspector = self._report.inspector
        return None if inspector is None else lambda: inspector.globals

    def _kernel_text(self) -> str:
        parts = (("FreeRTOS", self._report.rtos_text()), ("Heaps", self._report.heap_text()))
        # Their heads are rules as wide as a page.
        return "\n\n".join(f"{title}\n{text.strip().partition(chr(10))[2]}" for title, text in parts)

    def _stack_pointer(self) -> int | None:
        crashed = next((task for task in self._report.tasks if task.crashed), None)
        registers = crashed.registers if crashed is not None else {}
        return registers.get("sp", registers.get("a1"))

    def on_resize(self) -> None:
        """A wider task list where there is room; Textual calls `CrashScreen.on_resize` as well."""
        self.set_class(self.size.width >= WIDE, "-wide")

    def table_rows(self) -> int:
        """The tasks, or the frames of one of them."""
        return max([1, len(self._tasks), *(len(task.frames) for task in self._tasks)])

    # Texts

    def _sentence(self) -> Content:
        report, crashed = self._report, self._report.crashed
        who = f"in an interrupt while task {crashed.task} ran" if crashed.isr else f"task {crashed.task or '?'}"
        where = ""
        if report.place is not None:
            function, found = function_and_place(report.place)
            where = f", at {function} ({found})" if found else f", at {function}"
        first = Content.assemble((clip(report.sentence, 300), "bold"))
        lines = [first, Content(plain(f"{report.chip or 'unknown chip'}: {who}{where}"))]
        if report.likely:
            lines.append(Content(plain(clip(report.likely[0].sentence, 300))))
        return Content("\n").join(lines)

    def warnings(self) -> Sequence[str]:
        """Mismatched, and what the decoder said: damaged, cut short."""
        found = []
        if self._report.elf_match is False:
            found.append(OTHER_ELF)
        elif self._report.elf_match is None and self._report.elf is not None:
            found.append("It could not be checked whether the ELF belongs to this dump")
        return [*found, *self._report.warnings]

    def _details(self, cells: int = 0) -> Content:
        report, crashed = self._report, self._report.crashed
        known = [
            ("chip", report.chip),
            ("format", " ".join(str(part) for part in (report.format, report.version) if part)),
            ("checksum", report.checksum),
            ("application", report.app_sha256),
            ("ELF matches", {True: "yes", False: "NO", None: "not checked"}[report.elf_match]),
            ("reason", crashed.reason),
            ("cause", crashed.cause),
            ("task control block", None if crashed.tcb is None else address(crashed.tcb)),
            ("file", None if self._path is None else str(self._path)),
        ]
        lines = [rows([(label, text) for label, text in known if text], cells=cells)]
        warnings = self.warnings()
        if warnings:
            lines += [
                Content(""),
                Content.styled("Warnings", "bold $text-accent"),
                Content("\n".join(map(plain, warnings))),
            ]
        if report.variables:
            told = [(f"{item.type} {item.name}", variable_text(item)) for item in report.variables]
            lines += [Content(""), Content.styled("Variables of the crashed frame", "bold $text-accent"), rows(told)]
        for cause in report.likely:
            lines += [Content(""), Content.styled(plain(cause.sentence), "bold $text-accent")]
            lines += [Content(plain(f"- {text}")) for text in cause.evidence]
        if self._sightings:
            lines += [Content(""), Content.styled("The same crash before", "bold $text-accent")]
            lines += [Content(plain(text)) for text in self._sightings]
        lines += [
            Content(""),
            Content.styled("Memory regions", "bold $text-accent"),
            Content(self._regions_text() or "none"),
        ]
        return Content("\n").join(lines)

    def _regions_text(self) -> str:
        return "\n".join(
            plain(f"{address(region.start)}  {size_text(region.size):>10}  {region.kind}")
            for region in self._report.regions
        )

    def _task_row(self, index: int) -> Row:
        task = self._tasks[index]
        cells = {
            "mark": "✖" if task.crashed else "!" if task.deep else "",
            "name": task.name or address(task.tcb),
            "priority": "-" if task.priority is None else str(task.priority),
            "stack": stack_text(task),
            "state": task.state,
        }
        return Row(str(index), cells, style="bold" if task.crashed else "")

    # Following the cursor

    def _selected_task(self) -> TaskReport | None:
        selected = self.query_one("#tasks", KeyedTable).selected
        return None if selected is None else self._tasks[int(selected)]

    @on(DataTable.RowHighlighted, "#tasks")
    def _task_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        task = self._selected_task()
        table = self.query_one(FramesTable)
        table.show_frames(task.frames if task is not None else [], self._report.place)
        self.query_one(SourcePane).show_frame(table.frame)
        self._show_variables()

    @on(DataTable.RowHighlighted, "#frames")
    def _variables_follow(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._show_variables()

    def _show_variables(self) -> None:
        """Show the variables of the frame under the cursor."""
        task, frame = self._selected_task(), self.query_one(FramesTable).selected
        if task is not None and frame is not None:
            report = self._report
            self.query_one(VariablesPane).show_frame(task.tcb, int(frame), lambda: report.variables_of(task))

    # Copying

    def parts(self) -> Sequence[tuple[str, str]]:
        """Every part of the report."""
        return [
            ("Core dump", self._sentence().plain),
            ("Details", self._details().plain),
            ("Registers", registers_text(self._report.registers, remarks(self._report))),
            *((self._task_title(task), frames_text(task.frames)) for task in self._tasks),
        ]

    def _task_title(self, task: TaskReport) -> str:
        state = " (crashed)" if task.crashed else ""
        return f"Task {task.name or address(task.tcb)}{state}, priority {task.priority}, stack {stack_text(task)}"

    def focused_part(self) -> tuple[str, str]:
        """The backtrace, the task list or the open tab."""
        focused = self.focused
        if isinstance(focused, FramesTable):
            task = self._selected_task()
            return (self._task_title(task) if task is not None else "Backtrace", frames_text(focused.frames))
        if isinstance(focused, KeyedTable):
            return "Tasks", "\n".join(self._task_title(task) for task in self._tasks)
        active = self.query_one(TabbedContent).active
        if active in PANES:
            title, pane = PANES[active]
            return title, self.query_one(pane).text
        _, details, registers, *_ = self.parts()
        return self.open_tab(registers=registers, more=details)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No ELF key where none can be chosen."""
        if action in ("choose_elf", "compare"):
            return self._choose_elf
        return super().check_action(action, parameters)

    def action_compare(self) -> None:
        """Close, asking for another dump."""
        self.dismiss(COMPARE)

    def action_choose_elf(self) -> None:
        """Close, asking for another ELF."""
        self.dismiss(CHOOSE_ELF)
