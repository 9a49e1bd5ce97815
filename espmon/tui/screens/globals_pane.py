"""All global variables of a dump as a tree that is read where it is opened, with a filter by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.widgets import Input, Tree
from textual.widgets.tree import TreeNode
from textual.worker import Worker, WorkerState

from espmon.postmortem.global_variables import GlobalVariable, GlobalVariables
from espmon.postmortem.typed_value import TypedValue
from espmon.text import plain
from espmon.tui.screens.dialog import Line, clip

MAX_SHOWN = 300
"""Variables in the tree at once; the filter finds the others."""

MAX_LABEL = 200

Node = TypedValue | GlobalVariable
"""What a node of the tree is: a part of a value, or a variable that was not read yet."""


def matching(items: Sequence[GlobalVariable], text: str) -> list[GlobalVariable]:
    """The variables whose names or files have every word of a text, whatever the case; by name."""
    words = text.lower().split()
    found = [item for item in items if all(word in f"{item.name} {item.file or ''}".lower() for word in words)]
    return sorted(found, key=lambda item: (item.name.lower(), item.address))


class GlobalsPane(Vertical):
    """The filter, how many there are, and the tree.

    Args:
        read: the variables of the dump; None where there is no ELF to describe them. Called in a thread.
    """

    DEFAULT_CSS = """
    GlobalsPane Input { height: 1; border: none; padding: 0 1; background: $boost; }
    GlobalsPane Tree { height: 1fr; background: transparent; padding: 0; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "Filter", show=False, id="globals.filter"),
    ]

    def __init__(self, read: Callable[[], GlobalVariables] | None) -> None:
        super().__init__(id="globals")
        self._read = read
        self._globals: GlobalVariables | None = None
        self._items: list[GlobalVariable] = []
        self._asked = False

    def compose(self) -> ComposeResult:
        """One above the other."""
        yield Input(placeholder="name or file", id="globals-filter")
        yield Line("", id="globals-count")
        yield Tree[Node]("", id="globals-tree")

    def on_mount(self) -> None:
        """The root of the tree is none of the variables."""
        self._tree.show_root = False
        if self._read is None:
            self.query_one("#globals-count", Line).show("They need the application's ELF.")

    @property
    def _tree(self) -> Tree[Node]:
        return self.query_one("#globals-tree", Tree)

    @property
    def text(self) -> str:
        """What the tree shows, as it is copied."""
        lines: list[str] = []

        def add(node: TreeNode[Node], depth: int) -> None:
            lines.append("  " * depth + str(node.label))
            if node.is_expanded:
                for child in node.children:
                    add(child, depth + 1)

        for node in self._tree.root.children:
            add(node, 0)
        return "\n".join(lines)

    def open(self) -> None:
        """The pane is looked at: read the list, once."""
        if not self._asked and self._read is not None:
            self._asked = True
            self.query_one("#globals-count", Line).show("They are read ...")
            self._list(self._read)

    @work(thread=True, exclusive=True, group="globals", exit_on_error=False)
    def _list(self, read: Callable[[], GlobalVariables]) -> tuple[GlobalVariables, list[GlobalVariable]]:
        variables = read()
        return variables, list({item.address: item for item in variables.all()}.values())

    @work(thread=True, group="globals-values", exit_on_error=False)
    def _value(self, node: TreeNode[Node], item: GlobalVariable) -> tuple[TreeNode[Node], GlobalVariable, TypedValue]:
        assert self._globals is not None
        return node, item, self._globals.value(item)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        """Show what was read."""
        event.stop()
        if event.state is WorkerState.ERROR:
            self.query_one("#globals-count", Line).show(plain(f"They could not be read: {event.worker.error}"))
        if event.state is not WorkerState.SUCCESS:
            return
        match event.worker.result:
            case (GlobalVariables() as variables, list() as items):
                self._globals, self._items = variables, items
                self._fill()
            case (TreeNode() as node, GlobalVariable() as item, TypedValue() as value):
                self._fill_node(node, item.name, value)

    @on(Input.Changed, "#globals-filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._fill()

    @on(Input.Submitted, "#globals-filter")
    def _filter_left(self, event: Input.Submitted) -> None:
        event.stop()
        self._tree.focus()

    def action_filter(self) -> None:
        """Type a filter."""
        self.query_one("#globals-filter", Input).focus()

    def _fill(self) -> None:
        found = matching(self._items, self.query_one("#globals-filter", Input).value)
        more = len(found) - MAX_SHOWN
        shown = f", the first {MAX_SHOWN} are shown: filter by name" if more > 0 else ""
        if self._globals is not None:
            self.query_one("#globals-count", Line).show(f"{len(found)} of {len(self._items)} variables{shown}")
        self._tree.clear()
        for item in found[:MAX_SHOWN]:
            node = self._tree.root.add(label(item.name, item.file or ""), item)
            node.allow_expand = True

    @on(Tree.NodeExpanded)
    def _expanded(self, event: Tree.NodeExpanded[Node]) -> None:
        """A variable is read when it is opened; what is inside of it is there then."""
        event.stop()
        node = event.node
        if isinstance(node.data, GlobalVariable):
            self._value(node, node.data)
        elif isinstance(node.data, TypedValue) and not node.children:
            add_parts(node, node.data)

    def _fill_node(self, node: TreeNode[Node], name: str, value: TypedValue) -> None:
        node.data = value
        node.set_label(label(name, f"({value.type}) = {value.to_text()}"))
        add_parts(node, value)
        if not node.children:
            node.allow_expand = False


def label(name: str, rest: str) -> Text:
    """A name and what is said of it, never markup."""
    return Text.assemble((plain(name), "bold"), " ", clip(plain(rest), MAX_LABEL))


def add_parts(node: TreeNode[Node], value: TypedValue) -> None:
    """Add the members, elements and the target of a value below its node."""
    for field in value.fields:
        shown = f"[{field.name}]" if value.kind == "array" else field.name or "<unnamed>"
        _add(node, shown, field.value)
    if value.left_out:
        node.add_leaf(label("...", f"{value.left_out} more"))
    if value.target is not None:
        _add(node, "*", value.target)


def _add(node: TreeNode[Node], name: str, value: TypedValue) -> None:
    child = node.add(label(name, f"({value.type}) = {value.to_text()}"), value)
    child.allow_expand = bool(value.fields) or value.target is not None
