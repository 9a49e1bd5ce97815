"""Which lines are shown: levels, tags, text to have, text not to have. Takes effect while you type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input, Static

from espmon.tui.log.query import LEVELS, LineFilter, QueryError, TextQuery
from espmon.tui.widgets.field import Field

NAMES = {"E": "E", "W": "W", "I": "I", "D": "D", "V": "V", "": "other"}
"""Level -> how it is written; "other" are lines without a level."""

STYLES = {"E": "$error", "W": "$warning", "I": "$success", "D": "$accent", "V": "$secondary", "": "$foreground"}


SMALL = 64
"""Columns below which the levels and the fields stand in two rows."""


class LevelPicker(Widget, can_focus=True):
    """The levels, ticked or not. Letters tick them while this has the focus."""

    DEFAULT_CSS = """
    LevelPicker { width: 24; height: 1; }
    LevelPicker:focus { background: $block-cursor-background; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(level.lower(), f"level({level!r})", show=False, id=f"filter.level_{level}") for level in "EWIDV"),
        Binding("o", "level('')", show=False, id="filter.level_other"),
        Binding("asterisk", "all", show=False, id="filter.level_all"),
        Binding("enter", "screen.close_filter", show=False, id="filter.level_done"),
    ]

    @dataclass
    class Changed(Message):
        """Other levels are ticked."""

        levels: frozenset[str]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.levels = frozenset(LEVELS)

    def render(self) -> Content:
        """`E W I D V other`, unticked ones faint."""
        parts: list[tuple[str, str]] = []
        for level in LEVELS:
            on_ = level in self.levels
            parts.append((("■" if on_ else "□") + NAMES[level], STYLES[level] if on_ else "$foreground 35%"))
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
        at = 0
        for level in LEVELS:
            at += len(NAMES[level]) + 2
            if event.x < at:
                self.action_level(level)
                return


class _Field(Field):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "screen.close_filter", "Done", id="filter.done", tooltip="Back to the log, the filter stays"),
        Binding("alt+r", "regex", ".*", id="filter.regex", tooltip="Regular expressions"),
    ]

    def action_regex(self) -> None:
        self.query_ancestor(FilterBar).toggle_regex()


class FilterBar(Horizontal):
    """Level ticks and three fields.

    Args:
        printed: what the tag field starts with.
    """

    DEFAULT_CSS = """
    FilterBar { height: 1; background: $boost; display: none; padding: 0 1; }
    FilterBar.-on { display: block; }
    FilterBar > #filter-fields { height: 1; width: 1fr; }
    FilterBar.-small { layout: vertical; height: 2; }
    FilterBar Static { width: auto; padding: 0 1; color: $text-muted; }
    FilterBar.-small Static { padding: 0 1 0 0; }
    FilterBar #filter-regex.-set { color: $accent; text-style: bold; }
    FilterBar Input, FilterBar Input:focus {
        border: none; height: 1; width: 1fr; padding: 0 0 0 1; background: $boost; }
    FilterBar Input:focus { background: $surface; }
    FilterBar Input.-bad { color: $error; }
    """

    @dataclass
    class Changed(Message):
        """Show these lines."""

        show: LineFilter

    def __init__(self, printed: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._printed = printed
        self._regex = False

    def compose(self) -> ComposeResult:
        """The row."""
        yield LevelPicker(id="filter-levels")
        with Horizontal(id="filter-fields"):
            for name in ("include", "exclude", "tag"):
                yield Static({"tag": "tag", "include": "has", "exclude": "not"}[name], markup=False)
                yield _Field(
                    self._printed if name == "tag" else "",
                    compact=True,
                    id=f"filter-{name}",
                    placeholder="e.g. wifi:W *:I" if name == "tag" else "",
                )
            yield Static(".*", id="filter-regex", markup=False)

    def on_resize(self) -> None:
        """Where all does not fit in one row, the levels have one of their own."""
        self.set_class(self.size.width < SMALL, "-small")

    def open(self) -> None:
        """Show the row and type."""
        self.add_class("-on")
        self.screen.set_focus(self.query_one("#filter-include", Input))

    def close(self) -> None:
        """Hide the row; the filter stays."""
        self.remove_class("-on")

    def reset(self) -> None:
        """Everything is shown again."""
        for field in self.query(_Field):
            field.value = ""
        self.query_one(LevelPicker).action_all()
        self._ask()

    def toggle_regex(self) -> None:
        """The two text fields are regular expressions, or plain text."""
        self._regex = not self._regex
        self.query_one("#filter-regex").set_class(self._regex, "-set")
        self._ask()

    def _query(self, name: str) -> TextQuery | None:
        field = self.query_one(f"#filter-{name}", Input)
        field.remove_class("-bad")
        return TextQuery(field.value, regex=self._regex) if field.value else None

    def _ask(self) -> None:
        tag = self.query_one("#filter-tag", Input)
        tag.remove_class("-bad")
        queries: dict[str, TextQuery | None] = {}
        for name in ("include", "exclude"):
            try:
                queries[name] = self._query(name)
            except QueryError:
                self.query_one(f"#filter-{name}").add_class("-bad")
                return
        levels = self.query_one(LevelPicker).levels
        try:
            show = LineFilter(levels, tag.value.replace(",", " "), queries["include"], queries["exclude"])
        except QueryError:
            tag.add_class("-bad")
            return
        self.post_message(self.Changed(show))

    @on(Input.Changed)
    def _text(self, event: Input.Changed) -> None:
        event.stop()
        self._ask()

    @on(LevelPicker.Changed)
    def _levels(self, event: LevelPicker.Changed) -> None:
        event.stop()
        self._ask()

    @on(Input.Submitted)
    async def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        await self.run_action("screen.close_filter")
