"""How a loader under test may differ from the friendly one: as data, so that a test names what it wants."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from espmon.rom.protocol import Op

Operation = Op
"""Command numbers of the ROM loader and of its stub."""

ALLOWED_IN_SECURE_DOWNLOAD = frozenset(
    {
        Operation.SYNC,
        Operation.GET_SECURITY_INFO,
        Operation.SPI_ATTACH,
        Operation.SPI_SET_PARAMS,
        Operation.CHANGE_BAUDRATE,
        Operation.FLASH_BEGIN,
        Operation.FLASH_DATA,
        Operation.FLASH_END,
        Operation.FLASH_DEFL_BEGIN,
        Operation.FLASH_DEFL_DATA,
        Operation.FLASH_DEFL_END,
    }
)
"""What a chip in secure download mode still does; everything else is refused."""


class Fault(Enum):
    """What happens to one message on its way."""

    LOSE = "the whole message is lost"
    LOSE_BYTE = "one byte in the middle is lost"
    CORRUPT = "one byte in the middle is changed"
    DUPLICATE = "the message arrives twice"
    TRUNCATE = "the second half is lost"
    REJECT = "the loader answers with an error instead (replies only)"


def damage(message: bytes, fault: Fault | None) -> bytes:
    """Apply a fault to the bytes of one message."""
    middle = len(message) // 2
    match fault:
        case Fault.LOSE:
            return b""
        case Fault.LOSE_BYTE:
            return message[:middle] + message[middle + 1 :]
        case Fault.CORRUPT:
            return message[:middle] + bytes([message[middle] ^ 0x55]) + message[middle + 1 :]
        case Fault.DUPLICATE:
            return message + message
        case Fault.TRUNCATE:
            return message[:middle]
        case _:
            return message


@dataclass(frozen=True)
class Quirks:
    """What is special about this loader. The default is strict: replies have the length and form of silicon."""

    strict: bool = True
    """Status bytes, MD5 and security info as real ROMs send them; False: as esp32-mock-bootloader does."""

    secure_download: bool = False
    """Secure download mode: register and memory commands are refused, the flag is set in the security info."""

    error_repeats: int = 1
    """How often a refusal is sent (real ROMs: up to 8)."""

    latency: float = 0.0
    """Seconds before every reply."""

    paced: bool = False
    """Bytes take their line time (10 bits each) at the current rate, both ways."""

    rate_matters: bool = True
    """After CHANGE_BAUDRATE both sides must agree on the rate, else each hears garbage."""

    chunk: int | None = None
    """Most bytes that reach the host in one piece (1: a dribble); None: as the loader wrote them."""

    leading_noise: bytes = b""
    """Sent before the very first reply of each time in the loader: the tail of a boot log."""

    ignored_syncs: int = 0
    """So many SYNC commands stay unanswered after each entry."""

    silent: frozenset[int] = frozenset()
    """Commands that are never answered."""

    silent_after: int | None = None
    """The loader answers so many commands after an entry, then nothing more."""

    reply_faults: Mapping[int, Fault] = field(default_factory=dict)
    """Reply number (0 is the first of the whole run) -> what happens to it."""

    request_faults: Mapping[int, Fault] = field(default_factory=dict)
    """Request number -> what happens to it before the loader sees it."""

    reset_after: int | None = None
    """The chip resets into its application instead of answering this request number (once)."""

    disconnect_at: int | None = None
    """The wire is cut after so many bytes towards the host."""

    stub_running: bool = False
    """A stub is already in RAM: SYNC is answered with value 0 and two status bytes."""

    attach_first: bool = False
    """The flash answers only once it was attached (SPI_ATTACH, or a stub), as silicon's does."""

    programs: bool = False
    """What is loaded into memory and is none of esptool's stubs is a program: it runs, and nothing answers any more."""

    registers: Mapping[int, int] = field(default_factory=dict)
    """Register values that win over the mock's: efuse words, clock dividers, straps."""

    security_flags: int = 0
    """Flag word of the security info, besides the secure download bit."""

    flash_crypt_count: int = 0
    """Flash encryption counter of the security info."""
