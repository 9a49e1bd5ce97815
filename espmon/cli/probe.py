"""`espmon probe PORT`: who is there. Asks before it resets anything."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

from espmon.cli.command_runner import Exit, clean, command_parser, fail, print_json, run_command, say
from espmon.cli.consent import require_consent
from espmon.cli.place_consent import lent_port
from espmon.cli.port_options import PORT_HELP
from espmon.port.port_error import PortError
from espmon.rom.probe_options import MAX_ATTEMPTS, USUAL, ProbeOptions
from espmon.rom.rom_error import RomError

if TYPE_CHECKING:
    from espmon.port import PortIdentity
    from espmon.rom.chips import Chip
    from espmon.rom.prober import ProbeResult

QUESTIONS = {
    (True, True): "Probing resets the board on {port} and interrupts what it does.",
    (True, False): "Probing resets the board on {port} into its loader and leaves it there.",
    (False, True): "Probing sends bytes to {port}, input to an application; a loader that answers is restarted.",
    (False, False): "Probing sends bytes to {port}, input to an application; espmon itself moves no line.",
}
"""(It is reset before, it is reset after) -> what is asked."""

DOINGS = {True: "probing resets the board", False: "probing sends bytes to the board"}
"""Whether a line may be moved -> what needs the answer."""

BEFORE = {"default-reset": (True, None), "usb-reset": (True, "usb-jtag-serial"), "no-reset": (False, None)}
"""esptool's name -> (the board is reset, the sequence where it is not the port's own)."""

AFTER = {"hard-reset": True, "no-reset": False}
"""esptool's name -> the board is reset."""

ONLY_ESPTOOL = frozenset({"no-reset-no-sync", "soft-reset", "no-reset-stub", "watchdog-reset"})
"""Names that esptool knows and a probe has no use for."""

ANY_CHIP = "auto"
"""esptool's word for no chip in particular."""

MAX_DIGITS = 9
"""Most digits that are read as a number."""


def mode_of(known: Iterable[str]) -> Callable[[str], str]:
    """For argparse: one of esptool's names, also as its older versions spell them ("no_reset")."""

    def mode(text: str) -> str:
        name = text.replace("_", "-")
        if name in known:
            return name
        why = "is esptool's alone" if name in ONLY_ESPTOOL else "is not known"
        raise argparse.ArgumentTypeError(f"{text!r} {why}; there are {', '.join(known)}")

    return mode


def attempts_of(text: str) -> int:
    """For argparse: how often, within its limits."""
    if not (text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS and 1 <= int(text) <= MAX_ATTEMPTS):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of attempts; 1 to {MAX_ATTEMPTS} are possible")
    return int(text)


def chip_of(text: str) -> Chip | None:
    """For argparse: the chip of a name as esptool or people write it ("esp32c3", "ESP32-C3"); None: any."""
    from espmon.rom.chips import load_chips

    key = text.lower().replace("-", "")
    chips = load_chips().chips
    if key != ANY_CHIP and key not in chips:
        raise argparse.ArgumentTypeError(f"{text!r} is no chip; there are {', '.join((ANY_CHIP, *chips))}")
    return chips.get(key)


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    result = command_parser("probe", "Reset the board into its loader, tell which chip it is, start its application.")
    result.add_argument("port", metavar="PORT", help=PORT_HELP)
    result.add_argument("-y", "--yes", action="store_true", help="do not ask (for scripts)")
    result.add_argument("--json", action="store_true", help="one JSON object on stdout")
    result.add_argument("-b", "--baud", type=int, default=115200, help="rate in baud (default: %(default)s)")
    result.add_argument(
        "--before",
        metavar="HOW",
        type=mode_of(BEFORE),
        default="default-reset",
        help=f"the way into the loader: {', '.join(BEFORE)} (default: %(default)s)",
    )
    result.add_argument(
        "--after",
        metavar="HOW",
        type=mode_of(AFTER),
        default="hard-reset",
        help=f"how the board is left: {', '.join(AFTER)} (default: %(default)s)",
    )
    result.add_argument(
        "--attempts", metavar="N", type=attempts_of, help=f"resets before giving up, 1 to {MAX_ATTEMPTS} (default: 7)"
    )
    result.add_argument("--chip", metavar="NAME", type=chip_of, help="the chip that must answer, as in esp32c3")
    result.add_argument("--no-flash-id", action="store_true", help="do not ask the flash chip who it is")
    result.add_argument("--transcript", action="store_true", help="also print the exchange on stderr, for bug reports")
    return result


def main(arguments: Sequence[str]) -> int:
    """Run the command; returns the exit code: 2 no consent possible, 3 no port, 4 no answer from the chip."""
    return run_command(parser(), arguments, run, {RomError: int(Exit.CHIP)})


