"""Which lines are shown: levels, text, tags, from where to where, lines around. Takes effect while you type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.widgets import Input, Static

from espmon.tui.log.filter_form import FilterForm
from espmon.tui.log.query import MAX_CONTEXT, LineFilter, QueryError
from espmon.tui.widgets.field import Field
from espmon.tui.widgets.level_picker import LONG_NAMES, NAMES, LevelPicker
from espmon.tui.widgets.line_history import History
from espmon.tui.widgets.tag_list import TagList, found_tags, split_entry

SMALL, LARGE = 64, 110
"""Columns below which the levels have a row of their own, and from which on they are spelled out."""

LABELS = {"include": "has", "exclude": "not", "tag": "tag", "span": "in", "context": "±", "boards": "board"}
"""Field -> what stands before it."""

EXAMPLES = {"tag": "e.g. wifi:W *:I", "span": "boot 3   -5m   12:03..12:05", "context": "0", "boards": "left -right"}

ROWS = (("include", "exclude"), ("tag", "span", "context"))
"""The fields of each row."""


def _no_tags() -> Mapping[str, int]:
    return {}


class _Field(Field):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Done", id="filter.done", tooltip="Back to the log, the filter stays"),
        Binding("alt+r", "regex", ".*", id="filter.regex", tooltip="Regular expressions"),
        Binding("up", "recall(-1)", show=False, id="filter.older", tooltip="What was typed before, or the tag above"),
        Binding("down", "recall(1)", show=False, id="filter.newer", tooltip="What was typed after, or the tag below"),
        Binding("ctrl+s", "app.save_filter", "Save", id="filter.save", tooltip="Save the filter under a name"),
        Binding("ctrl+l", "app.choose_filter", "Saved", id="filter.saved", tooltip="Use a saved filter"),
    ]

    def action_leave(self) -> None:
        self.query_ancestor(FilterBar).leave()

    def action_regex(self) -> None:
        self.query_ancestor(FilterBar).toggle_regex()

    def action_recall(self, step: int) -> None:
        self.query_ancestor(FilterBar).recall(self, step)


class FilterBar(Vertical):
    """Level ticks and five fields.

    Args:
        printed: what the tag field starts with.
        several: the log has lines of several boards: there is a field for them, too.
    """

    DEFAULT_CSS = """
    FilterBar { height: auto; background: $boost; display: none; padding: 0 1; }
    FilterBar.-on { display: block; }
    FilterBar Horizontal { height: 1; width: 100%; }
    FilterBar.-small #filter-first { height: 2; layout: vertical; }
    FilterBar #filter-fields { width: 1fr; height: 1; }
    FilterBar Static { width: auto; padding: 0 1; color: $text-muted; }
    FilterBar.-small Static { padding: 0 1 0 0; }
    FilterBar #filter-regex.-set { color: $accent; text-style: bold; }
    FilterBar Input, FilterBar Input:focus {
        border: none; height: 1; width: 1fr; padding: 0 0 0 1; background: $boost; }
    FilterBar #filter-context, FilterBar #filter-context:focus { width: 5; }
    FilterBar Input:focus { background: $surface; }
    FilterBar Input.-bad { color: $error; }
    """

    @dataclass
    class Changed(Message):
        """Show these lines."""

        show: LineFilter
        span: str
        """From where to where, as it was typed: only the log knows its lines."""

        boards: str = ""
        """Which boards, as it was typed: only the log knows whose its lines are."""

    def __init__(self, printed: str = "", *, several: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._several = several
        self._printed = printed
        self._regex = False
        self._asked = ""
        """The last entry of the tag field that the filter has."""

        self._histories = {name: History() for name in ("include", "exclude", "span")}
        self.tags: Callable[[], Mapping[str, int]] = _no_tags
        """The tags seen, with their counts."""

    def compose(self) -> ComposeResult:
        """Two rows, and the tags below while the tag field has the focus."""
        with Horizontal(id="filter-first"):
            yield LevelPicker(id="filter-levels")
            with Horizontal(id="filter-fields"):
                yield from self._row(ROWS[0])
                yield Static(".*", id="filter-regex", markup=False)
        with Horizontal(id="filter-second"):
            yield from self._row((*ROWS[1], "boards") if self._several else ROWS[1])
        yield TagList(id="filter-tags")

    def _row(self, names: tuple[str, ...]) -> ComposeResult:
        for name in names:
            yield Static(LABELS[name], markup=False)
            value = self._printed if name == "tag" else ""
            yield _Field(value, compact=True, id=f"filter-{name}", placeholder=EXAMPLES.get(name, ""))

    def on_resize(self) -> None:
        """Where all does not fit in one row, the levels have one of their own."""
        self.set_class(self.size.width < SMALL, "-small")
        self.query_one(LevelPicker).spell(LONG_NAMES if self.size.width >= LARGE else NAMES)

    def open(self) -> None:
        """Show the rows and type."""
        self.add_class("-on")
        for history in self._histories.values():
            history.rewind()
        self.screen.set_focus(self.field("include"))

    def close(self) -> None:
        """Hide the rows; the filter stays."""
        self.remove_class("-on")
        for name, history in self._histories.items():
            history.add(self.field(name).value)

    def leave(self) -> None:
        """To the log; from an open list of tags, to the field."""
        tags = self.query_one(TagList)
        if tags.cursor >= 0:
            tags.move(-len(tags.tags))
        else:
            self.call_later(self.run_action, "screen.close_filter")

    def field(self, name: str) -> Input:
        """The field of `LABELS` with this name."""
        return self.query_one(f"#filter-{name}", Input)

    # -- the form -----------------------------------------------------------------------------------------------

    @property
    def form(self) -> FilterForm:
        """What is typed. Raises QueryError."""
        context = self.field("context").value.strip()
        if context and not (context.isascii() and context.isdigit() and int(context) <= MAX_CONTEXT):
            raise QueryError(f"lines around are a number up to {MAX_CONTEXT}")
        return FilterForm(
            self.query_one(LevelPicker).levels,
            self.field("include").value,
            self.field("exclude").value,
            self.field("tag").value,
            self.field("span").value.strip(),
            int(context or 0),
            self._regex,
            self.field("boards").value.strip() if self._several else "",
        )

    def fill(self, form: FilterForm) -> None:
        """Put a filter into the fields."""
        texts = {"include": form.include, "exclude": form.exclude, "tag": form.tags, "span": form.span}
        if self._several:
            texts["boards"] = form.boards
        for name, text in texts.items():
            self.field(name).value = text
        self.field("context").value = str(form.context) if form.context else ""
        self._regex = form.regex
        self.query_one("#filter-regex").set_class(form.regex, "-set")
        self.query_one(LevelPicker).set_levels(form.levels)
        self._ask()

    def reset(self) -> None:
        """Everything is shown again; expressions stay expressions."""
        self.fill(FilterForm(regex=self._regex))

    def toggle_regex(self) -> None:
        """The two text fields are regular expressions, or plain text."""
        self._regex = not self._regex
        self.query_one("#filter-regex").set_class(self._regex, "-set")
        self._ask()

    def mark_bad(self, name: str, bad: bool) -> None:
        """Say that what stands in a field cannot be used."""
        self.field(name).set_class(bad, "-bad")

    def _ask(self) -> None:
        """Show what is typed; as long as a field cannot be read, the last filter stays."""
        self._asked = split_entry(self._whole_tags)[1]
        bad = {name: self._is_bad(name) for name in ("include", "exclude", "tag", "context")}
        for name, wrong in bad.items():
            self.mark_bad(name, wrong)
        if not any(bad.values()):
            form = replace(self.form, tags=self._whole_tags)
            self.post_message(self.Changed(form.line_filter(), form.span, form.boards))

    @property
    def _whole_tags(self) -> str:
        """The tag field without an entry that is being typed: part of a tag that was seen, it would hide all lines."""
        field, seen = self.field("tag"), self.tags()
        before, entry = split_entry(field.value)
        begun = field.has_focus and entry and ":" not in entry and entry not in seen and found_tags(seen, entry)
        return before if begun else field.value

    def _is_bad(self, name: str) -> bool:
        value = self.field(name).value
        try:
            if name == "context":
                self.form  # noqa: B018 - raises
            elif name == "tag":
                FilterForm(tags=value).line_filter()
            else:
                FilterForm(include=value, regex=self._regex).line_filter()
        except QueryError:
            return True
        return False

    # -- tags and history ---------------------------------------------------------------------------------------

    def recall(self, field: Input, step: int) -> None:
        """In the tag field through the tags, in the others through what was typed before."""
        if field.id == "filter-tag":
            self.query_one(TagList).move(step)
            return
        history = self._histories.get((field.id or "").removeprefix("filter-"))
        text = None if history is None else history.step(step, field.value)
        if text is not None:
            field.value = text
            field.cursor_position = len(text)

    @on(events.DescendantFocus)
    @on(events.DescendantBlur)
    def _list_tags(self) -> None:
        field = self.field("tag")
        tags = found_tags(self.tags(), split_entry(field.value)[1]) if field.has_focus else []
        self.query_one(TagList).show(tags)
        if not field.has_focus and split_entry(field.value)[1] != self._asked:
            self._ask()

    @on(Input.Changed)
    def _text(self, event: Input.Changed) -> None:
        event.stop()
        if event.input.id == "filter-tag":
            self._list_tags()
        self._ask()

    @on(LevelPicker.Changed)
    def _levels(self, event: LevelPicker.Changed) -> None:
        event.stop()
        self._ask()

    @on(Input.Submitted)
    async def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        tag = self.query_one(TagList).chosen
        if event.input.id == "filter-tag" and tag is not None:
            before, entry = split_entry(event.value)
            _, colon, level = entry.partition(":")
            event.input.value = f"{before}{tag}{colon}{level}"
            event.input.cursor_position = len(event.input.value)
            return
        await self.run_action("screen.close_filter")
