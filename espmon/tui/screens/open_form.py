"""The fields of what to open: a URL, the rate, the ELF, the line, the probe."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Button, Checkbox, Input, Select

from espmon.port.line_format import LineFormat
from espmon.session.status import OpenRequest
from espmon.tui.screens.control_styles import controls_css
from espmon.tui.screens.device_form import Changes
from espmon.tui.screens.dialog import Line, clip
from espmon.tui.screens.line_fields import LineFields
from espmon.tui.screens.ports import PortRow
from espmon.tui.screens.tick import Tick
from espmon.tui.user_input import BAUD_WANTED, LIKELY_BAUDS, baud_of, path_of


class FieldError(ValueError):
    """A field holds what cannot be meant; `hint` says what can."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class OpenForm(Vertical):
    """The picker's fields and its buttons.

    Args:
        defaults: what the fields start with.
        refused: what was typed for a URL and could not be opened; it stands in its field.
        demo: offer the simulated board.
    """

    DEFAULT_CSS = """
    OpenForm { height: auto; padding: 1 1 0 1; background: $panel; }
    OpenForm .field { height: 1; margin-bottom: 1; }
    OpenForm .field Line { width: 6; color: $text-muted; }
    OpenForm .field Line.gap { margin-left: 2; width: 5; }
    OpenForm #url, OpenForm #elf { width: 1fr; }
    OpenForm #baud { width: 12; }
    OpenForm Select { width: 13; margin-left: 1; }
    OpenForm #probe { width: 1fr; background: $panel; padding: 0; }
    OpenForm #probe > .toggle--button { background: $foreground 25%; color: $foreground; }
    OpenForm .field Button { margin-left: 1; min-width: 8; padding: 0 1; }
    """ + controls_css("OpenForm")

    def __init__(self, defaults: OpenRequest, refused: str, *, demo: bool) -> None:
        super().__init__(id="form")
        self._defaults = defaults
        self._refused = refused
        self._demo = demo
        elf = str(defaults.elf[0]) if defaults.elf else ""
        self._filled = {"baud": str(defaults.baud), "elf": elf}
        self._base = dict(self._filled)

    def compose(self) -> ComposeResult:
        """A row for the URL, one for rate and ELF, one for the line, one for the probe and the buttons."""
        request = self._defaults
        with Horizontal(classes="field"):
            yield Line("URL")
            yield Input(
                self._refused or (request.url if "://" in request.url else ""),
                placeholder="or enter one: rfc2217://host:port, socket://host:port, a path, a nickname",
                id="url",
                compact=True,
                select_on_focus=False,
            )
        with Horizontal(classes="field"):
            yield Line("Baud")
            yield Input(self._filled["baud"], id="baud", compact=True, max_length=9, restrict=r"[0-9]*")
            yield Select(
                [(str(baud), baud) for baud in sorted(LIKELY_BAUDS)], prompt="common", id="bauds", compact=True
            )
            yield Line("ELF", classes="gap")
            yield Input(
                self._filled["elf"], placeholder="for decoding; none", id="elf", compact=True, select_on_focus=False
            )
            yield Select[str]([], prompt="found: 0", id="elfs", compact=True, disabled=True)
        yield LineFields(request.line, request.dtr, request.rts, id="line", classes="field")
        with Horizontal(classes="field"):
            yield Tick("Probe the chip (asks first)", request.probe, id="probe", compact=True)
            if self._demo:
                yield Button("Simulated board", id="demo", compact=True)
            yield Button("Rescan", id="rescan", compact=True)
            yield Button("Open", id="open", compact=True, variant="primary")

    @property
    def url(self) -> str:
        """What was typed for a URL."""
        return self.query_one("#url", Input).value.strip()

    def show_remembered(self, port: PortRow) -> None:
        """Show what is remembered for a port, in fields that the user has not changed."""
        remembered = {"baud": str(port.baud or ""), "elf": str(port.elf or "")}
        for field, text in remembered.items():
            entry = self.query_one(f"#{field}", Input)
            if entry.value == self._filled[field]:
                entry.value = self._filled[field] = text or self._base[field]
        self.query_one(LineFields).show_remembered(port.line, port.dtr, port.rts)

    def changed(self) -> Changes:
        """What the user has entered otherwise than it was filled in, as the registry has it; what cannot be meant is
        left out."""
        fields = self.query_one(LineFields).changed
        changed: dict[str, str | int | bool | None] = {
            name: str(value) if isinstance(value, LineFormat) else value for name, value in fields.items()
        }
        texts = {name: self.query_one(f"#{name}", Input).value.strip() for name in self._filled}
        baud, elf = baud_of(texts["baud"]), path_of(texts["elf"])
        if texts["baud"] != self._filled["baud"] and baud is not None:
            changed["baud"] = baud
        if texts["elf"] != self._filled["elf"] and os.path.isfile(elf):
            changed["elf"] = str(elf.absolute())
        return changed

    def offer_elfs(self, found: Sequence[Path]) -> None:
        """List ELF files to choose from."""
        select: Select[str] = self.query_one("#elfs", Select)
        select.set_options([(Line.inert(clip(str(path), 60)), str(path)) for path in found])
        select.prompt = f"found: {len(found)}"
        select.disabled = not found

    def toggle_probe(self) -> None:
        """Turn the probe tick box."""
        self.query_one("#probe", Checkbox).toggle()

    def request(self, url: str, port: PortRow | None) -> OpenRequest:
        """What the fields say is to be opened. Raises `FieldError`, with the focus in the field it is about."""
        text = self.query_one("#baud", Input).value.strip()
        baud = baud_of(text)
        if baud is None:
            self.query_one("#baud").focus()
            raise FieldError(f"{text or 'nothing'} is not a baud rate", BAUD_WANTED)
        elf = self.query_one("#elf", Input).value.strip()
        paths = self._defaults.elf[1:]
        if elf:
            path = path_of(elf)
            if not os.path.isfile(path):  # Path.is_file raises where the folder may not be searched
                self.query_one("#elf").focus()
                raise FieldError(f"There is no ELF file {elf}", "Correct the path, or empty the field to go on without")
            paths = (path, *paths)
        name = "" if port is None else port.nickname or port.product or ""
        probe = self.query_one("#probe", Checkbox).value
        chosen = self.query_one(LineFields)
        return replace(
            self._defaults, url=url, baud=baud, line=chosen.line, dtr=chosen.dtr, rts=chosen.rts, probe=probe,
            elf=paths, name=name,
        )  # fmt: skip

    @on(Select.Changed)
    def _chosen(self, event: Select.Changed) -> None:
        event.stop()
        if event.value is not Select.NULL:
            target = "#baud" if event.select.id == "bauds" else "#elf"
            self.query_one(target, Input).value = str(event.value)
