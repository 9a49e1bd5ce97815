"""gdb as an IDE drives it: commands of its machine interface on its input, records on its output."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.session.qemu import needs

GDB = "gdb-multiarch"
SECONDS = 60.0
RESULT = re.compile(r"(\d+)\^(done|running|connected|error|exit)(.*)")


class MachineInterface:
    """One gdb."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._token = 1000
        self.heard: list[str] = []

    async def line(self) -> str:
        """The next line; fails when none comes."""
        assert self._process.stdout is not None
        data = await asyncio.wait_for(self._process.stdout.readline(), SECONDS)
        assert data, "".join(self.heard)
        self.heard.append(data.decode())
        return self.heard[-1].rstrip()

    async def ask(self, command: str, expected: str = "done") -> str:
        """Send a command as VS Code's adapter does, with a number before it; returns what its result says."""
        assert self._process.stdin is not None
        self._token += 1
        self._process.stdin.write(f"{self._token}{command}\n".encode())
        while True:
            match = RESULT.match(await self.line())
            if match and int(match[1]) == self._token:
                assert match[2] == expected, f"{command}: {match[0]}"
                return match[3]

    async def until(self, pattern: str) -> str:
        """The next line that a pattern is found in."""
        while not re.search(pattern, line := await self.line()):
            pass
        return line


@asynccontextmanager
async def machine_interface(elf: Path) -> AsyncIterator[MachineInterface]:
    """A gdb that was told what an adapter tells it before it connects."""
    needs(GDB)
    process = await asyncio.create_subprocess_exec(
        GDB, "-nx", "--interpreter=mi", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT, limit=1 << 20,
    )  # fmt: skip
    try:
        gdb = MachineInterface(process)
        for command in (
            "-gdb-set mi-async on", "-gdb-set auto-solib-add on", f'-environment-cd "{elf.parent}"',
            f'-file-exec-and-symbols "{elf}"', '-interpreter-exec console "show version"', "-list-features",
            "-enable-pretty-printing",
        ):  # fmt: skip
            await gdb.ask(command)
        yield gdb
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
