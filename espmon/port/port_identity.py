"""Which of the ports that are there now is one that was there before: by serial number, else by its place on the bus.

A serial number decides where it is the device's own. Bridges of one kind may all have the same, and so have chips in
their ROM loader; there the place decides. A chip with USB of its own may come back as another product (its ROM loader,
what its program makes of its USB); a bridge never does.
"""

from __future__ import annotations

import os
import string
from collections.abc import Callable, Collection
from dataclasses import dataclass

from espmon.port.discovery import PortInfo, Source, _system_ports, factory_serials, list_ports, own_vendor
from espmon.port.port_error import PortError, PortErrorKind

BRIDGE = "usb-uart"
"""`PortInfo.kind` of what stays the same device whatever the chip behind it does."""

MAC_DIGITS = 12


@dataclass(frozen=True, slots=True)
class PortIdentity:
    """What a port is known by."""

    url: str
    """What was opened: path or URL."""

    serial_number: str = ""
    location: str = ""
    vid: int | None = None
    pid: int | None = None
    kind: str = ""
    """See `PortInfo`."""

    shared_serial: bool = False
    """Other devices have its serial number too, or may well have."""


def identity_of(url: str, port: PortInfo, ports: Collection[PortInfo]) -> PortIdentity:
    """The identity of `port`, one of `ports`, opened as `url`."""
    place = _socket(port)
    twins = [
        other for other in ports if other.serial_number == port.serial_number and _socket(other) != place and place
    ]
    shared = bool(port.serial_number) and (bool(twins) or port.serial_number in factory_serials())
    return PortIdentity(url, port.serial_number, port.location, port.vid, port.pid, port.kind, shared)


def identify(url: str, *, source: Source = _system_ports) -> PortIdentity:
    """The identity of a port that is connected now. Reads the system's list; opens nothing."""
    if "://" not in url:
        real = os.path.realpath(url)
        ports = list_ports(show_all=True, source=source)
        for port in ports:
            if real in (port.device, os.path.realpath(port.device)) or port.device == url:
                return identity_of(url, port, ports)
    return PortIdentity(url)


def matching_port(identity: PortIdentity, ports: Collection[PortInfo], before: Collection[str] = ()) -> PortInfo | None:
    """The one of `ports` that is the port of `identity`, None where it is not there.

    Args:
        identity: what is looked for.
        ports: what is there now.
        before: locations of ports that were there when it was not: a device there that has its serial number by
            chance is another one.

    Raises:
        PortError: AMBIGUOUS, several have its serial number and nothing tells them apart.
    """
    same_place = [port for port in ports if identity.location and port.location == identity.location]
    here = [port for port in same_place if _may_be(identity, port)]
    if identity.serial_number:
        own = _digits(identity.serial_number)
        same = [port for port in ports if _digits(port.serial_number) == own]
        if identity.shared_serial and not any(port in same_place for port in same):
            same = _not_a_twin(same, before) if len(here) != 1 else []
        if len(same) > 1:
            same = _narrowed(identity, same)
        if len(same) > 1:
            names = ", ".join(port.device for port in same)
            raise PortError(
                PortErrorKind.AMBIGUOUS,
                f"{identity.url} is gone, and {names} all have its serial number",
                "Choose the port again",
            )
        if same:
            return same[0]
    return here[0] if len(here) == 1 else None


def _not_a_twin(same: list[PortInfo], before: Collection[str]) -> list[PortInfo]:
    """Those that have come since; one alone that was there all the time is another device."""
    new = [port for port in same if port.location not in before]
    return new if new or len(same) == 1 else same


def _narrowed(identity: PortIdentity, same: list[PortInfo]) -> list[PortInfo]:
    """Cheap adapters share one serial number, and a device with two ports has it on both."""
    interface = identity.location.partition(":")[2]
    tests: tuple[Callable[[PortInfo], bool], ...] = (
        lambda port: bool(identity.location) and port.location == identity.location,
        lambda port: bool(interface) and port.location.partition(":")[2] == interface,
        lambda port: port.device == identity.url,
    )
    for fits in tests:
        same = [port for port in same if fits(port)] or same
    return same


def _may_be(identity: PortIdentity, port: PortInfo) -> bool:
    """Whether a device in the socket of another one can be the same, although its serial number does not say so."""
    serials = identity.serial_number, port.serial_number
    same_product = identity.vid == port.vid and identity.pid in (None, port.pid)
    if all(map(_is_mac, serials)):
        return False  # both say which chip they are, and it is not the same
    if BRIDGE in (identity.kind, port.kind):
        return same_product and not all(serials)
    if same_product:
        return not all(serials)
    # The loader and the application of one chip may name themselves differently.
    return identity.vid == port.vid or own_vendor() in (identity.vid, port.vid) or not identity.kind


def _digits(serial_number: str) -> str:
    """A serial number without what loader and application write differently: `34:85:18:...` is `348518...`."""
    plain = serial_number.replace(":", "").replace("-", "").upper()
    return plain if _is_mac(plain) else serial_number


def _is_mac(serial_number: str) -> bool:
    plain = serial_number.replace(":", "").replace("-", "")
    return len(plain) == MAC_DIGITS and all(sign in string.hexdigits for sign in plain)


def _socket(port: PortInfo) -> str:
    """The place on the bus without the interface: `1-1.4` of `1-1.4:1.0`."""
    return port.location.partition(":")[0]
