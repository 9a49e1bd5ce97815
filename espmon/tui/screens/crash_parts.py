"""What a core dump and a panic have in common on the screen: frames, a source excerpt, registers, saving."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, TabbedContent, TabPane
from textual.worker import Worker, WorkerState

from espmon.model.stack_frame import StackFrame
from espmon.postmortem.core_report import CoreReport
from espmon.postmortem.panic_report import PanicReport
from espmon.text import plain
from espmon.tui.sanitise import short_paths
from espmon.tui.screens.dialog import Line, Result, clip, copy, literal
from espmon.tui.screens.reflowed import Reflowed
from espmon.tui.screens.saving_screen import SavingScreen
from espmon.tui.screens.source_text import HERE, coloured, numbered
from espmon.tui.screens.table import Column, KeyedTable, Row

Source = Callable[[str, int], Sequence[tuple[int, str]]]
"""(file as the ELF names it, line) -> (line number, text) around it; empty when the file is not here. May block."""

FRAME_COLUMNS = (
    Column("index", "#", 2),
    Column("function", "function", 14, share=3),
    Column("place", "source", 12, share=2, keep_end=True),
    Column("pc", "address", 10, from_width=64),
)


SHOWN_CONTEXT, COPIED_CONTEXT = 40, 5
"""Most lines of source before and behind the one that matters: where there is room for them, and in a copy."""

MAX_WARNINGS = 3
"""Warnings above the tables; the Details tab has all."""

MIN_TABLE_ROWS = 6
TABLES_SHARE = 0.45
"""Share of the screen's rows that the tables may take."""

OTHER_ELF = "This ELF is not the application's: names and lines may be wrong"
"""The warning of a report whose `elf_match` is False."""


def local_source(mapping: Mapping[str, str] | None = None) -> Source:
    """A source reader for the files of this computer; `mapping` replaces the paths of the build machine."""

    def read(file: str, line: int) -> list[tuple[int, str]]:
        from espmon.postmortem.source import source_excerpt

        return [(found.number, found.text) for found in source_excerpt(file, line, mapping, SHOWN_CONTEXT)]

    return read


def base_name(path: str) -> str:
    """The last part of a path of any system."""
    return PureWindowsPath(path).name if "\\" in path else PurePosixPath(path).name


def address(value: int) -> str:
    """An address, or a register's value."""
    return f"0x{value:08x}"


def place(frame: StackFrame, *, full: bool = False) -> str:
    """`file.c:12`, "" when the frame has no file."""
    if not frame.file:
        return ""
    name = frame.file if full else base_name(frame.file)
    return f"{name}:{frame.line}" if frame.line else name


def function_and_place(frame: StackFrame, *, full: bool = False) -> tuple[str, str]:
    """(function, or the address of one that is not known; `file.c:12`, or "")."""
    return frame.function or address(frame.pc), place(frame, full=full)


def frame_name(frame: StackFrame) -> str:
    """The function with what must be said about the frame."""
    marks = [mark for mark, made in (("inlined", frame.inlined), ("recovered", frame.recovered)) if made]
    return f"{frame.function or '??'} ({', '.join(marks)})" if marks else frame.function or "??"


def frame_rows(frames: Sequence[StackFrame]) -> list[Row]:
    """Frames as table rows, innermost first; a key is the frame's index."""
    return [
        Row(
            str(index),
            {
                "index": str(index),
                "function": frame_name(frame),
                "place": place(frame) or "-",
                "pc": address(frame.pc),
            },
            style="" if frame.file else "dim",
        )
        for index, frame in enumerate(frames)
    ]


def frames_text(frames: Sequence[StackFrame]) -> str:
    """A backtrace as it is copied."""
    return "\n".join(
        f"#{index}  {address(frame.pc)}  {frame_name(frame)}"
        + (f"  at {place(frame, full=True)}" if frame.file else "")
        for index, frame in enumerate(frames)
    )


def best_frame(frames: Sequence[StackFrame], place: StackFrame | None = None) -> int:
    """Index of `place` (where the program itself went wrong), else of the first frame with source, else 0."""
    if place in frames:
        return frames.index(place)
    return next((index for index, frame in enumerate(frames) if frame.file), 0)


