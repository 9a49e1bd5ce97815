"""Second opinions on a core dump: decoders that other packages offer as `espmon.coredump_decoders`, and esp-coredump.

An entry point's name is the decoder's, its object a function: it gets the dump as the board wrote it, the path of the
application's ELF and the chip's key ("esp32c3", None where the dump does not say), and returns a `SecondOpinion`.
"""

from __future__ import annotations

import importlib.util
import re
import sys
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from espmon.model.architecture import MACHINES
from espmon.model.chip_identity import chips_by_number
from espmon.postmortem.core_report import CoreReport
from espmon.postmortem.elf import Elf
from espmon.postmortem.postmortem_error import PostmortemError
from espmon.programs import find_program, output_of
from espmon.session.debug_lease import DebugError, find_gdb

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "espmon.coredump_decoders"
DECODE_SECONDS = 60.0
MAX_FAILURE = 300
"""Letters of a failed program's output that are shown."""

VENDOR = "esp-coredump"
MODULE = "esp_coredump"
START = """
import sys
from esp_coredump.corefile.gdb import EspGDB
# A gdb that is not the vendor's names the threads of a core "LWP n" where esp-coredump expects "process n".
EspGDB.gdb2freertos_thread_id = staticmethod(lambda text: int(text.split()[-1], 0))
from esp_coredump.__main__ import main
sys.exit(main())
"""
THREAD = re.compile(r"^=+ THREAD \d+ \(TCB: (?P<tcb>0x[0-9a-f]+), name: '(?P<name>[^']*)'\) =+$", re.MULTILINE)
FRAME = re.compile(r"^#\d+ +(?:0x[0-9a-f]+ in )?(?P<function>\S+)", re.MULTILINE)


class OpinionTask(NamedTuple):
    """A task as another decoder sees it: the functions of its backtrace, innermost first; None where it has no name."""

    tcb: int
    name: str
    functions: tuple[str | None, ...]


class SecondOpinion(NamedTuple):
    """What another decoder says; `text` is its report as it stands."""

    decoder: str
    tasks: Sequence[OpinionTask]
    text: str = ""


CoredumpDecoder = Callable[[bytes, Path, str | None], SecondOpinion]


def installed() -> Iterable[EntryPoint]:
    """What the installed packages offer."""
    from importlib.metadata import entry_points

    return entry_points(group=GROUP)


def second_opinion(
    name: str,
    dump: bytes,
    elf: Path,
    chip: str | None,
    offered: Callable[[], Iterable[EntryPoint]] = installed,
) -> SecondOpinion:
    """Ask a decoder by its name. Raises `PostmortemError` where there is none of that name, or it fails."""
    key = next((each.key for each in chips_by_number().values() if each.name == chip), None)
    found = {entry.name: entry for entry in offered()}
    if name not in found and name != VENDOR:
        known = ", ".join(sorted({VENDOR, *found}))
        raise PostmortemError(f"no decoder is called {name}; there are: {known}")
    try:
        decode: CoredumpDecoder = found[name].load() if name in found else esp_coredump
        return decode(dump, elf, key)
    except PostmortemError:
        raise
    except Exception as error:  # somebody else's code: whatever it does costs this one opinion
        raise PostmortemError(f"the decoder {name} failed: {type(error).__name__}: {error}") from error


def esp_coredump(dump: bytes, elf: Path, chip: str | None) -> SecondOpinion:
    """Run the installed esp-coredump on the installed gdb. Raises `PostmortemError` where one is missing or fails."""
    if importlib.util.find_spec(MODULE) is not None:
        start = [sys.executable, "-c", START]
    elif (program := find_program(VENDOR)) is not None:
        start = [program]
    else:
        raise PostmortemError(f"{VENDOR} is not installed: pip install {VENDOR}")
    machine = Elf(elf).machine
    if machine not in MACHINES:
        raise PostmortemError(f"{elf} is for a processor that no debugger here knows")
    try:
        gdb = find_gdb(machine, chip)
    except DebugError as error:
        raise PostmortemError(str(error)) from error
    with tempfile.TemporaryDirectory(prefix="espmon-") as folder:
        core = Path(folder) / "core"
        core.write_bytes(dump)
        kind = "elf" if dump[:4] == b"\x7fELF" else "raw"
        options = ["--chip", chip or "auto", "info_corefile", "--core", str(core), "--core-format", kind, "--gdb", gdb]
        try:
            code, output = output_of([*start, *options, str(elf.absolute())], DECODE_SECONDS)
        except (OSError, TimeoutError) as error:
            raise PostmortemError(f"{VENDOR}: {error}") from error
    text = output.decode("utf-8", "replace")
    if code:
        raise PostmortemError(f"{VENDOR} failed: {' '.join(text.split())[-MAX_FAILURE:]}")
    return SecondOpinion(VENDOR, read_report(text), text)


def read_report(text: str) -> list[OpinionTask]:
    """Return the tasks of esp-coredump's report."""
    heads = list(THREAD.finditer(text))
    tasks = []
    for head, following in zip(heads, [*heads[1:], None], strict=True):
        body = text[head.end() : following.start() if following else None].partition("\n\n==")[0]
        names = (found["function"] for found in FRAME.finditer(body))
        functions = tuple(None if name == "??" else name for name in names)
        tasks.append(OpinionTask(int(head["tcb"], 16), head["name"], functions))
    return tasks


def differences(report: CoreReport, opinion: SecondOpinion) -> list[str]:
    """Return what differs between a report and a second opinion, task by task; empty where they agree.

    Frames without a name at the end of a backtrace say nothing and are left out.
    """
    theirs = {task.tcb: task for task in opinion.tasks}
    found: list[str] = []
    for task in report.tasks:
        other = theirs.pop(task.tcb, None)
        if other is None:
            found.append(f"task {task.name}: {opinion.decoder} does not have it")
            continue
        mine = _named([_plain(frame.function) for frame in task.frames])
        his = _named([_plain(name) for name in other.functions])
        if mine != his:
            at = next(
                (n for n, pair in enumerate(zip(mine, his, strict=False)) if pair[0] != pair[1]),
                min(len(mine), len(his)),
            )
            ours, their = (" < ".join(name or "??" for name in names[at:]) or "the end" for names in (mine, his))
            found.append(f"task {task.name}, frame {at}: {ours} here, {their} by {opinion.decoder}")
    found += [f"task {task.name}: only {opinion.decoder} has it" for task in theirs.values()]
    return found


def _plain(name: str | None) -> str | None:
    return name.split("(")[0] if name else None


def _named(names: list[str | None]) -> list[str | None]:
    while names and names[-1] is None:
        names.pop()
    return names
