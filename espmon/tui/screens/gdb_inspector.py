"""Inspecting a stopped program through the gdb stub: threads, backtrace, registers, memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import DataTable, Footer

from espmon.model.stack_frame import StackFrame
from espmon.text import plain
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.crash_parts import (
    CrashScreen,
    FramesTable,
    Registers,
    Source,
    SourcePane,
    frames_text,
    registers_text,
)
from espmon.tui.screens.dialog import Line, clip
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.screens.reflowed import Reflowed
from espmon.tui.screens.table import Column, KeyedTable, Row

MAX_MEMORY_SHOWN = 4096
"""Most bytes shown at once."""

MEMORY_DEFAULT = 256
"""Bytes asked for when the user gives only an address."""

MEMORY_WANTED = f"Enter an address in hexadecimal, and a number of bytes up to {MAX_MEMORY_SHOWN} if you like"


@dataclass(frozen=True, slots=True)
class GdbThread:
    """One thread as the stub and the symbols tell it."""

    id: str
    name: str = ""
    state: str = ""
    """Whether its frames are shown, read, or how they are read."""

    frames: tuple[StackFrame, ...] = ()


@dataclass(frozen=True, slots=True)
class GdbView:
    """Everything the screen shows; replaced as a whole by `refresh_view`."""

    stopped: str
    """Why it stopped, in plain words ("stopped by signal 5 (trap)")."""

    threads: tuple[GdbThread, ...] = ()
    registers: Mapping[str, int] = field(default_factory=dict)
    """Of the current thread, by name."""

    notes: Mapping[str, str] = field(default_factory=dict)
    memory_address: int = 0
    memory: bytes = b""
    place: str = ""
    """Where the last step led, "" when none was made."""

    busy: str = ""
    """What is being read or done right now, "" when idle."""

    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GdbAction:
    """What the user chose."""

    name: str
    """"continue", "step", "detach", "reset", "thread" or "memory"."""

    thread: str = ""
    address: int = 0
    length: int = 0


THREAD_COLUMNS = (
    Column("id", "id", 6),
    Column("name", "thread", 10, share=2),
    Column("state", "frames", 11, share=1),
)


STOPPED, REPORT = "The stopped program", "This screen"
KEYS = (
    ("g", "Go on", "The program continues, and the log with it.", STOPPED),
    ("n", "Step", "One instruction; the heading says where it led.", STOPPED),
    ("m", "Memory", "Reads at an address: hexadecimal, with or without 0x.", STOPPED),
    ("Enter", "Frames of a thread", "On its row in the list of threads.", STOPPED),
    ("d", "Detach", "Leaves the stub; the program goes on.", STOPPED),
    ("R", "Reset", "Resets the board, after asking.", STOPPED),
    ("Tab", "Next part", "Threads, frames, and what is below.", REPORT),
    ("1 2 3", "Source, registers, memory", "What is shown below.", REPORT),
    ("v V", "The chosen frame in the editor, or its file:line to the clipboard", "VISUAL, VS Code, EDITOR.", REPORT),
    ("c a", "Copy this part, or everything", "Through the terminal (OSC 52).", REPORT),
    ("Esc q", "Back to the log", "The board stays in its stub; D comes back.", REPORT),
)
"""(keys, title, help, group) for the help."""


def hex_dump(address: int, data: bytes) -> str:
    """Sixteen bytes a line: address, hexadecimal, printable ASCII."""
    lines = []
    for start in range(0, min(len(data), MAX_MEMORY_SHOWN), 16):
        row = data[start : start + 16]
        digits = " ".join(f"{byte:02x}" for byte in row).ljust(47)
        shown = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in row)
        lines.append(f"0x{address + start:08x}  {digits}  {shown}")
    return "\n".join(lines)


def parse_memory(text: str) -> tuple[int, int] | None:
    """`ADDRESS` or `ADDRESS LENGTH`; None when it is neither, or out of range.

    The address is hexadecimal, with or without 0x; the length is decimal, or hexadecimal with 0x.
    """
    words = text.split()
    try:
        address, *lengths = [int(words[0], 16), *(int(word, 0) for word in words[1:])]
    except (ValueError, IndexError):
        return None
    if len(lengths) > 1:
        return None
    length = lengths[0] if lengths else MEMORY_DEFAULT
    return (address, length) if 0 <= address < 1 << 32 and 0 < length <= MAX_MEMORY_SHOWN else None


class GdbInspectScreen(CrashScreen[str | None]):
    """Shows a stopped program. Returns "continue", "detach" or "reset"; None when it was only closed (still stopped).

    Args:
        view: what to show first; `refresh_view` replaces it.
        act: called for what does not close the screen ("step", "thread", "memory"); must return at once, the answer
            comes with `refresh_view`.
        source: reads source excerpts; called in a thread.
    """

    DEFAULT_CSS = """
    GdbInspectScreen #heading { background: $warning-muted; }
    GdbInspectScreen #threads { width: 34; }
    GdbInspectScreen #frames { width: 1fr; }
    """
    AUTO_FOCUS = "#threads"
    TABLES = "#tables"
    STAYS: ClassVar[bool] = True
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("g", "answer('continue')", "Go on", id="gdb.continue", tooltip="Continue the program and the log"),
        Binding("n", "step", "Step", id="gdb.step", tooltip="One instruction"),
        Binding("m", "memory", "Memory", id="gdb.memory", tooltip="Read memory at an address"),
        Binding("d", "answer('detach')", "Detach", id="gdb.detach", tooltip="Leave the stub; the program goes on"),
        # Not in the footer, which has no room for it at 80 columns; `?` tells.
        Binding("v", "frame('open')", "Editor", show=False, id="crash.edit", tooltip="The chosen frame in the editor"),
        Binding("a", "copy_all", "Copy all", show=False, id="gdb.copy_all", tooltip="Offer the whole report"),
        Binding("question_mark,f1", "keys", "Keys", key_display="?", id="gdb.keys", tooltip="All keys of this screen"),
        Binding("R,shift+r", "reset", "Reset", key_display="R", id="gdb.reset", tooltip="Reset the board"),
    ]

    def __init__(self, view: GdbView, act: Callable[[GdbAction], None], *, source: Source | None = None) -> None:
        super().__init__(source=source, save_text=None, save_json=None)
        self._view = view
        self._act = act

    def compose(self) -> ComposeResult:
        """Why it stopped, threads and frames side by side, the tabs."""
        yield Line("", id="heading")
        yield Line("", id="warnings")
        with Horizontal(id="tables"):
            yield KeyedTable(THREAD_COLUMNS, id="threads")
            yield FramesTable()
        yield from self.compose_tabs(self._view.registers, self._view.notes, "Memory", self._memory)
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show the first view."""
        self.refresh_view(self._view)

    def refresh_view(self, view: GdbView) -> None:
        """Show another state; the cursors stay where they are."""
        self._view = view
        if not self.query("#more-text"):
            return
        second = (
            view.busy or view.place or "The program is stopped: nothing runs and nothing is logged until it goes on"
        )
        heading = [Content.styled(clip(view.stopped, 300), "bold"), Content(plain(second))]
        self.query_one("#heading", Line).show(Content("\n").join(heading))
        self.query_one("#warnings").display = bool(view.warnings)
        self.show_warnings()
        self.query_one("#threads", KeyedTable).show(
            [Row(thread.id, {"id": thread.id, "name": thread.name, "state": thread.state}) for thread in view.threads]
        )
        self.query_one(Registers).show_registers(view.registers, view.notes)
        self.query_one("#more-text", Reflowed).reflow()
        self._show_frames()
        self.fit_tables()

    def _memory(self, cells: int) -> Content:
        return Content(hex_dump(self._view.memory_address, self._view.memory) or "m reads memory at an address.")

    def table_rows(self) -> int:
        """The threads, or the frames of one of them."""
        return max([1, len(self._view.threads), *(len(thread.frames) for thread in self._view.threads)])

    def warnings(self) -> Sequence[str]:
        """What the session said."""
        return self._view.warnings

    def _thread(self) -> GdbThread | None:
        selected = self.query_one("#threads", KeyedTable).selected
        return next((thread for thread in self._view.threads if thread.id == selected), None)

    def _show_frames(self) -> None:
        thread = self._thread()
        table = self.query_one(FramesTable)
        frames = list(thread.frames) if thread is not None else []
        if frames != list(table.frames):
            table.show_frames(frames)
        self.query_one(SourcePane).show_frame(table.frame)

    @on(DataTable.RowHighlighted, "#threads")
    def _thread_highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._show_frames()

    @on(DataTable.RowSelected, "#threads")
    def _thread_chosen(self, event: DataTable.RowSelected) -> None:
        event.stop()
        thread = self._thread()
        if thread is not None:
            self._act(GdbAction("thread", thread=thread.id))

    def parts(self) -> Sequence[tuple[str, str]]:
        """Everything shown."""
        view = self._view
        return [
            ("Stopped", view.stopped),
            ("Memory", hex_dump(view.memory_address, view.memory)),
            ("Registers", registers_text(view.registers, view.notes)),
            *((f"Thread {thread.id} {thread.name}".rstrip(), frames_text(thread.frames)) for thread in view.threads),
        ]

    def focused_part(self) -> tuple[str, str]:
        """The backtrace, the threads or the open tab."""
        thread = self._thread()
        if isinstance(self.focused, FramesTable) and thread is not None:
            return f"Thread {thread.id} {thread.name}".rstrip(), frames_text(thread.frames)
        if isinstance(self.focused, KeyedTable):
            return "Threads", "\n".join(f"{item.id} {item.name} {item.state}" for item in self._view.threads)
        _, memory, registers, *_ = self.parts()
        return self.open_tab(registers=registers, more=memory)

    def action_answer(self, answer: str) -> None:
        """Close with what to do."""
        self.dismiss(answer)

    def action_keys(self) -> None:
        """What each key does here."""
        from espmon.tui.screens.help import HelpScreen

        self.app.push_screen(HelpScreen(KEYS, "debug stub"))

    def action_step(self) -> None:
        """One instruction."""
        self._act(GdbAction("step"))

    def action_memory(self) -> None:
        """Ask for an address and read there."""

        def check(text: str) -> str:
            return "" if parse_memory(text) else MEMORY_WANTED

        def answered(text: str | None) -> None:
            wanted = parse_memory(text or "")
            if wanted is not None:
                self.action_part("tab-more")
                self._act(GdbAction("memory", address=wanted[0], length=wanted[1]))

        start = f"0x{self._view.memory_address:08x}" if self._view.memory else ""
        self.app.push_screen(
            TextPrompt(
                "Read memory at",
                start,
                check=check,
                placeholder="3ffb0000 256",
                note="Address in hexadecimal, with or without 0x; then how many bytes, if you like.",
                label="Read",
            ),
            answered,
        )

    def action_reset(self) -> None:
        """Reset the board, after asking."""

        def answered(sure: bool | None) -> None:
            if sure:
                self.dismiss("reset")

        sentences = ["The program that is stopped here ends and starts anew.", "What it had in memory is lost."]
        self.app.push_screen(ConfirmScreen("Reset the board?", sentences, "Reset", danger=True), answered)
