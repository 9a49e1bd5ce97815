"""Choosing what to open: a port of the list, a URL, or the simulated board."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import ActiveBinding, Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, DataTable, Footer, Input
from textual.worker import Worker, WorkerState

from espmon.session.status import OpenRequest
from espmon.tui.footer_bindings import fit_footer
from espmon.tui.screens.control_styles import controls_css
from espmon.tui.screens.device_form import Changes
from espmon.tui.screens.dialog import Line, clip
from espmon.tui.screens.line_fields import LineFields
from espmon.tui.screens.open_form import FieldError, OpenForm
from espmon.tui.screens.ports import (
    COLUMNS,
    PortLike,
    PortRow,
    empty_text,
    keep_selected,
    port_detail,
    port_row,
    table_row,
    where_now,
)  # fmt: skip
from espmon.tui.screens.table import KeyedTable

RESCAN_SECONDS = 1.0
"""Seconds between automatic rescans; listing opens no port."""

DEMO_URL = "demo"
"""`OpenRequest.url` of the simulated board; whoever opens it starts one."""


class PortTable(KeyedTable):
    """The list of ports; its letter keys work only while the list has the focus, so they cannot eat typing."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "select_cursor", "Open", id="picker.open", tooltip="Open the port under the cursor"),
        Binding(
            "plus", "screen.beside", "Beside", id="picker.beside", tooltip="Open it beside the boards that are open"
        ),
        Binding("m", "screen.without_probe", "No probe", id="picker.without_probe", tooltip="Monitor without probing"),
        Binding("p", "screen.toggle_probe", "Probe", id="picker.probe", tooltip="Turn the probe tick box"),
        Binding("u", "screen.focus_url", "URL", id="picker.url", tooltip="Enter rfc2217:// or socket://"),
        Binding("l", "screen.focus_line", "Line", id="picker.line", tooltip="Bits, parity, flow control, DTR, RTS"),
        Binding("n", "screen.name", "Name", id="picker.name", tooltip="Give the board on this port a nickname"),
        Binding("x", "screen.exchange", "Exchange", id="picker.exchange", tooltip="What the probe said and heard"),
        Binding("r", "screen.rescan", "Rescan", show=False, id="picker.rescan_letter", tooltip="List the ports again"),
        Binding("s", "screen.demo", "Demo", id="picker.demo", tooltip="Open the simulated board, no hardware"),
        Binding("d", "screen.manage", "Devices", id="picker.devices", tooltip="Names of known boards"),
        Binding("o", "screen.past", "Past", id="picker.past", tooltip="The sessions that were recorded here"),
        Binding("question_mark", "app.help", "Help", id="picker.help", tooltip="All keys"),
    ]


