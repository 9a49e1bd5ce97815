"""The boards that have names: list, add, edit, remove, connect."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer
from textual.worker import Worker, WorkerState

from espmon.port import Device
from espmon.port.line_format import level_word
from espmon.tui.screens.confirm import ConfirmScreen
from espmon.tui.screens.device_form import Changes, DeviceForm
from espmon.tui.screens.dialog import Line, clip, rows
from espmon.tui.screens.table import Column, KeyedTable, Row

REFRESH_SECONDS = 1.0
"""Seconds between looks at which boards are plugged in."""


@dataclass(frozen=True, slots=True)
class DeviceRow(Device):
    """A board of the registry, or one that is plugged in and not named yet (`known` False)."""

    port: str = ""
    """Where it is plugged in, "" while it is not."""

    product: str = ""
    """What the device calls itself; hostile until sanitised."""

    known: bool = True
    """It is in the registry."""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.nickname or self.name or self.product or self.key


COLUMNS = (
    Column("nickname", "nickname", 12, share=1),
    Column("name", "name", 14, share=2),
    Column("chip", "chip", 10, share=1),
    Column("port", "port", 14, share=1, keep_end=True),
    Column("state", "state", 9),
    Column("description", "description", 16, share=3, from_width=100),
)


class DeviceTable(KeyedTable):
    """The list of boards."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Connect", id="devices.connect", tooltip="Open this board's port"),
    ]


