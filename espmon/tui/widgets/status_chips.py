"""What stands in the header while it holds: one row a chip, each with the action that leads on.

To tell something that lasts, add a row to `CHIPS`: when it holds, in which words, which action (its key is written
behind the words, and a click does the same), in which colour of the theme, and how important it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import IntEnum

from espmon.session.share_state import Looking
from espmon.session.state import State
from espmon.session.status import Activity, ElfState, RecordingState, Status, loader_text
from espmon.text import counted, size_text


class Rank(IntEnum):
    """Importance of what the header says: where it is narrow, the last ones are shortened and given up first."""

    LINK = 0
    BOARD = 1
    RECORDING = 2
    ACTIVITY = 3
    LOOP = 4
    CRASHES = 5
    ELF = 6
    CHIP = 7
    BOOT = 8
    LOG = 9
    ABILITIES = 10
    BAUD = 11
    PROGRAM = 12


@dataclass(frozen=True, slots=True)
class StatusChip:
    """One thing that the header says.

    Args:
        id: stable name.
        rank: how important it is; no two chips that hold at once in the same row have to differ in it.
        when: whether it holds.
        words: what it says, for a status in which it holds.
        colour: of the theme, with text styles: "$error bold".
        action: id in `espmon.tui.actions.ACTIONS` of what leads on; "": there is nothing to do about it.
        short: the words where the header is narrow; None: the same.
        right: whether it stands on the right.
    """

    id: str
    rank: Rank
    when: Callable[[Status], bool]
    words: Callable[[Status], str]
    colour: str
    action: str = ""
    short: Callable[[Status], str] | None = None
    right: bool = False


DIGITS = 9
"""Digits shown of a name that is a SHA-256, as the application's own log shows it."""

MAX_ELF_NAME = 24
MAX_LOADER = 48
MAX_PROBLEM = 48
"""Most characters of an ELF's name, of a board that waits in its loader, of why nothing is recorded."""

_HASH = re.compile(r"[0-9a-f]{64}\.elf", re.IGNORECASE)


def short_text(text: str, limit: int) -> str:
    """At most `limit` characters, an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def short_name(name: str) -> str:
    """An ELF's name, short enough to leave room for the rest."""
    return name[:DIGITS] if _HASH.fullmatch(name) else short_text(name, MAX_ELF_NAME)


def lasting(seconds: int) -> str:
    """A time that goes on: `12 s`, `3 min`, `2 h`."""
    if seconds < 60:
        return f"{seconds} s"
    return f"{seconds // 60} min" if seconds < 3600 else f"{seconds // 3600} h"


LINKS: Mapping[State, tuple[str, str]] = {
    State.CLOSED: ("○ closed", "$secondary"),
    State.OPENING: ("◌ opening", "$warning"),
    State.AWAITING_CONSENT: ("● open", "$warning"),
    State.PROBING: ("● probing", "$warning"),
    State.MONITORING: ("● open", "$success"),
    State.LEASED: ("● in use", "$warning"),
    State.REOPENING: ("◌ reopening", "$warning"),
}
"""State -> what the header calls it, and its colour; but for a port that is lost."""

ELVES: Mapping[ElfState, tuple[str, str]] = {
    ElfState.NONE: ("no ELF", "$secondary"),
    ElfState.LOADING: ("ELF …", "$secondary"),
    ElfState.UNVERIFIED: ("ELF unverified", "$warning"),
    ElfState.MATCH: ("ELF ✓", "$success"),
    ElfState.MISMATCH: ("ELF ✗ other build", "$error"),
    ElfState.FAILED: ("ELF ✗ unreadable", "$error"),
}
"""ELF state -> what the header calls it, and its colour."""

SHORT_ELVES: Mapping[ElfState, str] = {ElfState.UNVERIFIED: "ELF ?"}
"""Those that are not called by their first two words where the header is narrow."""

NAMED = (ElfState.MATCH, ElfState.UNVERIFIED)
"""States of an ELF in which its name says something."""


def _in_loader(status: Status) -> bool:
    return status.state is State.MONITORING and status.activity is Activity.IN_LOADER


