"""The functions of one unit: which one covers an address, what is inlined there, and what each is called."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import NamedTuple

from espmon.postmortem import dwarf_abbrev as dw
from espmon.postmortem.demangle import demangle
from espmon.postmortem.dwarf import Ranges
from espmon.postmortem.dwarf_unit import Unit, Value
from espmon.postmortem.postmortem_error import PostmortemError

RANGE = Struct("<II")
MAX_ORIGINS = 16
"""How many abstract origins and specifications are followed before a chain counts as a circle."""
MAX_INLINE_DEPTH = 64
MAX_NAME = 2000

C_LANGUAGES = frozenset({0x01, 0x02, 0x0C, 0x1D, 0x2C, 0x8001})
"""Languages without scopes in names: C and assembly."""

CPP_LANGUAGES = frozenset({0x04, 0x1A, 0x21, 0x2B, 0x3A})
"""C++, whose linkage names tell overloads apart; Rust's name the same by scopes, without their hashes."""

SCOPES = frozenset({dw.TAG_NAMESPACE, dw.TAG_MODULE})
NAMED_SCOPES = frozenset(
    {dw.TAG_NAMESPACE, dw.TAG_MODULE, dw.TAG_STRUCTURE, dw.TAG_CLASS, dw.TAG_UNION, dw.TAG_ENUMERATION}
)
CONTAINERS = NAMED_SCOPES | {dw.TAG_SUBPROGRAM, dw.TAG_LEXICAL_BLOCK, dw.TAG_INLINED}
INSIDE = frozenset({dw.TAG_INLINED, dw.TAG_LEXICAL_BLOCK})


class Inlined(NamedTuple):
    """A function inlined into another: where, its entry's position, and the call's line and file index."""

    depth: int
    ranges: Ranges
    position: int
    origin: int
    call_line: int
    call_file: int


@dataclass(slots=True)
class Function:
    """A function with code: its address ranges and its entry's position."""

    ranges: Ranges
    position: int
    inlined: list[Inlined] | None = None

    @property
    def low(self) -> int:
        """The lowest address of the range that holds the entry point."""
        return self.ranges[0][0]


class Functions:
    """Index of one unit, built on first use; what is inlined is read function by function."""

    def __init__(self, unit: Unit) -> None:
        self.unit = unit
        self._rows = self._collect(SCOPES)
        self._starts = [row[0] for row in self._rows]
        self._complete = False
        self._names: dict[int, str] = {}

    def _collect(self, scopes: frozenset[int]) -> list[tuple[int, int, Function]]:
        unit = self.unit
        rows: list[tuple[int, int, Function]] = []
        pair = RANGE.unpack_from
        budget = unit.dwarf.range_budget(unit)
        for _, position, abbreviation, at in unit.walk(unit.header.first, scopes):
            if abbreviation.tag == dw.TAG_SUBPROGRAM and abbreviation.has_code:
                if abbreviation.range_at >= 0:
                    low, size = pair(unit.data, at + abbreviation.range_at)
                    if size:
                        rows.append((low, low + size, Function([(low, low + size)], position)))
                    continue
                function = Function(unit.dwarf.ranges(unit, unit.attributes(position), budget), position)
                rows.extend((low, high, function) for low, high in function.ranges)
        rows.sort(key=lambda row: row[:2])
        return rows

    @property
    def rows(self) -> list[tuple[int, int, Function]]:
        """Sorted (low, high, function)."""
        return self._rows

    def covering(self, address: int) -> Function | None:
        """Return the innermost function whose ranges hold an address."""
        found = self._search(address)
        if found is None and not self._complete:
            # Functions can also stand inside types and other functions; that is rare and costs a full walk.
            self._complete = True
            self._rows = self._collect(CONTAINERS)
            self._starts = [row[0] for row in self._rows]
            found = self._search(address)
        return found

    def _search(self, address: int) -> Function | None:
        at = bisect_right(self._starts, address) - 1
        best: tuple[int, Function] | None = None
        for index in range(at, max(at - 8, -1), -1):
            low, high, function = self._rows[index]
            if low <= address < high and (best is None or high - low < best[0]):
                best = (high - low, function)
        return best[1] if best else None

    def inlined_at(self, function: Function, address: int) -> list[Inlined]:
        """Return what is inlined at an address, outermost first."""
        if function.inlined is None:
            function.inlined = self._read_inlined(function)
        chain: list[Inlined] = []
        for item in function.inlined:
            if (not chain or item.depth > chain[-1].depth) and any(low <= address < high for low, high in item.ranges):
                chain.append(item)
        return chain

    def _read_inlined(self, function: Function) -> list[Inlined]:
        unit = self.unit
        found: list[Inlined] = []
        budget = unit.dwarf.range_budget(unit)
        for depth, position, abbreviation, _ in unit.walk(function.position, INSIDE):
            if abbreviation.tag != dw.TAG_INLINED or not abbreviation.has_code:
                continue
            attributes = unit.attributes(position)
            ranges = unit.dwarf.ranges(unit, attributes, budget)
            if ranges and depth <= 2 * MAX_INLINE_DEPTH:
                origin = _number(attributes.get(dw.AT_ABSTRACT_ORIGIN))
                line, file = _number(attributes.get(dw.AT_CALL_LINE)), _number(attributes.get(dw.AT_CALL_FILE))
                found.append(Inlined(depth, ranges, position, origin, line, file))
        return found

    def name(self, position: int) -> str | None:
        """Return the qualified name of the function whose entry is at a position, None when it has none."""
        known = self._names.get(position)
        if known is None:
            known = self._names[position] = full_name(self.unit, position) or ""
        return known or None


