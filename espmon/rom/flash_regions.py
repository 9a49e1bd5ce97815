"""Regions of flash: what became of them, how they are cut into blocks, and how progress over several is told."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from espmon.rom.app_image import AppDescription, Partition

BLOCK = 64 << 10
"""What mismatches are narrowed to, and what is written again after a failure."""

Report = Callable[[str, int, int], None]
"""(step in words, bytes done, bytes in all)."""


def address_text(address: int) -> str:
    """An address as JSON and messages have it."""
    return f"0x{address:08x}"


class Piece(NamedTuple):
    """Bytes to be written or compared."""

    address: int
    data: bytes
    file: str = ""
    image: bool = False
    """It must be a bootloader or an application, with an image header."""

    encrypted: bool = False
    """The build wants it encrypted while it is written."""


@dataclass(slots=True)
class RegionResult:
    """What became of one region; the row of `espmon flash --json`."""

    address: int
    size: int
    file: str
    ok: bool = False
    md5_file: str = ""
    """Hex; "" where there is no file."""

    md5_flash: str = ""
    """Hex; "" where the chip cannot or must not tell."""

    written: int = 0
    """Bytes of the region that were sent to flash."""

    skipped: int = 0
    """Bytes that were right already."""

    mismatch: list[int] = field(default_factory=list)
    """Addresses of the first blocks that differ."""

    def to_json(self) -> dict[str, Any]:
        """The region as JSON."""
        mismatch = [address_text(address) for address in self.mismatch]
        return asdict(self) | {"address": address_text(self.address), "mismatch": mismatch}


@dataclass(slots=True)
class FlashOutcome:
    """What an action did; `espmon flash --json` prints it."""

    action: str
    chip: str = ""
    loader: str = "rom"
    """Who did the work: "rom" or "stub"."""

    regions: list[RegionResult] = field(default_factory=list)
    after: str = "unknown"
    elapsed: float = 0.0
    warnings: list[str] = field(default_factory=list)
    partitions: list[Partition] = field(default_factory=list)
    applications: list[tuple[str, AppDescription]] = field(default_factory=list)
    data: bytes = b""
    """What `read` brought."""

    @property
    def ok(self) -> bool:
        """Every region is as wanted."""
        return all(region.ok for region in self.regions)

    def to_json(self) -> dict[str, Any]:
        """The outcome as JSON."""
        result: dict[str, Any] = {
            "action": self.action,
            "chip": self.chip,
            "loader": self.loader,
            "regions": [region.to_json() for region in self.regions],
            "after": self.after,
            "elapsed": round(self.elapsed, 4),
            "warnings": self.warnings,
        }
        if self.action == "info":
            result["partitions"] = [partition.to_json() for partition in self.partitions]
            result["applications"] = [
                {"partition": name, **description.to_json()} for name, description in self.applications
            ]
        return result


def blocks_of(address: int, size: int) -> list[tuple[int, int]]:
    """(address, size) of the blocks of a region, cut where addresses are multiples of `BLOCK`."""
    blocks = []
    at, end = address, address + size
    while at < end:
        stop = min(end, (at // BLOCK + 1) * BLOCK)
        blocks.append((at, stop - at))
        at = stop
    return blocks


def runs_of(blocks: Sequence[tuple[int, int]], most: int | None = None) -> list[tuple[int, int]]:
    """Neighbouring blocks joined, into runs of at most `most` bytes."""
    runs: list[tuple[int, int]] = []
    for address, size in blocks:
        touches = bool(runs) and sum(runs[-1]) == address
        if touches and (most is None or runs[-1][1] + size <= most):
            runs[-1] = (runs[-1][0], runs[-1][1] + size)
        else:
            runs.append((address, size))
    return runs


def bytes_in(blocks: Sequence[tuple[int, int]]) -> int:
    """Bytes of all blocks."""
    return sum(size for _, size in blocks)


class Meter:
    """Progress of one action over all its regions; the count of bytes never falls."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._base = 0
        self.done = 0
        self.total = 0

    def begin(self, total: int) -> None:
        """A new action over `total` bytes."""
        self._base, self.done, self.total = 0, 0, total

    def tell(self, step: str, done: int = 0) -> None:
        """`done` bytes of the current region are as wanted."""
        self.done = max(self.done, min(self._base + done, self.total))
        self._report(step, self.done, self.total)

    def next(self, size: int) -> None:
        """The current region, of `size` bytes, is finished."""
        self._base += size
        self.done = max(self.done, min(self._base, self.total))
