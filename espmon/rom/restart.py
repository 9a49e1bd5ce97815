"""Bringing the board back to its application, and seeing whether it came."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, NamedTuple, TypeVar

from espmon.rom import boot_text as boot
from espmon.rom.loader import Loader
from espmon.rom.rom_error import RomError
from espmon.time_limit import time_limit

Result = TypeVar("Result")

LOOK_SECONDS = 0.6
"""Seconds to wait for the board to say what it does."""

PROOF_SECONDS = 0.05
"""Seconds to wait, after the ROM has said that it starts from flash, for what it finds there: at 115200 baud it says so
within 10 ms."""

LOOK_BYTES = 1 << 16
"""Bytes after which looking ends, whatever they say."""

RESTART_SECONDS = 3.0
"""Most seconds that bringing the board back may take."""

ASK_SECONDS = 1.0
"""Most of them spent on asking the loader how it can be left."""

APPLICATION = "application"
DOWNLOAD_MODE = "download mode"
UNKNOWN = "unknown"

STUCK = "The board waits in download mode: press its EN (RST) key to start the application"


MAY_WAIT = "It may wait in download mode: press its EN (RST) key to start the application"


class ResetResult(NamedTuple):
    """How the board was left."""

    after: str
    """`APPLICATION`, `DOWNLOAD_MODE` or `UNKNOWN`."""

    pushback: bytes
    """What the board said meanwhile; it belongs to the log."""

    warnings: tuple[str, ...] = ()


async def leave(loader: Loader, *, look: bool = True) -> ResetResult:
    """Restart the application, as well as this port allows, and look at what the board says.

    The host's baud rate is put back first. Errors of the channel become warnings: what was learnt before stays good,
    and whoever reads the channel next is told of them anyway.

    Args:
        loader: connected or not.
        look: False: do not wait for the board to speak.
    """
    try:
        async with time_limit(RESTART_SECONDS):
            return await _leave(loader, look)
    except TimeoutError:
        return ResetResult(
            UNKNOWN, b"", (f"The port did not bring the board back within {RESTART_SECONDS:g} s. {MAY_WAIT}",)
        )
    except Exception as error:  # noqa: BLE001 - the channel's errors belong to another room; they are told, not lost
        loader.transcript.note(f"while leaving: {error}")
        return ResetResult(UNKNOWN, b"", (f"The port failed while the board was brought back: {error}. {MAY_WAIT}",))


async def _leave(loader: Loader, look: bool) -> ResetResult:
    channel = loader.channel
    if channel.baud != loader.initial_baud:
        await channel.set_baud(loader.initial_baud)
    sequence = channel.hard_reset_sequence() if channel.has_modem_lines else None
    if sequence is None:
        if loader.in_loader:
            return ResetResult(DOWNLOAD_MODE, b"", (f"This port cannot reset the board. {STUCK}",))
        return ResetResult(UNKNOWN, b"")
    await loader.settle()
    try:
        async with time_limit(ASK_SECONDS):
            by_watchdog = await _needs_watchdog(loader)
    except (RomError, TimeoutError) as error:
        loader.transcript.note(f"the loader cannot be asked how to leave it: {error}")
        by_watchdog = False
    if by_watchdog:
        loader.transcript.note("reset into the application: watchdog")
        await loader.watchdog_reset()
    else:
        loader.transcript.note(f"reset into the application: {sequence.name}")
        loader.forget()
        await channel.run_sequence(sequence)
    if not look:
        return ResetResult(UNKNOWN, b"")
    after, heard = await _look(loader)
    refused = boot.refusal(heard) if after != DOWNLOAD_MODE else None
    if refused is not None:
        return ResetResult(
            UNKNOWN, heard, (f"The board has no application that it can start: its ROM says {refused!r}",)
        )
    return ResetResult(after, heard, (STUCK,) if after == DOWNLOAD_MODE else ())


async def _needs_watchdog(loader: Loader) -> bool:
    # Over USB-OTG the ROM remembers to stay in its loader, and so does a BOOT key that was held by hand.
    usb = loader.channel.usb
    if not loader.in_loader or not loader.identified or loader.secure_download or usb is None:
        return False
    chip = loader.chip
    if usb[1] != chip.otg_pid:
        return False
    if chip.force_download is not None:
        await loader.write_reg(chip.force_download.register, 0, chip.force_download.mask)
    if chip.otg_watchdog_reset == "when strapped" and chip.strap is not None:
        return not await loader.read_reg(chip.strap.register) & chip.strap.mask
    return chip.otg_watchdog_reset == "always"


async def _look(loader: Loader) -> tuple[str, bytes]:
    loop = asyncio.get_running_loop()
    end = loop.time() + LOOK_SECONDS
    heard = bytearray()
    from_flash = False
    while (left := end - loop.time()) > 0 and len(heard) < LOOK_BYTES:
        data = await loader.channel.read(left)
        loader.transcript.received(data)
        heard += data
        text = bytes(heard)
        told = boot.says(text)
        if told == DOWNLOAD_MODE or (told is not None and (boot.starts(text) or boot.refusal(text))):
            return told, text
        if told is not None and not from_flash:
            from_flash, end = True, min(end, loop.time() + PROOF_SECONDS)
    return boot.says(bytes(heard)) or UNKNOWN, bytes(heard)


async def run_to_end(work: Coroutine[Any, Any, Result]) -> tuple[Result, bool]:
    """Run `work`, which must have a limit of its own, to its end, even while the caller is being cancelled.

    Returns its result, and whether a cancellation arrived meanwhile; that is the caller's to obey.
    """
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            cancelled = True
    return task.result(), cancelled


async def finish(work: Coroutine[Any, Any, Result]) -> Result:
    """Run `work` like `run_to_end`; a cancellation that arrives meanwhile is raised again when the work is done."""
    result, cancelled = await run_to_end(work)
    if cancelled:
        raise asyncio.CancelledError
    return result
