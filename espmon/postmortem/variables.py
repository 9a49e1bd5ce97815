"""Arguments and local variables of frames, with their types and values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from espmon.model.stack_frame import FrameState
from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dwarf_functions import original
from espmon.postmortem.frame_reader import FrameReader
from espmon.postmortem.frame_scopes import Scoped
from espmon.postmortem.memory import Memory
from espmon.postmortem.postmortem_error import PostmortemError, reading
from espmon.postmortem.symbolizer import Symbolizer
from espmon.postmortem.typed_value import TypedValue

MAX_VARIABLES = 256
"""Variables of one physical frame."""


class Variable(NamedTuple):
    """A variable of a frame; `function` is the one it belongs to."""

    name: str
    argument: bool
    function: str | None
    content: TypedValue

    @property
    def type(self) -> str:
        """Its type as the source writes it."""
        return self.content.type

    @property
    def value(self) -> str | None:
        """Its value on one line, None where it is not known."""
        return self.content.to_text() if self.content.known else None

    @property
    def note(self) -> str:
        """Why the value is not known."""
        return self.content.note or next((field.value.note for field in self.content.fields if field.value.note), "")

    def to_json(self) -> dict[str, str | None]:
        """The variable on one line, as a core dump's report has those where it crashed."""
        note = "" if self.value is not None else self.note
        return {
            "function": self.function, "type": self.type, "name": self.name, "value": self.value, "note": note,
        }  # fmt: skip

    def to_full_json(self) -> dict[str, object]:
        """The variable with its members and what it points to."""
        return {"name": self.name, "argument": self.argument, "value": self.content.to_json()}


class FrameVariables(NamedTuple):
    """The variables of one line of a backtrace, by the line's index: arguments first, then those of inner blocks."""

    frame: int
    function: str | None
    variables: tuple[Variable, ...]

    def to_json(self) -> dict[str, object]:
        """The frame's variables as reports have them."""
        return {
            "frame": self.frame,
            "function": self.function,
            "variables": [item.to_full_json() for item in self.variables],
        }


def variables_of(
    symbolizer: Symbolizer, memory: Memory, states: Sequence[FrameState], call_bytes: int
) -> list[FrameVariables]:
    """Return the variables of the first of some frames: of what is inlined there, innermost first, and of the function.

    Args:
        symbolizer: the program.
        memory: the dump's.
        states: the frame and its callers, innermost first: callers know what they passed.
        call_bytes: how far before a return address its call is.

    A frame that the debug information does not describe has none.
    """
    try:
        with reading(f"variables at 0x{states[0].address:08x}"):
            reader = FrameReader(symbolizer, memory, states, call_bytes)
            found: list[FrameVariables] = []
            left = MAX_VARIABLES
            for index, scope in enumerate(reader.scopes()):
                name = reader.functions.name(scope.position)
                shown = [_variable(reader, item, name) for item in _declared(scope.variables)[:left]]
                left -= len(shown)
                found.append(FrameVariables(states[0].first + index, name, tuple(shown)))
            return found
    except PostmortemError:
        return []


def _declared(items: Sequence[Scoped]) -> list[Scoped]:
    """Those with a name that are of this function: nothing that is only declared in it."""
    found = []
    for item in items:
        _, _, attributes = original(item.unit, item.position)
        own = isinstance(attributes.get(dw.AT_NAME), str) and dw.AT_DECLARATION not in attributes
        if own and dw.AT_EXTERNAL not in attributes:
            found.append(item)
    return sorted(found, key=lambda item: not item.argument)


def _variable(reader: FrameReader, item: Scoped, function: str | None) -> Variable:
    _, _, attributes = original(item.unit, item.position)
    return Variable(str(attributes[dw.AT_NAME]), item.argument, function, reader.value(item.unit, item.position)[1])
