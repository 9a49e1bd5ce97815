"""The levels of a filter, ticked or not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from espmon.tui.log.query import LEVELS

NAMES = {"E": "E", "W": "W", "I": "I", "D": "D", "V": "V", "": "other"}
"""Level -> how it is written; "other" are lines without a level."""

LONG_NAMES = {"E": "Error", "W": "Warning", "I": "Info", "D": "Debug", "V": "Verbose", "": "other"}
"""The same where there is room."""

STYLES = {"E": "$error", "W": "$warning", "I": "$success", "D": "$accent", "V": "$secondary", "": "$foreground"}

LABEL = "levels "


class LevelPicker(Widget, can_focus=True):
    """The levels, ticked or not. Letters tick them while this has the focus."""

    DEFAULT_CSS = """
    LevelPicker { width: auto; height: 1; }
    LevelPicker:focus { background: $primary 12%; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(key, f"level({level!r})", LONG_NAMES[level], id=f"filter.level_{level or 'other'}",
                    tooltip=f"In the level ticks: {LONG_NAMES[level]}")
            for level, key in zip(LEVELS, "ewidvo", strict=True)
        ),
        Binding("asterisk", "all", "All", id="filter.level_all", tooltip="In the level ticks: all of them"),
        Binding("enter", "screen.close_filter", show=False, id="filter.level_done"),
        Binding("escape", "screen.close_filter", "Done", id="filter.level_leave", tooltip="Back to the log"),
    ]  # fmt: skip

    @dataclass
    class Changed(Message):
        """Other levels are ticked."""

        levels: frozenset[str]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.levels = frozenset(LEVELS)
        self.names = NAMES
        """How the levels are written."""

    def spell(self, names: dict[str, str]) -> None:
        """Write the levels so."""
        if names is not self.names:
            self.names = names
            self.refresh(layout=True)

    def render(self) -> Content:
        """`levels ■E ■W ■I ■D ■V ■other`, unticked ones faint."""
        parts: list[tuple[str, str]] = [(LABEL, "$text-muted")]
        for level in LEVELS:
            on_ = level in self.levels
            parts.append((("■" if on_ else "□") + self.names[level], STYLES[level] if on_ else "$foreground 35%"))
            parts.append((" ", ""))
        return Content.assemble(*parts)

    def set_levels(self, levels: frozenset[str]) -> None:
        """Tick exactly these."""
        if levels != self.levels:
            self.levels = levels
            self.refresh()
            self.post_message(self.Changed(levels))

    def action_level(self, level: str) -> None:
        """Tick or untick one."""
        self.set_levels(self.levels ^ {level})

    def action_all(self) -> None:
        """Tick all."""
        self.set_levels(frozenset(LEVELS))

    def on_click(self, event: events.Click) -> None:
        """A click ticks the level under it."""
        at = len(LABEL)
        for level in LEVELS:
            at += len(self.names[level]) + 2
            if len(LABEL) <= event.x < at:
                self.action_level(level)
                return
