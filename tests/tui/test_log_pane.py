"""The log pane on a screen: following, holding still, scrolling, wrapping, times, shapes, decorations, copying."""

from __future__ import annotations

from textual import events
from textual.geometry import Offset
from textual.selection import Selection

from espmon.records.lines import LineBlock
from espmon.tui.log.query import LineFilter, TextQuery
from tests.tui.fake_session import FakeSession, block_of
from tests.tui.running import numbered, running


async def test_new_lines_push_the_old_ones_up_while_following() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        rows = case.rows()
        assert rows[-1] == "line 99"
        assert rows[0] == f"line {100 - len(rows)}"


async def test_scrolling_up_holds_still_and_counts_what_comes() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.press("k", "k")
        held = case.rows()
        await case.feed(numbered(12, 100))
        assert case.rows()[:-1] == held[:-1]
        assert "12 new lines" in case.rows()[-1]
        assert not case.pane.follow


async def test_one_key_goes_back_to_the_tail() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.press("pageup")
        await case.feed(numbered(50, 100))
        await case.press("G")
        assert case.pane.follow
        assert case.rows()[-1] == "line 149"


async def test_scrolling_down_to_the_end_follows_again() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.press("pageup", "pagedown", "pagedown")
        assert case.pane.follow


async def test_a_click_on_the_marker_goes_back_to_the_tail() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.press("pageup")
        await case.feed(numbered(5, 100))
        pane = case.pane
        await case.pilot.click(pane, offset=(pane.size.width - 5, pane.size.height - 1))
        assert pane.follow


async def test_the_wheel_moves_rows_and_holds_still() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        before = case.rows()[0]
        await case.pilot._post_mouse_events([events.MouseScrollUp], case.pane, offset=(5, 5))
        await case.pilot.pause()
        assert case.rows()[0] == f"line {int(before.split()[1]) - 3}"


async def test_a_change_of_size_does_not_stop_following() -> None:
    async with running(size=(120, 40)) as case:
        await case.feed(numbered(100))
        for size in ((100, 20), (60, 10), (120, 40)):
            await case.pilot.resize_terminal(*size)
            await case.press("e", "e")
            assert case.pane.follow
        await case.feed(numbered(1, 100))
        assert case.rows()[-1] == "line 100"


async def test_dragging_the_scrollbar_goes_to_that_place() -> None:
    async with running() as case:
        await case.feed(numbered(1000))
        case.pane.scroll_to(y=500, animate=False)
        await case.pilot.pause()
        assert case.rows()[0] == "line 500"
        assert not case.pane.follow


async def test_wrapped_lines_keep_every_character_and_their_colour() -> None:
    async with running(size=(100, 30)) as case:
        text = "".join(f"<{number:04}>" for number in range(60))
        await case.feed(b"\x1b[31m" + text.encode() + b"\x1b[0m\n")
        await case.press("w")
        rows = [row for row in case.rows() if row]
        assert "".join(rows) == text
        assert len(rows) > 2
        styles = {
            str(segment.style.color) for y in range(len(rows)) for segment in case.pane._strip(y) if segment.style
        }
        assert len(styles) == 1


async def test_a_wrapped_tail_shows_the_end_of_the_last_line() -> None:
    async with running(size=(100, 20)) as case:
        await case.feed(b"x" * 5000 + b"END\n")
        await case.press("w")
        assert case.rows()[-1].endswith("END")
        await case.press("k")
        assert not case.rows()[-1].endswith("END")
        await case.press("g")
        assert case.rows()[0].startswith("xxx")


async def test_long_lines_are_reached_sideways() -> None:
    async with running() as case:
        await case.feed(b"".join(b"%04d " % number for number in range(200)) + b"\n")
        await case.press("l", "l")
        assert case.rows()[0].startswith("06 0007")
        await case.press("h", "h")
        assert case.rows()[0].startswith("0000")


