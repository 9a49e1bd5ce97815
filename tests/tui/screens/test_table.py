"""A table that refreshes under the reader's cursor."""

from __future__ import annotations

from textual.app import App, ComposeResult

from espmon.tui.screens.table import Column, KeyedTable, Row
from tests.tui.screens.host import screen_text

COLUMNS = (Column("name", "name", 6, share=1), Column("note", "note", 10, share=1, from_width=60))


def listed(*names: str) -> list[Row]:
    return [Row(name, {"name": name, "note": f"note {name}"}) for name in names]


class Tables(App[None]):
    """Holds one table."""

    def compose(self) -> ComposeResult:
        """The table."""
        yield KeyedTable(COLUMNS)

    @property
    def table(self) -> KeyedTable:
        return self.query_one(KeyedTable)


async def test_the_cursor_stays_with_its_row_when_others_come_and_go() -> None:
    app = Tables()
    async with app.run_test() as pilot:
        app.table.show(listed("a", "b", "c"))
        app.table.move_to("b")
        await pilot.pause()
        app.table.show(listed("new", "x", "a", "b"))
        await pilot.pause()
        assert app.table.selected == "b"
        assert app.table.cursor_row == 3


async def test_the_scroll_position_stays_too() -> None:
    app = Tables()
    async with app.run_test(size=(80, 12)) as pilot:
        app.table.show(listed(*[f"{index:03}" for index in range(100)]))
        app.table.move_to("060")
        await pilot.pause()
        app.table.scroll_to(y=55, animate=False)
        await pilot.pause()
        app.table.show(listed(*[f"{index:03}" for index in range(101)]))
        await pilot.pause()
        assert app.table.selected == "060"
        assert app.table.scroll_y == 55


async def test_changed_cells_are_updated_in_place() -> None:
    app = Tables()
    async with app.run_test() as pilot:
        app.table.show(listed("a", "b"))
        app.table.move_to("b")
        app.table.show([Row("a", {"name": "other"}), Row("b", {"name": "b"})])
        await pilot.pause()
        assert "other" in screen_text(app)
        assert app.table.selected == "b"


async def test_two_rows_with_one_key_are_one_row() -> None:
    app = Tables()
    async with app.run_test() as pilot:
        app.table.show([Row("a", {"name": "first"}), Row("b", {"name": "b"}), Row("a", {"name": "second"})])
        await pilot.pause()
        assert [row.key for row in app.table.shown] == ["a", "b"]
        assert "first" in screen_text(app)
        assert "second" not in screen_text(app)


async def test_no_cell_can_push_another_column_away_or_be_markup() -> None:
    app = Tables()
    async with app.run_test(size=(80, 10)) as pilot:
        app.table.show([Row("a", {"name": "[red]" + "名" * 500, "note": "seen"})])
        await pilot.pause()
        text = screen_text(app)
        assert "[red]" in text
        assert "seen" in text
        assert "…" in text


async def test_columns_that_do_not_fit_are_left_out_and_come_back() -> None:
    app = Tables()
    async with app.run_test(size=(40, 10)) as pilot:
        app.table.show(listed("a"))
        await pilot.pause()
        assert "note" not in screen_text(app)
        await pilot.resize_terminal(80, 10)
        await pilot.pause()
        assert "note a" in screen_text(app)


async def test_a_path_that_does_not_fit_keeps_its_end() -> None:
    class Paths(App[None]):
        def compose(self) -> ComposeResult:
            yield KeyedTable((Column("place", "place", 12, keep_end=True),))

    app = Paths()
    async with app.run_test(size=(80, 10)) as pilot:
        app.query_one(KeyedTable).show(
            [Row("a", {"place": "a_very_long_file_name.c:1234"}), Row("b", {"place": "名" * 50})]
        )
        await pilot.pause()
        assert "…name.c:1234" in screen_text(app)
        assert "…名名名名名" in screen_text(app)
