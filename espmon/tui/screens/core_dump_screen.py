"""The core dump report: who crashed, why, and what every task was doing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import DataTable, Footer

from espmon.text import plain
from espmon.tui.screens.crash_parts import (
    OTHER_ELF,
    CrashScreen,
    FramesTable,
    Source,
    SourcePane,
    best_frame,
    frames_text,
    place,
    registers_text,
)
from espmon.tui.screens.dialog import Line, clip, rows, size_text
from espmon.tui.screens.table import Column, KeyedTable, Row

CHOOSE_ELF = "choose elf"
"""The answer of a reader who wants another ELF for this dump."""

LOW_STACK = 0.9
"""Part of a task's stack in use from which it is marked."""

WIDE = 110
"""Columns from which the task list is wider."""

TASK_COLUMNS = (
    Column("mark", " ", 1),
    Column("name", "task", 10, share=2),
    Column("priority", "prio", 4),
    Column("stack", "stack", 9, share=1),
    Column("state", "state", 9, from_width=52),
)

Task = Mapping[str, Any]


def stack_part(task: Task) -> float | None:
    """How much of its stack a task uses, 0 to 1; None when the dump does not say."""
    used, free = task.get("stack_used"), task.get("stack_free")
    if not isinstance(used, int) or not isinstance(free, int) or used + free <= 0:
        return None
    return used / (used + free)


def by_suspicion(tasks: Sequence[Task]) -> list[Task]:
    """The crashed task first, then the fullest stacks, then as the dump has them."""
    return sorted(tasks, key=lambda task: (not task.get("crashed"), -(stack_part(task) or 0.0)))


def stack_text(task: Task) -> str:
    """`624 of 3.5 KiB` would not fit a column: used bytes and how full that is."""
    used, part = task.get("stack_used"), stack_part(task)
    if part is None:
        return "-" if used is None else str(used)
    return f"{used} {part:.0%}"


_GURU = re.compile(r"Guru Meditation Error: Core +\d+ panic'ed \((?P<what>.{0,200}?)\)")
_CAUSE = re.compile(r"(?P<name>.+?) \(\d+\)(?: at (?P<address>0x[0-9a-f]+))?: (?P<words>.*)")
_VERBS = {"Load": "read from", "Store": "wrote to", "Instr": "jumped to"}
"""Start of a cause -> what was done with the address."""

NULL_REACH = 0x400
"""Addresses below this are fields of an object at a null pointer."""


def core_sentence(report: Mapping[str, Any]) -> str:
    """What happened, in plain words: who did what, instead of the panic handler's own line."""
    crashed = report.get("crashed") or {}
    reason = str(crashed.get("reason") or "")
    guru = _GURU.search(reason)
    found = _CAUSE.fullmatch(str(crashed.get("cause") or ""))
    if reason and not guru:
        return reason
    if guru is None and found is None:
        return str(crashed.get("cause") or "The reason is not recorded")
    who = "An interrupt" if crashed.get("isr") else f"Task {crashed['task']}" if crashed.get("task") else "The program"
    if found is None:
        return f"{who} stopped: {guru['what'] if guru else ''}"
    name = found["name"]
    verb = next((verb for start, verb in _VERBS.items() if name.startswith(start)), "")
    if not verb or found["address"] is None or "lign" in name or name.startswith("LoadStore"):
        return f"{who} stopped: {found['words']}"
    address = int(found["address"], 16)
    null = "" if address >= NULL_REACH else " (a null pointer)" if not address else f" (a null pointer plus {address})"
    return f"{who} {verb} address {found['address'] if address else 0}{null}"


def variable_text(variable: Mapping[str, Any]) -> str:
    """A variable's value, or why it is not known."""
    value = variable.get("value")
    return str(value) if value is not None else f"not known: {variable.get('note') or 'not recorded'}"