class DeviceManagerScreen(ModalScreen[str | None]):
    """Returns the port of the board to connect to, or None.

    Args:
        load: the boards, known ones first; called in a thread.
        save: (key, changed fields) written to the registry; called in a thread; an exception's text is shown.
        remove: (key) taken out of the registry; called in a thread.
        refresh_every: seconds between reloads, None for none.
    """

    DEFAULT_CSS = """
    DeviceManagerScreen { background: $surface; }
    DeviceManagerScreen #heading { padding: 0 1; background: $panel; }
    DeviceManagerScreen #error { display: none; padding: 0 1; background: $error-muted; }
    DeviceManagerScreen #error.-shown { display: block; }
    DeviceManagerScreen #detail { height: 8; padding: 0 1; background: $panel; }
    """
    AUTO_FOCUS = "#devices"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", key_display="Esc", id="devices.leave"),
        Binding("a", "add", "Add", id="devices.add", tooltip="Name a board that is plugged in"),
        Binding("e", "edit", "Edit", id="devices.edit"),
        Binding("delete,x", "remove", "Remove", key_display="Del", id="devices.remove"),
        Binding("r", "reload", "Reload", id="devices.reload"),
    ]

    def __init__(
        self,
        load: Callable[[], Sequence[DeviceRow]],
        save: Callable[[str, Changes], object],
        remove: Callable[[str], object],
        *,
        refresh_every: float | None = REFRESH_SECONDS,
    ) -> None:
        super().__init__()
        self._load = load
        self._save = save
        self._remove = remove
        self._refresh_every = refresh_every
        self._devices: list[DeviceRow] = []

    def compose(self) -> ComposeResult:
        """Heading, error, boards, everything about the one under the cursor."""
        yield Line(Content.assemble(("Boards", "bold $text-primary"), "  names and what is remembered"), id="heading")
        yield Line("", id="error")
        yield DeviceTable(COLUMNS, id="devices")
        yield Line("", id="detail")
        yield Footer(show_command_palette=False)

    def on_mount(self) -> None:
        """Load, and look again from time to time."""
        self.action_reload()
        if self._refresh_every is not None:
            self.set_interval(self._refresh_every, self.action_reload)

    def show_error(self, text: str) -> None:
        """Say in place what did not work; "" takes it away."""
        line = self.query_one("#error", Line)
        line.show(text)
        line.set_class(bool(text), "-shown")

    def show_devices(self, devices: Sequence[DeviceRow]) -> None:
        """Show the boards; the cursor stays with its board."""
        self._devices = list(devices)
        self.query_one("#devices", KeyedTable).show([self._row(device) for device in self._devices])
        self._show_detail()

    def _row(self, device: DeviceRow) -> Row:
        state = "not named" if not device.known else "online" if device.port else "offline"
        cells = {
            "nickname": device.nickname or "-",
            "name": device.name or device.product or "-",
            "chip": device.chip or "?",
            "port": device.port or "-",
            "state": state,
            "description": device.description,
        }
        return Row(device.key, cells, style="" if device.port else "dim")

    def _selected(self) -> DeviceRow | None:
        selected = self.query_one("#devices", KeyedTable).selected
        return next((device for device in self._devices if device.key == selected), None)

    def _show_detail(self) -> None:
        device = self._selected()
        if device is None:
            text = "No board is known yet. Plug one in and press a to give it a name." if not self._devices else ""
            self.query_one("#detail", Line).show(text)
        else:
            known = [
                ("name", device.name or device.product),
                ("description", clip(device.description, 300)),
                ("identity", device.key),
                ("chip", device.chip),
                ("MAC", device.mac),
                ("baud", str(device.baud or "")),
                ("line", device.line),
                ("DTR", level_word(device.dtr)),
                ("RTS", level_word(device.rts)),
                ("ELF", device.elf),
                ("port", device.port or "not plugged in"),
            ]
            self.query_one("#detail", Line).show(rows([(label, text) for label, text in known if text]))
        self.refresh_bindings()

    @on(DataTable.RowHighlighted, "#devices")
    def _highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._show_detail()

    @on(DataTable.RowSelected, "#devices")
    def _chosen(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_connect()

    # Work in threads

    @work(thread=True, group="load", exit_on_error=False)
    def _loading(self) -> Sequence[DeviceRow]:
        return self._load()

    @work(thread=True, group="change", exit_on_error=False)
    def _changing(self, change: Callable[[], object]) -> object:
        return change()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was loaded; after a change, load again."""
        event.stop()
        group, state = event.worker.group, event.state
        if state is WorkerState.ERROR:
            what = "The boards could not be read" if group == "load" else "Not saved"
            self.show_error(f"{what}: {event.worker.error}")
        elif state is WorkerState.SUCCESS and group == "load":
            self.show_devices(event.worker.result or ())
        elif state is WorkerState.SUCCESS:
            self.show_error("")
            self._loading()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done with the board under the cursor."""
        if action in ("edit", "remove") and self.is_mounted:
            device = self._selected()
            return device is not None and device.known
        return True

    def action_reload(self) -> None:
        """Load again, unless that is still going on."""
        if not any(worker.group == "load" and worker.is_running for worker in self.workers):
            self._loading()

    def action_leave(self) -> None:
        """Close without connecting."""
        self.dismiss(None)

    def action_connect(self) -> None:
        """Close with the port of the board."""
        device = self._selected()
        if device is None:
            return
        if device.port:
            self.dismiss(device.port)
        else:
            self.show_error(f"{device.title} is not plugged in")

    def action_add(self) -> None:
        """Name the board under the cursor; where it has a name already, go to one that has none."""
        device = self._selected()
        if device is not None and not device.known:
            self._open_form(device)
            return
        unnamed = [device for device in self._devices if not device.known]
        if not unnamed:
            self.show_error("Every board that is plugged in has a name already: plug in the one to add")
        else:
            self.query_one("#devices", KeyedTable).move_to(unnamed[0].key)
            self.show_error("Choose the board to add and press a again")

    def action_edit(self) -> None:
        """Change what is remembered."""
        device = self._selected()
        if device is not None and device.known:
            self._open_form(device)

    def _open_form(self, device: DeviceRow) -> None:
        taken = {other.nickname for other in self._devices if other.key != device.key and other.nickname}
        values = {
            "nickname": device.nickname,
            "name": device.name or device.product,
            "description": device.description,
            "baud": str(device.baud or ""),
            "line": device.line,
            "dtr": level_word(device.dtr),
            "rts": level_word(device.rts),
            "elf": device.elf,
        }
        verb = "Edit" if device.known else "Add"

        def answered(changes: Changes | None) -> None:
            if changes is not None:
                self._changing(lambda: self._save(device.key, changes))

        self.app.push_screen(DeviceForm(f"{verb} {device.title}", values, taken), answered)

    def action_remove(self) -> None:
        """Forget a board, after asking."""
        device = self._selected()
        if device is None or not device.known:
            return
        sentences = [
            "Its nickname, description, rate and ELF are forgotten.",
            "The board itself and its recordings are not touched.",
        ]

        def answered(sure: bool | None) -> None:
            if sure:
                self._changing(lambda: self._remove(device.key))

        self.app.push_screen(ConfirmScreen(f"Remove {device.title}?", sentences, "Remove", danger=True), answered)
