"""What a console command sees of the application that runs it."""

from __future__ import annotations

from collections import Counter
from typing import NoReturn, Protocol

from espmon.sim.firmware_image import Image
from espmon.sim.scenarios import Scenario
from espmon.sim.simulated_chips import SimulatedChip


class Shell(Protocol):
    """The application, for commands.

    Attributes:
        chip: what it runs on.
        scenario: what it does by itself.
        image: the ELF and its crash snapshots.
        sha: the ELF prefix this board prints.
        screenshots: how many were taken since the boot.
        payloads: kind -> how many were sent since the boot.
    """

    chip: SimulatedChip
    scenario: Scenario
    image: Image
    sha: str
    screenshots: int
    payloads: Counter[str]

    async def send(self, data: bytes) -> None:
        """Bytes to the host as they are."""

    async def print(self, text: str) -> None:
        """Text, with its line ends as given."""

    async def log(self, level: str, tag: str, text: str) -> None:
        """A log line; an unfinished line before it is ended first."""

    def milliseconds(self) -> int:
        """Device time."""

    def leave_line_open(self) -> None:
        """No prompt and no line end now: what comes next follows on the same line."""

    async def gdb(self, kind: str) -> None:
        """Hand the chip to a debugger until it lets go."""

    def keep_dump(self, dump: bytes) -> None:
        """Write a core dump to its partition in flash."""

    def reboot(self, reason: str) -> NoReturn:
        """Restart."""
