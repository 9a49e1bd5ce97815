"""What the monitor is doing: mode, follow, search, filter, rate, lines, capture, recording."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from textual.events import Click
from textual.message import Message

from espmon.session.state import State
from espmon.session.status import Status
from espmon.text import counted
from espmon.tui.actions import to_press
from espmon.tui.widgets.silence import silence
from espmon.tui.widgets.text_row import Part, TextRow


@dataclass(frozen=True, slots=True)
class PaneState:
    """What the log pane adds to the session's status."""

    mode: str = "LOG"
    follow: bool = True
    unseen: int = 0
    lines: int = 0
    shown: int = 0
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


COUNTER_SECONDS = 0.25
"""Shortest time between two looks of what only counts."""

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


class StatusBar(TextRow):
    """The row above the footer."""

    DEFAULT_CSS = """
    StatusBar { background: $surface; color: $text-muted; padding: 0 1 0 0; }
    """

    def __init__(self, keymap: Mapping[str, str], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keymap = keymap

    _latest: tuple[Status, PaneState] | None = None
    _words: object = None
    waits = False
    """Whether there is something newer than what is drawn."""

    _shown = float("-inf")
    _budget = 0.0
    """Looks of counters that may be drawn at once."""

    def show(self, status: Status, pane: PaneState) -> None:
        """Show a session's status and the pane's: all words at once, in a stream counters a few times a second."""
        self._latest = status, pane
        still = replace(
            pane, lines=0, shown=0, errors=0, warnings=0, unseen=min(pane.unseen, 1), hidden=min(pane.hidden, 1)
        )
        words = _parts(replace(status, rate=0.0), still, self._keymap)
        now = time.monotonic()
        self._budget = min(1.0, self._budget + (now - self._shown) / COUNTER_SECONDS)
        self._shown = now
        if words != self._words or self._budget >= 1 or not self.is_attached:
            self._words = words
            self._show_latest()
        elif not self.waits:
            self.waits = True
            self.set_timer((1 - self._budget) * COUNTER_SECONDS, self._show_latest)

    @dataclass
    class CountChosen(Message):
        """A count was clicked."""

        kind: str
        """What is counted: "error" or "warning"."""

    def on_click(self, event: Click) -> None:
        """A click on a count leads to what is counted."""
        at = event.get_content_offset(self)
        text = "" if at is None else self.part_at(at.x)
        kind = next((kind for kind, (sign, _) in COUNTS.items() if text.startswith(f" {sign} ")), None)
        if kind is not None:
            self.post_message(self.CountChosen(kind))

    def _show_latest(self) -> None:
        self.waits = False
        self._budget = max(0.0, self._budget - 1)
        if self._latest is not None:
            self.set_parts(*_parts(*self._latest, self._keymap))


def _parts(status: Status, pane: PaneState, keymap: Mapping[str, str]) -> tuple[list[Part], list[Part]]:
    """What stands left and right."""
    left: list[Part] = [(f" {pane.mode} ", MODES.get(pane.mode, "reverse") + " bold"), (" ", "")]
    if not pane.output:
        left.append((f" output off, {pane.hidden:,} hidden ", "$warning bold"))
    elif pane.follow:
        left.append((" following ", "$success"))
    else:
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
    if pane.shape != "text":
        left.append((f" {pane.shape} ", "$warning"))
    if pane.wrap:
        left.append((" wrap ", ""))
    elif pane.offset:
        left.append((f" →{pane.offset} ", ""))
    lines = f"{pane.lines:,} lines" if not pane.filter else f"{pane.shown:,} of {pane.lines:,} lines"
    if pane.gone and (pane.filter or pane.search):
        lines += f", {pane.gone:,} older ones gone"
    told, keys = silence(status, pane.mode, keymap)
    if told and pane.lines:
        left += [(f" {told}", "$warning"), (keys, "")]
    read = status.replay is not None and status.replay.speed is None and not status.replay.following
    rate = "" if read else rate_text(status.rate)  # how fast a file was read is no rate of a board
    right: list[Part] = [("  ", ""), (lines, ""), ("  ", ""), (rate, "")]
    if status.capture is not None:
        right = [("  ", ""), (f"⬇ {status.capture.kind}", "$accent"), *right]
    if status.recording is not None and status.state is not State.CLOSED and not status.recorder.problem:
        right += [("  ", ""), ("● rec", "$error")]
    if status.log is not None:
        right += [("  ", ""), ("● log", "$accent")]
    return left, right
