"""The inputs that tests read: those that the project made itself, and the real ones where they lie beside the checkout.

Both have one layout: `coredump/NAME/` (the dump as it was printed, what is true of it, the ELF), `logs/` with an index,
`binlog/`, `monitor/`. A test that takes the fixture `dump`, `log` or `inputs` runs on all that there are; one that
names a real one skips where it is absent. How the own ones were made: `tests/fixtures/data/README.md`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
OWN = ROOT / "tests" / "fixtures" / "data"
REAL = ROOT.parent / "shared" / "data"
SIMULATED_ELF = ROOT / "espmon" / "sim" / "app" / "app.elf"
"""What the RISC-V dumps of our own are of."""

REAL_DUMPS = ("esp32", "esp32_bin", "esp32c3")
REAL_LOGS = (
    "012-int-wdt", "014-boot-loop-download", "015-stack-overflow-abort", "016-assert-abort", "018-InstrFetchProhibited",
    "028-boot", "050-boot", "051-flash-and-boot", "054-LoadProhibited-midline", "057-assert-boot-loop",
    "060-panic-mixed", "062-panic-xtensa", "063-panic-riscv", "068-stack-smash", "071-abort-riscv", "073-task-wdt",
    "074-boot-flash-encryption", "084-flash-read-err-loop", "087-wrong-chip-id", "090-invalid-header-loop",
    "106-escaped-control",
)  # fmt: skip


@dataclass(frozen=True)
class Dump:
    """A core dump as it was printed on the UART (without markers)."""

    name: str
    folder: Path

    @property
    def own(self) -> bool:
        """Whether the project made it."""
        return self.folder.is_relative_to(OWN)

    @cached_property
    def text(self) -> bytes:
        """The base64 lines."""
        return (self.folder / "coredump.b64").read_bytes()

    @property
    def elf(self) -> Path:
        """The application."""
        beside = self.folder / "app.elf"
        return beside if beside.exists() else SIMULATED_ELF

    @cached_property
    def truth(self) -> dict[str, Any]:
        """What is true of it: see `tests/fixtures/data/README.md`."""
        return dict(json.loads((self.folder / "oracle.json").read_text()))


@dataclass(frozen=True)
class Log:
    """A serial log, byte for byte."""

    name: str
    path: Path

    @cached_property
    def data(self) -> bytes:
        """Its bytes."""
        return self.path.read_bytes()

    @cached_property
    def truth(self) -> dict[str, Any]:
        """Its crashes and resets, from the index beside it."""
        rows = json.loads((self.path.parent / "index.json").read_text())
        return dict(next(row["truth"] for row in rows if row["file"] == self.path.name))


def own_dumps() -> list[str]:
    """The names of the dumps that the project made."""
    return sorted(path.parent.name for path in (OWN / "coredump").glob("*/oracle.json"))


def own_logs() -> list[str]:
    """The names of the logs that the project made."""
    return sorted(path.stem for path in (OWN / "logs").glob("*.log"))


def real_inputs() -> Path:
    """The folder of real inputs. Skips the test where it is absent."""
    if not REAL.is_dir():
        pytest.skip("the real inputs (../shared/data) are not beside this checkout")
    return REAL


def dump_named(name: str) -> Dump:
    """One dump; a real one skips the test where it is absent."""
    return Dump(name, (real_inputs() if name in REAL_DUMPS else OWN) / "coredump" / name)


def log_named(name: str) -> Log:
    """One log; a real one skips the test where it is absent."""
    return Log(name, (real_inputs() if name in REAL_LOGS else OWN) / "logs" / f"{name}.log")


def all_dumps() -> Iterator[Dump]:
    """Every dump there is here."""
    yield from (dump_named(name) for name in own_dumps())
    yield from (dump_named(name) for name in (REAL_DUMPS if REAL.is_dir() else ()))


def all_logs() -> Iterator[Log]:
    """Every log there is here."""
    yield from (log_named(name) for name in own_logs())
    yield from (log_named(name) for name in (REAL_LOGS if REAL.is_dir() else ()))
