"""Searching and filtering with keys; hotkeys never eat what is typed."""

from __future__ import annotations

import pytest
from textual import events
from textual.widgets import Input

from espmon.session.status import OpenRequest
from espmon.tui.log.history_scan import Scan
from espmon.tui.widgets.filter_bar import FilterBar
from espmon.tui.widgets.level_picker import LevelPicker
from espmon.tui.widgets.search_bar import SearchBar
from tests.tui.running import Running, numbered, running

HOTKEYS = "nNgGjkwtxdcuysapoefFrhliq/?"


async def settled(case: Running) -> None:
    await case.until(lambda: not case.pane.queries.searching and not case.pane.queries.filtering)
    await case.pilot.pause()


@pytest.mark.parametrize("opener", ["slash", "f", "i"])
async def test_every_hotkey_can_be_typed_into_a_field(opener: str) -> None:
    async with running() as case:
        await case.feed(numbered(50))
        await case.press(opener)
        calls = list(case.session.calls)
        await case.press(*({"/": "slash", "?": "question_mark"}.get(key, key) for key in HOTKEYS), "space", "[", "]")
        field = case.screen.focused
        assert isinstance(field, Input)
        assert field.value == HOTKEYS + " []"
        assert case.session.calls == calls
        assert case.app.screen is case.screen


@pytest.mark.parametrize("opener", ["slash", "f", "i"])
async def test_keys_that_come_in_one_burst_with_the_opening_key_are_typed_too(opener: str) -> None:
    async with running() as case:
        await case.feed(numbered(50))
        await case.press(opener, "escape")
        for key in (opener, *"panic"):
            case.app.post_message(events.Key(key, key if len(key) == 1 else "/"))
        await case.until(lambda: isinstance(case.screen.focused, Input) and case.screen.focused.value == "panic")
        assert case.session.calls == ["open"]
        assert len(case.pane.view) == 50 or opener == "f"
        assert case.pane.view.base == 0


async def test_raw_keys_in_one_burst_all_go_to_the_board() -> None:
    async with running() as case:
        for key in "rpanic":
            case.app.post_message(events.Key(key, key))
        await case.until(lambda: b"".join(case.session.sent) == b"panic")


async def test_a_search_goes_to_the_match_and_counts_while_typing() -> None:
    async with running() as case:
        await case.feed(numbered(1000))
        case.pane.go_to_start()
        await case.press("slash", *"line 500")
        await settled(case)
        assert "line 500" in case.rows()
        assert "1/1" in case.text()


async def test_next_and_previous_scroll_to_the_match_and_go_around() -> None:
    async with running() as case:
        await case.feed(numbered(1000))
        case.pane.go_to_start()
        await case.press("slash", *"99", "enter")
        await settled(case)
        seen = []
        for key in ("n", "n", "N", "N", "N"):
            await case.press(key)
            current = case.pane.drawing.current
            assert f"line {current}" in case.rows()
            seen.append(current)
        assert seen == [199, 299, 199, 99, 999]


async def test_matches_are_highlighted_in_coloured_lines() -> None:
    async with running() as case:
        await case.feed(b"\x1b[31mred needle red\x1b[0m needle\n")
        await case.press("slash", *"needle", "enter")
        await settled(case)
        strip = case.pane._strip(0)
        backgrounds = {segment.text: segment.style.bgcolor for segment in strip if segment.style}
        plain = case.pane.drawing.painter.base.bgcolor
        assert backgrounds["needle"] != plain
        assert backgrounds["red "] == plain


async def test_n_without_a_search_says_how_to_begin() -> None:
    async with running() as case:
        await case.press("n")
        await case.until(lambda: "/ begins" in case.text())


async def test_escape_ends_the_search() -> None:
    async with running() as case:
        await case.feed(numbered(10))
        await case.press("slash", *"line")
        await settled(case)
        await case.press("escape")
        assert case.pane.queries.query is None
        assert case.screen.focused is case.pane


async def test_a_broken_expression_is_said_and_the_last_search_stays() -> None:
    async with running() as case:
        await case.feed(numbered(10))
        await case.press("slash", *"line")
        await case.press("alt+r", "(")
        await case.until(lambda: "Not a regular expression" in case.text())
        assert case.pane.queries.query is not None


async def test_an_expression_that_never_ends_is_given_up_and_the_screen_lives() -> None:
    async with running() as case:
        await case.feed(b"a" * 80 + b"!\n")
        await case.press("slash", "alt+r", *r"\b(a|aa)+$")
        await case.until(lambda: "too slow for 1 line" in case.text())
        await case.feed(b"still here\n")
        await case.until(lambda: "still here" in case.text())


