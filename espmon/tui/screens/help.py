"""Every action with its keys, by group, from the one registry that also feeds the palette and the footer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Footer, Input

from espmon.text import plain
from espmon.tui.screens.dialog import Line


class HelpEntry(NamedTuple):
    """One action. A tuple of the same four strings does as well."""

    keys: str
    """As they are shown: "ctrl+t f"."""

    title: str
    description: str
    group: str


class HelpList(VerticalScroll):
    """The list; it moves at once, so that keys that come faster than an animation all count."""

    def move(self, rows: int = 0, pages: int = 0) -> None:
        """By rows and pages."""
        self.scroll_relative(y=rows + pages * max(1, self.size.height - 1), animate=False)

    def action_scroll_down(self) -> None:
        """One row down."""
        self.move(1)

    def action_scroll_up(self) -> None:
        """One row up."""
        self.move(-1)

    def action_page_down(self) -> None:
        """One page down."""
        self.move(pages=1)

    def action_page_up(self) -> None:
        """One page up."""
        self.move(pages=-1)


class HelpScreen(ModalScreen[None]):
    """Lists the actions; a search field narrows them.

    Args:
        entries: (keys, title, description, group); groups appear in the order of their first entry.
        about: a line under the heading (version, where the manual is).
    """

    DEFAULT_CSS = """
    HelpScreen { background: $surface; }
    HelpScreen #heading { padding: 0 1; background: $panel; }
    HelpScreen #search { margin: 1 1 0 1; }
    HelpScreen #list { padding: 1 1 0 1; scrollbar-size-vertical: 1; }
    HelpScreen .group { margin-bottom: 1; }
    """
    AUTO_FOCUS = "#list"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="help.leave"),
        Binding("slash", "search", "Search", key_display="/", id="help.search"),
        Binding("j,down", "move(1)", show=False, id="help.down"),
        Binding("k,up", "move(-1)", show=False, id="help.up"),
        Binding("pagedown,space", "move(0, 1)", "Page down", key_display="PageDown", id="help.page_down"),
        Binding("pageup", "move(0, -1)", show=False, id="help.page_up"),
    ]

    def __init__(self, entries: Sequence[tuple[str, str, str, str]], about: str = "") -> None:
        super().__init__()
        self._entries = [HelpEntry(*entry) for entry in entries]
        self._about = about

    def compose(self) -> ComposeResult:
        """Heading, search, groups."""
        yield Line(
            Content.assemble(("Help", "bold $text-primary"), "  ", (plain(self._about), "$foreground-muted")),
            id="heading",
        )
        yield Input(placeholder="search keys and actions", id="search", compact=True)
        with HelpList(id="list"):
            yield Line("", id="groups")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Show everything."""
        self._show("")

    def on_resize(self) -> None:
        """Lay the columns out anew."""
        self._show(self.query_one("#search", Input).value)

    def _show(self, wanted: str) -> None:
        words = wanted.casefold().split()
        found = [entry for entry in self._entries if all(word in " ".join(entry).casefold() for word in words)]
        self.query_one("#groups", Line).show(self._layout(found) if found else Content("Nothing matches."))

    def _layout(self, entries: Sequence[HelpEntry]) -> Content:
        keys = min(26, max(Content(plain(entry.keys)).cell_length for entry in entries))
        described = [entry for entry in entries if entry.description]
        titles = max((Content(plain(entry.title)).cell_length for entry in described), default=0)
        texts = max((Content(plain(entry.description)).cell_length for entry in described), default=0)
        # One way for all rows: descriptions beside the titles, or all of them below.
        room = self.query_one("#list").size.width - 4
        beside = room <= 0 or 2 + keys + 2 + titles + 2 + texts <= room
        groups: dict[str, list[HelpEntry]] = {}
        for entry in entries:
            groups.setdefault(entry.group, []).append(entry)
        lines: list[Content] = []
        for group, members in groups.items():
            if lines:
                lines.append(Content(""))
            lines.append(Content.styled(plain(group), "bold $text-accent"))
            lines += [self._line(entry, keys, titles, beside=beside) for entry in members]
        return Content("\n").join(lines)

    def _line(self, entry: HelpEntry, keys: int, titles: int, *, beside: bool) -> Content:
        def pad(text: str, width: int) -> str:
            line = plain(text)
            return line + " " * max(0, width - Content(line).cell_length)

        parts: list[str | tuple[str, str]] = ["  ", (pad(entry.keys, keys), "bold $text-primary"), "  "]
        if not entry.description:
            parts.append(plain(entry.title))
        elif beside:
            parts += [pad(entry.title, titles), "  ", (plain(entry.description), "$foreground-muted")]
        else:
            below = "\n" + " " * (2 + keys + 2)
            parts += [plain(entry.title), below, (plain(entry.description), "$foreground-muted")]
        return Content.assemble(*parts)

    @on(Input.Changed, "#search")
    def _search_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._show(event.value)

    @on(Input.Submitted, "#search")
    def _search_done(self, event: Input.Submitted) -> None:
        event.stop()
        self.query_one("#list").focus()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """In the search field its key is a character like any other."""
        return not (action == "search" and isinstance(self.focused, Input))

    def action_search(self) -> None:
        """Go to the search field."""
        self.query_one("#search").focus()

    def action_move(self, rows: int, pages: int = 0) -> None:
        """Move the list, also from the search field."""
        self.query_one(HelpList).move(rows, pages)

    def action_leave(self) -> None:
        """From the search field back to the list; from there, close."""
        if isinstance(self.focused, Input):
            self.query_one("#list").focus()
        else:
            self.dismiss(None)
