"""Ports: finding them, opening one, bytes in and out, DTR and RTS, and the registry of known devices.

Everything public is named here and imported when it is first used, so that a command pays only for what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.lazy import names_from

if TYPE_CHECKING:
    from espmon.port.base import BaseHandle, CustomSequences
    from espmon.port.config import load_sequences
    from espmon.port.discovery import PortInfo, list_ports, resolve
    from espmon.port.errors import PortError, PortErrorKind
    from espmon.port.handle import CLOSE_LIMIT, READ_LIMIT, Handle, ResetSequence
    from espmon.port.opening import open_handle
    from espmon.port.registry import Device, DeviceRegistry, device_key
    from espmon.port.sequences import parse_sequence
    from espmon.port.watch import PortIdentity, identify, wait_for_port

_HOMES = {
    "BaseHandle": "base",
    "CustomSequences": "base",
    "PortError": "errors",
    "PortErrorKind": "errors",
    "CLOSE_LIMIT": "handle",
    "READ_LIMIT": "handle",
    "Handle": "handle",
    "ResetSequence": "handle",
    "open_handle": "opening",
    "parse_sequence": "sequences",
    "load_sequences": "config",
    "wait_for_port": "watch",
    "identify": "watch",
    "PortIdentity": "watch",
    "device_key": "registry",
    "DeviceRegistry": "registry",
    "Device": "registry",
    "resolve": "discovery",
    "list_ports": "discovery",
    "PortInfo": "discovery",
}

__all__ = [
    "CLOSE_LIMIT",
    "READ_LIMIT",
    "BaseHandle",
    "CustomSequences",
    "Device",
    "DeviceRegistry",
    "Handle",
    "PortError",
    "PortErrorKind",
    "PortIdentity",
    "PortInfo",
    "ResetSequence",
    "device_key",
    "identify",
    "list_ports",
    "load_sequences",
    "open_handle",
    "parse_sequence",
    "resolve",
    "wait_for_port",
]


__getattr__ = names_from(__name__, _HOMES)
