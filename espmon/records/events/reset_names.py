"""Names and classes of reset reasons, by the printed name and by the chips' tables."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, NamedTuple

from espmon.data import load_table
from espmon.model.chip_identity import ChipIdentity, ResetReason, chip_identities

UNKNOWN = "unknown"


class ResetClass(NamedTuple):
    """What resets of one class mean."""

    expected: bool | None
    """What the class says by itself; a software reset is decided by what came before it."""

    hint: str | None = None
    in_a_loop: str | None = None
    """What a loop of resets means that are nothing to worry about one by one."""


_TABLE: Mapping[str, Mapping[str, Any]] = load_table(os.path.dirname(__file__), "reset_classes.json")

CLASSES: Mapping[str, ResetClass] = {name: ResetClass(**row) for name, row in _TABLE["classes"].items()}


def _rows() -> Iterator[tuple[ChipIdentity, int, ResetReason]]:
    for chip in chip_identities().values():
        for code, row in chip.reset_reasons.items():
            yield chip, code, row


@cache
def _classes_by_name() -> Mapping[str, str]:
    classes: dict[str, str] = {}
    for _, _, (name, kind) in _rows():
        # A name that means different things on different chips tells no class by itself.
        classes[name.upper()] = kind if classes.get(name.upper(), kind) == kind else UNKNOWN
    return classes


@cache
def _agreed(code: int) -> str:
    """The class that all chips but the ESP8266 give a code, "unknown" when they differ."""
    kinds = {kind for chip, number, (_, kind) in _rows() if number == code and chip.key != "esp8266"}
    return kinds.pop() if len(kinds) == 1 else UNKNOWN


def reason_name(code: int, chip: str | None, begun: str = "") -> str:
    """What a code is called, where the print was cut behind `begun`; "unknown" when nothing tells.

    A chip without a table gets no other chip's name: it may mean something else there. Where the chip is not known, the
    name is that of a chip that begins so, if all chips mean the same by the code.
    """
    rows = [(of.key, row) for of, number, row in _rows() if number == code]
    if chip is not None:
        return next((row[0] for of, row in rows if of == chip), UNKNOWN)
    if _agreed(code) == UNKNOWN:
        return UNKNOWN
    names = [row[0] for of, row in rows if of != "esp8266" and row[0].startswith(begun)]
    return names[0] if names else UNKNOWN


def reason_class(reason: str, code: int, chip: str | None) -> str:
    """The class of a reset reason: by its chip's table, by its printed name, or as all chips agree where this one has
    no table.
    """
    identity = chip_identities().get(chip or "")
    rows = identity.reset_reasons if identity is not None else {}
    row = rows.get(code)
    upper = reason.upper()
    if row is not None and upper in (row.name.upper(), UNKNOWN.upper()):
        return row.group
    known = _classes_by_name().get(upper, UNKNOWN)
    if known != UNKNOWN:
        return known
    # What stands in a name that no chip has.
    by_part = next((name for part, name in _TABLE["parts_of_names"].items() if part in upper), None)
    if by_part is not None:
        return str(by_part)
    if row is not None:
        return row.group
    return UNKNOWN if rows else _agreed(code)


def chip_of(code: int, name: str) -> str | None:
    """The only chip whose ROM calls the reason so; None when there are several."""
    printed = ((chip, number, row) for chip, number, row in _rows() if chip.prints_reset_names)
    chips = [chip.key for chip, number, row in printed if number == code and row.name == name]
    return chips[0] if len(chips) == 1 else None