class CoreDumpReportScreen(CrashScreen[str | None]):
    """Shows a decoded core dump. Returns `CHOOSE_ELF` when another ELF is wanted, else None.

    Args:
        report: the JSON of "Core dump report" in the contracts; missing fields are shown as not known.
        source: reads source excerpts; called in a thread.
        save_text: saves the readable report, returns where; called in a thread.
        save_json: the same as JSON.
        path: where the dump itself is.
        choose_elf: offer the key that asks for another ELF.
    """

    DEFAULT_CSS = """
    CoreDumpReportScreen #tables { height: 9; }
    CoreDumpReportScreen.-tall #tables { height: 45%; }
    CoreDumpReportScreen #tasks { width: 36; }
    CoreDumpReportScreen.-wide #tasks { width: 56; }
    CoreDumpReportScreen #frames { width: 1fr; }
    """
    AUTO_FOCUS = "#tasks"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "choose_elf", "Other ELF", id="coredump.elf", tooltip="Decode with another ELF file"),
    ]

    def __init__(
        self,
        report: Mapping[str, Any],
        *,
        source: Source | None = None,
        save_text: Callable[[], Path] | None = None,
        save_json: Callable[[], Path] | None = None,
        path: Path | None = None,
        choose_elf: bool = True,
    ) -> None:
        super().__init__(source=source, save_text=save_text, save_json=save_json)
        self._report = report
        self._tasks = by_suspicion(report.get("tasks") or [])
        self._crashed: Mapping[str, Any] = report.get("crashed") or {}
        self._path = path
        self._choose_elf = choose_elf

    def compose(self) -> ComposeResult:
        """What happened, warnings, tasks and frames side by side, the tabs."""
        yield Line(self._sentence(), id="heading")
        yield from self.compose_warnings()
        with Horizontal(id="tables"):
            yield KeyedTable(TASK_COLUMNS, id="tasks")
            yield FramesTable()
        yield from self.compose_tabs(self._report.get("registers") or {}, self._notes(), "Details", self._details())
        yield Footer(show_command_palette=False)

    def _notes(self) -> Mapping[str, str]:
        return {**(self._report.get("notes") or {}), **(self._report.get("symbols") or {})}

    def on_mount(self) -> None:
        """Fill the task list; its cursor fills the rest."""
        self.query_one("#tasks", KeyedTable).show([self._task_row(index) for index in range(len(self._tasks))])
        if not self._tasks:
            self.query_one(SourcePane).show_frame(None)

    def on_resize(self) -> None:
        """A wider task list where there is room; Textual calls `CrashScreen.on_resize` as well."""
        self.set_class(self.size.width >= WIDE, "-wide")

    # Texts

    def _sentence(self) -> Content:
        crashed, report = self._crashed, self._report
        sentence = core_sentence(report)
        who = (
            f"in an interrupt while task {crashed.get('task')} ran"
            if crashed.get("isr")
            else f"task {crashed.get('task') or '?'}"
        )
        where = ""
        for task in self._tasks:
            frames = task.get("frames") or []
            if task.get("crashed") and frames:
                frame = frames[best_frame(frames)]
                where = f", at {frame.get('function') or frame.get('pc')}" + (
                    f" ({place(frame)})" if frame.get("file") else ""
                )
        first = Content.assemble((clip(sentence, 300), "bold"))
        second = plain(f"{report.get('chip') or 'unknown chip'}: {who}{where}")
        return Content("\n").join([first, Content(second)])

    def warnings(self) -> Sequence[str]:
        """Mismatched, damaged, cut short, and what the decoder said."""
        report = self._report
        found = []
        if report.get("elf_match") is False:
            found.append(OTHER_ELF)
        elif report.get("elf_match") is None:
            found.append("It could not be checked whether the ELF belongs to this dump")
        said = [str(warning) for warning in report.get("warnings") or ()]
        # What the decoder said of these has the figures.
        if report.get("checksum") == "bad" and not any("checksum" in warning for warning in said):
            found.append("The dump's checksum is wrong: some of it is damaged")
        if report.get("partial") and not any("cut short" in warning for warning in said):
            found.append("The dump is cut short: what is missing is not shown")
        return [*found, *said]

    def _details(self) -> Content:
        report, crashed = self._report, self._crashed
        known = [
            ("chip", report.get("chip")),
            ("format", " ".join(str(part) for part in (report.get("format"), report.get("version")) if part)),
            ("checksum", report.get("checksum")),
            ("application", report.get("app_sha256")),
            ("ELF matches", {True: "yes", False: "NO", None: "not checked"}[report.get("elf_match")]),
            ("reason", crashed.get("reason")),
            ("cause", crashed.get("cause")),
            ("task control block", crashed.get("tcb")),
            ("file", self._path),
        ]
        lines = [rows([(label, str(text)) for label, text in known if text])]
        warnings = self.warnings()
        if warnings:
            lines += [
                Content(""),
                Content.styled("Warnings", "bold $text-accent"),
                Content("\n".join(map(plain, warnings))),
            ]
        variables = report.get("variables") or ()
        if variables:
            told = [(f"{item.get('type') or ''} {item.get('name')}", variable_text(item)) for item in variables]
            lines += [Content(""), Content.styled("Variables of the crashed frame", "bold $text-accent"), rows(told)]
        lines += [
            Content(""),
            Content.styled("Memory regions", "bold $text-accent"),
            Content(self._regions_text() or "none"),
        ]
        return Content("\n").join(lines)

    def _regions_text(self) -> str:
        return "\n".join(
            plain(f"{region.get('start')}  {size_text(int(region.get('size') or 0)):>10}  {region.get('kind') or ''}")
            for region in self._report.get("regions") or ()
        )

    def _task_row(self, index: int) -> Row:
        task = self._tasks[index]
        part = stack_part(task)
        mark = "✖" if task.get("crashed") else "!" if part is not None and part >= LOW_STACK else ""
        priority = task.get("priority")
        cells = {
            "mark": mark,
            "name": str(task.get("name") or task.get("tcb") or "?"),
            "priority": "-" if priority is None else str(priority),
            "stack": stack_text(task),
            "state": str(task.get("state") or ("crashed" if task.get("crashed") else "")),
        }
        return Row(str(index), cells, style="bold" if task.get("crashed") else "")

    # Following the cursor

    def _selected_task(self) -> Task | None:
        selected = self.query_one("#tasks", KeyedTable).selected
        return None if selected is None else self._tasks[int(selected)]

    @on(DataTable.RowHighlighted, "#tasks")
    def _task_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        task = self._selected_task()
        frames = list(task.get("frames") or []) if task is not None else []
        table = self.query_one(FramesTable)
        table.show_frames(frames)
        self.query_one(SourcePane).show_frame(table.frame)

    # Copying

    def parts(self) -> Sequence[tuple[str, str]]:
        """Every part of the report."""
        registers = self._report.get("registers") or {}
        return [
            ("Core dump", self._sentence().plain),
            ("Details", self._details().plain),
            ("Registers", registers_text(registers, self._notes())),
            *((self._task_title(task), frames_text(task.get("frames") or [])) for task in self._tasks),
        ]

    def _task_title(self, task: Task) -> str:
        state = " (crashed)" if task.get("crashed") else ""
        name = task.get("name") or task.get("tcb")
        return f"Task {name}{state}, priority {task.get('priority')}, stack {stack_text(task)}"

    def focused_part(self) -> tuple[str, str]:
        """The backtrace, the task list or the open tab."""
        focused = self.focused
        if isinstance(focused, FramesTable):
            task = self._selected_task()
            return (self._task_title(task) if task is not None else "Backtrace", frames_text(focused.frames))
        if isinstance(focused, KeyedTable):
            return "Tasks", "\n".join(self._task_title(task) for task in self._tasks)
        _, details, registers, *_ = self.parts()
        return self.open_tab(registers=registers, more=details)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No ELF key where none can be chosen."""
        return self._choose_elf if action == "choose_elf" else super().check_action(action, parameters)

    def action_choose_elf(self) -> None:
        """Close, asking for another ELF."""
        self.dismiss(CHOOSE_ELF)
