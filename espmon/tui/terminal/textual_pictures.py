"""The one place that rests on how Textual makes pictures, which is its own business and may change any time.

Textual's compositor hands over updates that know how to write themselves. Here they are taken apart into strips and
places instead. `as_expected` tries that on small updates; where anything is not as it was when this was written, the
updates write themselves.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator

from rich.color import ColorSystem
from rich.console import Console
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.app import App
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widget import Widget

Placement = tuple[int, int, Strip]
"""(row, column, what stands from there on)."""


def placements(update: object) -> Iterator[Placement] | None:
    """What an update writes where, in its order; None: it is of a kind that is not known."""
    if type(update) is LayoutUpdate:
        return _layout(update)
    if type(update) is ChopsUpdate:
        return _chops(update)
    return None


def _layout(update: LayoutUpdate) -> Iterator[Placement]:
    for y, line in enumerate(update.strips, update.region.y):
        x = update.region.x
        for strip in line:
            yield y, x, strip
            x += strip.cell_length


def _chops(update: ChopsUpdate) -> Iterator[Placement]:
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            if strip is None or x > last or end <= first:
                continue
            whole = first <= x < last and end <= last
            yield y, x, strip if whole else strip.crop(0, min(end, last) - x)


def whole(app: App[int], screen: Screen[object]) -> object:
    """The picture of everything that is on the screen."""
    return screen._compositor.render_update(full=True, screen_stack=app._background_screens)


def colours_of(app: App[int]) -> ColorSystem:
    """The colours that Textual writes."""
    return app.console._color_system or ColorSystem.TRUECOLOR


def synchronized(app: App[int]) -> bool:
    """Whether the terminal shows a picture only when it is complete, where it is asked to."""
    return bool(app._sync_available)


def painting_now(app: App[int]) -> bool:
    """Whether Textual would write a picture now, and to a whole screen of its own."""
    return bool(app._running and not app._closed and not app._batch_count and not app.is_headless and not app.is_inline)


def stands(screen: Screen[object], widget: Widget) -> bool:
    """Whether everything is where the last layout put it, and `widget` does not wait to be drawn."""
    return not (
        screen._layout_required
        or screen._scroll_required
        or screen._repaint_required
        or screen._recompose_required
        or widget in screen._dirty_widgets
        or screen in screen._dirty_widgets
        or screen._compositor._dirty_regions
    )


def visible_widgets(screen: Screen[object]) -> dict[Widget, tuple[Region, Region]]:
    """Widget -> its region and clip, front to back; the same object until the next layout."""
    return screen._compositor.visible_widgets


def drawn_anew(widget: Widget) -> list[Strip]:
    """The rows of a widget that has something else to show, with what is around its content."""
    widget._layout_cache.clear()  # which also keeps what `render` returned
    widget._set_dirty()
    widget._exchange_repaint_regions()  # it is drawn now, and does not wait for the compositor
    return widget.render_lines(widget.outer_size.region)


# -- the check ----------------------------------------------------------------------------------------------------

DISPLAY_PARAMETERS = ["self", "screen", "renderable"]
APP_HAS = ("_sync_available", "_batch_count", "_running", "_closed", "is_headless", "is_inline", "cursor_position",
           "_background_screens")  # fmt: skip
SCREEN_HAS = (
    "_layout_required", "_scroll_required", "_repaint_required", "_recompose_required", "_dirty_widgets", "_compositor",
    "_layout_cache",
)  # fmt: skip
COMPOSITOR_HAS = ("_dirty_regions", "visible_widgets")
WIDGET_HAS = ("_set_dirty", "_exchange_repaint_regions", "render_lines", "outer_size")


def as_expected(app: App[int], screen: Screen[object]) -> bool:
    """Whether Textual makes pictures as it did when this was written."""
    try:
        return (
            all(hasattr(app, name) for name in APP_HAS)
            and all(hasattr(screen, name) for name in SCREEN_HAS)
            and all(hasattr(screen._compositor, name) for name in COMPOSITOR_HAS)
            and all(hasattr(Widget, name) for name in WIDGET_HAS)
            and list(inspect.signature(App._display).parameters) == DISPLAY_PARAMETERS
            and all(_writes_what_is_placed(update) for update in _samples())
        )
    except (AttributeError, TypeError, ValueError, KeyError, IndexError):
        return False


def _samples() -> Iterator[LayoutUpdate | ChopsUpdate]:
    bold, plain = Style(bold=True), Style(color="#102030", bgcolor="#405060")
    one, two = Strip([Segment("ab", bold), Segment("cd", plain)], 4), Strip([Segment("efgh", None)], 4)
    yield LayoutUpdate([[one, two], [two, one]], Region(0, 0, 8, 2))
    yield ChopsUpdate([{0: one, 4: two}, {0: two, 4: None}], [(0, 0, 8), (1, 1, 3)], [[4, 8], [4, 8]])


def _writes_what_is_placed(update: LayoutUpdate | ChopsUpdate) -> bool:
    """Whether an update, but for moves and line feeds, writes just the strips that are found in it, at their places."""
    console = Console(force_terminal=True, color_system="truecolor", _environ={})
    written = update.render_segments(console)
    found = placements(update)
    if found is None:
        return False
    for y, x, strip in found:
        move, text = Control.move_to(x, y).segment.text, _rendered(strip)
        written = written.removeprefix(move)
        if not written.startswith(text):
            return False
        written = written[len(text) :].removeprefix("\n")
    return not written


def _rendered(strip: Strip) -> str:
    return "".join(
        f"\x1b[{Strip.render_ansi(style, ColorSystem.TRUECOLOR)}m{text}\x1b[0m" if style else text
        for text, style, _ in strip
    )