async def test_times_can_be_switched_on_for_lines_already_there() -> None:
    async with running() as case:
        await case.feed(b"I (1500) app: a\n")
        await case.feed(b"I (2750) app: b\n")
        seen = []
        for _ in range(5):
            await case.press("t")
            seen.append(case.rows()[:2])
        host, device, delta, boot, number = seen
        assert all(len(row.split()[0]) == len("22:13:20.000") for row in host)
        assert [row.split()[0] for row in device] == ["1.500", "2.750"]
        assert delta[1].startswith("    +0.010")
        assert boot[1].startswith("     +0.010")
        assert [row.split()[0] for row in number] == ["1", "2"]
        await case.press("t")
        assert case.rows()[0] == "I (1500) app: a"


async def test_bytes_can_be_seen_escaped_and_in_hex() -> None:
    async with running() as case:
        await case.feed(b"\x1b[32mok\x1b[0m\x07\r\n")
        await case.press("x")
        assert case.rows()[0] == r"\x1b[32mok\x1b[0m\x07\r\n"
        await case.press("x")
        assert case.rows()[0].startswith("000000  1b 5b 33 32 6d 6f 6b 1b  5b 30 6d 07 0d 0a")
        assert case.rows()[0].endswith(".[32mok.[0m...")


async def test_decorations_stand_under_their_line_and_are_never_text() -> None:
    async with running() as case:
        await case.feed(b"PC 0x400d1234\nnext\n")
        case.session.decorate(0, "app_main at main.c:42", "loop at main.c:9")
        await case.until(lambda: "app_main" in case.text())
        assert [row.strip() for row in case.rows()[:4]] == [
            "PC 0x400d1234",
            "↳ app_main at main.c:42",
            "↳ loop at main.c:9",
            "next",
        ]
        copied = case.pane.get_selection(Selection(Offset(0, 0), Offset(4, 1)))
        assert copied is not None
        assert copied[0] == "PC 0x400d1234\nnext"
        await case.press("d")
        assert case.rows()[1] == "next"


async def test_a_search_finds_no_decoration() -> None:
    async with running() as case:
        await case.feed(b"PC 0x400d1234\n")
        case.session.decorate(0, "app_main at main.c:42")
        case.pane.set_search(TextQuery("app_main"))
        await case.until(lambda: not case.pane.queries.searching)
        assert case.pane.queries.count == 0


async def test_a_remark_of_the_session_is_a_rule_across_the_log() -> None:
    class Mark(LineBlock):
        source = "mark"

    async with running() as case:
        await case.feed(b"before\n")
        template = block_of("── port lost for 2.1 s ──\n".encode())
        case.session.store.append(Mark(template.data, 7, template.starts))
        await case.feed(b"after\n")
        assert case.rows()[1].startswith("── port lost for 2.1 s ───")


async def test_a_remark_of_the_session_looks_the_same_in_every_shape() -> None:
    class Mark(LineBlock):
        source = "mark"

    async with running() as case:
        template = block_of("▣ Core dump, 24 KiB, kept in the session's folder\n".encode())
        case.session.store.append(Mark(template.data, 7, template.starts))
        await case.feed(b"after\n")
        remark = case.rows()[0]
        assert "Core dump, 24 KiB" in remark
        for after in (r"after\n", "000000  61"):
            await case.press("x")
            assert case.rows()[0] == remark
            assert case.rows()[1].startswith(after)


async def test_decorations_show_the_last_two_parts_of_a_path() -> None:
    async with running(size=(80, 24)) as case:
        await case.feed(b"PC 0x400d1234\n")
        folder = "/home/somebody/projects/with/a/long/name/and/more/components"
        case.session.decorate(0, f"app_main at {folder}/main/main.c:42", f"loop ({folder}/sensor.cpp:9) inlined")
        await case.until(lambda: "app_main" in case.text())
        assert [row.strip() for row in case.rows()[1:3]] == [
            "↳ app_main at main/main.c:42",
            "↳ loop (components/sensor.cpp:9) inlined",
        ]


async def test_lines_dropped_at_the_cap_do_not_move_what_is_looked_at() -> None:
    session = FakeSession(limit=10_000)
    async with running(session=session) as case:
        for start in range(0, 2000, 100):
            await case.feed(numbered(100, start))
        assert session.store.first > 0
        await case.press("pageup", "pageup")
        top = case.rows()[0]
        await case.feed(numbered(50, 2000))
        assert case.rows()[0] == top
        for start in range(2050, 6000, 50):
            session.feed(numbered(50, start))
        await case.feed(b"end\n")
        oldest, line = case.rows()[:2]
        assert f"{session.store.first:,} older lines not kept" in oldest
        assert line == f"line {session.store.first}"


