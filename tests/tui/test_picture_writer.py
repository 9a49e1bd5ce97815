"""When pictures are written as differences, when all of them is written, and when Textual writes them itself."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from rich.color import ColorSystem
from rich.segment import ControlType, Segment
from rich.style import Style
from textual._ansi_sequences import SYNC_END, SYNC_START
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App, ComposeResult
from textual.geometry import Offset, Region, Size
from textual.strip import Strip

from espmon.tui.terminal import textual_pictures
from espmon.tui.terminal.picture_writer import PictureWriter, seen_rows
from espmon.tui.widgets.text_row import TextRow

SIZE = Size(10, 4)
BASE = Style(color="#c8d0dc", bgcolor="#101418")


class Terminal:
    def __init__(self) -> None:
        self.disturbed = 0
        self.takes = True
        self.polled = 0
        self.written: list[str] = []

    def write_picture(self, data: str) -> bool:
        self.written.append(data)
        return self.takes

    def poll(self) -> None:
        self.polled += 1


class Case:
    """A writer on an app that is only what the writer asks of it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, expected: bool = True, on: bool = True) -> None:
        monkeypatch.setattr(textual_pictures, "as_expected", lambda app, screen: expected)
        self.terminal = Terminal()
        self.screen = self.new_screen()
        self.app = SimpleNamespace(
            _driver=self.terminal, _running=True, _closed=False, _batch_count=0, is_headless=False, is_inline=False,
            _sync_available=False, size=SIZE, screen=self.screen, cursor_position=Offset(0, 0),
            console=SimpleNamespace(_color_system=ColorSystem.TRUECOLOR),
        )  # fmt: skip
        self.writer = PictureWriter(cast("App[int]", self.app), on)

    def new_screen(self) -> Any:
        compositor = SimpleNamespace(_dirty_regions=set(), visible_widgets={})
        return Hashable(
            outer_size=SIZE, _compositor=compositor, _layout_required=False, _scroll_required=False,
            _repaint_required=False, _recompose_required=False, _dirty_widgets=set(),
        )  # fmt: skip

    def show(self, *texts: str, screen: Any = None, update: object = None) -> str | None:
        """What a full picture of these rows writes; None: it is left to Textual."""
        self.terminal.written.clear()
        rows: list[Iterable[Strip]] = [[strip(text)] for text in (*texts, *[""] * (SIZE.height - len(texts)))]
        picture = update or LayoutUpdate(rows, SIZE.region)
        done = self.writer.display(screen or self.screen, picture)
        return "".join(self.terminal.written) if done else None

    def widget(self, region: Region, *over: Region) -> Any:
        """A widget that stands in `region`, under others."""
        widget = Hashable(screen=self.screen, size=region.size)
        places = {Hashable(): (place, SIZE.region) for place in over}
        self.screen._compositor.visible_widgets = {**places, widget: (region, SIZE.region)}
        return widget


class Hashable:
    def __init__(self, **attributes: object) -> None:
        self.__dict__.update(attributes)


def strip(text: str, width: int = SIZE.width) -> Strip:
    return Strip([Segment(text.ljust(width), BASE)], width)


@pytest.fixture
def case(monkeypatch: pytest.MonkeyPatch) -> Case:
    return Case(monkeypatch)


async def test_this_textual_makes_pictures_as_expected() -> None:
    app = App[int]()
    async with app.run_test():
        assert textual_pictures.as_expected(app, app.screen)


async def test_another_textual_writes_its_pictures_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LayoutUpdate, "render_segments", lambda self, console: "\x1b[H something else")
    app = App[int]()
    async with app.run_test():
        assert not textual_pictures.as_expected(app, app.screen)
    assert Case(monkeypatch, expected=False).show("one") is None


def test_the_setting_leaves_all_of_them_to_textual(monkeypatch: pytest.MonkeyPatch) -> None:
    assert Case(monkeypatch, on=False).show("one") is None


def test_a_picture_is_written_whole_first_and_then_as_what_differs(case: Case) -> None:
    assert "one" in (case.show("one", "two") or "")
    assert case.show("one", "two") == ""
    changed = case.show("one", "twx") or ""
    assert "x" in changed
    assert "one" not in changed


def test_keys_are_looked_for_between_the_rows_of_a_picture(case: Case) -> None:
    case.show("one", "two")
    # While its cells are read, laid over what is shown, and compared with it.
    assert case.terminal.polled == 3 * SIZE.height


def test_where_nothing_changed_what_is_shown_stays_known(case: Case) -> None:
    case.show("one")
    case.writer.display(case.screen, None)
    assert case.show("one") == ""


def test_a_part_of_a_picture_is_written_where_it_belongs(case: Case) -> None:
    case.show("one", "two")
    chops = [{0: strip("one", 5), 5: strip("", 5)}, {0: None, 5: strip("five", 5)}, {}, {}]
    part = ChopsUpdate(cast("Any", chops), [(1, 5, 10)], [[5, 10], [5, 10], [], []])
    assert "\x1b[2;6H" in (case.show(update=part) or "")
    assert case.writer.model is not None
    assert "".join(str(text) for text in case.writer.model.row(1)[0]) == "two  five "


