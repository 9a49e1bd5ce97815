"""Rows of the log as a file: text, text with what is known of addresses, JSON lines, Markdown, HTML with the colours.

Pieces are made one after the other, so that a million lines need no memory of their own. May run in a thread.
"""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from rich.style import Style

from espmon.session.store import LogStore
from espmon.text import plain
from espmon.tui.log.painter import Painter
from espmon.tui.log.rows import as_shown, show_row

FENCE = "```"


@dataclass(frozen=True, slots=True)
class Exported:
    """What is written.

    Args:
        store: the log.
        rows: ids of the rows, in order; those that are no longer kept are left out.
        decorate: what is known of a line's addresses.
        painter: the colours.
        title: what it is, in a few words.
    """

    store: LogStore
    rows: Iterable[int]
    decorate: Callable[[int], Sequence[str]]
    painter: Painter
    title: str

    def texts(self) -> Iterator[tuple[int, str]]:
        """Each row's id and text."""
        for row in self.rows:
            try:
                block, index = as_shown(self.store, row, *self.store.locate(row))
            except IndexError:
                continue
            yield row, plain(block.text(index))


def as_text(what: Exported) -> Iterator[str]:
    """A row a line, as it came."""
    return (f"{text}\n" for _, text in what.texts())


def as_decoded(what: Exported) -> Iterator[str]:
    """The same, with the locations of addresses below the lines that have some."""
    for row, text in what.texts():
        yield f"{text}\n"
        yield from (f"  ↳ {plain(said)}\n" for said in what.decorate(row))


def as_json(what: Exported) -> Iterator[str]:
    """A record a line, as `espmon decode --json` prints them, with wall times."""
    for row in what.rows:
        for line in range(row, what.store.rows.stop(row)):
            try:
                record = what.store.record(line)
            except IndexError:
                continue
            when = None if record.time is None else what.store.wall(record.time)
            yield json.dumps({**record.to_json(), "time": when}, ensure_ascii=False) + "\n"


def fence_for(text: str) -> str:
    """A fence that nothing in `text` ends."""
    fence = FENCE
    while fence in text:
        fence += "`"
    return fence


def as_markdown(what: Exported) -> Iterator[str]:
    """A block of code under the title, with locations."""
    body = "".join(as_decoded(what))
    fence = fence_for(body)
    yield f"{plain(what.title)}\n\n{fence}text\n{body}{fence}\n"


def _css(style: Style) -> str:
    parts = []
    foreground, background = (style.bgcolor, style.color) if style.reverse else (style.color, style.bgcolor)
    if foreground is not None and not foreground.is_default:
        parts.append(f"color:{foreground.get_truecolor().hex}")
    if background is not None and not background.is_default:
        parts.append(f"background:{background.get_truecolor().hex}")
    flags = ((style.bold, "font-weight:bold"), (style.italic, "font-style:italic"),
             (style.underline, "text-decoration:underline"), (style.dim, "opacity:.6"))  # fmt: skip
    return ";".join([*parts, *(css for flag, css in flags if flag)])


def as_html(what: Exported) -> Iterator[str]:
    """A page with the colours of the screen; it loads nothing and runs nothing."""
    base = _css(what.painter.base)
    yield (
        '<!DOCTYPE html>\n<html><head><meta charset="utf-8">'
        f"<title>{html.escape(plain(what.title))}</title></head>\n"
        f'<body style="{base}"><pre style="font-family:monospace">\n'
    )
    styles: dict[object, str] = {}
    for row in what.rows:
        try:
            line = show_row(what.store, row, colour=True)
        except IndexError:
            continue
        pieces = []
        for low, high, pen in line.spans:
            if pen not in styles:
                css = _css(what.painter.style(pen))
                styles[pen] = "" if css == base else css
            text = html.escape(line.text[low:high])
            pieces.append(f'<span style="{styles[pen]}">{text}</span>' if styles[pen] else text)
        pieces += [f"\n  ↳ {html.escape(plain(said))}" for said in what.decorate(row)]
        yield "".join(pieces) + "\n"
    yield "</pre></body></html>\n"


FORMATS: Mapping[str, Callable[[Exported], Iterator[str]]] = {
    ".txt": as_text,
    ".decoded.txt": as_decoded,
    ".jsonl": as_json,
    ".md": as_markdown,
    ".html": as_html,
}
"""End of a file's name -> what is written."""


def format_of(name: str) -> Callable[[Exported], Iterator[str]] | None:
    """What a file of this name holds; None for an end that says nothing."""
    ends = [end for end in FORMATS if name.lower().endswith(end)]
    return FORMATS[max(ends, key=len)] if ends else None


def some(pieces: Iterator[str], characters: int) -> str:
    """The beginning of what would be written, for the clipboard: whole pieces, no more than about so much."""
    found: list[str] = []
    for piece in islice(pieces, characters):
        found.append(piece)
        characters -= len(piece)
        if characters <= 0:
            break
    return "".join(found)
