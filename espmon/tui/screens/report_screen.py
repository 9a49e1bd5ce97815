"""Any result as titled parts that can be read, copied and saved: probe, flash, event details, transcripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import Footer

from espmon.tui.screens.dialog import Line, copy, literal, rows
from espmon.tui.screens.reflowed import Reflowed
from espmon.tui.screens.saving_screen import SavingScreen

MAX_SHOWN_LINES = 1000
"""Most lines of one part that are drawn; copying and saving take all."""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a report: (label, text) rows, free text, or both."""

    title: str
    rows: tuple[tuple[str, str], ...] = ()
    text: str = ""

    def as_text(self) -> str:
        """The part as it is copied."""
        width = max((len(label) for label, _ in self.rows), default=0)
        lines = [self.title, *(f"  {label.ljust(width)}  {text}".rstrip() for label, text in self.rows)]
        return "\n".join([*lines, *([self.text] if self.text else [])])


class Part(Vertical, can_focus=True):
    """One section on the screen; with the focus on it, `c` copies it."""

    DEFAULT_CSS = """
    Part { height: auto; padding: 0 1; margin-bottom: 1; border-left: wide $panel; }
    Part:focus { border-left: wide $primary; background: $boost; }
    Part .heading { text-style: bold; color: $text-accent; }
    """

    def __init__(self, section: Section) -> None:
        super().__init__()
        self.section = section

    def compose(self) -> ComposeResult:
        """Heading, rows, text."""
        section = self.section
        yield Line(section.title, classes="heading")
        if section.rows:
            yield Reflowed(lambda cells: rows(section.rows, cells=cells))
        if section.text:
            lines = literal(section.text).split("\n")
            more = len(lines) - MAX_SHOWN_LINES
            if more > 0:
                lines = [*lines[:MAX_SHOWN_LINES], f"... {more} more lines: copy or save to see them"]
            yield Line(Content("\n".join(lines)))


class ReportScreen(SavingScreen[None]):
    """Shows sections. Keys: Tab between them, `c` copies one, `a` all, `s` saves.

    Args:
        title: one line.
        sections: the parts, in reading order.
        save: writes the report and returns where; called in a thread; None leaves the key out.
        warnings: said above everything else.
    """

    DEFAULT_CSS = """
    ReportScreen { background: $surface; }
    ReportScreen #heading { padding: 0 1; background: $panel; text-style: bold; color: $text-primary; }
    ReportScreen #warnings { padding: 0 1; background: $warning-muted; color: $text-warning; }
    ReportScreen #parts { padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    """
    AUTO_FOCUS = "Part"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", key_display="Esc", id="report.leave"),
        Binding("tab", "app.focus_next", "Next part", id="report.next"),
        Binding("c", "copy_part", "Copy part", id="report.copy", tooltip="Offer this part to the clipboard"),
        Binding("a", "copy_all", "Copy all", id="report.copy_all"),
        Binding("s", "save", "Save", id="report.save"),
    ]

    def __init__(
        self,
        title: str,
        sections: Sequence[Section],
        *,
        save: Callable[[], Path] | None = None,
        warnings: Sequence[str] = (),
    ) -> None:
        super().__init__()
        self._title = title
        self._sections = tuple(sections)
        self._save = save
        self._warnings = tuple(warnings)

    def compose(self) -> ComposeResult:
        """Heading, warnings, parts."""
        yield Line(self._title, id="heading")
        if self._warnings:
            yield Line("\n".join(f"! {warning}" for warning in self._warnings), id="warnings")
        with VerticalScroll(id="parts", can_focus=False):
            for section in self._sections:
                yield Part(section)
        yield Footer(show_command_palette=False)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """No save key where nothing can be saved."""
        return self._save is not None if action == "save" else True

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)

    def action_copy_part(self) -> None:
        """Copy the part with the focus, or the only one."""
        part = self.focused if isinstance(self.focused, Part) else next(iter(self.query(Part)), None)
        if part is not None:
            copy(self.app, part.section.as_text(), part.section.title)

    def action_copy_all(self) -> None:
        """Copy every part."""
        copy(self.app, "\n\n".join([self._title, *(section.as_text() for section in self._sections)]), "Report")

    def action_save(self) -> None:
        """Write the report; the toast says where it is."""
        if self._save is not None:
            self.write(self._save)
