"""The search field: found while you type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static

from espmon.tui.log.query import QueryError, TextQuery, smart_case
from espmon.tui.sanitise import visible
from espmon.tui.widgets.field import Field
from espmon.tui.widgets.line_history import History


class _Field(Field):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "close", "Close", id="search.close", tooltip="End the search, back to where it began"),
        Binding(
            "up", "recall(-1)", show=False, id="search.older", tooltip="In an empty field: what was searched before"
        ),
        Binding("down", "recall(1)", show=False, id="search.newer", tooltip="What was searched after that"),
        Binding("shift+f3,ctrl+up", "step(-1)", show=False, id="search.previous", tooltip="The match before"),
        Binding("f3,ctrl+down", "step(1)", show=False, id="search.next", tooltip="The match after"),
        Binding(
            "alt+c",
            "option('case')",
            "Aa",
            id="search.case",
            tooltip="Case counts, also without a capital",
        ),
        Binding("alt+r", "option('regex')", ".*", id="search.regex", tooltip="Regular expression"),
    ]

    def action_close(self) -> None:
        self.query_ancestor(SearchBar).close()

    def action_recall(self, step: int) -> None:
        self.query_ancestor(SearchBar).recall(step)

    def action_step(self, step: int) -> None:
        self.query_ancestor(SearchBar).post_message(SearchBar.Step(step))

    def action_option(self, name: str) -> None:
        self.query_ancestor(SearchBar).toggle(name)


class SearchBar(Horizontal):
    """Field, options, count."""

    DEFAULT_CSS = """
    SearchBar { height: 1; background: $boost; display: none; }
    SearchBar.-on { display: block; }
    SearchBar > Static { width: auto; padding: 0 1; color: $text-muted; }
    SearchBar > .option.-set { color: $accent; text-style: bold; }
    SearchBar > #search-count { color: $accent; }
    SearchBar > #search-count.-bad { color: $error; }
    SearchBar > Input, SearchBar > Input:focus { border: none; height: 1; width: 1fr; padding: 0; background: $boost; }
    """

    @dataclass
    class Changed(Message):
        """Look for this; None while the field is empty or no valid pattern."""

        query: TextQuery | None

    @dataclass
    class Step(Message):
        """To the next or previous match, still typing."""

        step: int

    class Accepted(Message):
        """Back to the log, matches stay: n and N go on."""

    class Closed(Message):
        """The search is over."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.options = {"case": False, "regex": False}
        self.history = History()
        self._recalled = ""
        self._problem = ""
        self._said = ""

    def compose(self) -> ComposeResult:
        """The row."""
        yield Static("/", markup=False)
        yield _Field(compact=True, id="search-field", placeholder="search", select_on_focus=True)
        yield Static("Aa", id="search-case", classes="option", markup=False)
        yield Static(".*", id="search-regex", classes="option", markup=False)
        yield Static("", id="search-count", markup=False)

    def open(self) -> None:
        """Show the field and type."""
        self.add_class("-on")
        # What was searched last stands there, ready to be typed over: as if it had been recalled.
        self._recalled = self.query_one(_Field).value
        self.history.rewind()
        self.screen.set_focus(self.query_one(_Field))

    def close(self) -> None:
        """Hide the field and end the search."""
        self.remove_class("-on")
        self._problem = ""
        self.show_count("")
        self.query_one(_Field).value = ""
        self.post_message(self.Closed())

    def recall(self, step: int) -> None:
        """In an empty field, or one that was filled so: a search from before. Else to another match."""
        field = self.query_one(_Field)
        if field.value not in ("", self._recalled):
            self.post_message(self.Step(step))
            return
        text = self.history.step(step, "")
        while text is not None and text and text == field.value:
            text = self.history.step(step, "")
        if text is not None:
            self._recalled = field.value = text
            field.cursor_position = len(text)

    def toggle(self, name: str) -> None:
        """Case or regular expression on and off."""
        self.options[name] = not self.options[name]
        self.query_one(f"#search-{name}").set_class(self.options[name], "-set")
        self._ask()

    def on_click(self, event: object) -> None:
        """Options can be clicked."""
        widget = getattr(event, "widget", None)
        for name in self.options:
            if widget is not None and widget.id == f"search-{name}":
                self.toggle(name)

    def show_count(self, text: str, *, bad: bool = False) -> None:
        """Which match of how many. Why the pattern is none goes before, as long as it is none."""
        count = self.query_one("#search-count", Static)
        count.set_class(bad or bool(self._problem), "-bad")
        said = visible(self._problem or text)
        if said != self._said:
            # While lines come it changes with every frame; the screen is laid out anew where it takes other cells only.
            before, self._said = self._said, said
            count.update(said, layout=cell_len(said) != cell_len(before))

    def _ask(self) -> None:
        text = self.query_one(_Field).value
        try:
            regex = self.options["regex"]
            case = self.options["case"] or smart_case(text, regex=regex)
            query = TextQuery(text, regex=regex, case=case) if text else None
        except QueryError as error:
            self._problem = str(error)
            self.show_count("")
            return
        self._problem = ""
        if query is None:
            self.show_count("")
        self.post_message(self.Changed(query))

    @on(Input.Changed)
    def _changed(self, event: Input.Changed) -> None:
        event.stop()
        if self.has_class("-on"):
            self._ask()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.remove_class("-on")
        self.history.add(event.value)
        self.post_message(self.Accepted())
