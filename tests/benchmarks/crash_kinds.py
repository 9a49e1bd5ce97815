"""Each kind of panic: espmon's sentence and chain beside what esp-idf-monitor adds to the same bytes.

Run: `python -m tests.benchmarks.crash_kinds`. Both read the same bytes in this process. esp-idf-monitor has its panic
decoding switched on (it is off by default) and gets gdb-multiarch and binutils' addr2line under the names that it
looks for. Kinds that only Xtensa or other systems print come from the event tests' fixtures, for which there is no
ELF: both are given none.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
import time
from pathlib import Path

from espmon.postmortem import Symbolizer
from espmon.postmortem.panic_report import decode_panic
from espmon.records.demux import Demultiplexer
from espmon.records.events.panic_record import Panic
from espmon.sim import simulated_panic as sim_panic
from espmon.sim.firmware_image import ELF, KINDS, Image
from tests.benchmarks.crash_addresses import Everything, NoCoredump
from tests.inputs import REAL

FIXTURES = Path(__file__).resolve().parents[1] / "records" / "events" / "fixtures"
XTENSA_ELF = REAL / "coredump" / "esp32" / "app.elf"
XTENSA_FUNCTIONS = ("app_main", "main_task", "vPortTaskWrapper")


class Console:
    """What the peer prints: bytes of the board, and lines of its own."""

    def __init__(self) -> None:
        self.shown = bytearray()

    def write_bytes(self, data: bytes) -> None:
        """Keep it."""
        self.shown += data


def tools(folder: Path) -> str:
    """A folder with gdb and addr2line under a toolchain's names; returns the prefix."""
    for name, program in (("gdb", "gdb-multiarch"), ("addr2line", "addr2line")):
        found = shutil.which(program)
        if found:
            (folder / f"esp-{name}").symlink_to(found)
    return f"{folder}/esp-"


def peer(data: bytes, elf: Path | None, prefix: str, target: str) -> tuple[list[str], float]:
    """Lines that esp-idf-monitor adds, and the seconds it took."""
    from esp_idf_monitor.base.logger import Logger  # type: ignore[import-untyped,unused-ignore]
    from esp_idf_monitor.base.serial_handler import SerialHandler  # type: ignore[import-untyped,unused-ignore]

    console = Console()
    files = [str(elf)] if elf else []
    spoken = io.StringIO()
    began = time.perf_counter()
    with contextlib.redirect_stdout(spoken), contextlib.redirect_stderr(spoken):
        logger = Logger(files, console, False, "", bool(elf), prefix)
        handler = SerialHandler(
            b"", logger, "backtrace", 0, b"", target, False, False, None, False, files, prefix, True
        )
        for line in data.splitlines(keepends=True):
            try:
                handler.handle_serial_input(line, None, NoCoredump(), None, Everything(), lambda line: None)
            except Exception as error:  # noqa: BLE001 - whatever it stumbles over is a row of the table
                spoken.write(f"(raised {type(error).__name__}: {error})\n")
    took = time.perf_counter() - began
    raw = set(data.decode("utf-8", "replace").split("\n"))
    said = console.shown.decode("utf-8", "replace") + spoken.getvalue()
    added = [line.rstrip() for line in said.split("\n") if line.strip() and line not in raw and f"{line}\r" not in raw]
    return added, took


def ours(data: bytes, elf: Path | None) -> tuple[list[str], float]:
    """espmon's reports of the same bytes, and the seconds until the first one (symbols included)."""
    began = time.perf_counter()
    symbolizer = Symbolizer(elf) if elf else None
    demux = Demultiplexer()
    lines: list[str] = []
    for record in [*demux.feed(data), *demux.flush()]:
        if isinstance(record, Panic):
            report = decode_panic(record, symbolizer)
            chain = " < ".join(str(frame.function) for frame in report.frames if frame.function)
            lines += [report.sentence, *([f"  {chain}"] if chain else [])]
            lines += [f"  ! {warning}" for warning in report.warnings if symbolizer]
    return lines, time.perf_counter() - began


def xtensa(symbolizer: Symbolizer) -> bytes:
    """A made-up Xtensa panic whose addresses are in the real ELF."""
    rows: list[str] = []
    for name in XTENSA_FUNCTIONS:
        symbol = symbolizer.elf.symbol_named(name)
        if symbol is not None:
            rows.append(f"0x{symbol.address + 9:08x}:0x3ffb{4096 + 32 * len(rows):04x}")
    return (
        "Guru Meditation Error: Core  0 panic'ed (LoadProhibited). Exception was unhandled.\r\n\r\n"
        "Core  0 register dump:\r\n"
        f"PC      : {rows[0][:10]}  PS      : 0x00060030  A0      : 0x800d6a5c  A1      : 0x3ffb5d50\r\n"
        "EXCCAUSE: 0x0000001c  EXCVADDR: 0x00000004\r\n\r\n"
        f"Backtrace: {' '.join(rows)}\r\n\r\n\r\nELF file SHA256: {symbolizer.sha256[:9]}\r\n\r\nRebooting...\r\n"
    ).encode()


def show(title: str, data: bytes, elf: Path | None, prefix: str, target: str, most: int) -> None:
    """One row."""
    mine, fast = ours(data, elf)
    theirs, slow = peer(data, elf, prefix, target)
    print(f"== {title}")
    for line in mine[:most]:
        print(f"   espmon {1000 * fast:7.1f} ms | {line}")
    for line in theirs[:most] or ["(nothing)"]:
        print(f"   peer   {1000 * slow:7.1f} ms | {line}")
    if len(theirs) > most:
        print(f"   peer              | ... {len(theirs) - most} lines more")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=4, help="lines of each side")
    most = parser.parse_args().lines
    if not shutil.which("gdb-multiarch"):
        print("gdb-multiarch is not installed: esp-idf-monitor decodes nothing of RISC-V", file=sys.stderr)
    image = Image()
    with tempfile.TemporaryDirectory() as folder:
        prefix = tools(Path(folder))
        for kind in KINDS:
            text = sim_panic.panic_text(image.snapshot(kind), image.sha256) + "Rebooting...\r\n"
            show(f"RISC-V, {kind} (simulated board, its ELF)", text.encode(), ELF, prefix, "esp32c3", most)
        wrong = sim_panic.panic_text(image.snapshot("panic"), "0" * 8 + "1" * 56) + "Rebooting...\r\n"
        show("RISC-V, another build's ELF", wrong.encode(), ELF, prefix, "esp32c3", most)
        if XTENSA_ELF.is_file():
            show("Xtensa, LoadProhibited", xtensa(Symbolizer(XTENSA_ELF)), XTENSA_ELF, prefix, "esp32", most)
        for path in sorted(FIXTURES.glob("*.log")):
            data = path.read_bytes()
            if ours(data, None)[0]:
                show(f"{path.stem} (no ELF)", data, None, prefix, "esp32", most)


if __name__ == "__main__":
    main()
