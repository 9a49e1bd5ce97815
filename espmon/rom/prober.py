"""Who is there? Reset into the loader, read what it tells, bring the application back."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from espmon.rom import boot_text as boot
from espmon.rom import identity
from espmon.rom.channel import Channel
from espmon.rom.chips import Chip, Chips
from espmon.rom.departure import BoardLeft, Departure
from espmon.rom.loader import Loader, Progress
from espmon.rom.probe_options import USUAL, ProbeOptions
from espmon.rom.restart import (
    APPLICATION,
    DOWNLOAD_MODE,
    MAY_WAIT,
    STUCK,
    UNKNOWN,
    ResetResult,
    finish,
    leave,
    run_to_end,
)
from espmon.rom.rom_error import RomError, RomErrorKind
from espmon.rom.security import security_flags, told_flags
from espmon.rom.spi import FlashId

__all__ = ["APPLICATION", "DOWNLOAD_MODE", "UNKNOWN", "ProbeResult", "identify", "probe"]

ROUNDS = 2
"""How often the identification starts anew when the chip resets in its middle."""

SECURE_DOWNLOAD_WARNING = (
    "The chip is in secure download mode: its fuses forbid reading registers, so MAC, revision, features and flash id "
    "cannot be known"
)


@dataclass(slots=True)
class ProbeResult:
    """What the chip told; None is what it would not tell."""

    chip: str
    """The kind of chip ("ESP32-C3")."""

    key: str
    """The chip's key in the table ("esp32c3")."""

    description: str
    """Part, package and revision in one line ("ESP32-C3 (QFN32) (revision v0.4)")."""

    revision: str | None = None
    mac: str | None = None
    """Six bytes, lower-case hexadecimal, with colons."""

    eui64: str | None = None
    """The IEEE 802.15.4 address of chips that have one: eight bytes."""

    crystal_mhz: int | None = None
    features: list[str] | None = None
    flash: FlashId | None = None
    usb_mode: str | None = None
    """"USB-Serial/JTAG", "USB-OTG" or "UART"."""

    secure_download: bool = False
    security: dict[str, bool] | None = None
    """Flag -> set; None for chips that have none to tell."""

    loader: str = "rom"
    """"rom" or "stub"."""

    after: str = UNKNOWN
    """`APPLICATION`, `DOWNLOAD_MODE` or `UNKNOWN`."""

    elapsed: float = 0.0
    """Seconds for everything."""

    warnings: list[str] = field(default_factory=list)
    pushback: bytes = b""
    """What the application said after the reset: the beginning of the log."""

    transcript: str = ""
    """The exchange, one line an entry, for bug reports."""

    def to_json(self) -> dict[str, Any]:
        """The object that `espmon probe --json` prints."""
        flash = self.flash
        return {
            "chip": self.chip,
            "description": self.description,
            "revision": self.revision,
            "mac": self.mac,
            "eui64": self.eui64,
            "crystal_mhz": self.crystal_mhz,
            "features": self.features,
            "flash": flash
            and {"manufacturer": f"0x{flash.manufacturer:02x}", "device": f"0x{flash.device:04x}", "size": flash.size},
            "usb_mode": self.usb_mode,
            "secure_download": self.secure_download,
            "security": self.security,
            "loader": self.loader,
            "after": self.after,
            "elapsed": round(self.elapsed, 4),
            "warnings": self.warnings,
        }


async def probe(
    channel: Channel,
    *,
    options: ProbeOptions = USUAL,
    flash_id: bool = True,
    on_progress: Progress | None = None,
    chips: Chips | None = None,
    on_interrupted: Callable[[BoardLeft], None] = lambda left: None,
) -> ProbeResult:
    """Identify the chip at the other end of `channel`, and leave its application running.

    The user must have agreed: bytes are sent, and unless `options` forbid it the board is reset.

    Args:
        channel: an open port that nobody else reads.
        options: how the loader is reached, which chip is expected, and how the board is left.
        flash_id: also ask the flash chip who it is.
        on_progress: told in words what is being done.
        chips: the table, if it is loaded already.
        on_interrupted: told how the board was left, when it is cancelled or the channel fails.

    Raises:
        RomError: with `transcript` and `pushback` filled in. What the channel raises passes through. Cancelling takes
            effect at once; the board is still reset back, for at most `espmon.rom.restart.RESTART_SECONDS` seconds.
    """
    start = asyncio.get_running_loop().time()
    loader = Loader(channel, chips)
    reset = options.reset_after
    try:
        result = await _identify_again(loader, options, flash_id, on_progress)
    except RomError as error:
        left = await _bring_back(loader, reset)
        error.transcript, error.pushback = loader.transcript.text(), left.pushback
        error.after = left.after
        error.warnings += left.warnings
        raise
    except BaseException as error:
        # Cancelled, or the channel is gone: whoever cancelled waits for the reset only, not for the board's words.
        departure = Departure(loader)
        left = ResetResult(DOWNLOAD_MODE if loader.in_loader else UNKNOWN, b"")
        if reset and (loader.touched or loader.in_loader):
            left, _ = await run_to_end(leave(loader, look=False))
        cancelled = isinstance(error, asyncio.CancelledError)
        on_interrupted(departure.left(left, reset=reset) if cancelled else departure.deserted())
        raise
    if on_progress and reset:
        on_progress("Restarting the application")
    left = await _bring_back(loader, reset)
    result.after, result.pushback = left.after, left.pushback
    result.warnings += left.warnings
    result.elapsed = asyncio.get_running_loop().time() - start
    result.transcript = loader.transcript.text()
    return result


