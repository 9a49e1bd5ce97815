"""Source in the theme's colours: an excerpt with line numbers, and the line that matters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from textual.content import Content

from espmon.text import plain

LANGUAGES: Mapping[str, str] = {
    ".c": "c",
    ".cc": "cpp",
    ".cpp": "cpp",
    ".cxx": "cpp",
    ".h": "cpp",
    ".hh": "cpp",
    ".hpp": "cpp",
    ".ino": "cpp",
    ".rs": "rust",
    ".py": "python",
    ".s": "gas",
    ".zig": "zig",
    ".nim": "nim",
    ".go": "go",
}
"""End of a file's name -> its language as Pygments calls it."""


HERE = "▶"
"""Stands before the line that matters."""


def language_of(file: str) -> str:
    """The language of a file by its name, "text" for any other."""
    return LANGUAGES.get(PurePosixPath(file.replace("\\", "/")).suffix.lower(), "text")


def coloured(file: str, lines: Sequence[tuple[int, str]]) -> list[Content]:
    """The excerpt's lines with syntax colours, safe for a terminal. Imports a lexer: call it in a thread."""
    from textual.highlight import highlight

    texts = [plain(text.expandtabs(4)) for _, text in lines]
    content = highlight("\n".join(texts), language=language_of(file))
    found = content.split("\n", allow_blank=True)
    # An empty line at the end is dropped.
    found = [*found, *[Content("")] * (len(texts) - len(found))][: len(texts)]
    # One that changes the text otherwise must not move the marks to other lines.
    same = all(one.plain == text for one, text in zip(found, texts, strict=True))
    return found if same else [Content(text) for text in texts]


def numbered(lines: Sequence[tuple[int, Content]], current: int, cells: int) -> Content:
    """Lines with their numbers; a long one goes on under its own beginning. `cells` is the width, 0 for no limit."""
    width = len(str(max((number for number, _ in lines), default=0)))
    rows: list[Content] = []
    for number, text in lines:
        here = number == current
        room = cells - width - 4
        parts = text.wrap(room) if cells and room > 0 and text.cell_length > room else [text]
        for index, part in enumerate(parts):
            head = f"{HERE if here else ' '} {number:>{width}}  " if index == 0 else " " * (width + 4)
            rows.append(
                Content.assemble(
                    (head, "$text-error" if here else "$foreground-muted"), part.stylize("bold") if here else part
                )
            )
    return Content("\n").join(rows)
