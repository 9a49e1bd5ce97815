"""The filter: every field of it, the tags that were seen, names, and keys that do what the footer says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from textual.strip import Strip
from textual.widgets import Input

from espmon.session.store import LogStore
from espmon.tui import saved_filters
from espmon.tui.log.filter_form import FilterForm
from espmon.tui.log.history_scan import Scan
from espmon.tui.log.query import LEVELS, LineFilter, QueryError, TextQuery, smart_case
from espmon.tui.log.selector import Selector
from espmon.tui.screens.prompt import TextPrompt
from espmon.tui.widgets.filter_bar import FilterBar
from espmon.tui.widgets.level_picker import LevelPicker
from espmon.tui.widgets.tag_list import MAX_ROWS, TagList, found_tags
from tests.tui.fake_session import block_of
from tests.tui.running import Running, numbered, running

LOG = b"".join(
    b"%c (%d) %s: line %d\n" % (b"IWED"[number % 4], number, (b"wifi", b"wifi_init", b"heap")[number % 3], number)
    for number in range(120)
)


async def filtered(case: Running, count: int) -> None:
    await case.until(lambda: not case.pane.queries.filtering and len(case.pane.view) == count, f"{count} rows")


def bar_of(case: Running) -> FilterBar:
    return case.screen.query_one(FilterBar)


@pytest.mark.parametrize(
    ("pattern", "regex", "case"),
    [
        ("wifi", False, False),
        ("Wifi", False, True),
        (r"\Sx\D", True, False),
        (r"\Sx[A-Z]", True, True),
        ("ÄX", False, True),
    ],
)
def test_a_capital_letter_makes_case_count(pattern: str, regex: bool, case: bool) -> None:
    assert smart_case(pattern, regex=regex) is case


@pytest.mark.parametrize("step", [3, 7, 8192])
@pytest.mark.parametrize("context", [0, 1, 4])
def test_lines_around_are_those_of_the_whole_log_each_once(step: int, context: int) -> None:
    store = LogStore()
    hits = {0, 5, 6, 30, 33, 99}
    for first in range(0, 100, 10):
        lines = [b"hit\n" if number in hits else b"miss\n" for number in range(first, first + 10)]
        store.append(block_of(b"".join(lines)))
    scan = Scan(store, Selector(LineFilter(include=TextQuery("hit"), context=context)))
    while scan.step(step):
        pass
    assert list(scan.ids) == sorted(
        {near for hit in hits for near in range(max(0, hit - context), min(100, hit + context + 1))}
    )


def test_a_form_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new" / "filters.json"
    form = FilterForm(frozenset("EW"), "a", "b", "wifi:W", "boot 2", 3, True)
    saved_filters.save_filter(path, "one", form)
    saved_filters.save_filter(path, "plain", FilterForm())
    saved_filters.save_filter(path, "one", replace(form, include="c"))
    found, problem = saved_filters.read_filters(path)
    assert problem == ""
    assert found == {"plain": FilterForm(), "one": replace(form, include="c")}
    path.write_text('{"good": {"include": "x"}, "bad": {"context": 5000}, "worse": 3}')
    found, problem = saved_filters.read_filters(path)
    assert list(found) == ["good"]
    assert "worse" in problem
    path.write_bytes(b"\xff")
    assert saved_filters.read_filters(path)[0] == {}
    saved_filters.save_filter(path, "one", form)
    assert path.with_name("filters.json.unread").read_bytes() == b"\xff"
    assert saved_filters.read_filters(path) == ({"one": form}, "")
    path.write_text("[" * 100_000)
    assert "cannot be read" in saved_filters.read_filters(path)[1]


@pytest.mark.parametrize("data", [{"levels": ["X"]}, {"context": True + 5000}, {"regex": 1}, {"other": ""}])
def test_what_is_no_filter_is_told(data: dict[str, object]) -> None:
    with pytest.raises(QueryError):
        FilterForm.from_json(data)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (FilterForm(), ""),
        (FilterForm(tags="wifi:W *:I"), "wifi:W *:I"),
        (FilterForm(frozenset("EWI")), "*:I"),
        (FilterForm(frozenset("E")), "*:E"),
        (FilterForm(frozenset()), "*:N"),
    ],
)
def test_a_filter_in_the_words_of_idf_monitor(form: FilterForm, text: str) -> None:
    assert form.print_filter == text


def test_tags_that_begin_so_come_first_then_by_count() -> None:
    counts = {"net_wifi": 9, "wifi": 2, "wifi_init": 5, "heap": 7}
    assert [tag for tag, _ in found_tags(counts, "WiFi:W")] == ["wifi_init", "wifi", "net_wifi"]


async def test_escape_and_letters_work_on_the_level_ticks() -> None:
    async with running(size=(120, 30)) as case:
        await case.feed(LOG)
        await case.press("f", "shift+tab")
        assert isinstance(case.screen.focused, LevelPicker)
        assert "■Error" in case.text()
        await case.press("i", "s", "n", "c")
        await filtered(case, 90)
        assert case.session.calls == ["open"], "no key went to the board"
        assert case.pane.view.base == 0
        await case.press("escape")
        assert not bar_of(case).has_class("-on")
        assert "filter EWDV·" in case.text()


async def test_tags_are_listed_with_counts_and_typing_narrows_them() -> None:
    async with running(size=(100, 30)) as case:
        await case.feed(LOG)
        await case.until(lambda: not case.pane.levels.behind)
        await case.press("f")
        bar_of(case).field("tag").focus()
        await case.until(lambda: "wifi_init        40 █" in case.text(), "the tags")
        await case.press(*"wifi")
        await case.until(lambda: [tag for tag, _ in case.screen.query_one(TagList).tags] == ["wifi", "wifi_init"])
        await filtered(case, 40)
        await case.press("down", "down", "enter")
        assert bar_of(case).field("tag").value == "wifi_init"
        await case.until(lambda: case.rows()[-1].endswith("line 118"))
        await case.press("enter")
        assert case.screen.focused is case.pane


async def test_part_of_a_tag_narrows_the_list_and_hides_no_line_before_the_field_is_left() -> None:
    async with running(size=(80, 30)) as case:
        await case.feed(LOG)
        await case.until(lambda: not case.pane.levels.behind)
        await case.press("f", "tab", "tab", *"wif")
        await case.until(lambda: [tag for tag, _ in case.screen.query_one(TagList).tags] == ["wifi", "wifi_init"])
        assert len(case.pane.view) == 120
        await case.press("i")
        await filtered(case, 40)
        await case.press(*", he")
        await filtered(case, 40)
        await case.press("escape")
        await case.until(lambda: case.pane.queries.filter.printed == "wifi  he")
        assert bar_of(case).form.tags == "wifi, he"


def test_a_long_list_of_tags_says_how_many_more_there_are() -> None:
    listed = TagList()
    listed.tags = [(f"tag{number}", number) for number in range(300, 0, -1)]
    rows = listed.render().plain.split("\n")
    assert len(rows) == listed.get_content_height() == MAX_ROWS + 1
    assert rows[-1] == "292 more: type to narrow, ↑ ↓ through all"
    listed.tags = listed.tags[:MAX_ROWS]
    assert len(listed.render().plain.split("\n")) == listed.get_content_height() == MAX_ROWS


async def test_a_filter_of_no_line_says_so_and_which_key_helps() -> None:
    async with running() as case:
        await case.feed(numbered(79))
        await case.press("f", *"nowhere")
        await case.until(lambda: any("0 of 79 lines, Esc F shows all" in row for row in case.rows()))
        drawn: list[str] = []

        def draw(_: object, strips: Sequence[Strip]) -> bool:
            drawn.append(strips[0].text)
            return False

        case.pane._paint = draw
        await case.feed(numbered(1021))
        await case.until(lambda: drawn and "0 of 1,100 lines, Esc F shows all" in drawn[-1], "the new count")
        await case.press("escape")
        await case.until(
            lambda: any("0 of 1,100 lines, F shows all" in row for row in case.rows()), "the log's own key"
        )
        await case.press("F")
        await filtered(case, 1100)


async def test_lines_around_step_back_and_what_is_left_out_is_seen() -> None:
    async with running() as case:
        await case.feed(numbered(60))
        case.pane.set_filter(LineFilter(include=TextQuery("0"), context=1))
        await filtered(case, 3 * 6 - 1)
        rows = case.rows()
        at = rows.index("line 10")
        assert (rows[at - 1], rows[at + 1]) == ("line 9", "line 11")
        assert set(rows[at - 2]) == set(rows[at + 2]) == {"╌"}
        painter = case.pane.drawing.painter
        styles = {row: next(iter(case.pane._strip(y))).style for y, row in enumerate(rows)}
        assert styles["line 10"] == painter.base
        assert styles["line 9"] == styles["line 11"] == painter.highlight(painter.base, "around") != painter.base
        case.pane.set_filter(LineFilter())
        await filtered(case, 60)
        assert not any("╌" in row for row in case.rows())


async def test_errors_that_a_filter_hides_are_counted() -> None:
    async with running(size=(120, 30)) as case:
        await case.feed(numbered(10))
        await case.press("f", *"nowhere")
        await filtered(case, 0)
        await case.feed(b"E (1) wifi: one\nW (2) wifi: two\nE (3) wifi: three\n")
        await case.until(lambda: "✖ 2 " in case.text() and "▲ 1 " in case.text(), "the counts")


def said(case: Running, words: str) -> bool:
    return words in case.text()


async def test_lines_around_and_a_span_are_fields_of_it() -> None:
    async with running(size=(120, 30)) as case:
        await case.feed(LOG)
        case.session.add_event("reset", "Power on", line=0, boot=1)
        case.session.add_event("reset", "Power on", line=40, boot=2)
        case.session.add_event("reset", "Power on", line=100, boot=3)
        await case.until(lambda: len(case.pane.drawing.marks) == 3)
        await case.press("f", *"line 50")
        await filtered(case, 1)
        bar = bar_of(case)
        bar.field("context").value = "3"
        await filtered(case, 7)
        bar.field("include").value = ""
        bar.field("context").value = ""
        for text, count in (("boot 2", 60), ("boot 2..", 80), ("boot 1..boot 2", 100), ("11..20", 10), ("..20", 20)):
            bar.field("span").value = text
            await filtered(case, count)
            await case.until(partial(said, case, f"filter in {text} "), "the filter in words")
        bar.field("span").value = "boot 9"
        await case.until(lambda: bar.field("span").has_class("-bad"), "the field in red")
        bar.field("context").value = "many"
        await case.until(lambda: bar.field("context").has_class("-bad"), "the other one")


async def test_what_was_typed_before_comes_back() -> None:
    async with running() as case:
        await case.feed(LOG)
        await case.press("f", *"first", "escape", "F", "f", *"second", "enter", "F", "f", "up")
        assert bar_of(case).field("include").value == "second"
        await case.press("up")
        assert bar_of(case).field("include").value == "first"


async def test_a_filter_is_saved_under_a_name_and_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    path = tmp_path / "filters.json"
    monkeypatch.setattr("espmon.tui.filter_dialogs.filters_file", lambda: path)
    async with running(size=(120, 30)) as case:
        await case.feed(LOG)
        await case.press("f", *"line 11", "ctrl+s")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt))
        await case.press(*"elevens", "enter")
        await case.until(path.exists, "the file")
        await case.press("escape", "F")
        await filtered(case, 120)
        await case.press("f", "ctrl+l")
        await case.until(lambda: isinstance(case.app.screen, TextPrompt))
        await case.press(*"elevens", "enter")
        await filtered(case, 11)
        assert case.screen.query_one("#filter-include", Input).value == "line 11"


def test_the_levels_of_a_filter_are_all_there_are() -> None:
    assert FilterForm().levels == frozenset(LEVELS)
