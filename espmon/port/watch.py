"""Waiting for a port to come back, by what it is and not by the name it happened to have."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass

from espmon.port import platform
from espmon.port.discovery import PortInfo, Source, _system_ports, list_ports
from espmon.port.place_address import is_place
from espmon.port.port_error import PortError, PortErrorKind
from espmon.port.threads import run_bounded

POLL_SECONDS = 0.02
"""Seconds between looks; one look is two stat calls."""

RESCAN_SECONDS = 0.08
"""Seconds after which the system's list is read again although no device seems to have come or gone (in a container
the stamp may not change); reading it takes about a millisecond."""

PERMISSION_SECONDS = 1.0
"""Seconds for udev to hand a new device to its group; after that opening it says what is wrong."""

REMOTE_RETRY_SECONDS = 0.05
"""Seconds before a remote port is worth another try; there is no way to look without connecting, and being refused
costs next to nothing."""

PLACE_RETRY_SECONDS = 1.0
"""The same for a labgrid place, whose coordinator is asked by starting a program."""

LIST_SECONDS = 5.0
"""Seconds for reading the system's list."""


@dataclass(frozen=True, slots=True)
class PortIdentity:
    """What a port is known by."""

    url: str
    """What was opened: path or URL."""

    serial_number: str = ""
    location: str = ""
    vid: int | None = None


def identify(url: str, *, source: Source = _system_ports) -> PortIdentity:
    """The identity of a port that is connected now. Reads the system's list; opens nothing."""
    if "://" not in url:
        real = os.path.realpath(url)
        for port in list_ports(show_all=True, source=source):
            if real in (port.device, os.path.realpath(port.device)) or port.device == url:
                return PortIdentity(url, port.serial_number, port.location, port.vid)
    return PortIdentity(url)


def _match(identity: PortIdentity, ports: list[PortInfo]) -> PortInfo | None:
    same_place = [port for port in ports if identity.location and port.location == identity.location]
    if identity.serial_number:
        same = [port for port in ports if port.serial_number == identity.serial_number]
        if len(same) > 1:
            # Cheap adapters share one serial number, and a chip with two ports has it on both.
            same = [port for port in same if port in same_place] or same
            same = [port for port in same if port.device == identity.url] or same
        if len(same) > 1:
            names = ", ".join(port.device for port in same)
            raise PortError(
                PortErrorKind.AMBIGUOUS,
                f"{identity.url} is gone, and {names} all have its serial number",
                "Choose the port again",
            )
        if same:
            return same[0]
        # The loader and the application of one chip may name themselves differently: same maker, same socket.
        same_place = [port for port in same_place if port.vid == identity.vid]
    return same_place[0] if len(same_place) == 1 else None


async def wait_for_port(
    identity: PortIdentity, *, poll: float = POLL_SECONDS, timeout: float | None = None, source: Source = _system_ports
) -> str:
    """Wait until the port is there and may be opened; returns what to open. Never opens it.

    By USB serial number, else by its place on the bus, else by the path (a symbolic link counts when its target is
    there). A remote port is given back after `REMOTE_RETRY_SECONDS`. Raises TimeoutError after `timeout` seconds (None:
    waits for ever), `PortError` AMBIGUOUS when several ports have the same serial number and nothing tells them apart.
    """
    async with asyncio.timeout(timeout):
        if "://" in identity.url:
            await asyncio.sleep(PLACE_RETRY_SECONDS if is_place(identity.url) else REMOTE_RETRY_SECONDS)
            return identity.url
        return await _wait_local(identity, poll, source)


async def _wait_local(identity: PortIdentity, poll: float, source: Source) -> str:
    by_path = not (identity.serial_number or identity.location)
    stamp: int | None = None
    scan_until = next_scan = 0.0
    found = ""
    unusable_since: float | None = None
    while True:
        now = time.monotonic()
        if by_path:
            found = identity.url if platform.exists(identity.url) else ""
        else:
            new_stamp = platform.device_stamp()
            if new_stamp != stamp:
                # The stamp is coarse (one tick of the kernel): look some more times after a change.
                stamp, scan_until = new_stamp, now + 4 * poll
            if now <= scan_until or now >= next_scan:
                next_scan = now + RESCAN_SECONDS
                ports = await run_bounded(
                    lambda: list_ports(show_all=True, source=source), LIST_SECONDS, name="port-list"
                )
                port = _match(identity, ports)
                found = _name(identity, port) if port is not None else ""
        if not found:
            unusable_since = None
        elif platform.usable(found):
            return found
        else:
            unusable_since = unusable_since or now
            if now - unusable_since >= PERMISSION_SECONDS:
                return found
        await asyncio.sleep(poll)


def _name(identity: PortIdentity, port: PortInfo) -> str:
    """The user's own name (a by-id link) where it means this port, else the device."""
    same = os.path.realpath(identity.url) == os.path.realpath(port.device)
    return identity.url if same and platform.exists(identity.url) else port.device