def remarks(report: PanicReport | CoreReport) -> Mapping[str, str]:
    """What is worth knowing about registers, by name: what their values mean, and what they point to."""
    return {**report.notes, **report.symbols}


def registers_content(registers: Mapping[str, int], notes: Mapping[str, str], width: int) -> Content:
    """Registers in columns, and below them what is worth knowing about a value."""
    if not registers:
        return Content("No registers were recorded.")
    named = [(plain(name), address(value)) for name, value in registers.items()]
    label = max(len(name) for name, _ in named)
    cell = label + 1 + max(len(value) for _, value in named) + 3
    columns = max(1, width // cell)
    lines: list[Content] = []
    for start in range(0, len(named), columns):
        parts: list[Content] = []
        for name, value in named[start : start + columns]:
            style = "$text-warning" if name in notes else ""
            parts.append(
                Content.assemble(
                    (name.rjust(label), "$foreground-muted"), " ", (value, style), " " * (cell - label - 1 - len(value))
                )
            )
        lines.append(Content("").join(parts))
    lines += [Content.assemble((plain(name), "bold $text-warning"), "  ", plain(note)) for name, note in notes.items()]
    return Content("\n").join(lines)


def registers_text(registers: Mapping[str, int], notes: Mapping[str, str]) -> str:
    """Registers as they are copied."""
    return "\n".join(f"{name:<8} {address(value)}  {notes.get(name, '')}".rstrip() for name, value in registers.items())


class SourcePane(VerticalScroll):
    """The lines around a frame's place, read in a thread; says so when the file is not here."""

    DEFAULT_CSS = """
    SourcePane { scrollbar-size-vertical: 1; }
    SourcePane Line { width: 100%; }
    """

    def __init__(self, source: Source | None) -> None:
        super().__init__(id="source")
        self._source = source
        self._wanted: tuple[str, int] | None = None
        self._lines: list[tuple[int, Content]] = []
        self.text = ""
        """What is shown, as it is copied."""

    def compose(self) -> ComposeResult:
        """One line widget."""
        yield Reflowed(self._excerpt, id="source-text")

    def _excerpt(self, cells: int) -> Content:
        if not self._lines:
            return Content.styled(literal(self.text), "$foreground-muted")
        file, line = self._wanted or ("", 0)
        rows = max(2 * COPIED_CONTEXT + 1, self.size.height - 1)
        at = next((index for index, (number, _) in enumerate(self._lines) if number == line), 0)
        first = max(0, min(at - rows // 2, len(self._lines) - rows))
        shown = numbered(self._lines[first : first + rows], line, cells)
        return Content.assemble((f"{plain(file)}:{line}\n", "$foreground-muted"), shown)

    def show_frame(self, frame: StackFrame | None) -> None:
        """Show the source of a frame; the excerpt arrives later."""
        if frame is None or not frame.file or not frame.line:
            self._wanted = None
            self._say("No source is known for this frame." if frame is not None else "")
            return
        wanted = frame.file, frame.line
        if wanted == self._wanted:
            return
        self._wanted = wanted
        if self._source is None:
            self._say(f"{place(frame, full=True)}\nThe source itself is not available here.")
        else:
            self._read(self._source, *wanted)

    @work(thread=True, exclusive=True, group="source", exit_on_error=False)
    def _read(self, source: Source, file: str, line: int) -> tuple[tuple[str, int], list[tuple[int, Content]]]:
        lines = source(file, line)
        numbers = [number for number, _ in lines]
        return (file, line), list(zip(numbers, coloured(file, lines), strict=True))

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was read, unless another frame is wanted by now."""
        event.stop()
        if self._wanted is None:
            return
        file, line = self._wanted
        if event.state is WorkerState.ERROR:
            self._say(f"{file}:{line}\nIt could not be read: {event.worker.error}")
        elif event.state is WorkerState.SUCCESS and event.worker.result is not None:
            wanted, lines = event.worker.result
            if wanted == self._wanted:
                self._show_lines(file, line, lines)

    def _show_lines(self, file: str, line: int, lines: list[tuple[int, Content]]) -> None:
        if not lines:
            self._say(f"{file}:{line}\nThe file is not on this computer.")
            return
        self._lines = lines
        near = [one for one in lines if abs(one[0] - line) <= COPIED_CONTEXT]
        self.text = f"{plain(file)}:{line}\n{numbered(near, line, 0).plain}"
        self._show()

    def _say(self, text: str) -> None:
        self._lines = []
        self.text = literal(text)
        self._show()

    def _show(self) -> None:
        self.query_one("#source-text", Reflowed).reflow()
        self.call_after_refresh(self._show_line)

    def on_resize(self) -> None:
        """As many lines as there is room for, and the line that matters in sight."""
        self._show()

    def _show_line(self) -> None:
        before = self._excerpt(self.query_one("#source-text").content_size.width).plain.partition(HERE)[0]
        row = before.count("\n") if self._lines else 0
        self.scroll_to(y=0 if row < self.size.height else row - self.size.height // 2, animate=False)


class Registers(VerticalScroll):
    """Registers in as many columns as fit."""

    def __init__(self, registers: Mapping[str, int], notes: Mapping[str, str]) -> None:
        super().__init__()
        self._registers, self._notes = registers, notes

    def compose(self) -> ComposeResult:
        """One line widget."""
        yield Line("")

    def show_registers(self, registers: Mapping[str, int], notes: Mapping[str, str]) -> None:
        """Show other values."""
        self._registers, self._notes = registers, notes
        self.on_resize()

    def on_resize(self) -> None:
        """Divide the width anew."""
        self.query_one(Line).show(registers_content(self._registers, self._notes, self.content_size.width or 76))


class CrashScreen(SavingScreen[Result]):
    """Keys and saving shared by the crash panels. Subclasses say what `c` copies and compose the rest."""

    TABLES: ClassVar[str]
    """Selector of what holds the tables."""

    DEFAULT_CSS = """
    CrashScreen { background: $surface; }
    CrashScreen #heading { padding: 0 1; background: $error-muted; max-height: 3; }
    CrashScreen #warnings { padding: 0 1; background: $warning-muted; color: $text-warning; max-height: 4; }
    CrashScreen KeyedTable { border-left: wide $panel; }
    CrashScreen KeyedTable:focus { border-left: wide $primary; }
    CrashScreen #parts { height: 1fr; }
    CrashScreen TabPane { padding: 0 1; }
    CrashScreen VerticalScroll { scrollbar-size-vertical: 1; }
    CrashScreen VerticalScroll:focus { background: $boost; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", key_display="Esc", id="crash.leave"),
        Binding("tab", "app.focus_next", "Next part", show=False, id="crash.next"),
        Binding("c", "copy_part", "Copy part", id="crash.copy", tooltip="Offer the focused part to the clipboard"),
        Binding("a", "copy_all", "Copy all", id="crash.copy_all", tooltip="Offer the whole report"),
        Binding("s", "save('text')", "Save", id="crash.save", tooltip="Save the report as text"),
        Binding("j", "save('json')", "Save JSON", id="crash.save_json"),
        Binding("v", "frame('open')", "Editor", id="crash.edit", tooltip="Open the chosen frame in the editor"),
        Binding("V", "frame('copy')", "Place", show=False, id="crash.place", tooltip="Copy its file:line"),
        Binding("1", "part('tab-source')", "Source", show=False, id="crash.source"),
        Binding("2", "part('tab-registers')", "Registers", show=False, id="crash.registers"),
        Binding("3", "part('tab-more')", "More", show=False, id="crash.more"),
    ]

    @dataclass
    class PlaceWanted(Message):
        """Open a source line in the editor, or copy `file:line`."""

        file: str
        line: int
        copied: bool

    def __init__(
        self,
        *,
        source: Source | None,
        save_text: Callable[[], Path] | None,
        save_json: Callable[[], Path] | None,
    ) -> None:
        super().__init__()
        self._source = source
        self._savers = {"text": save_text, "json": save_json}

    def parts(self) -> Sequence[tuple[str, str]]:
        """(title, text) of each part, in reading order; the whole report when joined."""
        raise NotImplementedError

    def focused_part(self) -> tuple[str, str]:
        """(title, text) of what the reader is looking at."""
        raise NotImplementedError

    def compose_tabs(
        self,
        registers: Mapping[str, int],
        notes: Mapping[str, str],
        more: str,
        text: Callable[[int], Content],
        others: Sequence[TabPane] = (),
    ) -> ComposeResult:
        """Source, registers and one more tab, and behind it those of one screen alone.

        `text` returns what the third tab shows for a width in cells.
        """
        with TabbedContent(id="parts"):
            with TabPane("1 Source", id="tab-source"):
                yield SourcePane(self._source)
            with TabPane("2 Registers", id="tab-registers"):
                yield Registers(registers, notes)
            with TabPane(f"3 {more}", id="tab-more"), VerticalScroll():
                yield Reflowed(text, id="more-text")
            yield from others

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No key for what cannot be saved."""
        return self._savers[str(parameters[0])] is not None if action == "save" else True

    def compose_warnings(self) -> ComposeResult:
        """A place for warnings above everything; nothing where there are none."""
        if self.warnings():
            yield Line("", id="warnings")

    def show_warnings(self) -> None:
        """One line each, as wide as the screen is; the rest is under the last tab."""
        warnings = self.warnings()
        if not warnings:
            return
        shown = [f"! {clip(short_paths(warning), max(20, self.size.width - 4))}" for warning in warnings[:MAX_WARNINGS]]
        if len(warnings) > MAX_WARNINGS:
            shown.append(f"! {len(warnings) - MAX_WARNINGS} more under Details (3)")
        self.query_one("#warnings", Line).show("\n".join(shown))

    def warnings(self) -> Sequence[str]:
        """What the reader must know before believing the rest, the most important first."""
        raise NotImplementedError

    def open_tab(self, *, registers: tuple[str, str], more: tuple[str, str]) -> tuple[str, str]:
        """(title, text) of the open tab: the source excerpt, `registers`, or `more`."""
        active = self.query_one(TabbedContent).active
        if active == "tab-source":
            return "Source", self.query_one(SourcePane).text
        return registers if active == "tab-registers" else more

    def on_resize(self) -> None:
        """Divide the room anew; warnings are cut to the new width."""
        self.fit_tables()
        self.show_warnings()

    def fit_tables(self) -> None:
        """As much room for the tables as their rows take, up to a share."""
        most = max(MIN_TABLE_ROWS, round((self.size.height - 5) * TABLES_SHARE))
        self.query_one(self.TABLES).styles.height = min(self.table_rows() + 1, most)

    def table_rows(self) -> int:
        """Rows of the longest table."""
        raise NotImplementedError

    @on(DataTable.RowHighlighted, "#frames")
    def _frame_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self.query_one(SourcePane).show_frame(self.query_one(FramesTable).frame)

    def action_frame(self, what: str) -> None:
        """The source line of the chosen frame, in the editor or as `file:line`; the source pane says where none is."""
        frame = self.query_one(FramesTable).frame
        if frame is not None and frame.file:
            self.post_message(self.PlaceWanted(frame.file, frame.line or 1, what == "copy"))

    def action_part(self, tab: str) -> None:
        """Show a tab."""
        self.query_one(TabbedContent).active = tab

    def action_leave(self) -> None:
        """Close without an answer."""
        self.dismiss(None)

    def action_copy_part(self) -> None:
        """Copy the part with the focus."""
        title, text = self.focused_part()
        copy(self.app, f"{title}\n{text}", title)

    def action_copy_all(self) -> None:
        """Copy the whole report."""
        copy(self.app, "\n\n".join(f"{title}\n{text}" for title, text in self.parts() if text), "Report")

    def action_save(self, kind: str) -> None:
        """Write the report; the toast says where it is."""
        save = self._savers[kind]
        if save is not None:
            self.write(save)


class FramesTable(KeyedTable):
    """A backtrace; the cursor's frame is what the source pane shows."""

    def __init__(self) -> None:
        super().__init__(FRAME_COLUMNS, id="frames")
        self.frames: Sequence[StackFrame] = ()

    def show_frames(self, frames: Sequence[StackFrame], place: StackFrame | None = None) -> None:
        """Show a backtrace with the cursor on the frame worth looking at first; see `best_frame`."""
        self.frames = frames
        self.show(frame_rows(frames))
        self.move_to(str(best_frame(frames, place)))

    @property
    def frame(self) -> StackFrame | None:
        """The frame under the cursor."""
        return self.frames[int(self.selected)] if self.selected is not None and self.frames else None
