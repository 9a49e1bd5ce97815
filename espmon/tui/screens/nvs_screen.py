"""An NVS partition: namespaces, keys and values, and the state of its pages. Nothing here changes anything."""

from __future__ import annotations

from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import DataTable, Footer

from espmon.rom.nvs import NvsContents, NvsItem
from espmon.tui.screens.dialog import Line, copy
from espmon.tui.screens.report_screen import ReportScreen, Section
from espmon.tui.screens.table import Column, KeyedTable, Row
from espmon.tui.stored_values import HIDDEN, is_secret, nvs_summary, page_problems, pages_text, value_text, whole_value

COLUMNS = (
    Column("namespace", "Namespace", 15, fit=True),
    Column("key", "Key", 15, fit=True),
    Column("kind", "Type", 6),
    Column("value", "Value", 20, share=1),
)


class NvsScreen(ModalScreen[None]):
    """Lists what an NVS partition holds; secrets are hidden until they are asked for.

    Args:
        name: the partition.
        contents: what was read of it.
    """

    DEFAULT_CSS = """
    NvsScreen { background: $surface; }
    NvsScreen #heading { padding: 0 1; background: $panel; text-style: bold; color: $text-primary; }
    NvsScreen #problems { padding: 0 1; color: $text-warning; max-height: 6; }
    NvsScreen #pages { height: auto; max-height: 30%; padding: 0 1; border-top: solid $panel; }
    NvsScreen #pages Line { color: $text-muted; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "leave", "Back", key_display="Esc", id="nvs.leave"),
        Binding("enter", "open", "Whole value", id="nvs.open", priority=True, tooltip="Also of what is long or hidden"),
        Binding("m", "secrets", "Show secrets", id="nvs.secrets", tooltip="Passwords and keys, or hide them again"),
        Binding("c", "copy", "Copy", id="nvs.copy", tooltip="The value under the cursor, as it is shown"),
    ]

    def __init__(self, name: str, contents: NvsContents) -> None:
        super().__init__()
        self._name = name
        self._contents = contents
        self._secrets = False

    def compose(self) -> ComposeResult:
        """Heading, problems, values, pages."""
        yield Line("", id="heading")
        yield Line("\n".join(f"! {problem}" for problem in self._problems()), id="problems")
        yield KeyedTable(COLUMNS)
        with VerticalScroll(id="pages", can_focus=False):
            yield Line(pages_text(self._contents.pages))
        yield Footer(show_command_palette=False)

    def _problems(self) -> list[str]:
        damaged = [f"{item.namespace} {item.key}: {item.problem}" for item in self._contents.items if item.problem]
        return [*page_problems(self._contents.pages), *damaged]

    def on_mount(self) -> None:
        """List the values."""
        self.query_one("#problems").display = bool(self._problems())
        self._show()
        self.query_one(KeyedTable).focus()

    def _show(self) -> None:
        hidden = sum(map(is_secret, self._contents.items))
        said = f", {hidden} {HIDDEN}" if hidden and not self._secrets else ""
        self.query_one("#heading", Line).show(f"{self._name}: {nvs_summary(self._contents)}{said}")
        self.query_one(KeyedTable).show(
            [
                Row(
                    str(index),
                    {
                        "namespace": item.namespace,
                        "key": item.key,
                        "kind": item.kind,
                        "value": value_text(item, secrets=self._secrets),
                    },
                    colours={"value": "text-warning"} if item.problem else {},
                    style="dim" if is_secret(item) and not self._secrets else "",
                )
                for index, item in enumerate(self._contents.items)
            ]
        )
        self.refresh_bindings()

    @property
    def _selected(self) -> NvsItem | None:
        key = self.query_one(KeyedTable).selected
        return None if key is None else self._contents.items[int(key)]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only what can be done is offered."""
        if action in ("open", "copy"):
            return bool(self._contents.items)
        if action == "secrets":
            return any(map(is_secret, self._contents.items))
        return True

    @on(DataTable.RowSelected)
    def _chosen(self, event: DataTable.RowSelected) -> None:
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """All of a value; one that is hidden stays so until secrets are shown."""
        item = self._selected
        if item is None:
            return
        rows = [("namespace", item.namespace), ("key", item.key), ("type", item.kind), ("bytes", str(item.size))]
        if item.problem:
            rows.append(("problem", item.problem))
        hidden = is_secret(item) and not self._secrets
        text = f"{HIDDEN}: m in the list shows secrets" if hidden else whole_value(item)
        sections = [Section("Stored", tuple(rows)), Section("Value", text=text)]
        self.app.push_screen(ReportScreen(f"{item.namespace} {item.key}", sections))

    def action_secrets(self) -> None:
        """Show what is hidden, or hide it again."""
        self._secrets = not self._secrets
        self._show()

    def action_copy(self) -> None:
        """The value under the cursor, as it is shown."""
        if self._selected is not None:
            copy(self.app, value_text(self._selected, secrets=self._secrets), "Value")

    def action_leave(self) -> None:
        """Close."""
        self.dismiss(None)