async def test_a_line_of_64_kib_is_shown_cut_and_wrapped() -> None:
    async with running() as case:
        await case.feed(b"\x1b[33m" + bytes(range(32, 127)) * 690 + b"\n")
        assert case.rows()[0].startswith(' !"#$%')
        await case.press("w", "g")
        assert case.rows()[0].startswith(' !"#$%')
        await case.press("G")
        assert case.rows()[-1].endswith("}~")


async def test_a_selection_gives_text_without_times_or_colour() -> None:
    async with running() as case:
        await case.feed(b"\x1b[32mfirst line\x1b[0m\nsecond line\n")
        await case.press("t")
        await case.pilot.mouse_down(case.pane, offset=(13 + 6, 0))
        await case.pilot.hover(case.pane, offset=(13 + 6, 1))
        await case.pilot.mouse_up(case.pane, offset=(13 + 6, 1))
        await case.pilot.pause()
        assert case.screen.get_selected_text() == "line\nsecond "


async def test_a_selection_stays_on_its_text_when_new_lines_come() -> None:
    async with running() as case:
        await case.feed(numbered(100))
        await case.pilot.mouse_down(case.pane, offset=(0, 3))
        await case.pilot.hover(case.pane, offset=(6, 3))
        await case.pilot.mouse_up(case.pane, offset=(6, 3))
        await case.pilot.pause()
        selected = case.screen.get_selected_text()
        await case.feed(numbered(20, 100))
        assert selected
        assert case.screen.get_selected_text() == selected


async def test_copying_never_claims_that_it_worked() -> None:
    async with running() as case:
        await case.feed(b"one\ntwo\n")
        await case.press("y")
        await case.until(lambda: "clipboard" in case.text())
        assert case.app.clipboard == "one\ntwo"
        assert "copied" not in case.text().lower()


async def test_a_filter_keeps_the_place_that_is_looked_at() -> None:
    async with running() as case:
        lines = [b"E (1) app: bad %d\n" % n if n % 10 == 0 else b"I (1) app: good %d\n" % n for n in range(1000)]
        await case.feed(b"".join(lines))
        case.pane.go_to_line(500)
        top = case.pane.top_line or 0
        case.pane.set_filter(LineFilter(levels=frozenset("E")))
        await case.until(lambda: not case.pane.queries.filtering)
        assert len(case.pane.view) == 100
        assert case.rows()[0] == f"E (1) app: bad {-(-top // 10) * 10}"
        case.pane.set_filter(LineFilter())
        assert not case.pane.queries.filtering
        assert case.rows()[0] == f"E (1) app: bad {-(-top // 10) * 10}"


async def test_a_filter_lets_new_lines_through_as_it_does_old_ones() -> None:
    async with running() as case:
        await case.feed(b"I (1) app: a\nE (2) app: b\n")
        case.pane.set_filter(LineFilter(levels=frozenset("E")))
        await case.until(lambda: not case.pane.queries.filtering)
        await case.feed(b"I (3) app: c\nE (4) app: d\n")
        assert [row for row in case.rows() if row] == ["E (2) app: b", "E (4) app: d"]


async def test_clearing_the_screen_keeps_lines_and_events() -> None:
    async with running() as case:
        await case.feed(numbered(10))
        case.session.add_event("panic", "LoadProhibited", line=3)
        await case.until(lambda: case.screen.inspector.events.entries)
        await case.press("c")
        assert not any(case.rows())
        assert len(case.session.store) == 10
        assert len(case.screen.inspector.events.entries) == 1
        await case.feed(b"after\n")
        assert case.rows()[-1] == "after" or case.rows()[0] == "after"
        await case.press("u")
        assert "line 9" in case.rows()


async def test_only_the_newest_of_many_changes_is_painted() -> None:
    async with running() as case:
        frames = case.app.link.frames
        for start in range(0, 5000, 10):
            case.session.feed(numbered(10, start))
        await case.until(lambda: case.rows()[-1] == "line 4999")
        assert case.app.link.frames - frames < 20