def how_to_probe(options: argparse.Namespace) -> ProbeOptions:
    """What the command line says about reaching and leaving the loader."""
    reset, sequence = BEFORE[options.before]
    entries = None
    if sequence is not None:
        from espmon.port.sequences import named_sequence

        entries = (named_sequence(sequence),)
    return ProbeOptions(
        reset_before=reset,
        reset_after=AFTER[options.after],
        entries=entries,
        attempts=options.attempts,
        chip=options.chip,
    )


def run(options: argparse.Namespace) -> int:
    """Ask, probe, print."""
    if options.baud <= 0:
        fail(Exit.USAGE, f"{options.baud} is not a rate in baud")
    how = how_to_probe(options)
    if not options.yes:
        resets = how.reset_before, how.reset_after
        require_consent(QUESTIONS[resets].format(port=clean(options.port)), doing=DOINGS[any(resets)])
    try:
        with lent_port(options.port, yes=options.yes) as port:
            result = probe_port(
                port, baud=options.baud, how=how, flash_id=not options.no_flash_id, tell=not options.json
            )
    except RomError as error:
        for warning in error.warnings:
            say(warning)
        _show_transcript(options, error.transcript)
        raise
    for warning in result.warnings:
        say(f"Warning: {warning}")
    if options.json:
        print_json(result.to_json())
    else:
        for label, value in summary(result):
            print(f"{label + ':':<12}{clean(value)}")
    _show_transcript(options, result.transcript)
    return int(Exit.DONE)


def probe_port(
    port: str, *, baud: int, how: ProbeOptions = USUAL, flash_id: bool = True, tell: bool = False
) -> ProbeResult:
    """Open `port`, probe it once, close it, remember what was found. Raises `PortError` or `RomError`."""
    from espmon.cli.interruptible import run_interruptible

    return run_interruptible(probe_once(port, baud=baud, how=how, flash_id=flash_id, tell=tell))


async def probe_once(
    port: str, *, baud: int, how: ProbeOptions = USUAL, flash_id: bool = True, tell: bool = False
) -> ProbeResult:
    """The same, on a loop that is there."""
    import asyncio

    from espmon.cli.interruptible import say_cancelled
    from espmon.port.handle import PortWarningKind
    from espmon.rom.departure import BoardLeft
    from espmon.rom.prober import probe
    from espmon.rom.restart import run_to_end
    from espmon.session.port_lookup import find_port, open_url, remember_chip

    def interrupted(left: BoardLeft) -> None:
        say(f"espmon: Interrupted. {left.sentence}")

    with say_cancelled():
        url = await find_port(port)
        handle = await open_url(url, baud=baud, no_reset=not how.reset_before)
    try:
        for warning in handle.warnings:
            if warning.kind is PortWarningKind.NO_LINES or not how.reset_before:
                say(f"Warning: {clean(warning.text)}")
        progress = say if tell else None
        result = await probe(handle, options=how, flash_id=flash_id, on_progress=progress, on_interrupted=interrupted)
    finally:
        await run_to_end(handle.close())
    if handle.usb is not None:
        await asyncio.to_thread(_remember, url, result, remember_chip)
    return result


def _remember(url: str, result: ProbeResult, keep: Callable[[PortIdentity, str, str], None]) -> None:
    from espmon.port import identify

    try:
        keep(identify(url), result.chip, result.mac or "")
    except PortError as error:
        say(f"Warning: the board is not remembered: {error}")


def summary(result: ProbeResult) -> list[tuple[str, str]]:
    """What a person wants to read, in that order; what the chip would not tell is left out."""
    flash = result.flash
    size = f"{flash.size // 1024} KiB" if flash and flash.size else "size unknown"
    on = [name for name, value in (result.security or {}).items() if value]
    rows: list[tuple[str, Any]] = [
        ("Chip", result.description),
        ("Features", ", ".join(result.features) if result.features is not None else None),
        ("Crystal", result.crystal_mhz and f"{result.crystal_mhz} MHz"),
        ("MAC", result.mac),
        ("EUI-64", result.eui64),
        ("Flash", flash and f"{size} (manufacturer 0x{flash.manufacturer:02x}, device 0x{flash.device:04x})"),
        ("USB", result.usb_mode),
        ("Security", None if result.security is None else ", ".join(on) or "no flag set"),
        ("Loader", result.loader),
        ("Now in", result.after),
    ]
    return [(label, str(value)) for label, value in rows if value is not None]


def _show_transcript(options: argparse.Namespace, transcript: str) -> None:
    if options.transcript:
        for line in transcript.splitlines():
            say(line)
