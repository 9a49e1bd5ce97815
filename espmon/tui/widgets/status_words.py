"""What the status row says: mode, follow, search, filter, rate, lines, capture, recording, silence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from rich.cells import cell_len

from espmon.session.state import State
from espmon.session.status import Status
from espmon.text import counted
from espmon.tui.actions import press_among_raw_keys, to_press
from espmon.tui.widgets.row_parts import Part
from espmon.tui.widgets.status_chips import lasting


@dataclass(frozen=True, slots=True)
class PaneState:
    """What the log pane adds to the session's status."""

    mode: str = "LOG"
    follow: bool = True
    unseen: int = 0
    lines: int = 0
    shown: int = 0
    line: int = 0
    """Number of the line walked to, 0 while none is seen."""

    filter: str = ""
    filtering: int | None = None
    """Percent of the log that the filter has looked at, None when it has seen all."""

    gone: int = 0
    """Lines that are not kept any more: a filter and a search have not seen them."""

    search: str = ""
    output: bool = True
    hidden: int = 0
    """Lines that came since the output was switched off."""

    errors: int = 0
    warnings: int = 0
    """Lines of these levels since the boot, as far as they were looked at."""

    counting: bool = False
    """Some were not looked at yet."""

    times: str = ""
    """What stands before the lines, where that is not plain to see."""

    shape: str = "text"
    wrap: bool = False
    offset: int = 0
    selected: int = 0
    """Rows of the selection."""


def rate_text(rate: float) -> str:
    """Bytes a second as people read them."""
    if rate < 1000:
        return f"{rate:.0f} B/s"
    return f"{rate / 1e3:.1f} kB/s" if rate < 1e6 else f"{rate / 1e6:.2f} MB/s"


MODES = {
    "LOG": "$background on $primary",
    "INPUT": "$background on $success",
    "PLOT": "$background on $secondary",
    "EVENTS": "$background on $secondary",
    "FIND": "$background on $accent",
    "FILTER": "$background on $accent",
    "RAW": "$background on $warning",
}
"""Mode -> style of its badge."""


COUNTS = {"error": ("✖", "$error"), "warning": ("▲", "$warning")}
"""What is counted since the boot -> its sign and style."""

WAYS_ON = (("board.reset", "resets"), ("board.baud", "rate"), ("app.ports", "port"))
"""Action -> what it does about silence, in a word."""


def silence(status: Status, mode: str, keymap: Mapping[str, str]) -> tuple[str, str]:
    """(For how long nothing came, the keys that lead on from `mode`); empty while that is nothing to speak of."""
    if not status.quiet:
        return "", ""
    press = press_among_raw_keys if mode == "RAW" else partial(to_press, mode=mode)
    keys = [
        f"{key} {word}"
        for action, word in WAYS_ON
        if (key := press(action, keymap=keymap)) and (status.has_rate or action != "board.baud")
    ]
    return f"Nothing received for {lasting(status.quiet)}", f": {', '.join(keys)}" if keys else ""


GIVEN_UP = ("rate", "words", "lines", "follow")
"""What a silent board's row is without where the keys that lead on have no room beside it, in this order."""


def status_parts(
    status: Status, pane: PaneState, keymap: Mapping[str, str], width: int = 0
) -> tuple[list[Part], list[Part]]:
    """What stands left and right; in `width` cells silence is told with its keys where that can be, 0: any number."""
    row = _parts(status, pane, keymap, ())
    for count in range(1, len(GIVEN_UP) + 1):
        if not status.quiet or not width or sum(cell_len(text) for side in row for text, _ in side) <= width:
            break
        row = _parts(status, pane, keymap, GIVEN_UP[:count])
    return row


def _parts(
    status: Status, pane: PaneState, keymap: Mapping[str, str], without: Sequence[str]
) -> tuple[list[Part], list[Part]]:
    left: list[Part] = [(f" {pane.mode} ", MODES.get(pane.mode, "reverse") + " bold"), (" ", "")]
    if not pane.output:
        left.append((f" output off, {pane.hidden:,} hidden ", "$warning bold"))
    elif pane.follow and "follow" not in without:
        left.append((" following ", "$success"))
    elif not pane.follow:
        left.append((f" held, {pane.unseen:,} new ", "$warning"))
    if pane.selected:
        copies = to_press("log.copy", pane.mode, keymap)
        left.append((f" {counted(pane.selected, 'row')} selected{copies and f', {copies} copies'} ", "$accent bold"))
    more = "…" if pane.counting else ""
    for kind, count in (("error", pane.errors), ("warning", pane.warnings)):
        if count:
            sign, style = COUNTS[kind]
            left.append((f" {sign} {count:,}{more} ", style))
    if pane.search:
        left.append((f" / {pane.search} ", "$accent"))
    if pane.filter:
        progress = "" if pane.filtering is None else f" {pane.filtering} %"
        left.append((f" filter {pane.filter}{progress} ", "$accent"))
    if pane.times:
        left.append((f" {pane.times} ", ""))
    if pane.shape != "text":
        left.append((f" {pane.shape} ", "$warning"))
    if pane.wrap:
        left.append((" wrap ", ""))
    elif pane.offset:
        left.append((f" →{pane.offset} ", ""))
    lines = f"{pane.lines:,} lines" if not pane.filter else f"{pane.shown:,} of {pane.lines:,} lines"
    if pane.line and not pane.filter:
        lines = f"line {pane.line:,} of {pane.lines:,}"
    if pane.gone and (pane.filter or pane.search):
        lines += f", {pane.gone:,} older ones gone"
    told, keys = silence(status, pane.mode, keymap)
    if told and pane.lines:
        left += [(f" {f'Silent {lasting(status.quiet)}' if 'words' in without else told}", "$warning"), (keys, "")]
    read = status.replay is not None and status.replay.speed is None and not status.replay.following
    rate = "" if read else rate_text(status.rate)  # how fast a file was read is no rate of a board
    counts = [text for name, text in (("lines", lines), ("rate", rate)) if name not in without]
    right: list[Part] = [part for text in counts for part in (("  ", ""), (text, ""))]
    if status.capture is not None:
        right = [("  ", ""), (f"⬇ {status.capture.kind}", "$accent"), *right]
    if status.recording is not None and status.state is not State.CLOSED and not status.recorder.problem:
        right += [("  ", ""), ("● rec", "$error")]
    if status.log is not None:
        right += [("  ", ""), ("● log", "$accent")]
    return left, right