def _number(value: Value) -> int:
    return value if isinstance(value, int) else 0


def original(unit: Unit, position: int) -> tuple[Unit, int, dict[int, Value]]:
    """Follow abstract origins and specifications to the entry that carries the name.

    Returns its unit and position and the attributes gathered on the way, nearer ones first. Raises `PostmortemError`
    on a circle.
    """
    gathered: dict[int, Value] = {}
    for _ in range(MAX_ORIGINS):
        attributes = unit.attributes(position)
        for key, value in attributes.items():
            gathered.setdefault(key, value)
        reference = attributes.get(dw.AT_ABSTRACT_ORIGIN) or attributes.get(dw.AT_SPECIFICATION)
        if not isinstance(reference, int) or not reference:
            return unit, position, gathered
        unit, position = unit.dwarf.resolve(unit, reference)
    raise PostmortemError(f"unit at 0x{unit.offset:x}: abstract origins form a circle")


def full_name(unit: Unit, position: int) -> str | None:
    """Return the name of an entry with its scopes: `espressif::Driver<int>::start`, None when it has none.

    C++ functions have their parameters too, where a linkage name tells them: `ring::push(int)`.
    """
    home, where, attributes = original(unit, position)
    linkage = attributes.get(dw.AT_LINKAGE_NAME) or attributes.get(dw.AT_MIPS_LINKAGE_NAME)
    if home.root.get(dw.AT_LANGUAGE) in CPP_LANGUAGES:
        if linkage is None:
            linkage = _symbol_name(unit, position)
        if not isinstance(linkage, str):
            linkage = ""
        readable = demangle(linkage)
        if readable != linkage:
            return readable[:MAX_NAME]
    name = attributes.get(dw.AT_NAME) or linkage
    if not isinstance(name, str) or not name:
        return None
    if home.root.get(dw.AT_LANGUAGE) in C_LANGUAGES:
        return name[:MAX_NAME]
    return "::".join([*scopes_of(home, where), name])[:MAX_NAME]


def _symbol_name(unit: Unit, position: int) -> str | None:
    """Return the mangled name the symbol table has for a function: in unnamed namespaces the debug information leaves
    it out.
    """
    low = unit.attributes(position).get(dw.AT_LOW_PC)
    symbol = unit.dwarf.elf.function_at(low) if isinstance(low, int) and low else None
    return symbol.name if symbol is not None and symbol.address == low and symbol.name.startswith("_Z") else None


def scopes_of(unit: Unit, target: int) -> list[str]:
    """Return the names of the namespaces and types around an entry, outermost first."""
    if not any(abbreviation.has_sibling for abbreviation in unit.table.values()):
        return _scope_names(unit, _walked_path(unit, target))
    path: list[tuple[int, int]] = []
    start = unit.header.first
    while True:
        # One level at a time: the container of the target is the last sibling that starts before it.
        before: tuple[int, int] | None = None
        for depth, position, abbreviation, _ in unit.walk(start, frozenset()):
            if position > target or depth != 1:
                break
            if position == target:
                return _scope_names(unit, path)
            before = (position, abbreviation.tag)
            if not abbreviation.children:
                before = None
        if before is None or len(path) > MAX_INLINE_DEPTH:
            return _scope_names(unit, path)
        start = before[0]
        path.append((start, before[1]))


def _walked_path(unit: Unit, target: int) -> list[tuple[int, int]]:
    """Return what is around a function of a unit, outermost first. All entries are passed once, and remembered:
    without sibling references there is no other way.
    """
    if unit.parents is None:
        parents: dict[int, tuple[int, int]] = {}
        around = {0: 0}
        for depth, position, abbreviation, _ in unit.walk(unit.header.first, None):
            if abbreviation.children:
                around[depth] = position
            if abbreviation.children or abbreviation.tag == dw.TAG_SUBPROGRAM:
                parents[position] = (around[depth - 1], abbreviation.tag)
        unit.parents = parents
    path: list[tuple[int, int]] = []
    position = unit.parents.get(target, (0, 0))[0]
    while position:
        parent, tag = unit.parents[position]
        path.append((position, tag))
        position = parent
    path.reverse()
    return path


def _scope_names(unit: Unit, path: Sequence[tuple[int, int]]) -> list[str]:
    names: list[str] = []
    for position, tag in path:
        if tag in NAMED_SCOPES:
            _, _, attributes = original(unit, position)
            name = attributes.get(dw.AT_NAME)
            if isinstance(name, str) and name:
                names.append(name)
            elif tag == dw.TAG_NAMESPACE:
                names.append("(anonymous namespace)")
        elif tag == dw.TAG_SUBPROGRAM:
            name = unit.attributes(position).get(dw.AT_NAME)
            if isinstance(name, str):
                names.append(name)
    return names
