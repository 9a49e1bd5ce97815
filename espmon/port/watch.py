"""Waiting for a port to come back, by what it is and not by the name it happened to have."""

from __future__ import annotations

import asyncio
import os
import time

from espmon.port import platform
from espmon.port.discovery import PortInfo, Source, _system_ports, list_ports
from espmon.port.place_address import is_place
from espmon.port.port_identity import PortIdentity, matching_port
from espmon.port.threads import run_bounded
from espmon.time_limit import time_limit

POLL_SECONDS = 0.02
"""Seconds between looks; one look is two stat calls."""

RESCAN_SECONDS = 0.08
"""Seconds after which the system's list is read again although no device seems to have come or gone (in a container
the stamp may not change); reading it takes about a millisecond."""

EAGER_SECONDS, CALM_RESCAN_SECONDS = 30.0, 0.5
"""Seconds after which a port is likelier asleep than at a loose plug, and the list is read that seldom from then on."""

PERMISSION_SECONDS = 1.0
"""Seconds for udev to hand a new device to its group; after that opening it says what is wrong."""

REMOTE_RETRY_SECONDS = 0.05
"""Seconds before a remote port is worth another try; there is no way to look without connecting, and being refused
costs next to nothing."""

PLACE_RETRY_SECONDS = 1.0
"""The same for a labgrid place, whose coordinator is asked by starting a program."""

LIST_SECONDS = 5.0
"""Seconds for reading the system's list."""


async def wait_for_port(
    identity: PortIdentity, *, poll: float = POLL_SECONDS, timeout: float | None = None, source: Source = _system_ports
) -> str:
    """Wait until the port is there and may be opened; returns what to open. Never opens it.

    By USB serial number, else by its place on the bus (see `matching_port`), else by the path (a symbolic link counts
    when its target is there). A remote port is given back after `REMOTE_RETRY_SECONDS`. A list that the system does not
    give within `LIST_SECONDS` is asked for again. Raises TimeoutError after `timeout` seconds (None: waits for ever),
    `PortError` AMBIGUOUS when several ports have the same serial number and nothing tells them apart.
    """
    async with time_limit(timeout):
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
    before: frozenset[str] | None = None
    calm_from = time.monotonic() + EAGER_SECONDS
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
                next_scan = now + (RESCAN_SECONDS if now < calm_from else CALM_RESCAN_SECONDS)
                ports = await _listed(source)
                if before is None:
                    before = frozenset(port.location for port in ports)
                port = matching_port(identity, ports, before)
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


async def _listed(source: Source) -> list[PortInfo]:
    try:
        return await run_bounded(lambda: list_ports(show_all=True, source=source), LIST_SECONDS, name="port-list")
    except TimeoutError:
        return []


def _name(identity: PortIdentity, port: PortInfo) -> str:
    """The user's own name (a by-id link) where it means this port, else the device."""
    same = os.path.realpath(identity.url) == os.path.realpath(port.device)
    return identity.url if same and platform.exists(identity.url) else port.device