def _lost(status: Status) -> str:
    words = "○ lost" if status.lost_for is None else f"○ lost for {lasting(status.lost_for)}"
    return f"{words}, waiting for it to come back" if status.waiting else words


def _lost_short(status: Status) -> str:
    return "○ lost" if status.lost_for is None else f"○ lost {lasting(status.lost_for)}"


def _recording(recorder: RecordingState) -> str:
    missing = f", {size_text(recorder.unwritten)} missing" if recorder.unwritten else ""
    return f"✗ not recorded: {short_text(recorder.problem, MAX_PROBLEM)}{missing}"


def _unwritten(status: Status) -> bool:
    return not status.recorder.problem and status.recorder.unwritten > 0


def _behind(status: Status) -> bool:
    return not status.recorder.problem and not status.recorder.unwritten and status.recorder.waiting > 0


MAX_WRITER = 24
"""Characters of who writes."""

BAR_CELLS = 8
"""Cells of the bar that shows how far a recording was read."""


def _replays(status: Status) -> bool:
    return status.replay is not None and status.state is State.MONITORING


def _replay(status: Status) -> str:
    """What is replayed, and how far it is."""
    replay, looking = status.replay, status.looking
    if replay is None:
        return ""
    if looking is not None:
        return f"○ {looking.holder} is gone" if looking.gone else f"{_looking(looking)} {looking.holder}"
    if replay.finished:
        return f"▶ {replay.kind}, followed" if replay.following else f"■ {replay.kind}"
    share = min(1.0, replay.done / replay.total) if replay.total else 0.0
    filled = int(share * BAR_CELLS)
    what = f"the end of a {replay.kind}, reading" if replay.tail else replay.kind
    speed = "" if replay.speed is None else f" ×{replay.speed:g}"
    return f"{'Ⅱ' if replay.paused else '▶'} {what}{speed} {'█' * filled}{'░' * (BAR_CELLS - filled)} {share:.0%}"


def _looking(looking: Looking) -> str:
    """What somebody who looks on does."""
    return "● writing through" if looking.writes else "● asking" if looking.asked else "▶ looking on at"


def _viewers(status: Status) -> str:
    """Who looks on at this session, and who of them writes."""
    sharing = status.sharing
    return f"✎ {short_text(sharing.writer, MAX_WRITER)} writes" if sharing.writer else f"◉ {sharing.viewers} looking on"


def _replay_short(status: Status) -> str:
    replay = status.replay
    if status.looking is not None:
        looking = status.looking
        return "○ gone" if looking.gone else "● writing" if looking.writes else "▶ looking on"
    if replay is None or replay.finished or not replay.total:
        return "■ recording"
    return f"▶ {min(1.0, replay.done / replay.total):.0%}"


def _link(state: State) -> StatusChip:
    words, colour = LINKS[state]

    def said(status: Status) -> str:
        return f"● {status.lease}" if state is State.LEASED and status.lease else words

    return StatusChip(
        f"link.{state.value}",
        Rank.LINK,
        lambda status: (
            status.state is state and status.boards is None and not _in_loader(status) and not _replays(status)
        ),
        said,
        colour,
    )


def _elf(state: ElfState) -> StatusChip:
    words, colour = ELVES[state]

    def said(status: Status) -> str:
        name = f" {short_name(status.elf.name)}" if status.elf is not None and state in NAMED else ""
        return words + name

    return StatusChip(
        f"elf.{state.value}",
        Rank.ELF,
        lambda status: status.elf_state is state and status.boards is None,
        said,
        colour,
        "board.elf",
        short=lambda status: SHORT_ELVES.get(state, " ".join(words.split(" ")[:2])),
        right=True,
    )


def _active(activity: Activity, words: str, short: str, action: str) -> StatusChip:
    return StatusChip(
        f"activity.{activity.value}",
        Rank.ACTIVITY,
        lambda status: status.activity is activity,
        lambda status: words,
        "$warning bold",
        action,
        short=lambda status: short,
    )


