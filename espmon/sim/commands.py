"""The commands of the simulated console: a table of names, help and functions."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from espmon.sim import bootlog, frames, xtensa
from espmon.sim import simulated_dump as coredump
from espmon.sim.emitted import PICTURES, emitted
from espmon.sim.firmware_image import TCB_BYTES
from espmon.sim.shell import Shell
from espmon.sim.simulated_panic import panic_text, register_dump
from espmon.sim.simulated_picture import screenshot, sent_frame, sent_screenshot

KEYS = {b"P": "screenshot"}
"""Single keys on an empty line."""

FLOOD_BLOCK = 500
FLOOD_TEXT = "the quick brown fox jumps over the lazy dog"
STORM_DEFAULT, FLOOD_DEFAULT = 60, 1000
MAX_SLEEP_SECONDS = 60.0


@dataclass(frozen=True)
class Command:
    """One command: `run(application, arguments)`."""

    help: str
    run: Callable[[Shell, str], Awaitable[None]]


def _number(text: str, default: int) -> int:
    return int(text) if text.isdecimal() and len(text) < 10 else default


async def _help(app: Shell, _: str) -> None:
    """As ESP-IDF's `help` prints it."""
    await app.print("".join(f"{name} \r\n  {command.help}\r\n\r\n" for name, command in COMMANDS.items()))


