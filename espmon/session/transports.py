"""What the transport that a board announces means for its port: what resets and sleep do to it.

Source: ESP-IDF programmer's guide, "USB Serial/JTAG Controller Console", "USB OTG Console" and "Sleep Modes".
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from espmon.records.capabilities import Capabilities


class Transport(NamedTuple):
    """One kind of console."""

    expected: str
    """What becomes of the port when the board resets or sleeps."""

    when_lost: str
    """What a port that is gone most likely means."""


TRANSPORTS: Mapping[str, Transport] = {
    "uart": Transport(
        "the port stays through resets and sleep",
        "The board's console is a UART, whose port stays through resets: the adapter was unplugged, or lost power",
    ),
    "usb_serial_jtag": Transport(
        "the port may go for a moment at a reset, and is gone in sleep until the board wakes",
        "The board's console is USB Serial/JTAG, whose port goes in sleep, and may at a reset",
    ),
    "usb_cdc": Transport(
        "the port goes at each reset, comes back once the application runs, and is gone in sleep",
        "The board's console is USB CDC, whose port goes at each reset, and in sleep",
    ),
}
"""`transport` of an announcement -> what to expect; others are shown as they were announced."""


def transport_of(capabilities: Capabilities | None) -> Transport | None:
    """What is expected of the port, None where nothing is known."""
    return None if capabilities is None else TRANSPORTS.get(capabilities.transport)
