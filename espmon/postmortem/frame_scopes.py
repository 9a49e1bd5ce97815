"""Which variables are visible at an address: of the function there, and of each one inlined into it."""

from __future__ import annotations

from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.dwarf_unit import Unit, Value
from espmon.postmortem.postmortem_error import PostmortemError

MAX_SCOPES = 200
MAX_SCOPED = 2_000
"""Variables of one physical frame."""

VARIABLES = frozenset({dw.TAG_PARAMETER, dw.TAG_VARIABLE})
WITH_ADDRESSES = frozenset({dw.AT_LOW_PC, dw.AT_HIGH_PC, dw.AT_RANGES})


class Scoped(NamedTuple):
    """An entry of a variable; `argument`: it is a parameter."""

    unit: Unit
    position: int
    argument: bool


class FunctionScope(NamedTuple):
    """A function that runs at an address, inlined or not, with its visible variables: those of inner blocks first."""

    unit: Unit
    position: int
    variables: list[Scoped]


def scopes_at(unit: Unit, position: int, address: int) -> list[FunctionScope]:
    """Return the functions at an address of the function whose entry is at `position`, innermost first.

    Raises `PostmortemError` where the debug information is damaged.
    """
    collector = _Collector(address)
    collector.function(unit, position)
    return collector.functions[::-1]


class _Collector:
    def __init__(self, address: int) -> None:
        self.address = address
        self.functions: list[FunctionScope] = []
        self._left = MAX_SCOPED
        self._scopes = MAX_SCOPES

    def function(self, unit: Unit, position: int) -> None:
        scope = FunctionScope(unit, position, [])
        self.functions.append(scope)
        for block in self._block(unit, position, scope)[::-1]:
            scope.variables.extend(block)

    def _block(self, unit: Unit, position: int, scope: FunctionScope) -> list[list[Scoped]]:
        """The variables of a block, and behind them those of the blocks in it that hold the address."""
        self._scopes -= 1
        if self._scopes < 0:
            raise PostmortemError(f"unit at 0x{unit.offset:x}: too many blocks at 0x{self.address:08x}")
        own: list[Scoped] = []
        inner: list[list[Scoped]] = []
        described: set[int] = set()
        inlined: list[int] = []
        for depth, where, abbreviation, _ in unit.walk(position, frozenset()):
            if depth != 1:
                continue
            tag = abbreviation.tag
            if tag in VARIABLES or tag in (dw.TAG_LEXICAL_BLOCK, dw.TAG_INLINED):
                attributes = unit.attributes(where)
                origin = attributes.get(dw.AT_ABSTRACT_ORIGIN)
                if isinstance(origin, int):
                    described.add(origin)
                if tag in VARIABLES:
                    self._add(own, unit, where, tag)
                elif tag == dw.TAG_INLINED:
                    if self._holds(unit, attributes):
                        inlined.append(where)
                elif not WITH_ADDRESSES & attributes.keys():
                    first, *rest = self._block(unit, where, scope)
                    own += first
                    inner += rest
                elif self._holds(unit, attributes):
                    inner += self._block(unit, where, scope)
        self._undescribed(unit, position, described, own)
        for where in inlined[:1]:
            self.function(unit, where)
        return [own, *inner]

    def _undescribed(self, unit: Unit, position: int, described: set[int], own: list[Scoped]) -> None:
        """Variables that only the source has: what runs here does not describe them any more."""
        origin = unit.attributes(position).get(dw.AT_ABSTRACT_ORIGIN)
        if not isinstance(origin, int):
            return
        home, start = unit.dwarf.resolve(unit, origin)
        for depth, where, abbreviation, _ in home.walk(start, frozenset({dw.TAG_LEXICAL_BLOCK})):
            if abbreviation.tag in VARIABLES and depth == 1 and home.offset + where not in described:
                self._add(own, home, where, abbreviation.tag)
            elif abbreviation.tag == dw.TAG_LEXICAL_BLOCK and depth == 1 and home.offset + where not in described:
                first, *_ = _Collector(self.address)._block(home, where, FunctionScope(home, where, []))
                own += first

    def _add(self, own: list[Scoped], unit: Unit, position: int, tag: int) -> None:
        self._left -= 1
        if self._left >= 0:
            own.append(Scoped(unit, position, tag == dw.TAG_PARAMETER))

    def _holds(self, unit: Unit, attributes: dict[int, Value]) -> bool:
        return any(low <= self.address < high for low, high in unit.dwarf.ranges(unit, attributes))