class PickerScreen(ModalScreen[OpenRequest | None]):
    """Returns what to open, or None when the user leaves. Modal, so that no key of the monitor acts below it.

    Args:
        discover: lists the ports, best first; called in a thread, must not open any.
        defaults: what the fields start with; a failed request goes before it.
        discover_elfs: ELF files that fit the current directory, best first; called in a thread.
        demo: offer the simulated board (`DEMO_URL`).
        manage: opens the device manager; None leaves it out.
        name: gives the board with a key a nickname ("" takes it away), and remembers what was entered; called in a
            thread. None leaves it out.
        beside: offer to open a port beside the boards that are open.
        failed: the request that just failed, for "monitor without probing" and "try again".
        error: why it failed, one line.
        hint: what to do about it, one line.
        past: shows the sessions that were recorded here, and tells which was chosen; None leaves it out.
        typed: what was typed and failed: it stands in the field, which has the focus.
        exchange: shows what a failed probe said to the board and heard of it; None where there is nothing to show.
        access: says what is missing to open ports at all, "" where nothing is known to be; called in a thread.
        rescan_every: seconds between automatic rescans, None for none.
    """

    DEFAULT_CSS = """
    PickerScreen { background: $background; }
    PickerScreen #heading { padding: 0 1; background: $panel; color: $text-muted; }
    PickerScreen #error { display: none; padding: 0 1; height: auto; background: $error-muted; }
    PickerScreen #error.-shown { display: block; }
    PickerScreen #error-text { height: auto; }
    PickerScreen #without-probe { display: none; }
    PickerScreen #without-probe.-shown { display: block; }
    PickerScreen #ports { border: none; }
    PickerScreen #empty { display: none; height: 1fr; padding: 0 2; color: $text-muted; background: $surface; }
    PickerScreen.-empty #empty { display: block; }
    PickerScreen.-empty #ports { height: 3; min-height: 1; }
    PickerScreen #detail { height: 2; padding: 0 1; color: $text-muted; background: $surface; }
    """ + controls_css("PickerScreen #error")

    STAYS: ClassVar[bool] = True
    AUTO_FOCUS = "#ports"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f5,ctrl+r", "rescan", "Rescan", show=False, id="picker.rescan", tooltip="List the ports again"),
        Binding("f1", "app.help", "Help", show=False, id="picker.help_anywhere"),
        Binding("escape", "leave", "Leave", id="picker.leave"),
    ]

    def __init__(
        self,
        discover: Callable[[], Sequence[PortLike]],
        *,
        defaults: OpenRequest | None = None,
        discover_elfs: Callable[[], Sequence[Path]] | None = None,
        demo: bool = False,
        manage: Callable[[], None] | None = None,
        name: Callable[[str, Changes], None] | None = None,
        beside: bool = False,
        failed: OpenRequest | None = None,
        error: str = "",
        hint: str = "",
        typed: str = "",
        past: Callable[[Callable[[Path], None]], None] | None = None,
        exchange: Callable[[], None] | None = None,
        access: Callable[[], str] | None = None,
        rescan_every: float | None = RESCAN_SECONDS,
    ) -> None:
        super().__init__()
        self._discover = discover
        self._defaults = failed or defaults or OpenRequest(url="")
        self._discover_elfs = discover_elfs
        self._demo = demo
        self._manage = manage
        self._rename = name
        self._failed = failed
        self._error, self._hint = error, hint
        self._refused = typed
        self._past = past
        self.recording: Path | None = None
        """The past session that was chosen in place of a port."""

        self._exchange = exchange
        self._access = access
        self.typed = ""
        """What was typed to open, "" while a port of the list was chosen."""

        self._offers_beside = beside
        self.beside = False
        """What is chosen is to be opened beside the boards that are open."""

        self._rescan_every = rescan_every
        self._ports: list[PortRow] = []
        self._scan_error = ""
        self._absent = ""
        """The port that was asked for and is not there, while that is said."""

        self._wanted = self._defaults.url

    def compose(self) -> ComposeResult:
        """Heading, error, ports, the port under the cursor in full, the form."""
        yield Line(Content.assemble(("espmon", "bold $text-primary"), "  choose a port"), id="heading")
        with Vertical(id="error"):
            yield Line("", id="error-text")
            yield Button("Monitor without probing (m)", id="without-probe", compact=True, variant="primary")
        yield PortTable(COLUMNS, id="ports")
        yield Line("Looking for ports ...", id="empty")
        yield Line("", id="detail")
        yield OpenForm(self._defaults, self._refused, demo=self._demo)
        yield Footer(show_command_palette=False)

    @property
    def active_bindings(self) -> dict[str, ActiveBinding]:
        """As Textual's; the footer leaves out what stands in the form where it has no room for all."""
        found = super().active_bindings
        fit_footer(found, self.size.width, self.app.get_key_display)
        return found

    def on_resize(self) -> None:
        """The footer may have room for other keys."""
        self.refresh_bindings()

    def on_mount(self) -> None:
        """Show the reason for being here, and start looking."""
        self.show_error(self._error, self._hint, self._failed)
        if self._refused:
            self.query_one("#url").focus()
        self.action_rescan()
        if self._discover_elfs is not None:
            self._find_elfs(self._discover_elfs)
        if self._rescan_every is not None:
            self.set_interval(self._rescan_every, self._rescan_if_idle)

    # What is shown

    def show_error(self, error: str, hint: str = "", failed: OpenRequest | None = None) -> None:
        """Show in place why something did not work and what to do; "" takes it away."""
        self._failed = failed
        self.query_one("#error").set_class(bool(error), "-shown")
        lines = [Content.styled(clip(error, 400), "bold")]
        if hint:
            lines.append(Content(clip(hint, 400)))
        self.query_one("#error-text", Line).show(Content("\n").join(lines))
        self.query_one("#without-probe").set_class(bool(error) and self._can_skip_probe(), "-shown")
        self.refresh_bindings()

    def show_ports(self, ports: Sequence[PortLike]) -> None:
        """Show the result of a scan; the cursor stays with its port."""
        table = self.query_one(PortTable)
        found = [port_row(port) for port in ports]
        selected = where_now(self._ports, found, table.selected)
        self._ports = keep_selected(self._ports, found, selected)
        table.show([table_row(port) for port in self._ports])
        if selected is not None and table.selected != selected:
            table.move_to(selected)
        if any(port.online and port.device == self._absent for port in self._ports):
            self._absent = ""
            self.show_error("")
        if self._wanted and self._ports:
            table.move_to(self._wanted)
            self._wanted = ""
        self.set_class(not self._ports, "-empty")
        if not self._ports:
            self.query_one("#empty", Line).show(empty_text(demo=self._demo))
            if self._access is not None:
                self._look_for_access(self._access)
        self._show_detail()

    def _show_detail(self) -> None:
        port = self._selected_port()
        if port is None:
            self.query_one("#detail", Line).show("")
            return
        self.query_one("#detail", Line).show(port_detail(port, max(40, self.size.width - 2)))

    def _selected_port(self) -> PortRow | None:
        selected = self.query_one(PortTable).selected
        return next((port for port in self._ports if port.device == selected), None)

    @on(DataTable.RowHighlighted, "#ports")
    def _highlighted(self, event: DataTable.RowHighlighted) -> None:
        event.stop()
        self._show_detail()
        self._fill_remembered()

    def _fill_remembered(self) -> None:
        port = self._selected_port()
        if port is not None:
            self.query_one(OpenForm).show_remembered(port)

    # Looking for ports and ELF files

    def _rescan_if_idle(self) -> None:
        # A scan that hangs (a dying USB hub) must not pile up threads.
        if not any(worker.group == "scan" and worker.is_running for worker in self.workers):
            self._scan()

    def action_rescan(self) -> None:
        """List the ports again, now."""
        self._rescan_if_idle()

    @work(thread=True, group="scan", exit_on_error=False)
    def _scan(self) -> Sequence[PortLike]:
        return self._discover()

    @work(thread=True, group="elfs", exit_on_error=False)
    def _find_elfs(self, discover: Callable[[], Sequence[Path]]) -> Sequence[Path]:
        return discover()

    @work(thread=True, group="access", exclusive=True, exit_on_error=False)
    def _look_for_access(self, access: Callable[[], str]) -> str:
        return access()

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """A scan has ended; a failed one is said in place and tried again."""
        event.stop()
        worker = event.worker
        if worker.group == "scan" and event.state is WorkerState.SUCCESS:
            if self._scan_error:
                self._scan_error = ""
                self.show_error("")
            self.show_ports(worker.result or ())
        elif worker.group == "scan" and event.state is WorkerState.ERROR:
            self._scan_error = f"Listing the ports failed: {worker.error}"
            self.show_error(self._scan_error, "A URL or a path below still works; r tries again")
        elif worker.group == "name" and event.state is WorkerState.SUCCESS:
            self.action_rescan()
        elif worker.group == "name" and event.state is WorkerState.ERROR:
            self.show_error(f"It was not named: {worker.error}")
        elif worker.group == "access" and event.state is WorkerState.SUCCESS and worker.result:
            self.query_one("#empty", Line).show(empty_text(str(worker.result), demo=self._demo))
        elif worker.group == "elfs" and event.state is WorkerState.SUCCESS:
            self.query_one(OpenForm).offer_elfs(worker.result or ())

    # Leaving with an answer

    @on(DataTable.RowSelected, "#ports")
    def _row_selected(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self._open_port()

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._open_form()

    @on(Button.Pressed)
    def _pressed(self, event: Button.Pressed) -> None:
        event.stop()
        actions: dict[str | None, Callable[[], None]] = {
            "open": self._open_form,
            "demo": self.action_demo,
            "rescan": self.action_rescan,
            "without-probe": self.action_without_probe,
        }
        actions[event.button.id]()

    def _open_form(self) -> None:
        """A URL that was typed goes before the port under the cursor."""
        typed = self.query_one(OpenForm).url
        if not typed:
            self._open_port()
            return
        known = next((port for port in self._ports if typed in (port.nickname, port.device)), None)
        self.typed = typed
        self._open(known.device if known else typed, known)

    def _open_port(self) -> None:
        self.typed = ""
        port = self._selected_port()
        if port is None:
            self.show_error("No port is selected", "Plug a board in, or enter a URL")
        elif not port.online:
            self._absent = port.device
            self.show_error(f"{port.nickname or port.device} is not plugged in", "Plug it in, or choose another")
        else:
            self._open(port.device, port)

    def _open(self, url: str, port: PortRow | None) -> None:
        try:
            request = self.query_one(OpenForm).request(url, port)
        except FieldError as error:
            self.show_error(str(error), error.hint)
        else:
            self.dismiss(request)

    def _can_skip_probe(self) -> bool:
        return self._failed is not None and self._failed.probe

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that would do nothing are not offered."""
        if action == "without_probe":
            return self._can_skip_probe()
        if action == "demo":
            return self._demo
        if action == "beside":
            return self._offers_beside
        if action == "name":
            return self._rename is not None
        if action == "past":
            return self._past is not None
        if action == "manage":
            return self._manage is not None
        if action == "exchange":
            return self._exchange is not None
        return True

    def action_beside(self) -> None:
        """Open what was typed, or the port under the cursor, beside the boards that are open."""
        self.beside = True
        self._open_form()
        if self in self.app.screen_stack:
            self.beside = False

    def action_without_probe(self) -> None:
        """Open what just failed, without the probe."""
        if self._failed is not None:
            self.dismiss(replace(self._failed, probe=False))

    def action_toggle_probe(self) -> None:
        """Turn the probe tick box."""
        self.query_one(OpenForm).toggle_probe()

    def action_focus_url(self) -> None:
        """Go to the URL field."""
        self.query_one("#url").focus()

    def action_focus_line(self) -> None:
        """Go to the settings of the line."""
        self.query_one(LineFields).focus_first()

    def action_demo(self) -> None:
        """Open the simulated board."""
        self._open(DEMO_URL, None)

    def action_name(self) -> None:
        """Ask for a nickname of the board on the port under the cursor."""
        from espmon.tui.screens.port_naming import name_prompt

        port, name = self._selected_port(), self._rename
        if port is None or name is None:
            return
        if not port.key:
            self.show_error(f"{port.device} cannot be named", "Nothing tells it from others: it is no USB port")
            return

        changed = self.query_one(OpenForm).changed()

        def answered(nickname: str | None) -> None:
            if nickname is not None:
                self._give_name(name, port.key, {**changed, "nickname": nickname} if nickname else {"nickname": ""})

        self.app.push_screen(name_prompt(port, self._ports, changed), answered)

    @work(thread=True, group="name", exit_on_error=False)
    def _give_name(self, name: Callable[[str, Changes], None], key: str, changes: Changes) -> None:
        name(key, changes)

    def action_past(self) -> None:
        """A session that was recorded, in place of a port."""
        if self._past is not None:
            self._past(self.take_recording)

    def take_recording(self, path: Path) -> None:
        """This session or log file, in place of a port."""
        self.recording = path
        self.dismiss(None)

    def action_exchange(self) -> None:
        """What the failed probe said to the board and heard of it."""
        if self._exchange is not None:
            self._exchange()

    def action_manage(self) -> None:
        """Open the device manager."""
        if self._manage is not None:
            self._manage()

    def action_leave(self) -> None:
        """From a field back to the list; from the list, leave without opening anything."""
        table = self.query_one(PortTable)
        if self.focused is not None and self.focused is not table:
            table.focus()
        else:
            self.dismiss(None)