async def _bring_back(loader: Loader, reset: bool) -> ResetResult:
    if not reset and loader.in_loader:
        return ResetResult(DOWNLOAD_MODE, b"", (STUCK,))
    if not reset:
        return ResetResult(UNKNOWN, b"", (f"The board was not reset back. {MAY_WAIT}",) if loader.touched else ())
    if not (loader.touched or loader.in_loader):
        return ResetResult(UNKNOWN, b"")
    return await finish(leave(loader))


async def _identify_again(
    loader: Loader, options: ProbeOptions, flash_id: bool, on_progress: Progress | None
) -> ProbeResult:
    for left in reversed(range(ROUNDS)):
        await loader.connect(
            reset=options.reset_before, entries=options.entries, attempts=options.attempts, on_progress=on_progress
        )
        try:
            result = await identify(loader, expected=options.chip, flash_id=flash_id, on_progress=on_progress)
        except RomError as error:
            if error.kind is not RomErrorKind.SILENT or not left:
                raise
            loader.transcript.note("the chip fell silent; starting again")
            loader.forget()
            continue
        if left < ROUNDS - 1:
            result.warnings.append("The chip fell silent in the middle and was asked again; it may have reset")
        return result
    raise AssertionError("the last round returns or raises")


async def identify(
    loader: Loader, *, expected: Chip | None = None, flash_id: bool = True, on_progress: Progress | None = None
) -> ProbeResult:
    """Ask a connected loader everything; `after`, `pushback`, `elapsed` and `transcript` stay empty.

    Raises:
        RomError: when the chip is unknown, not the `expected` one, or stops answering. What its fuses forbid is None,
            with a warning.
    """
    tell = on_progress or (lambda text: None)
    tell("Asking which chip it is")
    chip = await loader.detect()
    if expected is not None and chip.key != expected.key:
        raise boot.wrong_chip(chip, expected)
    result = ProbeResult(chip.name, chip.key, chip.name, loader="stub" if loader.is_stub else "rom")
    result.usb_mode = identity.usb_mode_from_ids(chip, loader.channel.usb)
    result.secure_download = loader.secure_download
    result.security = told_flags(loader)
    if loader.secure_download:
        result.warnings.append(SECURE_DOWNLOAD_WARNING)
        result.crystal_mhz = chip.crystal.fixed_mhz
        return result
    watchdog = chip.watchdog
    if watchdog and watchdog.disable_on_usb and result.usb_mode == "USB-Serial/JTAG":
        await loader.disable_watchdogs()
    tell(f"Reading the fuses of the {chip.name}")
    words = await loader.read_words(identity.registers_of(chip))
    values = identity.field_values(chip, words)
    result.description = identity.description(chip, values)
    result.revision = identity.revision(chip, values)
    result.features = identity.features(chip, values)
    result.mac = _hex(identity.mac(chip, words))
    result.eui64 = _hex(identity.eui64(chip, words))
    if result.mac is None:
        result.warnings.append("The fuses hold no MAC address that can be read")
    await _crystal(loader, result)
    await _usb_mode(loader, result, values["revision"])
    if result.security is None:
        result.security = await security_flags(loader) or None
    if flash_id:
        tell("Asking the flash chip who it is")
        await _flash(loader, result)
    return result


def _hex(address: bytes | None) -> str | None:
    return None if address is None else address.hex(":")


async def _crystal(loader: Loader, result: ProbeResult) -> None:
    chip = loader.chip
    registers = identity.crystal_registers(chip, stub=loader.is_stub)
    words = {register: await loader.read_reg(register) for register in registers}
    baud, stub = loader.channel.baud, loader.is_stub
    measured = identity.measured_mhz(chip, words, baud=baud, stub=stub)
    result.crystal_mhz = assumed = identity.crystal_mhz(chip, words, baud=baud, stub=stub)
    if measured is not None and assumed is not None and abs(measured - assumed) > identity.CRYSTAL_TOLERANCE:
        result.warnings.append(
            f"The crystal measures {measured:.1f} MHz, which is no usual rate; {assumed} MHz is assumed"
        )


async def _usb_mode(loader: Loader, result: ProbeResult, revision: int) -> None:
    if result.usb_mode is None and not loader.is_stub:
        register = identity.uart_buffer_register(loader.chip, revision)
        if register is not None:
            word = await loader.read_reg(register)
            result.usb_mode = identity.usb_mode_from_buffer(loader.chip, revision, word)


async def _flash(loader: Loader, result: ProbeResult) -> None:
    try:
        await loader.spi_attach()
        result.flash = await loader.flash_id()
    except RomError as error:
        if error.kind not in (RomErrorKind.REFUSED, RomErrorKind.BAD_REPLY):
            raise
        result.warnings.append(f"The flash chip could not be asked: {error}")
        return
    if result.flash is None:
        result.warnings.append("No flash chip answered: it may be missing, or wired to other pins")
    elif result.flash.size is None:
        result.warnings.append("The flash chip's id does not tell its size")
