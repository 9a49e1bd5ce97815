"""The form of one board, filled with what is known."""

from __future__ import annotations

import re
from collections.abc import Mapping, Set
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Button, Input

from espmon.port.line_format import LEVELS
from espmon.tui.screens.dialog import Dialog, Line
from espmon.tui.user_input import baud_of, format_problem

NICKNAME = re.compile(r"[a-z0-9_-]+")
"""What a nickname may be: it stands where a port may stand on the command line."""

FIELDS = (
    ("nickname", "Nickname", "a-z 0-9 _ -; usable instead of the port"),
    ("name", "Name", "what it is"),
    ("description", "Description", "where it is, what it is for"),
    ("baud", "Baud", "empty: as chosen when opening"),
    ("line", "Line", "empty: 8N1; as in 7E1, 8N1 rts-cts"),
    ("elf", "ELF", "for decoding; empty: found by its SHA"),
)
"""(field, label, placeholder)."""


BESIDE = {"line": ("dtr", "rts")}
"""Field -> what stands on its row, too: how modem lines are left, "on", "off" or empty."""


Changes = Mapping[str, str | int | bool | None]
"""Field of the registry -> its new value; fields that stay as they are are left out."""


class DeviceForm(Dialog[Changes | None]):
    """Returns the fields that were changed, or None when cancelled.

    `baud` is a number or None, `dtr` and `rts` are a level or None.

    Args:
        title: "Edit gfx-board".
        values: what each field starts with.
        taken: nicknames of other boards.
    """

    WIDE: ClassVar[bool] = True
    DEFAULT_CSS = """
    DeviceForm .field { height: 1; margin-bottom: 1; }
    DeviceForm .field Line { width: 13; color: $text-muted; }
    DeviceForm .field Input { width: 1fr; background: $panel; }
    DeviceForm .field Line.beside { width: 6; padding: 0 1; }
    DeviceForm .field Input.level { width: 9; }
    DeviceForm #problem { color: $text-error; }
    """
    AUTO_FOCUS = "#nickname"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="device_form.cancel"),
        Binding("ctrl+s", "accept", "Save", id="device_form.save", priority=True),
        Binding("up", "app.focus_previous", show=False, id="device_form.previous"),
        Binding("down", "app.focus_next", show=False, id="device_form.next"),
    ]

    def __init__(self, title: str, values: Mapping[str, str], taken: Set[str]) -> None:
        super().__init__()
        self._title = title
        self._values = dict(values)
        self._taken = taken

    def compose_dialog(self) -> ComposeResult:
        """One line a field."""
        yield Line(self._title, classes="title")
        for field, label, placeholder in FIELDS:
            with Horizontal(classes="field"):
                yield Line(label)
                yield Input(
                    self._values.get(field, ""),
                    placeholder=placeholder,
                    id=field,
                    compact=True,
                    select_on_focus=False,
                    max_length=400,
                )
                for name in BESIDE.get(field, ()):
                    yield Line(name.upper(), classes="beside")
                    yield Input(self._values.get(name, ""), placeholder="as is", id=name, compact=True, classes="level")
        yield Line("", id="problem")
        with Horizontal(classes="buttons"):
            yield Button("Cancel", id="cancel")
            yield Button("Save", id="save", variant="primary")

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_accept()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        if event.button.id == "save":
            self.action_accept()
        else:
            self.action_cancel()

    @staticmethod
    def _fields() -> list[str]:
        return [name for field, _, _ in FIELDS for name in (field, *BESIDE.get(field, ()))]

    def _problem(self, texts: Mapping[str, str]) -> tuple[str, str]:
        nickname, baud = texts["nickname"], texts["baud"]
        if nickname and not NICKNAME.fullmatch(nickname):
            return "nickname", "A nickname has only a-z, 0-9, _ and -"
        if nickname in self._taken:
            return "nickname", f"{nickname} is another board's nickname"
        if baud and baud_of(baud) is None:
            return "baud", f"{baud} is not a baud rate"
        if texts["line"] and (problem := format_problem(texts["line"])):
            return "line", problem
        for name in ("dtr", "rts"):
            if texts[name] not in ("", *LEVELS):
                return name, f"{name.upper()} is on or off, or empty: as it is"
        return "", ""

    def action_accept(self) -> None:
        """Check, and close with what was changed."""
        texts = {field: self.query_one(f"#{field}", Input).value.strip() for field in self._fields()}
        field, problem = self._problem(texts)
        self.query_one("#problem", Line).show(problem)
        if problem:
            self.query_one(f"#{field}").focus()
            return
        changed: dict[str, str | int | bool | None] = {
            field: text for field, text in texts.items() if text != self._values.get(field, "")
        }
        if "baud" in changed:
            changed["baud"] = baud_of(texts["baud"])
        changed.update({name: LEVELS.get(texts[name]) for name in ("dtr", "rts") if name in changed})
        self.dismiss(changed)

    def action_cancel(self) -> None:
        """Close without changing anything."""
        self.dismiss(None)
