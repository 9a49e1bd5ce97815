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
    from espmon.port.discovery import PortInfo, list_ports, resolve, usb_words
    from espmon.port.handle import (
        CLOSE_SECONDS,
        MAX_READ,
        TO_ACT_ON,
        Handle,
        PortWarning,
        PortWarningKind,
        ResetSequence,
    )
    from espmon.port.line_format import USUAL, Flow, LineFormat, Parity
    from espmon.port.opening import open_handle
    from espmon.port.port_error import PortError, PortErrorKind
    from espmon.port.port_identity import PortIdentity, identify
    from espmon.port.sequences import is_chip_usb, parse_sequence
    from espmon.port.watch import wait_for_port

_HOMES = {
    "base_handle": "BaseHandle CustomSequences",
    "config": "load_sequences",
    "device_registry": "Device DeviceRegistry device_key",
    "discovery": "PortInfo list_ports resolve usb_words",
    "handle": "CLOSE_SECONDS Handle MAX_READ PortWarning PortWarningKind ResetSequence TO_ACT_ON",
    "line_format": "Flow LineFormat Parity USUAL",
    "opening": "open_handle",
    "port_error": "PortError PortErrorKind",
    "port_identity": "PortIdentity identify",
    "sequences": "is_chip_usb parse_sequence",
    "watch": "wait_for_port",
}

__all__ = [
    "CLOSE_SECONDS", "MAX_READ", "TO_ACT_ON", "USUAL", "BaseHandle", "CustomSequences", "Device", "DeviceRegistry",
    "Flow", "Handle", "LineFormat", "Parity", "PortError", "PortErrorKind", "PortIdentity", "PortInfo",
    "PortWarning", "PortWarningKind", "ResetSequence", "device_key", "identify", "is_chip_usb", "list_ports",
    "load_sequences", "open_handle", "parse_sequence", "resolve", "usb_words", "wait_for_port",
]  # fmt: skip


__getattr__ = names_from(__name__, _HOMES)
