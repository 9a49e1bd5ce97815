"""What the device manager lists and changes: the registry, and the boards that are plugged in now. Runs in threads."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from espmon.port import PortInfo
    from espmon.tui.screens.device_form import Changes
    from espmon.tui.screens.device_manager import DeviceRow
    from espmon.tui.screens.ports import PortRow

MAX_HOLDERS = 16
"""Ports whose holder is looked up at most; looking goes through the files of every process."""


def ports(discover: Callable[[], Sequence[PortInfo]]) -> list[PortRow]:
    """Ports for the picker: those that are here with what is remembered of them, then known boards that are not."""
    from espmon.port import DeviceRegistry, PortError
    from espmon.port.line_format import LineFormat
    from espmon.port.platform import holders
    from espmon.tui.screens.ports import PortRow, port_row

    found = list(discover())
    try:
        known = {device.key: device for device in DeviceRegistry().devices()}
    except PortError:
        known = {}  # the device manager says what is wrong with the registry
    rows: list[PortRow] = []
    for number, port in enumerate(found):
        row = port_row(port)
        device = known.pop(port.key, None)
        if device is not None:
            row = replace(row, baud=device.baud, elf=Path(device.elf) if device.elf else None)
            row = replace(row, dtr=device.dtr, rts=device.rts)
            row = replace(row, line=LineFormat.parse(device.line) if device.line else None)
            row = replace(row, nickname=device.nickname or row.nickname, chip_guess=device.chip or row.chip_guess)
            row = replace(row, product=device.name or row.product)
        if number < MAX_HOLDERS and not row.busy:
            others = [str(holder) for holder in holders(row.device) if holder.pid != os.getpid()]
            row = replace(row, busy=", ".join(others))
        rows.append(row)
    rows += [
        PortRow(
            device.key,
            product=device.name or device.description,
            nickname=device.nickname,
            reason="known, not plugged in",
            key=device.key,
            chip_guess=device.chip,
            online=False,
        )
        for device in known.values()
    ]
    return rows


def find_elfs(folder: Path) -> list[Path]:
    """Application ELFs of the builds below `folder`, newest first."""
    from espmon.session.elves import discover

    return [found.path for found in discover(folder)]


def load(discover: Callable[[], Sequence[PortInfo]]) -> list[DeviceRow]:
    """Known boards with the port each is on, then boards that are plugged in and have no name yet."""
    from espmon.port import DeviceRegistry
    from espmon.tui.screens.device_manager import DeviceRow

    ports = {port.key: port for port in discover() if port.key}
    rows: list[DeviceRow] = []
    for device in DeviceRegistry().devices():
        port = ports.pop(device.key, None)
        row = DeviceRow(**{field.name: getattr(device, field.name) for field in fields(device)})
        rows.append(row if port is None else replace(row, port=port.device, product=port.product))
    rows += [
        DeviceRow(key, port=port.device, product=port.product, chip=port.chip_guess, known=False)
        for key, port in ports.items()
    ]
    return rows


def save(key: str, changes: Changes) -> None:
    """Write the changed fields; the others stay as they are. Raises `PortError` with what is wrong."""
    from espmon.port import DeviceRegistry

    DeviceRegistry().update(key, **changes)


def remove(key: str) -> None:
    """Forget a board."""
    from espmon.port import DeviceRegistry

    DeviceRegistry().remove(key)
