"""Source in colours, and rows whose long texts hang under their beginnings."""

from __future__ import annotations

import pytest
from textual.content import Content

from espmon.tui.screens.dialog import rows
from espmon.tui.screens.source_text import coloured, language_of, numbered

LINES = [(9, "/* a comment */"), (10, "int x = 0x10; // and another"), (11, 'const char *s = "text";')]


@pytest.mark.parametrize(
    ("file", "language"),
    [("/a/main.c", "c"), ("C:\\x\\Sketch.INO", "cpp"), ("lib.rs", "rust"), ("README", "text"), ("boot.S", "gas")],
)
def test_the_language_is_known_by_the_files_name(file: str, language: str) -> None:
    assert language_of(file) == language


def test_lines_keep_their_text_and_get_colours() -> None:
    found = coloured("main.c", LINES)
    assert [line.plain for line in found] == [text for _, text in LINES]
    styles = {str(span.style) for line in found for span in line.spans}
    assert len(styles) >= 3


@pytest.mark.parametrize("before", [0, 1, 3])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_excerpt_that_begins_or_ends_with_empty_lines_is_coloured_too(before: int, after: int) -> None:
    texts = [*[""] * before, "static int x;", "", "return 1;", *[""] * after]
    found = coloured("sensor.h", list(enumerate(texts, 7)))
    assert [line.plain for line in found] == texts
    assert len({str(span.style) for span in found[before].spans}) >= 3


@pytest.mark.parametrize("file", ["main.c", "main.rs", "x.py", "x.S", "x"])
@pytest.mark.parametrize(
    "texts", [["", "", "x"], ["\x1b[31mred", "a\x00b\x9b"], ["/*", "never closed"], ["[bold]not markup[/]"], ["\ta"]]
)
def test_hostile_source_stays_as_many_harmless_lines(file: str, texts: list[str]) -> None:
    found = coloured(file, list(enumerate(texts, 1)))
    assert len(found) == len(texts)
    assert not any(set("\x1b\x00\x9b\t") & set(line.plain) for line in found)
    assert found[-1].plain.strip()[:3] == "".join(texts[-1].strip())[:3].replace("\x00", "␀")


def test_a_long_line_goes_on_under_its_beginning() -> None:
    text = numbered([(7, Content("int first")), (8, Content("static int function(int argument)"))], 8, 26)
    assert text.plain.splitlines() == ["  7  int first", "▶ 8  static int", "     function(int", "     argument)"]


def test_long_texts_hang_behind_their_label() -> None:
    text = rows([("cause", "a store to an address that may not be written"), ("pc", "0x1")], cells=30)
    assert text.plain.splitlines() == [
        "cause  a store to an address",
        "       that may not be written",
        "pc     0x1",
    ]
    assert rows([("a", "b " * 100)]).plain.count("\n") == 0
