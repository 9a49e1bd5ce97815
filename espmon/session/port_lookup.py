"""Opening what a user typed: nicknames resolved, configured reset sequences honoured. Everything opens this way."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from espmon.port import open_handle
from espmon.port.config import load_sequences
from espmon.port.handle import PortWarningKind
from espmon.port.place_address import is_place, place_address
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.threads import run_bounded

if TYPE_CHECKING:
    from espmon.port import CustomSequences, Handle, PortIdentity

Result = TypeVar("Result")

LOOK_SECONDS = 5.0
"""Seconds for reading the system's list of ports, and the user's configuration files."""


def port_of(name: str) -> str:
    """What to open for a nickname, path, USB serial number or URL. Reads the registry and the system's list.

    Raises `PortError`: several matches, or none.
    """
    if is_place(name):
        return place_address(name).url
    if ("://" in name and not name.lower().startswith("hwgrep://")) or (os.sep in name and os.path.exists(name)):
        return name  # what it says is what is opened; neither list is needed
    from espmon.port import DeviceRegistry, resolve

    return resolve(name, DeviceRegistry())


async def find_port(name: str) -> str:
    """The same off the event loop; see `looked_up`."""
    return await looked_up(lambda: port_of(name))


async def looked_up(work: Callable[[], Result]) -> Result:
    """What `work` reads from the registry and the system's list of ports, on a thread.

    Raises what `work` raises, and `PortError` STALLED after `LOOK_SECONDS`.
    """
    try:
        return await run_bounded(work, LOOK_SECONDS, name="port-name")
    except TimeoutError:
        raise _late("list its ports", "Unplug the device and plug it in again, or name its path") from None


def _late(what: str, hint: str) -> PortError:
    return PortError(PortErrorKind.STALLED, f"the system did not {what} within {LOOK_SECONDS:g} s", hint)


async def open_url(url: str, *, baud: int = 115200, no_reset: bool = False) -> Handle:
    """Open a path or URL with the reset sequences that the user configured. Raises `PortError`."""
    return await open_handle(url, baud=baud, no_reset=no_reset, sequences=await _configured())


async def open_to_monitor(url: str, *, baud: int = 115200, no_reset: bool = False) -> Handle:
    """The same for a log: sequences that cannot be used are a warning of the handle, and the usual ones are used."""
    try:
        sequences, problem = await _configured(), None
    except PortError as error:
        sequences, problem = None, error
    handle = await open_handle(url, baud=baud, no_reset=no_reset, sequences=sequences)
    if problem is not None:
        handle.warn(PortWarningKind.SEQUENCES, f"{problem.message}: the usual reset sequences are used")
    return handle


async def _configured() -> CustomSequences | None:
    """The user's reset sequences. Raises `PortError`."""
    try:
        return await run_bounded(load_sequences, LOOK_SECONDS, name="reset-sequences")
    except TimeoutError:
        raise _late("read the reset sequences in your configuration files", "Is the home folder reachable?") from None


async def open_port(name: str, *, baud: int = 115200) -> Handle:
    """Open whatever the user typed. Raises `PortError`."""
    return await open_url(await find_port(name), baud=baud)


def remember_chip(identity: PortIdentity, chip: str, mac: str) -> None:
    """Keep what a probe found for the next time; nothing is kept for a port that cannot be told from others.

    File work: run it off the event loop. Raises `PortError` when the registry cannot be written.
    """
    from espmon.port import DeviceRegistry, device_key

    key = device_key(identity.serial_number, identity.location)
    if key:
        DeviceRegistry().update(key, chip=chip, mac=mac)