CHIPS: tuple[StatusChip, ...] = (
    # left, in the order in which they stand
    StatusChip("program", Rank.PROGRAM, lambda status: True, lambda status: "espmon", "$accent bold"),
    StatusChip("board", Rank.BOARD, lambda status: True, lambda s: s.name or s.url or "no port", "bold"),
    *map(_link, LINKS),
    StatusChip("link.replay", Rank.LINK, _replays, _replay, "$accent", short=_replay_short),
    StatusChip(
        "sharing",
        Rank.ACTIVITY,
        lambda s: bool(s.sharing.viewers),
        _viewers,
        "$accent",
        "board.writing",
        short=lambda s: "✎" if s.sharing.writer else f"◉ {s.sharing.viewers}",
    ),
    StatusChip("link.lost", Rank.LINK, lambda s: s.state is State.LOST, _lost, "$error bold", "app.ports", _lost_short),
    StatusChip(
        "activity.loader",
        Rank.LINK,
        _in_loader,
        lambda s: f"● {short_text(loader_text(s.unfinished), MAX_LOADER)}",
        "$warning bold",
        "board.reset",
        short=lambda s: f"● {short_text(loader_text(()), MAX_LOADER)}",
    ),
    StatusChip("chip", Rank.CHIP, lambda s: bool(s.chip), lambda s: (s.chip or "").split(" (")[0], "$primary"),
    StatusChip(
        "recording.stopped",
        Rank.RECORDING,
        lambda s: bool(s.recorder.problem),
        lambda s: _recording(s.recorder),
        "$error bold",
        "log.inspector",
        short=lambda s: "✗ not recorded",
    ),
    StatusChip(
        "recording.missing",
        Rank.RECORDING,
        _unwritten,
        lambda s: f"✗ recording, {size_text(s.recorder.unwritten)} missing",
        "$warning bold",
        "log.inspector",
    ),
    StatusChip(
        "recording.behind",
        Rank.RECORDING,
        _behind,
        lambda s: f"recording {size_text(s.recorder.waiting)} behind",
        "$warning",
    ),
    StatusChip(
        "abilities",
        Rank.ABILITIES,
        lambda s: s.capabilities is not None or bool(s.commands),
        lambda s: f"◆ {counted(len(s.commands), 'command')}" if s.commands else "◆ announced",
        "$secondary",
        "board.abilities",
        short=lambda s: f"◆ {len(s.commands)}" if s.commands else "◆",
    ),
    _active(Activity.HALTED, "■ halted in its debug stub", "■ halted", "board.stub"),
    _active(Activity.AWAITING_ENTER, "■ waits for Enter", "■ Enter?", "board.coredump"),
    _active(Activity.LENT_TO_IDE, "■ the IDE has the port", "■ IDE", "board.stub"),
    StatusChip("loop", Rank.LOOP, lambda s: bool(s.loop), lambda s: f"▲ {s.loop}", "$error bold", "log.inspector"),
    StatusChip(
        "rate.wrong",
        Rank.LOOP,
        lambda s: bool(s.wrong_rate) and not s.loop,
        lambda s: f"▲ {s.wrong_rate} Bd?",
        "$warning bold",
        "board.baud",
    ),
    StatusChip(
        "crashes",
        Rank.CRASHES,
        lambda s: s.crashes > 0,
        lambda s: "✖ " + counted(s.crashes, "crash", "crashes"),
        "$error bold",
        "board.crash",
        short=lambda s: f"✖ {s.crashes}",
    ),
    # right
    StatusChip(
        "log", Rank.LOG, lambda s: s.log is not None, lambda s: "● log file", "$accent", "board.log", right=True
    ),
    StatusChip("boot", Rank.BOOT, lambda s: s.boot > 0, lambda s: f"boot {s.boot}", "$secondary", right=True),
    *map(_elf, ELVES),
    StatusChip(
        "baud",
        Rank.BAUD,
        lambda s: s.has_rate and s.state is not State.CLOSED,
        lambda s: f"{s.baud} Bd",
        "$secondary",
        "board.baud",
        right=True,
    ),
)
"""All of them, in the order in which they stand."""
