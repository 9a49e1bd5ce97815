"""The simulated application: boot log, log lines, console; one object a boot."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import NoReturn

from espmon.sim import bootlog
from espmon.sim.commands import COMMANDS, KEYS
from espmon.sim.emitted import emitted
from espmon.sim.firmware_image import Image
from espmon.sim.gdbstub import GdbStub, Outcome
from espmon.sim.line_editor import PROMPT, LineEditor
from espmon.sim.scenarios import FAILED_BOOTS, LOG_LINES, Scenario
from espmon.sim.simulated_chips import SimulatedChip
from espmon.time_limit import time_limit

INPUT_CHUNKS = 256
"""Received chunks that wait for the console; more are lost, as in a full FIFO."""

TERMINAL_QUERY, TERMINAL_ANSWER = b"\x1b[5n", b"\x1b[0n"
TERMINAL_SECONDS = 0.5
DUMB_TERMINAL = (
    "\r\nYour terminal application does not support escape sequences.\r\n\r\n"
    "Line editing and history features are disabled.\r\n"
)
BOOT_MILLISECONDS = 268


class Reboot(Exception):
    """The application restarts; `reason` is a reason of `bootlog`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Application:
    """One boot of the application.

    Args:
        chip: whose boot log to print.
        scenario: what it does by itself.
        image: the ELF and its crash snapshots.
        output: sends bytes to the host, waiting while it does not take them.
        keep_dump: writes a core dump to its partition in flash.
    """

    def __init__(
        self,
        chip: SimulatedChip,
        scenario: Scenario,
        image: Image,
        output: Callable[[bytes], Awaitable[None]],
        keep_dump: Callable[[bytes], object] = len,
    ) -> None:
        self.chip = chip
        self.scenario = scenario
        self.image = image
        self.sha = bootlog.printed_sha(chip, image.sha256)
        self.screenshots = 0
        self.payloads: Counter[str] = Counter()
        self._output = output
        self._keep_dump = keep_dump
        self._input: asyncio.Queue[bytes] = asyncio.Queue(INPUT_CHUNKS)
        self._editor = LineEditor(KEYS)
        self._column = 0
        self._prompts = True
        self._logged = 0
        self._booted = 0.0

    def receive(self, data: bytes) -> None:
        """Bytes from the host."""
        if not self._input.full():
            self._input.put_nowait(data)

    async def run(self, reason: str) -> str:
        """Boot and live; returns the reason of the next boot."""
        try:
            if self.scenario.boot != "normal":
                await self._fail_to_boot()
            await self._boot(reason)
            for command in self.scenario.startup:
                await self.execute(command)
            await self._live()
        except Reboot as reboot:
            return reboot.reason

    # -- what commands use --------------------------------------------------------------------------------------

    async def send(self, data: bytes) -> None:
        """Bytes to the host as they are."""
        if data:
            self._column = 0 if data.endswith(b"\n") else 1
            await self._output(data)

    async def print(self, text: str) -> None:
        """Text, with its line ends as given."""
        await self.send(text.encode())

    async def log(self, level: str, tag: str, text: str) -> None:
        """A log line; an unfinished line before it is ended first."""
        start = "\r\n" if self._column else ""
        await self.print(start + bootlog.log_line(level, self.milliseconds(), tag, text))

    def milliseconds(self) -> int:
        """Device time."""
        return int((asyncio.get_running_loop().time() - self._booted) * 1000) + BOOT_MILLISECONDS

    def leave_line_open(self) -> None:
        """No prompt and no line end now: what comes next follows on the same line."""
        self._column = 0
        self._prompts = False

    async def gdb(self, kind: str) -> None:
        """Hand the chip to a debugger until it lets go."""
        stub = GdbStub(self.image.snapshot(kind))
        await self.send(stub.greeting())
        while stub.outcome is Outcome.STOPPED:
            await self.send(stub.feed(await self._input.get()))
        if stub.outcome is Outcome.RESET:
            self.reboot(bootlog.SOFTWARE)
        self._column = 0
        await self.log("I", "demo", "the debugger let go")

    def keep_dump(self, dump: bytes) -> None:
        """Write a core dump to its partition in flash."""
        self._keep_dump(dump)

    def reboot(self, reason: str) -> NoReturn:
        """Restart."""
        raise Reboot(reason)

    async def execute(self, line: str) -> None:
        """Run a console line."""
        name, _, rest = line.partition(" ")
        command = COMMANDS.get(name)
        if command is not None:
            await command.run(self, rest.strip())
        elif name:
            await self.print(f"Unrecognized command: {name}\r\n")

    # -- living -------------------------------------------------------------------------------------------------

    async def _boot(self, reason: str) -> None:
        self._booted = asyncio.get_running_loop().time()
        await self.print(bootlog.rom_banner(self.chip, reason) + bootlog.application_log(self.chip, self.image.sha256))
        await self.send(emitted("caps"))
        if not self.scenario.console:
            return
        if self.scenario.asks_terminal:
            await self._ask_terminal()
        await self.print("\r\nType 'help' to get the list of commands.\r\n\r\n")
        await self.send(PROMPT)

    async def _ask_terminal(self) -> None:
        await self._output(TERMINAL_QUERY)
        received = b""
        try:
            async with time_limit(TERMINAL_SECONDS):
                while TERMINAL_ANSWER not in received:
                    received += await self._input.get()
        except TimeoutError:
            await self.print(DUMB_TERMINAL)

    async def _live(self) -> NoReturn:
        loop = asyncio.get_running_loop()
        interval = self.scenario.interval
        due = loop.time() + interval if interval else None
        while True:
            try:
                async with asyncio.timeout_at(due):
                    data = await self._input.get()
            except TimeoutError:
                await self._log_something()
                due = loop.time() + (interval or 0)
                continue
            if self.scenario.console:
                await self._type(data)

    async def _type(self, data: bytes) -> None:
        for echo, command in self._editor.feed(data):
            if self._column == 0 and echo.strip():
                await self.send(PROMPT + bytes(self._editor.typed[: -len(echo)]))
            await self.send(echo)
            if command is not None:
                self._prompts = True
                await self.execute(command)
                if self._prompts:
                    await self.send(PROMPT)

    async def _log_something(self) -> None:
        level, tag, text = LOG_LINES[self._logged % len(LOG_LINES)]
        self._logged += 1
        address = self.image.snapshot("panic").registers["ra"]
        await self.log(level, tag, text.format(turn=self._logged % 10, count=self._logged, address=address))

    async def _fail_to_boot(self) -> NoReturn:
        while True:
            if self.scenario.boot in FAILED_BOOTS:
                pause, reset, lines = FAILED_BOOTS[self.scenario.boot]
                banner = [*self.chip.rom, reset.format(boot=self.chip.flash_boot), *lines]
                await self.print("\r\n".join(banner) + "\r\n")
                await asyncio.sleep(pause)
            else:
                await self._input.get()
