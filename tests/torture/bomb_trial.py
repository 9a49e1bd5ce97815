"""Sets off bombs, each in a process of its own with little memory and little time; prints what each cost.

    python -m tests.torture.bomb_trial [PART OF A NAME]

A line of JSON a bomb: see `Cost`. Linux only: elsewhere the limit of memory is not kept.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

from espmon.postmortem import PostmortemError, Symbolizer
from espmon.postmortem.core_decoder import decode_core
from espmon.postmortem.demangle import demangle
from espmon.records import Demultiplexer
from espmon.records.batch import Part
from espmon.records.lines import LineBlock
from espmon.session.binlog_strings import APPLICATION, BinlogStrings
from espmon.session.flash_plan import PlanError, from_project, intel_hex
from tests.torture.bombs import BOMBS, TEXT, Bomb

MEMORY = 96 << 20
"""Bytes that any reader may take, whatever it is given ..."""

MEMORY_PER_BYTE = 48
"""... and for each byte of its input."""

CPU_SECONDS = 2
"""The same for time."""

CPU_SECONDS_PER_MEGABYTE = 4

PIECE = 4096
"""Bytes of one read."""


def stream(path: Path) -> str:
    """Everything that a board sends, in reads as they come; the records are kept, as the session keeps them."""
    demux = Demultiplexer()
    kept: list[Part] = []
    with path.open("rb") as file:
        while data := file.read(PIECE):
            kept += demux.feed(data).parts
    kept += demux.flush().parts
    lines = letters = 0
    for part in kept:
        if isinstance(part, LineBlock):
            lines += len(part)
            letters += len(part.columns.levels)
        else:
            letters += len(json.dumps(part.to_json()))
    return f"{len(kept)} parts, {lines} lines, {letters} bytes of JSON"


def elf(path: Path) -> str:
    """An ELF that was found: opened, and asked for addresses."""
    symbolizer = Symbolizer(path)
    found = [symbolizer.lookup(TEXT + offset) for offset in (0, 4, 0x100, 0x8000)]
    return f"{len(found)} addresses"


def strings(path: Path) -> str:
    """An ELF whose strings a binary log uses."""
    found = BinlogStrings([path])
    return f"{found.read(APPLICATION, TEXT, None)!r:.40}"


def core(path: Path) -> str:
    """A core dump without its ELF."""
    report = decode_core(path.read_bytes(), None)
    return f"{len(report.to_text())} bytes of text, {len(json.dumps(report.to_json()))} of JSON"


def name(path: Path) -> str:
    """A linkage name."""
    return f"{len(demangle(path.read_text()))} characters"


def flasher_args(path: Path) -> str:
    """A build's list of files."""
    path.rename(path.parent / "flasher_args.json")
    return f"{len(from_project(path.parent).regions)} regions"


def hex_file(path: Path) -> str:
    """An Intel HEX file."""
    return f"{len(intel_hex(path))} regions"


def settings(path: Path) -> str:
    """The settings file."""
    from espmon.session.settings import load_settings

    return type(load_settings(path)).__name__


def registry(path: Path) -> str:
    """The registry of devices."""
    from espmon.port import DeviceRegistry

    return str(len(list(DeviceRegistry(path).devices())))


READERS: Mapping[str, Callable[[Path], str]] = {
    "stream": stream,
    "elf": elf,
    "strings": strings,
    "core": core,
    "name": name,
    "flasher_args": flasher_args,
    "hex": hex_file,
    "settings": settings,
    "registry": registry,
}
REFUSALS = (PostmortemError, PlanError, ValueError)
"""How a reader says that it will not have it."""


@dataclass(frozen=True)
class Cost:
    """What a bomb did: bytes of it, seconds of CPU, bytes of memory at most, and how its reader ended."""

    name: str
    size: int
    seconds: float
    memory: int
    ok: bool
    outcome: str


def allowance(size: int) -> tuple[int, int]:
    """Bytes of memory and seconds of CPU for an input of `size` bytes."""
    return MEMORY + MEMORY_PER_BYTE * size, CPU_SECONDS + CPU_SECONDS_PER_MEGABYTE * size // 1_000_000


def set_off(bomb: Bomb, folder: Path) -> Cost:
    """Read one bomb in a process of its own; returns what it cost."""
    path = folder / "bomb"
    made = os.fork()
    if not made:  # a process for the making, too: what it frees would serve the reader
        path.write_bytes(bomb.make())
        os._exit(0)
    os.waitpid(made, 0)
    size = path.stat().st_size
    receiver, sender = os.pipe()
    child = os.fork()
    if not child:
        os.close(receiver)
        _read(bomb, path, size, sender)
    os.close(sender)
    with open(receiver, "rb") as pipe:
        said = pipe.read().decode("utf-8", "replace")
    _, status, used = os.wait4(child, 0)
    memory, _, outcome = said.partition(" ")
    if os.WIFSIGNALED(status):
        outcome = f"ended by signal {os.WTERMSIG(status)}"
    whole = os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0
    return Cost(bomb.name, size, used.ru_utime + used.ru_stime, int(memory or 0), whole, outcome)


def _read(bomb: Bomb, path: Path, size: int, sender: int) -> NoReturn:
    """In the process that may not grow."""
    code = 1
    memory, seconds = allowance(size)
    before = _kilobytes("VmSize") * 1024
    Path("/proc/self/clear_refs").write_text("5")  # the peak begins here
    resident = _kilobytes("VmRSS")
    resource.setrlimit(resource.RLIMIT_AS, (before + memory, before + memory))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    try:
        said = READERS[bomb.reader](path)
        code = 0
    except REFUSALS as error:
        said = f"refused: {error}"
        code = 0
    except (Exception, MemoryError) as error:  # noqa: BLE001 - whatever it is, it is what the trial is for
        said = f"{type(error).__name__}: {error}"
    grown = max(0, _kilobytes("VmHWM") - resident) * 1024
    os.write(sender, f"{grown} {said}"[:2000].encode("utf-8", "replace"))
    os._exit(code)


def _kilobytes(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split(f"{name}:")[1].split()[0])


def main() -> None:
    """Set off those whose names hold the words given."""
    wanted = " ".join(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder:
        for bomb in BOMBS:
            if wanted in bomb.name:
                print(json.dumps(asdict(set_off(bomb, Path(folder)))), flush=True)


if __name__ == "__main__":
    main()