async def test_a_filter_that_is_too_slow_for_a_line_shows_it_and_goes_on() -> None:
    async with running() as case:
        await case.feed(numbered(3))
        await case.press("f", "alt+r", *r"\b(a|aa)+$|line", "enter", "escape")
        await settled(case)
        await case.feed(b"a" * 80 + b"!\nhidden\nline 99\n")
        await case.until(lambda: "line 99" in case.rows())
        assert "hidden" not in case.text()
        assert any("too slow: such lines are shown unfiltered" in toast.message for toast in case.app._notifications)


async def test_an_expression_in_the_filter_shows_lines_as_they_come() -> None:
    async with running() as case:
        await case.feed(numbered(20))
        await case.press("f", "alt+r", *"line [13]$", "enter")
        await settled(case)
        assert len(case.pane.view) == 2
        await case.feed(b"line 3\nline 4\n")
        await case.until(lambda: len(case.pane.view) == 3)


async def test_new_matches_are_counted_as_lines_come() -> None:
    async with running() as case:
        await case.feed(numbered(10))
        await case.press("slash", *"line", "enter")
        await settled(case)
        await case.feed(numbered(5, 10))
        assert case.pane.queries.count == 15


async def test_levels_are_ticked_by_their_letters() -> None:
    async with running() as case:
        await case.feed(b"E (1) a: one\nV (2) a: two\nI (3) b: three\nplain\n")
        await case.press("f")
        case.screen.query_one(LevelPicker).focus()
        await case.press("v", "o")
        await settled(case)
        assert [row for row in case.rows() if row] == ["E (1) a: one", "I (3) b: three"]
        await case.press("v")
        await settled(case)
        assert [row for row in case.rows() if row] == ["E (1) a: one", "V (2) a: two", "I (3) b: three"]


async def test_the_filter_takes_effect_while_typing_and_stays_when_closed() -> None:
    async with running() as case:
        await case.feed(b"E (1) wifi: lost\nI (2) heap: fine\nI (3) wifi: up\n")
        await case.press("f", *"wifi")
        await settled(case)
        await case.press("escape")
        assert case.screen.focused is case.pane
        assert [row for row in case.rows() if row] == ["E (1) wifi: lost", "I (3) wifi: up"]
        assert "filter wifi" in case.text()
        await case.press("F")
        await settled(case)
        assert "I (2) heap: fine" in case.rows()


async def test_the_filter_opens_in_its_first_field_with_an_example_for_tags() -> None:
    async with running() as case:
        await case.press("f")
        fields = list(case.screen.query_one(FilterBar).query(Input))
        assert case.screen.focused is fields[0]
        assert fields[0].id == "filter-include"
        assert "e.g. wifi:W *:I" in case.text()


async def test_tag_and_exclude_fields_combine() -> None:
    async with running() as case:
        await case.feed(b"I (1) wifi: a\nI (2) wifi: b\nI (3) heap: a\n")
        await case.press("f")
        bar = case.screen.query_one(FilterBar)
        bar.query_one("#filter-tag", Input).value = "wifi"
        bar.query_one("#filter-exclude", Input).value = "b"
        await case.pilot.pause()
        await settled(case)
        assert [row for row in case.rows() if row] == ["I (1) wifi: a"]


async def test_a_search_follows_a_new_filter() -> None:
    async with running() as case:
        await case.feed(b"I (1) a: x\nE (2) a: x\n")
        await case.press("slash", "x", "enter")
        await settled(case)
        assert case.pane.queries.count == 2
        await case.press("f")
        case.screen.query_one(LevelPicker).focus()
        await case.press("i")
        await settled(case)
        assert case.pane.queries.count == 1


async def test_the_search_field_is_mounted_when_first_used() -> None:
    async with running() as case:
        assert not case.screen.query(SearchBar)
        await case.press("slash")
        assert case.screen.query_one(SearchBar).has_class("-on")


async def test_a_print_filter_given_at_the_start_is_in_force_and_can_be_changed() -> None:
    request = OpenRequest("/dev/ttyUSB0", print_filter="wifi:W")
    async with running(request=request) as case:
        await case.feed(b"I (1) wifi: up\nE (2) wifi: lost\nE (3) heap: low\n")
        await settled(case)
        assert [row for row in case.rows() if row] == ["E (2) wifi: lost"]
        await case.press("f")
        assert case.screen.query_one("#filter-tag", Input).value == "wifi:W"