async def _screenshot(app: Shell, variant: str) -> None:
    app.screenshots += 1
    picture = screenshot(app.screenshots)
    whole = sent_screenshot(app.screenshots)
    match variant:
        case "cut":
            await app.send(whole[: len(whole) // 2])
            app.reboot(bootlog.WATCHDOG)
        case "stream":
            await app.send(b"PNG_BEGIN 0\n" + picture + b"\nPNG_END\n")
        case "fail":
            await app.send(b"PNG_BEGIN 0\nPNG_END\n")
            await app.print("ERR: screenshot failed\r\n")
            return
        case "noisy":
            middle = len(whole) // 2
            line = bootlog.log_line("W", app.milliseconds(), "display", "a line in the middle of a picture").encode()
            await app.send(whole[:middle] + line + whole[middle:])
        case _:
            await app.send(whole)
    await app.print(f"OK len={len(picture)}\r\n")


def _report(app: Shell, kind: str) -> str:
    if app.chip.riscv:
        return panic_text(app.image.snapshot(kind), app.image.sha256)
    return xtensa.esp8266_text() if app.chip.key == "esp8266" else xtensa.panic_text(kind, app.sha)


def _dump_pieces(app: Shell, kind: str, *, hashed: bool = False) -> list[bytes]:
    if app.chip.riscv:
        snapshot = app.image.snapshot(kind)
        return coredump.pieces(snapshot, app.image.sha256, app.chip.chip_id, TCB_BYTES, hashed=hashed)
    return xtensa.core_dump(app.chip)


def _dump(app: Shell, kind: str, *, hashed: bool = False) -> bytes:
    return coredump.console_text(_dump_pieces(app, kind, hashed=hashed))


def _crash(kind: str, reason: str = bootlog.SOFTWARE) -> Callable[[Shell, str], Awaitable[None]]:
    async def run(app: Shell, _: str) -> None:
        await app.print(_report(app, kind))
        if app.scenario.after_panic == "gdbstub" and app.chip.riscv:
            await app.gdb(kind)
            return
        if app.chip.key != "esp8266":
            app.keep_dump(b"".join(_dump_pieces(app, kind)))
            if app.scenario.after_panic == "coredump":
                await app.send(_dump(app, kind))
        await app.print("Rebooting...\r\n")
        app.reboot(reason)

    return run


async def _storm(app: Shell, arguments: str) -> None:
    for _ in range(_number(arguments, STORM_DEFAULT)):
        await app.print(_report(app, "panic") + "Rebooting...\r\n")


async def _coredump(app: Shell, variant: str) -> None:
    if app.chip.key == "esp8266":
        await app.print("no core dumps on this chip\r\n")
        return
    dump = _dump(app, "panic", hashed=variant == "sha256")
    if variant == "cut":
        await app.send(dump[: len(dump) // 2])
        app.reboot(bootlog.WATCHDOG)
    if variant == "damaged":
        # One character of a line in the middle, so that the checksum cannot fit.
        middle = dump.index(b"\r\n", len(dump) // 2) + 5
        dump = dump[:middle] + (b"B" if dump[middle : middle + 1] != b"B" else b"C") + dump[middle + 1 :]
    await app.send(dump)


async def _gdbstub(app: Shell, _: str) -> None:
    if not app.chip.riscv:
        await app.print("the simulated gdb stub is for RISC-V chips\r\n")
        return
    await app.print(panic_text(app.image.snapshot("panic"), app.image.sha256))
    await app.gdb("panic")


async def _values(app: Shell, kind: str) -> None:
    turn = app.payloads[kind]
    app.payloads[kind] += 1
    await app.send(emitted(f"{kind}-{turn % PICTURES}"))


async def _json(app: Shell, _: str) -> None:
    await _values(app, "json")


async def _cbor(app: Shell, _: str) -> None:
    await _values(app, "cbor")


async def _file(app: Shell, name: str) -> None:
    content = "".join(f"{second},{20 + second % 7}.{second % 10}\n" for second in range(200))
    await app.send(frames.frame(f"file:{name or 'log.csv'}", content.encode(), "base64+zlib"))


async def _frame(app: Shell, _: str) -> None:
    app.screenshots += 1
    await app.send(sent_frame(app.screenshots))


async def _binlog(app: Shell, arguments: str) -> None:
    for index in range(_number(arguments, 5)):
        await app.send(frames.binary_log("IWED"[index % 4], app.milliseconds(), "binary", f"frame number {index}"))


async def _caps(app: Shell, _: str) -> None:
    await app.send(emitted("caps"))


async def _flood(app: Shell, arguments: str) -> None:
    total = _number(arguments, FLOOD_DEFAULT)
    sent = 0
    while sent < total or total == 0:
        stamp = app.milliseconds()
        count = FLOOD_BLOCK if total == 0 else min(FLOOD_BLOCK, total - sent)
        lines = [f"I ({stamp}) flood: line {number:07d} {FLOOD_TEXT}\r\n" for number in range(sent, sent + count)]
        await app.print("".join(lines))
        # A host that takes everything at once must not starve the event loop.
        await asyncio.sleep(0)
        sent += count


async def _partial(app: Shell, _: str) -> None:
    await app.print("an unfinished line without its end")
    app.leave_line_open()
    await asyncio.sleep(0)


async def _reboot(app: Shell, _: str) -> None:
    app.reboot(bootlog.SOFTWARE)


async def _task_watchdog(app: Shell, _: str) -> None:
    for line in (
        "Task watchdog got triggered. The following tasks/users did not reset the watchdog in time:",
        " - IDLE (CPU 0)",
        "Tasks currently running:",
        "CPU 0: display_render",
        "Print CPU 0 (current core) backtrace",
    ):
        await app.log("E", "task_wdt", line)
    if app.chip.riscv:
        await app.print("\r\n" + register_dump(app.image.snapshot("busy")) + "\r\n")


async def _sleep(app: Shell, arguments: str) -> None:
    try:
        seconds = float(arguments or "1")
    except ValueError:
        seconds = 1.0
    await asyncio.sleep(min(MAX_SLEEP_SECONDS, max(0.0, seconds)))


COMMANDS: dict[str, Command] = {
    "help": Command("this list", _help),
    "screenshot": Command("the screen as PNG (key P); variants: stream, noisy, cut, fail", _screenshot),
    "panic": Command("store to a null pointer", _crash("panic")),
    "load": Command("load from a bad address, in the display task", _crash("load")),
    "illegal": Command("jump into data", _crash("illegal")),
    "abort": Command("call abort()", _crash("abort")),
    "assert": Command("fail an assertion", _crash("assert")),
    "stack": Command("overflow the stack of the main task", _crash("stack")),
    "intwdt": Command("interrupt watchdog", _crash("busy", bootlog.WATCHDOG)),
    "wdt": Command("task watchdog message, without a reset", _task_watchdog),
    "storm": Command("storm N: the same panic N times", _storm),
    "coredump": Command("core dump on the console; variants: sha256, damaged, cut", _coredump),
    "gdbstub": Command("panic into the gdb stub", _gdbstub),
    "json": Command("a JSON frame", _json),
    "cbor": Command("a CBOR frame", _cbor),
    "file": Command("file NAME: a file frame", _file),
    "frame": Command("the screen as a PNG frame", _frame),
    "binlog": Command("binlog N: frames of the binary log", _binlog),
    "@ESPCAPS?": Command("what this application can send", _caps),
    "flood": Command("flood N: N log lines as fast as they go (0: for ever)", _flood),
    "partial": Command("a line that does not end", _partial),
    "sleep": Command("sleep S: the console is busy", _sleep),
    "reboot": Command("software restart", _reboot),
}
"""Name -> command."""
