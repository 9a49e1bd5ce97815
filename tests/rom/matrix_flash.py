"""Every chip, ROM and stub, both ways: what espmon writes esptool verifies and reads, and the reverse.

    python -m tests.rom.matrix_flash [CHIP ...]

Both programs run as processes of their own against the mock over TCP, with one flash between them. Prints a table; a
cell is "ok", "-" where a chip has no such way (no stub; no digest in the ESP8266 ROM), or what went wrong. Returns 1
when something did. Takes some minutes for all chips.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from espmon.port import open_handle
from espmon.rom import RomError, load_chips
from espmon.rom.loader_session import LoaderSession, Piece
from tests.benchmarks.flash_server import FlashServer
from tests.rom.flash_boards import noise

AT, SIZE, SMALL = 0x20000, 150_000, 4096
SECONDS = 120
RUNS_NO_STUB = "esp32c2"
"""The mock's has revision 0, on which espmon runs no stub."""


@dataclass(frozen=True)
class Ways:
    """The two programs on one port."""

    url: str
    stub: bool
    folder: Path

    def espmon(self, *words: str) -> str:
        """ "ok", or the last line of what it says."""
        if self.stub and words[0] == "write":
            # The command sees no gain in a stub over TCP, where the rate cannot be raised; here it is what is tested.
            return asyncio.run(self._written(int(words[1], 0), words[2]))
        command = [sys.executable, "-m", "espmon", "flash", words[0], self.url, *words[1:], "--yes", "--json"]
        result = self._run(command + ([] if self.stub else ["--no-stub"]))
        if result.returncode == 0:
            told = json.loads(result.stdout)
            return "ok" if all(region["ok"] for region in told["regions"]) else "not ok"
        return result.stderr.strip().splitlines()[-1][:60]

    async def _written(self, address: int, name: str) -> str:
        handle = await open_handle(self.url)
        try:
            stay = LoaderSession(handle)
            await stay.enter()
            await stay.faster()
            outcome = await stay.write([Piece(address, (self.folder / name).read_bytes(), name)])
            runs = outcome.loader == "stub" or any("No stub" in warning for warning in outcome.warnings)
            return "ok" if outcome.ok and runs else f"not ok, through {outcome.loader}"
        except RomError as error:
            return str(error)[:60]
        finally:
            await handle.close()

    def esptool(self, *words: str) -> str:
        """The same for esptool."""
        command = [sys.executable, "-m", "esptool", "--port", self.url, "--before", "no-reset", "--after", "no-reset"]
        result = self._run(command + ([] if self.stub else ["--no-stub"]) + list(words))
        return "ok" if result.returncode == 0 else (result.stdout + result.stderr).strip().splitlines()[-1][:60]

    def _run(self, command: list[str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True, timeout=SECONDS)

    def file(self, name: str, data: bytes) -> str:
        """Put a file where both find it."""
        (self.folder / name).write_bytes(data)
        return name

    def same(self, name: str, data: bytes) -> str:
        """Whether a file that was read holds `data`."""
        path = self.folder / name
        return "ok" if path.is_file() and path.read_bytes() == data else "differs"


COLUMNS = ("espmon writes", "verifies", "esptool verifies", "esptool reads", "esptool writes", "espmon verifies",
           "espmon reads", "espmon sees a change", "espmon erases")  # fmt: skip


def cells(chip: str, *, stub: bool) -> list[str]:
    """One row."""
    rom_8266 = chip == "esp8266" and not stub
    length = SIZE if stub else SMALL
    with tempfile.TemporaryDirectory() as name, FlashServer("tcp", chip) as url:
        ways = Ways(url, stub, Path(name))
        ours, theirs, other = noise(SIZE, 1), noise(SIZE, 2), noise(SIZE, 2)[:-1] + b"\0"
        one, two = ways.file("one.bin", ours), ways.file("two.bin", theirs)
        changed, at = ways.file("changed.bin", other), hex(AT)
        row = [ways.espmon("write", at, one)]
        row.append("-" if rom_8266 else ways.espmon("verify", at, one))
        checker = Ways(url, True, Path(name)) if rom_8266 else ways
        row.append(checker.esptool("verify-flash", at, one))
        read = checker.esptool("read-flash", at, str(length), "read.bin")
        row.append(read if read != "ok" else ways.same("read.bin", ours[:length]))
        row.append(ways.esptool("write-flash", "--flash-size", "keep", at, two))
        row.append("-" if rom_8266 else ways.espmon("verify", at, two))
        read = "-" if rom_8266 else ways.espmon("read", at, str(length), "ours.bin")
        row.append(read if read != "ok" else ways.same("ours.bin", theirs[:length]))
        row.append("-" if rom_8266 else _seen(ways.espmon("verify", at, changed)))
        # The mock's ROM does not erase at all: only a stub's erasing can be seen.
        row.append(ways.espmon("erase", at, "0x10000") if stub and chip != RUNS_NO_STUB else "-")
    return row


def _seen(answer: str) -> str:
    return "not seen" if answer == "ok" else "ok"


def main() -> int:
    """Run all cells and print them."""
    chips = load_chips().chips
    wrong = 0
    print("chip       loader  " + "  ".join(COLUMNS))
    for key in sys.argv[1:] or list(chips):
        for stub in (False, True):
            if stub and not chips[key].stub_files:
                print(f"{key:<10} stub    (there is none)", flush=True)
                continue
            row = cells(key, stub=stub)
            wrong += sum(cell not in ("ok", "-") for cell in row)
            texts = [f"{cell:<{len(head)}}" for cell, head in zip(row, COLUMNS, strict=True)]
            print(f"{key:<10} {'stub' if stub else 'rom':<6}  " + "  ".join(texts), flush=True)
    print("digest of this run's data:", hashlib.md5(noise(SIZE, 1)).hexdigest())
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
