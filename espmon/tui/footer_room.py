"""Which keys a footer has room for: what does not fit is left out whole."""

from __future__ import annotations

from collections.abc import Mapping

from rich.cells import cell_len

FOOTER_DROP_ORDER = (
    "filter.level_all",
    "filter.saved",
    "filter.save",
    "app.palette",
    "board.screenshot",
    "log.filter",
    "log.search",
    "log.inspector",
    "app.help",
    "log.input",
    "events.kind",
    "app.menu",
    "input.eol",
    "input.complete",
    "events.open",
    "search.case",
    "picker.line",
    "picker.url",
    "picker.demo",
    "picker.probe",
    "picker.past",
)
"""Actions that a footer without room for all does without, first to last."""


def fitting_keys(offered: Mapping[str, tuple[str, str]], width: int) -> list[str]:
    """The ids for which there is room in `width` cells; `offered` is id -> (key, label), as they stand."""
    cells = {name: cell_len(f" {key} {label} ") for name, (key, label) in offered.items()}
    for name in FOOTER_DROP_ORDER:
        if sum(cells.values()) > width > 0:
            cells.pop(name, 0)
    return list(cells)
