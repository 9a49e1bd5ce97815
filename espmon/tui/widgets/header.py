"""Which board this is and how it is doing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import IntEnum
from types import MappingProxyType

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from espmon.session.state import State
from espmon.session.status import Activity, ElfState, RecordingState, Status, loader_text
from espmon.tui.sanitise import visible
from espmon.tui.widgets.capture_line import size_text
from espmon.tui.widgets.text_row import Part, TextRow

LINK: dict[State, Part] = {
    State.CLOSED: ("○ closed", "$secondary"),
    State.OPENING: ("◌ opening", "$warning"),
    State.AWAITING_CONSENT: ("● open", "$warning"),
    State.PROBING: ("● probing", "$warning"),
    State.MONITORING: ("● open", "$success"),
    State.LEASED: ("● in use", "$warning"),
    State.LOST: ("○ lost", "$error bold"),
    State.REOPENING: ("◌ reopening", "$warning"),
}
"""State -> what the header calls it."""

ELF: dict[ElfState, Part] = {
    ElfState.NONE: ("no ELF", "$secondary"),
    ElfState.LOADING: ("ELF …", "$secondary"),
    ElfState.UNVERIFIED: ("ELF ?", "$secondary"),
    ElfState.MATCH: ("ELF ✓", "$success"),
    ElfState.MISMATCH: ("ELF ✗ other build", "$error"),
    ElfState.FAILED: ("ELF ✗ unreadable", "$error"),
}
"""ELF state -> what the header calls it."""


MAX_NAME = 24
"""Most characters of an ELF's name."""

MAX_LOADER = 48
"""Most characters on a board that waits in its loader."""

DIGITS = 9
"""Digits shown of a name that is a SHA-256, as the application's own log shows it."""

MAX_PROBLEM = 48
"""Most characters of why nothing is recorded."""

MIN_BOARD_CELLS = 12
"""Cells that the board's name keeps before anything that tells how the board is doing is given up for it."""

GAP = 2
"""Cells between two parts."""

_HASH = re.compile(r"[0-9a-f]{64}\.elf", re.IGNORECASE)


def short_name(name: str) -> str:
    """An ELF's name, short enough to leave room for the rest."""
    return name[:DIGITS] if _HASH.fullmatch(name) else short_text(name, MAX_NAME)


def short_text(text: str, limit: int) -> str:
    """At most `limit` characters, an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def recording_part(recorder: RecordingState) -> Part:
    """What is wrong with the recording, "" while all is well."""
    missing = f", {size_text(recorder.unwritten)} missing" if recorder.unwritten else ""
    if recorder.problem:
        return f"✗ not recorded: {short_text(recorder.problem, MAX_PROBLEM)}{missing}", "$error bold"
    if recorder.unwritten:
        return f"✗ recording{missing}", "$warning bold"
    return (f"recording {size_text(recorder.waiting)} behind", "$warning") if recorder.waiting else ("", "")


class Rank(IntEnum):
    """What a part of the header is; the last ones are given up first where it is narrow."""

    LINK = 0
    BOARD = 1
    RECORDING = 2
    LOOP = 3
    ELF = 4
    CHIP = 5
    BOOT = 6
    BAUD = 7
    ELF_NAME = 8
    PROGRAM = 9


LEFT = (Rank.PROGRAM, Rank.BOARD, Rank.LINK, Rank.RECORDING, Rank.CHIP, Rank.LOOP)
RIGHT = (Rank.BOOT, Rank.ELF, Rank.ELF_NAME, Rank.BAUD)
"""The parts of both sides, in the order in which they stand."""


def kept(parts: Mapping[Rank, Part], width: int) -> dict[Rank, Part]:
    """The most important parts that fit in `width` cells, each whole; only the board's name is cut.

    It is cut before chip, ELF or loop are given up, and not before the rest is.
    """
    left = dict(parts)
    spare = max(0, cell_len(parts[Rank.BOARD][0]) - MIN_BOARD_CELLS) if Rank.BOARD in parts else 0

    def over() -> int:
        return sum(cell_len(text) + GAP for text, _ in left.values()) - GAP - width

    for rank in sorted(parts, reverse=True):
        if over() <= (spare if rank <= Rank.CHIP else 0) or rank <= Rank.BOARD:
            break
        del left[rank]
    if (cut := over()) > 0 and Rank.BOARD in left:
        text, style = left[Rank.BOARD]
        left[Rank.BOARD] = (set_cell_size(text, max(0, cell_len(text) - cut - 1)).rstrip() + "…", style)
    return left


class BoardHeader(TextRow):
    """Board, chip, rate, link, ELF, boot, loop."""

    DEFAULT_CSS = """
    BoardHeader { background: $panel; color: $foreground; padding: 0 1; }
    """

    _parts: Mapping[Rank, Part] = MappingProxyType({})

    def show(self, status: Status) -> None:
        """Show a session's status."""
        link, link_style = LINK[status.state]
        if status.state is State.LEASED and status.lease:
            link = f"● {status.lease}"
        elif status.state is State.LOST and status.waiting:
            link = "○ lost, waiting for it to come back"
        elif status.state is State.MONITORING and status.activity is Activity.IN_LOADER:
            link, link_style = f"● {short_text(loader_text(status.unfinished), MAX_LOADER)}", "$warning bold"
        parts: dict[Rank, Part] = {
            Rank.PROGRAM: ("espmon", "$accent bold"),
            Rank.BOARD: (status.name or status.url or "no port", "bold"),
            Rank.LINK: (link, link_style),
            Rank.RECORDING: recording_part(status.recorder),
            Rank.CHIP: (status.chip.split(" (")[0] if status.chip else "", "$primary"),
            Rank.LOOP: (f"▲ {status.loop}" if status.loop else "", "$error bold"),
            Rank.BOOT: (f"boot {status.boot}" if status.boot else "", "$secondary"),
            Rank.ELF: ELF[status.elf_state],
            Rank.BAUD: (f"{status.baud} Bd", "$secondary"),
        }
        if status.wrong_rate and not status.loop:
            parts[Rank.LOOP] = (f"▲ {status.wrong_rate} Bd?", "$warning bold")
        if status.elf is not None and status.elf_state in (ElfState.MATCH, ElfState.UNVERIFIED):
            parts[Rank.ELF_NAME] = (short_name(status.elf.name), ELF[status.elf_state][1])
        self._parts = {rank: (visible(text), style) for rank, (text, style) in parts.items() if text}
        self.set_parts(self._side(self._parts, LEFT), self._side(self._parts, RIGHT))

    @staticmethod
    def _side(parts: Mapping[Rank, Part], order: Sequence[Rank]) -> list[Part]:
        there = [rank for rank in order if rank in parts]
        # The ELF's name belongs to its state: one space between them.
        gaps = [("", "")] + [(" " if rank is Rank.ELF_NAME else " " * GAP, "") for rank in there[1:]]
        return [part for gap, rank in zip(gaps, there, strict=False) for part in (gap, parts[rank]) if part[0]]

    def render(self) -> Content:
        """The parts that there is room for."""
        width = self.size.width
        parts = kept(self._parts, width)
        left, right = self._side(parts, LEFT), self._side(parts, RIGHT)
        cells = sum(cell_len(text) for text, _ in (*left, *right))
        return Content.assemble(*left, " " * max(0, width - cells), *right)
