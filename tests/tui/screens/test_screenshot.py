"""A picture that the board sent."""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from PIL import Image
from rich.color import Color
from textual.pilot import Pilot
from textual.widgets import Static

from espmon.tui.halfcell import HalfcellPicture, PictureError, half_cells, load_picture
from espmon.tui.screens.screenshot_screen import WIDGETS, ScreenshotScreen, prepare_images
from tests.tui.screens.host import Host, run_before, screen_text, settle, unwrapped


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Left half red, right half blue."""
    image = Image.new("RGB", (40, 20), (255, 0, 0))
    image.paste((0, 0, 255), (20, 0, 40, 20))
    path = tmp_path / "shot.png"
    image.save(path)
    return path


def show(path: Path, note: str = "") -> Host:
    return Host(lambda: ScreenshotScreen(path, 40, 20, 5000, note))


async def test_size_and_path_are_always_shown(picture: Path) -> None:
    app = show(picture, "cut short: 1200 of 5000 bytes came")
    async with app.run_test(size=(200, 30)) as pilot:
        await settle(pilot)
        text = screen_text(app)
        assert "40 x 20 pixels, 4.9 KiB" in text
        assert str(picture) in unwrapped(text)
        assert "cut short" in text
        await pilot.press("c")
        assert app.copied == str(picture)


@pytest.mark.parametrize("length", range(60, 90))
async def test_a_long_path_is_broken_at_its_folders_and_never_in_the_name(length: int) -> None:
    folder = "/home/somebody/" + "sessions/" * 9
    path = Path(folder[: length - 1].rstrip("/") + "/screenshot-000123.png")
    app = show(path)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert "screenshot-000123.png" in screen_text(app)
        assert str(path) in unwrapped(screen_text(app))


async def test_the_picture_is_drawn_in_its_colours(picture: Path) -> None:
    app = show(picture)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        drawn = app.screen.query_one(HalfcellPicture)
        strip = drawn.render_line(drawn.size.height // 2)
        colors = [segment.style.color for segment in strip if segment.text == "▀" and segment.style is not None]
        assert colors[0] == Color.from_rgb(255, 0, 0)
        assert colors[-1] == Color.from_rgb(0, 0, 255)


def test_the_whole_picture_fits_whatever_the_room(picture: Path) -> None:
    for columns, lines in ((80, 20), (10, 20), (1, 1), (300, 3)):
        strips = half_cells(load_picture(picture), columns, lines)
        assert 1 <= len(strips) <= lines
        assert max(strip.cell_length for strip in strips) <= columns


async def test_it_is_drawn_anew_when_the_terminal_grows(picture: Path) -> None:
    app = show(picture)
    async with app.run_test(size=(40, 12)) as pilot:
        await settle(pilot)
        before = app.screen.query_one(HalfcellPicture).size
        await pilot.resize_terminal(100, 30)
        await settle(pilot)
        assert app.screen.query_one(HalfcellPicture).size.area > before.area


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n", b"not a picture" * 50])
async def test_a_file_that_is_no_picture_is_said_and_the_path_stays(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "bad.png"
    path.write_bytes(content)
    app = show(path)
    async with app.run_test(size=(200, 30)) as pilot:
        await settle(pilot)
        assert "No picture: the file cannot be read as a picture" in screen_text(app)
        assert str(path) in unwrapped(screen_text(app))


def test_a_picture_cut_by_a_reboot_is_refused_and_not_raised_otherwise(picture: Path, tmp_path: Path) -> None:
    whole = picture.read_bytes()
    path = tmp_path / "cut.png"
    for length in range(0, len(whole), 7):
        path.write_bytes(whole[:length])
        with suppress(PictureError):
            load_picture(path)


def test_a_picture_of_absurd_size_is_not_decoded(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    Image.new("1", (9000, 8000)).save(path)
    with pytest.raises(PictureError, match="more than espmon decodes"):
        load_picture(path)


def test_the_terminal_is_not_asked_where_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "__stdin__", None)
    monkeypatch.delitem(sys.modules, WIDGETS, raising=False)
    assert prepare_images() is False
    assert WIDGETS not in sys.modules


@pytest.fixture
def cut(picture: Path) -> Path:
    """The picture as a reboot in the middle leaves it."""
    picture.write_bytes(picture.read_bytes()[:60])
    return picture


class TerminalImage(Static):
    """Stands where textual-image's widget would; keeps what it was given."""

    def __init__(self, image: Image.Image) -> None:
        super().__init__("drawn by the terminal")
        self.image = image


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, WIDGETS, SimpleNamespace(Image=TerminalImage))


@pytest.mark.usefixtures("prepared")
async def test_the_terminals_own_protocol_is_used_when_it_was_prepared(picture: Path) -> None:
    app = show(picture)
    async with app.run_test() as pilot:
        await settle(pilot)
        assert app.screen.query_one(TerminalImage).image.size == (40, 20)
        assert "drawn by the terminal" in screen_text(app)


@pytest.mark.usefixtures("prepared")
async def test_the_terminals_own_protocol_never_meets_a_damaged_file(cut: Path) -> None:
    app = show(cut)
    async with app.run_test(size=(200, 30)) as pilot:
        await settle(pilot)
        assert "No picture: the file cannot be read as a picture" in screen_text(app)
        assert not app.screen.query(TerminalImage)


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
def test_looks_as_accepted(
    snap_compare: Any, size: tuple[int, int], picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(picture.parent)

    async def check(pilot: Pilot[Any]) -> None:
        text = screen_text(pilot.app)
        assert pilot.app.size == size
        for part in ("Screenshot", "40 x 20 pixels", "shot.png", "▀" * 30, "Copy path"):
            assert part in text

    assert snap_compare(show(Path("shot.png")), terminal_size=size, run_before=run_before(check))