async def test_a_search_that_still_reads_history_does_not_take_the_user_away() -> None:
    async with running() as case:
        await case.feed(numbered(1000))
        searches = case.pane.queries._searches
        started: list[Scan] = []
        searches.start = started.append  # type: ignore[method-assign, assignment]
        await case.press("slash", *"line", "enter", "F", "g")
        scan = started[-1]
        while scan.step():
            pass
        case.pane.queries._searched(searches.generation, scan, True)
        await case.pilot.pause()
        assert case.rows()[0] == "line 0"
        assert case.pane.queries.count == 1000


def alt(case: Running, letter: str) -> None:
    """Alt and a letter as most terminals send it: the toolkit gives the key a character too."""
    case.app.post_message(events.Key(f"alt+{letter}", letter))


async def test_alt_keys_of_the_search_are_options_and_not_letters() -> None:
    async with running() as case:
        await case.feed(b"Wifi\nwifi\nwi.i\n")
        await case.press("slash", *"wi.i")
        alt(case, "c")
        alt(case, "r")
        bar = case.screen.query_one(SearchBar)
        await case.until(lambda: bar.options == {"case": True, "regex": True})
        await settled(case)
        assert bar.query_one(Input).value == "wi.i"
        assert case.pane.queries.count == 2


async def test_alt_r_of_the_filter_is_its_option_and_not_a_letter() -> None:
    async with running() as case:
        await case.press("f", *"wi.i")
        alt(case, "r")
        bar = case.screen.query_one(FilterBar)
        await case.until(lambda: bar.query_one("#filter-regex").has_class("-set"))
        assert bar.query_one("#filter-include", Input).value == "wi.i"


async def test_an_expression_that_is_broken_is_said_as_long_as_it_is_searched_as_one() -> None:
    async with running() as case:
        await case.feed(numbered(10))
        await case.press("slash", *"a[0-")
        await case.pilot.click("#search-regex")
        await case.until(lambda: "Not a regular expression" in case.text())
        await case.feed(numbered(10))
        assert "Not a regular expression" in case.text()
        await case.pilot.click("#search-regex")
        await case.until(lambda: "0 lines" in case.text())
        await case.pilot.click("#search-regex")
        await case.press("escape", "slash")
        assert "Not a regular expression" not in case.text()


async def test_up_in_an_empty_search_brings_back_what_was_searched_before() -> None:
    async with running() as case:
        await case.feed(numbered(10))
        for word in ("one", "two"):
            await case.press("slash", *word, "enter", "slash", "escape")
        await case.press("slash")
        field = case.screen.query_one(SearchBar).query_one(Input)
        seen = []
        for key in ("up", "up", "up", "down", "down"):
            await case.press(key)
            seen.append(field.value)
        assert seen == ["two", "one", "one", "two", ""]


async def test_up_and_down_go_from_match_to_match_while_something_else_is_typed() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        case.pane.go_to_start()
        await case.press("slash", *"9")
        await settled(case)
        seen = []
        for key in ("down", "f3", "up", "shift+f3"):
            await case.press(key)
            seen.append(case.pane.drawing.current)
        assert seen == [19, 29, 19, 9]


async def test_a_search_that_is_given_up_leads_back_to_following() -> None:
    async with running() as case:
        await case.feed(numbered(1000))
        await case.press("slash", *"line 5")
        await settled(case)
        assert not case.pane.follow
        await case.press("escape")
        assert case.pane.follow


async def test_a_search_that_is_given_up_leads_back_to_what_was_looked_at() -> None:
    async with running() as case:
        await case.feed(numbered(1000))
        await case.press("g", "pagedown")
        before = case.rows()
        await case.press("slash", *"line 500")
        await settled(case)
        assert case.rows() != before
        await case.press("escape")
        assert case.rows() == before
        assert not case.pane.follow


async def test_the_status_names_the_part_that_has_the_keys() -> None:
    async with running() as case:
        seen = [case.screen.mode]
        for key in ("e", "escape", "slash", "escape", "f", "escape", "i", "escape", "r"):
            await case.press(key)
            assert f" {case.screen.mode} " in case.text()
            seen.append(case.screen.mode)
        assert seen == ["LOG", "EVENTS", "LOG", "FIND", "LOG", "FILTER", "LOG", "INPUT", "LOG", "RAW"]


@pytest.mark.parametrize("width", [80, 120])
async def test_escape_leaves_the_events(width: int) -> None:
    async with running(size=(width, 24)) as case:
        await case.press("e")
        assert "Log" in case.text().split("\n")[-1]
        await case.press("escape")
        assert not case.screen.inspector.has_class("-on")
        assert case.screen.focused is case.pane
