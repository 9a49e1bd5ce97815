"""What the user chose on the screen and finds again the next time: theme, columns, layout. Apart from the settings."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from espmon.session.file_system import reason, write_atomically
from espmon.tui.choices_file import Entries, chosen, read_choices
from espmon.tui.host import Host
from espmon.tui.log.line_times import Timestamps
from espmon.tui.monitor.monitor_view import WIDE
from espmon.tui.theme_names import theme_problem


@dataclass(frozen=True, slots=True)
class KeptChoice:
    """One thing that is kept.

    Args:
        name: its key in the file.
        read: what it is now.
        apply: makes it so.
        problem: why a value cannot be applied, "" when it can.
    """

    name: str
    read: Callable[[Host], str]
    apply: Callable[[Host, str], None]
    problem: Callable[[str], str] = lambda value: ""


def _on(value: bool) -> str:
    return "on" if value else "off"


def _one_of(*values: str) -> Callable[[str], str]:
    return lambda value: "" if value in values else f"none of {', '.join(values)}"


SWITCH = _one_of("on", "off")


def _set_theme(app: Host, value: str) -> None:
    app.theme = value


CHOICES: tuple[KeptChoice, ...] = (
    KeptChoice("theme", lambda app: str(app.theme), _set_theme, theme_problem),
    KeptChoice(
        "times",
        lambda app: app.monitor.pane.drawing.timestamps.value,
        lambda app, value: app.monitor.pane.set_timestamps(Timestamps(value)),
        _one_of(*Timestamps),
    ),
    KeptChoice(
        "wrap",
        lambda app: _on(app.monitor.pane.drawing.wrap),
        lambda app, value: app.monitor.pane.set_wrap(value == "on"),
        SWITCH,
    ),
    KeptChoice(
        "locations",
        lambda app: _on(app.monitor.shows_locations),
        lambda app, value: app.monitor.show_locations(value == "on"),
        SWITCH,
    ),
    KeptChoice(
        "events",
        lambda app: _on(app.monitor.shows_events),
        # In a narrow terminal they would take the log's place.
        lambda app, value: app.monitor.show_events(value == "on" and app.size.width >= WIDE),
        SWITCH,
    ),
)
"""All of them."""


class KeptChoices:
    """Applies what was chosen before, and keeps what is chosen now.

    Args:
        app: the app.
        path: the file; None keeps nothing.
    """

    def __init__(self, app: Host, path: Path | None) -> None:
        self._app = app
        self._path = path
        self._entries: Entries = {} if path is None else read_choices(path)
        self._before: dict[str, str] = {}
        self._applied: dict[str, str] = {}
        self._changed: dict[str, dict[str, str] | None] | None = None
        """What was chosen, None for what is as it was without; not known before `look`."""

        self.problem = ""
        """Why it is not kept, once `write` has tried."""

    def apply(self, *names: str) -> None:
        """Make these (all when none is named) as they were chosen, where what they would be has not changed since."""
        if self._path is None:
            return
        for choice in CHOICES:
            if (names and choice.name not in names) or choice.name in self._before:
                continue
            before = self._before[choice.name] = choice.read(self._app)
            value = chosen(self._entries, choice.name, before, choice.problem)
            if value != before:
                choice.apply(self._app, value)
            self._applied[choice.name] = choice.read(self._app)

    def look(self) -> None:
        """Remember how everything is now: the screen is about to go."""
        if self._changed is not None or len(self._applied) < len(CHOICES):
            return  # left a second time, or before all of it was there
        self._changed = {}
        for choice in CHOICES:
            before, now = self._before[choice.name], choice.read(self._app)
            if now != self._applied[choice.name]:
                self._changed[choice.name] = {"value": now, "over": before} if now != before else None

    def write(self) -> None:
        """Write what `look` saw that is new, beside what another espmon has written since. Blocks."""
        if self._path is None or not self._changed:
            return
        entries = {**read_choices(self._path), **self._changed}
        kept = {name: entry for name, entry in entries.items() if entry is not None}
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, json.dumps(kept, indent=1).encode())
        except OSError as error:  # a full or read-only disk must not disturb leaving
            self.problem = f"What was chosen on the screen is not kept: {self._path}: {reason(error)}"
