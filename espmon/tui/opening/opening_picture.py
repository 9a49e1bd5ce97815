"""The first picture of a session: header, empty log, input line, status row, keys; before the toolkit is imported.

It is what the toolkit draws of the same state, cell by cell, from the same words: importing what draws takes three
times as long as everything before it. The toolkit draws the same over it as soon as it is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from espmon.session.settings import LINE_ENDS, Settings
from espmon.session.state import State
from espmon.session.status import OpenRequest, ReplayState, Status
from espmon.tui import actions
from espmon.tui.footer_room import fitting_keys
from espmon.tui.opening.opening_colours import COLOURS, parameters
from espmon.tui.sanitise import visible
from espmon.tui.widgets.header_chips import arranged, holding
from espmon.tui.widgets.input_words import EOL_KEY, FOCUSED, FROM_LOG, LEAVE_KEY
from espmon.tui.widgets.row_parts import Part, fit
from espmon.tui.widgets.status_words import PaneState, status_parts

MIN_WIDTH, MIN_HEIGHT = 50, 6
"""Cells below which there is no first picture."""

ANYWHERE = ("app.palette", "app.help", "app.menu", "app.exit")
FOOTERS: Mapping[str, tuple[str, ...]] = {
    "INPUT": ("input.leave", "input.eol", *ANYWHERE),
    "LOG": ("log.input", "log.search", "log.filter", "log.inspector", *ANYWHERE),
}
"""Mode -> what the footer offers while a port is being opened, as it stands there."""

IN_THE_FIELD: Mapping[str, tuple[str, str]] = {"input.leave": LEAVE_KEY, "input.eol": EOL_KEY}
"""Of these, what the input line adds to the table of actions."""

HELP_WHILE_TYPING = "F1"


@dataclass(frozen=True, slots=True)
class Run:
    """Text in one style.

    Args:
        y: row.
        x: column of its first cell.
        text: safe for a terminal.
        colour: what it is written in, as `opening_colours` calls it.
        ground: what it is written upon.
        bold: whether it is bold.
    """

    y: int
    x: int
    text: str
    colour: str
    ground: str
    bold: bool = False


def opening_status(request: OpenRequest | None, replay: ReplayState | None = None) -> Status:
    """What is known of a session that is about to be made.

    Args:
        request: what will be opened; None: nothing yet.
        replay: the recording that is shown in place of a board.
    """
    if request is None:
        return Status(replay=replay)
    return Status(State.OPENING, url=request.url, name=request.name, replay=replay)


def opening_picture(
    request: OpenRequest, settings: Settings, theme: str, size: tuple[int, int], bits: int
) -> str | None:
    """What is written to a terminal to show that a port is being opened.

    Args:
        request: what is opened.
        settings: the user's.
        theme: the theme that counts.
        size: columns and rows of the terminal.
        bits: of a colour, see `opening_colours.depth`.

    Returns:
        None where there is no such picture: another theme, a terminal that is too small, or one without colours.
    """
    colours = COLOURS.get(theme)
    width, height = size
    if colours is None or not bits or width < MIN_WIDTH or height < MIN_HEIGHT:
        return None
    return "".join(_written(opening_runs(request, settings, width, height), colours, bits))


def opening_runs(request: OpenRequest, settings: Settings, width: int, height: int) -> list[Run]:
    """The picture, every cell of it: not every terminal clears its screen in a colour."""
    status = opening_status(request)
    mode = "LOG" if settings.start_in == "log" else "INPUT"
    keymap = settings.chosen_keys
    header = arranged(holding(status, mode, keymap), status, width - 2)
    bar = status_parts(status, PaneState(mode=mode), keymap)
    left, right, room = fit(_made_inert(bar[0]), _made_inert(bar[1]), width - 1)
    return [
        *_row(0, [(" ", ""), *header.parts], width, "foreground", "panel"),
        *(
            run
            for y in range(1, height - 3)
            for run in (
                Run(y, 0, " " * (width - 1), "foreground", "background"),
                Run(y, width - 1, " ", "foreground", "map"),
            )
        ),
        *_input_row(height - 3, settings, mode, width),
        *_row(height - 2, [*left, (" " * room, ""), *right], width, "muted", "surface"),
        *_row(height - 1, _footer(mode, keymap, width), width, "footer-label", "footer"),
    ]


def _made_inert(parts: Iterable[Part]) -> list[Part]:
    return [(visible(text), style) for text, style in parts if text]


def _row(y: int, parts: Iterable[Part], width: int, colour: str, ground: str) -> list[Run]:
    """A whole row of texts in the styles of the widgets: `$accent bold`, `$background on $primary bold`."""
    runs: list[Run] = []
    x = 0
    for text, style in parts:
        words = style.replace("$", "").split()
        bold = "bold" in words
        named = [word for word in words if word not in ("bold", "on")]
        first = named[0] if named else colour
        upon = named[1] if len(named) > 1 else ground
        runs.append(Run(y, x, text, first, upon, bold))
        x += cell_len(text)
    return [*runs, Run(y, x, " " * (width - x), colour, ground)]


def _input_row(y: int, settings: Settings, mode: str, width: int) -> list[Run]:
    """The line that is typed in, still empty."""
    eol = settings.eol if settings.eol in LINE_ENDS else "CR"
    room = width - 5 - len(eol)
    if mode == "LOG":
        text = set_cell_size(FROM_LOG, room)
        parts = [(" › ", "muted"), (text, "placeholder"), (f" {eol}", "muted")]
        return _row(y, parts, width, "muted", "surface")
    text = set_cell_size(FOCUSED, room)
    parts = [
        (" › ", "success bold"),
        (text[0], "background on cursor"),
        (text[1:], "placeholder-typing"),
        (f" {eol}", "muted-typing"),
    ]
    return _row(y, parts, width, "foreground", "background")


def _footer(mode: str, keymap: Mapping[str, str], width: int) -> list[Part]:
    """Keys, and what they do."""
    offered: dict[str, tuple[str, str]] = {}
    for name in FOOTERS[mode]:
        action = actions.BY_ID.get(name)
        key, label = IN_THE_FIELD[name] if action is None else (action.keys, action.label)
        keys = actions.split(keymap.get(name, key))
        typing = mode == "INPUT" and name == "app.help"
        offered[name] = (HELP_WHILE_TYPING if typing else actions.written(keys[0]), label)
    kept = fitting_keys(offered, width)
    return [part for name in kept for part in ((f" {offered[name][0]} ", "accent bold"), (f"{offered[name][1]} ", ""))]


def _written(runs: Sequence[Run], colours: Mapping[str, str], bits: int) -> Iterable[str]:
    """The control sequences for `runs`, row by row from the left."""
    ink = {name: parameters(colour, bits, ground=False) for name, colour in colours.items()}
    grounds = {name: parameters(colour, bits, ground=True) for name, colour in colours.items()}
    for run in runs:
        if run.text:
            move = "" if run.x else f"\x1b[{run.y + 1}H"
            yield f"{move}\x1b[0;{'1;' if run.bold else ''}{ink[run.colour]};{grounds[run.ground]}m{run.text}"
    yield "\x1b[0m"
