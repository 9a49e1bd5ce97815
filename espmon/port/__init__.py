"""Ports: finding them, opening one, bytes in and out, DTR and RTS, and the registry of known devices.

Everything public is named here and imported when it is first used, so that a command pays only for what it needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from espmon.lazy import names_from

if TYPE_CHECKING:
    from espmon.port.base_handle import BaseHandle, CustomSequences
    from espmon.port.config import load_sequences
    from espmon.port.device_registry import Device, DeviceRegistry, device_key
    from espmon.port.discovery import PortInfo, list_ports, resolve
    from espmon.port.handle import (
        CLOSE_SECONDS,
        MAX_READ,
        TO_ACT_ON,
        Handle,
        PortWarning,
        PortWarningKind,
        ResetSequence,
    )
    from espmon.port.opening import open_handle
    from espmon.port.port_error import PortError, PortErrorKind
    from espmon.port.sequences import parse_sequence
    from espmon.port.watch import PortIdentity, identify, wait_for_port

_HOMES = {
    "BaseHandle": "base_handle",
    "CustomSequences": "base_handle",
    "PortError": "port_error",
    "PortErrorKind": "port_error",
    "CLOSE_SECONDS": "handle",
    "MAX_READ": "handle",
    "Handle": "handle",
    "PortWarning": "handle",
    "PortWarningKind": "handle",
    "TO_ACT_ON": "handle",
    "ResetSequence": "handle",
    "open_handle": "opening",
    "parse_sequence": "sequences",
    "load_sequences": "config",
    "wait_for_port": "watch",
    "identify": "watch",
    "PortIdentity": "watch",
    "device_key": "device_registry",
    "DeviceRegistry": "device_registry",
    "Device": "device_registry",
    "resolve": "discovery",
    "list_ports": "discovery",
    "PortInfo": "discovery",
}

__all__ = [
    "CLOSE_SECONDS",
    "MAX_READ",
    "TO_ACT_ON",
    "BaseHandle",
    "CustomSequences",
    "Device",
    "DeviceRegistry",
    "Handle",
    "PortError",
    "PortErrorKind",
    "PortIdentity",
    "PortInfo",
    "PortWarning",
    "PortWarningKind",
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
