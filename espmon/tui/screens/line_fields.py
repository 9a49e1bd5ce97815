"""One row for how a serial line is spoken: data bits, parity, stop bits, flow control, DTR and RTS at open."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Generic, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Select

from espmon.port.line_format import DATA_BITS, LEVELS, STOP_BITS, Flow, LineFormat, Parity, level_word
from espmon.tui.screens.dialog import Line

Value = TypeVar("Value")

PARITIES = {
    Parity.NONE: "no parity",
    Parity.EVEN: "even parity",
    Parity.ODD: "odd parity",
    Parity.MARK: "mark parity",
    Parity.SPACE: "space parity",
}
FLOWS = {Flow.NONE: "no flow", Flow.RTS_CTS: "RTS/CTS", Flow.XON_XOFF: "XON/XOFF"}
AS_IS = "as is"
"""A modem line that nothing is done to."""


class Choice(Select[Value], Generic[Value]):
    """One value of few; left and right go to the choice beside it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "app.focus_previous", show=False),
        Binding("right", "app.focus_next", show=False),
    ]

    def __init__(self, options: Iterable[tuple[str, Value]], value: Value, *, id: str) -> None:
        super().__init__(options, value=value, allow_blank=False, compact=True, id=id)

    @property
    def chosen(self) -> Value:
        """What it stands on."""
        value = self.selection
        assert value is not None, "blank is not allowed"
        return value


class LineFields(Horizontal):
    """The choices; `line`, `dtr` and `rts` are what they stand on.

    Args:
        line: the format that was asked for; shown where no other is remembered.
        dtr: how DTR is left, None as it is.
        rts: the same of RTS.
    """

    DEFAULT_CSS = """
    LineFields { height: 1; overflow-x: auto; scrollbar-size: 0 0; }
    LineFields Select { margin-left: 0; margin-right: 0; }
    LineFields #data-bits { width: 10; }
    LineFields #parity { width: 15; }
    LineFields #stop-bits { width: 11; }
    LineFields #flow { width: 11; }
    LineFields #dtr, LineFields #rts { width: 12; }
    """

    def __init__(self, line: LineFormat, dtr: bool | None, rts: bool | None, *, id: str, classes: str) -> None:
        super().__init__(id=id, classes=classes)
        self._asked = self._filled = line
        bits = [(f"{count} bits", count) for count in reversed(DATA_BITS)]
        self._data_bits = Choice(bits, line.data_bits, id="data-bits")
        self._parity = Choice([(text, parity) for parity, text in PARITIES.items()], line.parity, id="parity")
        self._stop_bits = Choice([(f"{count:g} stop", count) for count in STOP_BITS], line.stop_bits, id="stop-bits")
        self._flow = Choice([(text, flow) for flow, text in FLOWS.items()], line.flow, id="flow")
        self._asked_levels = {"dtr": dtr, "rts": rts}
        self._filled_levels = dict(self._asked_levels)
        self._levels = {name: _level(name, level) for name, level in self._asked_levels.items()}

    def compose(self) -> ComposeResult:
        """The label and the choices, in the order in which `8N1 rts-cts` names them."""
        yield Line("Line")
        yield from (self._data_bits, self._parity, self._stop_bits, self._flow)
        yield from self._levels.values()

    @property
    def line(self) -> LineFormat:
        """The format that is chosen."""
        return LineFormat(self._data_bits.chosen, self._parity.chosen, self._stop_bits.chosen, self._flow.chosen)

    @property
    def dtr(self) -> bool | None:
        """How DTR is left, None as it is."""
        return LEVELS.get(self._levels["dtr"].chosen)

    @property
    def rts(self) -> bool | None:
        """How RTS is left, None as it is."""
        return LEVELS.get(self._levels["rts"].chosen)

    @property
    def changed(self) -> dict[str, LineFormat | bool | None]:
        """What the user has chosen otherwise than it was filled in: `line`, `dtr`, `rts`."""
        changed: dict[str, LineFormat | bool | None] = {} if self.line == self._filled else {"line": self.line}
        levels = {"dtr": self.dtr, "rts": self.rts}
        return changed | {name: level for name, level in levels.items() if level is not self._filled_levels[name]}

    def show_remembered(self, line: LineFormat | None, dtr: bool | None, rts: bool | None) -> None:
        """Show what is remembered of a port, else what was asked for; what the user has chosen stays."""
        changed = self.changed
        for name, level in {"dtr": dtr, "rts": rts}.items():
            if name not in changed:
                self._filled_levels[name] = level = self._asked_levels[name] if level is None else level
                self._levels[name].value = level_word(level) or AS_IS
        if "line" in changed:
            return
        self._filled = line or self._asked
        self._data_bits.value = self._filled.data_bits
        self._parity.value = self._filled.parity
        self._stop_bits.value = self._filled.stop_bits
        self._flow.value = self._filled.flow

    def focus_first(self) -> None:
        """Go to the data bits."""
        self._data_bits.focus()

    def on_select_changed(self, event: Select.Changed) -> None:
        """The form around needs to know nothing of it."""
        event.stop()


def _level(name: str, level: bool | None) -> Choice[str]:
    return Choice([(f"{name.upper()} {word}", word) for word in (AS_IS, *LEVELS)], level_word(level) or AS_IS, id=name)