def test_after_somebody_else_wrote_to_the_terminal_all_of_it_is_written(case: Case) -> None:
    first = case.show("one")
    case.terminal.disturbed += 1
    assert case.show("one") == first


def test_another_screen_and_another_size_are_written_whole(case: Case) -> None:
    first = case.show("one")
    assert case.show("one", screen=case.new_screen()) == first
    case.app.size = case.screen.outer_size = Size(10, 5)
    assert "one" in (case.show("one") or "")


def test_a_picture_that_was_left_out_is_written_again(case: Case) -> None:
    case.terminal.takes = False
    first = case.show("one")
    case.terminal.takes = True
    assert case.show("one") == first


@pytest.mark.parametrize(
    "segment",
    [Segment("\x1bPq#0~\x1b\\", None, ((ControlType.CURSOR_FORWARD, 0),)), Segment("\x1b_Ga=T\x1b\\  ", None)],
    ids=["control", "escape sequence"],
)
def test_what_is_more_than_text_is_left_to_textual_and_nothing_is_known_after_it(case: Case, segment: Segment) -> None:
    first = case.show("one")
    picture = LayoutUpdate([[Strip([segment], 10)], *([strip("")] for _ in range(3))], SIZE.region)
    assert case.show(update=picture) is None
    assert case.writer.model is None
    assert case.show("one") == first


def test_a_terminal_that_can_shows_each_picture_at_once(case: Case) -> None:
    case.app._sync_available = True
    data = case.show("one") or ""
    assert data.startswith(SYNC_START)
    assert data.endswith(SYNC_END)
    assert case.show("one") == ""


def test_nothing_is_written_while_the_app_draws_nothing(case: Case) -> None:
    case.app._batch_count = 1
    assert case.show("one") is None


# -- one widget, past the compositor --------------------------------------------------------------------------------


def test_the_rows_of_a_widget_are_written_but_for_what_lies_over_them(case: Case) -> None:
    case.show("head")
    widget = case.widget(Region(0, 1, 10, 3), Region(8, 0, 2, 2), Region(9, 1, 1, 3))
    assert case.writer.paint(widget, [strip("aaaaaaaaaa"), strip("bbbbbbbbbb"), strip("cccccccccc")])
    assert case.writer.model is not None
    rows = ["".join(str(text) for text in case.writer.model.row(y)[0]) for y in range(4)]
    assert rows == ["head      ", "aaaaaaaa  ", "bbbbbbbbb ", "ccccccccc "]


def test_a_widget_that_waits_to_be_laid_out_or_drawn_is_not_written(case: Case) -> None:
    case.show("head")
    widget = case.widget(Region(0, 1, 10, 1))
    case.screen._layout_required = True
    assert not case.writer.paint(widget, [strip("a")])
    case.screen._layout_required = False
    case.screen._dirty_widgets.add(widget)
    assert not case.writer.paint(widget, [strip("a")])
    case.screen._dirty_widgets.clear()
    assert case.writer.paint(widget, [strip("a")])


def test_a_widget_is_not_written_before_a_whole_picture_was_nor_below_another_screen(case: Case) -> None:
    widget = case.widget(Region(0, 1, 10, 1))
    assert not case.writer.paint(widget, [strip("a")])
    case.show("head")
    case.terminal.disturbed += 1
    assert not case.writer.paint(widget, [strip("a")])
    case.show("head")
    case.app.screen = case.new_screen()
    assert not case.writer.paint(widget, [strip("a")])


def test_a_widget_that_draws_itself_is_written_as_it_is_now_and_not_drawn_twice(case: Case) -> None:
    case.show("head")
    widget = case.widget(Region(0, 1, 10, 1))
    drawn: list[str] = []
    widget.outer_size, widget.size = Size(10, 1), Size(8, 1)  # it has a cell of its own colour at each side
    widget._layout_cache = {"what it rendered": "before"}
    widget._set_dirty = lambda: drawn.append("anew")
    widget._exchange_repaint_regions = set
    widget.render_lines = lambda crop: [strip("row", crop.width)]
    assert case.writer.paint_again(widget)
    assert case.writer.model is not None
    assert "".join(str(text) for text in case.writer.model.row(1)[0]) == "row       "
    case.screen._layout_required = True
    assert not case.writer.paint_again(widget)
    assert drawn == ["anew"], "what the toolkit draws anyway is drawn once"
    assert not widget._layout_cache


async def test_a_row_that_is_drawn_anew_says_what_it_says_now() -> None:
    class Rows(App[None]):
        def compose(self) -> ComposeResult:
            yield TextRow(id="row")

    app = Rows()
    async with app.run_test(size=(20, 2)) as pilot:
        row = app.query_one(TextRow)
        row.set_parts([("before", "")])
        await pilot.pause()
        row._paint = lambda widget: True
        row.set_parts([("after", "")])
        assert [strip.text.rstrip() for strip in textual_pictures.drawn_anew(row)] == ["after"]


def test_a_widget_that_is_cut_off_is_left_to_the_compositor() -> None:
    widget = cast("Any", Hashable(size=Size(10, 3)))
    assert seen_rows({widget: (Region(0, 2, 10, 3), SIZE.region)}, widget) is None
    assert seen_rows({}, widget) is None
