"""The tags that were seen, with their counts and a bar; what is typed narrows them."""

from __future__ import annotations

from collections.abc import Mapping

from textual.content import Content
from textual.widget import Widget

from espmon.tui.sanitise import visible

MAX_ROWS = 8
"""Tags that are listed at once."""

BAR_CELLS = 20
MAX_TAG = 32
"""Most characters of a tag in the list; longer ones are shortened at the end."""


def split_entry(text: str) -> tuple[str, str]:
    """What stands in a tag field: everything before its last entry, and that entry."""
    head, gap, last = text.replace(",", " ").rpartition(" ")
    return head + gap, last


def found_tags(counts: Mapping[str, int], part: str) -> list[tuple[str, int]]:
    """The tags with `part` in them, those that begin with it first, then by count."""
    part = part.partition(":")[0].lower()
    some = [(tag, count) for tag, count in counts.items() if part in tag.lower()]
    return sorted(some, key=lambda one: (not one[0].lower().startswith(part), -one[1], one[0]))


class TagList(Widget):
    """A few rows of tags; the field above has the focus and moves the cursor."""

    DEFAULT_CSS = """
    TagList { height: auto; width: 100%; background: $panel; display: none; padding: 0 1; }
    TagList.-on { display: block; }
    """

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.tags: list[tuple[str, int]] = []
        self.cursor = -1
        """Which of them is chosen, -1 none."""

    @property
    def chosen(self) -> str | None:
        """The tag under the cursor."""
        return self.tags[self.cursor][0] if 0 <= self.cursor < len(self.tags) else None

    def show(self, tags: list[tuple[str, int]]) -> None:
        """List these; the cursor goes."""
        self.tags, self.cursor = tags, -1
        self.set_class(bool(tags), "-on")
        self.refresh(layout=True)

    def move(self, step: int) -> None:
        """To the next or the previous tag; before the first there is none."""
        self.cursor = min(max(self.cursor + step, -1), len(self.tags) - 1)
        self.refresh()

    def get_content_height(self, *args: object) -> int:
        """Rows."""
        return min(MAX_ROWS, len(self.tags)) + (len(self.tags) > MAX_ROWS)

    def render(self) -> Content:
        """`wifi   1,204 ████`: as many as there is room for, the one under the cursor among them."""
        first = max(0, min(self.cursor - MAX_ROWS + 1, len(self.tags) - MAX_ROWS))
        most = max((count for _, count in self.tags), default=1)
        widest = min(MAX_TAG, max((len(tag) for tag, _ in self.tags), default=0))
        parts: list[tuple[str, str]] = []
        for at in range(first, min(first + MAX_ROWS, len(self.tags))):
            tag, count = self.tags[at]
            bar = "█" * max(1, round(BAR_CELLS * count / most))
            style = "reverse" if at == self.cursor else ""
            parts.append((f"{visible(tag)[:MAX_TAG]:<{widest}} {count:>9,} ", style))
            parts.append((f"{bar}\n", "$accent"))
        if (more := len(self.tags) - MAX_ROWS) > 0:
            parts.append((f"{more:,} more: type to narrow, ↑ ↓ through all", "$text-muted"))
        return Content.assemble(*parts).rstrip()
