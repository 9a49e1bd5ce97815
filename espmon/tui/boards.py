"""What the device manager lists and changes: the registry, and the boards that are plugged in now. Runs in threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from espmon.tui.screens.devices import DeviceRow


def load(discover: Callable[[], Sequence[Any]]) -> list[DeviceRow]:
    """Known boards with the port each is on, then boards that are plugged in and have no name yet."""
    from espmon.port import DeviceRegistry
    from espmon.tui.screens.devices import DeviceRow

    ports = {port.key: port for port in discover() if getattr(port, "key", "")}
    rows: list[DeviceRow] = []
    for device in DeviceRegistry().devices():
        port = ports.pop(device.key, None)
        row = DeviceRow(**device.to_json())
        rows.append(row if port is None else replace(row, port=port.device, product=port.product))
    rows += [
        DeviceRow(key, port=port.device, product=port.product, chip=port.chip_guess, known=False)
        for key, port in ports.items()
    ]
    return rows


def save(key: str, changes: Mapping[str, Any]) -> None:
    """Write the changed fields; the others stay as they are. Raises `PortError` with what is wrong."""
    from espmon.port import DeviceRegistry

    DeviceRegistry().update(key, **changes)


def remove(key: str) -> None:
    """Forget a board."""
    from espmon.port import DeviceRegistry

    DeviceRegistry().remove(key)
