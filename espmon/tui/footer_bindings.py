"""Which of the keys that work stand in the footer, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from textual.binding import ActiveBinding, Binding

from espmon.tui.footer_room import fitting_keys


def dress_footer(
    found: dict[str, ActiveBinding], hidden: frozenset[str], *, palette: bool, help_key: str | None
) -> None:
    """Leave the actions `hidden` out of the footer, and the palette or not; help is shown with a key of its own."""
    for key, active in found.items():
        binding = active.binding
        if binding.id == "app.palette":
            found[key] = active._replace(binding=replace(binding, show=palette))
        elif binding.id in hidden:
            found[key] = active._replace(binding=replace(binding, show=False))
        elif binding.id == "app.help" and help_key is not None:
            found[key] = active._replace(binding=replace(binding, key_display=help_key))


def fit_footer(found: dict[str, ActiveBinding], width: int, key_display: Callable[[Binding], str]) -> None:
    """Leave out of the footer what there is no room for in `width` cells (0: not known yet), so that nothing is cut."""
    shown: dict[str, ActiveBinding] = {}
    for active in found.values():
        if active.binding.show:
            shown.setdefault(active.binding.action, active)
    offered = {
        active.binding.id or "": (key_display(active.binding), active.binding.description) for active in shown.values()
    }
    left_out = offered.keys() - fitting_keys(offered, width)
    for key, active in found.items():
        if active.binding.id in left_out:
            found[key] = active._replace(binding=replace(active.binding, show=False))
