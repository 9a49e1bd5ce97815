"""The heaps of a dump: what is free, what is used by whom, and what is damaged."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

NOT_HELD = "not in this dump"
SHOWN_SIZES = 8


class HeapBlock(NamedTuple):
    """A block: `address` is what malloc() gave for it, `size` its bytes in the heap; `requested` what was asked for and
    `owner` the control block of the task that asked, where the heap keeps them.
    """

    address: int
    size: int
    used: bool
    requested: int | None = None
    owner: int | None = None


@dataclass(slots=True)
class HeapState:
    """One heap. `walked` is False where the dump does not hold its memory; `minimum_free` and `counted_free` are the
    heap's own figures. `damage` names what does not go together, in the order of addresses.
    """

    start: int
    end: int
    walked: bool = False
    minimum_free: int | None = None
    counted_free: int | None = None
    blocks: list[HeapBlock] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    @property
    def free(self) -> int:
        """Bytes of the free blocks."""
        return sum(block.size for block in self.blocks if not block.used)

    @property
    def largest_free(self) -> int:
        """Bytes of the largest free block: what one allocation can get at most."""
        return max((block.size for block in self.blocks if not block.used), default=0)

    @property
    def sizes(self) -> list[tuple[int, int]]:
        """(size, how many) of the used blocks, those first that take most memory."""
        counts = Counter(block.size for block in self.blocks if block.used)
        return sorted(counts.items(), key=lambda item: -item[0] * item[1])

    def to_json(self) -> dict[str, object]:
        """The heap as reports have it."""
        return {
            "start": f"0x{self.start:08x}",
            "end": f"0x{self.end:08x}",
            "walked": self.walked,
            "free": self.free if self.walked else self.counted_free,
            "minimum_free": self.minimum_free,
            "largest_free": self.largest_free if self.walked else None,
            "used_blocks": sum(block.used for block in self.blocks) if self.walked else None,
            "sizes": [{"size": size, "blocks": count} for size, count in self.sizes],
            "damage": self.damage,
        }

    def lines(self) -> list[str]:
        """The heap for reading."""
        found = [f"heap 0x{self.start:08x} to 0x{self.end:08x}"]
        figures = [("free", self.counted_free), ("least free ever", self.minimum_free)]
        told = [f"{name} {NOT_HELD if value is None else f'{value} bytes'}" for name, value in figures]
        found.append(f"  by its own figures: {', '.join(told)}")
        if not self.walked:
            found.append(f"  its blocks: {NOT_HELD}")
        else:
            used = [block for block in self.blocks if block.used]
            found.append(f"  {len(used)} blocks of {sum(block.size for block in used)} bytes are used")
            found.append(f"  {self.free} bytes are free, the largest block has {self.largest_free}")
            found += [f"  {count} x {size} bytes" for size, count in self.sizes[:SHOWN_SIZES]]
        found += [f"  damaged: {text}" for text in self.damage]
        return found


@dataclass(slots=True)
class HeapReport:
    """All heaps; `known` is False where the dump does not hold the list of them or the ELF does not describe it."""

    known: bool = False
    heaps: list[HeapState] = field(default_factory=list)
    damage: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, object]:
        """The report as JSON has it."""
        return {"known": self.known, "heaps": [heap.to_json() for heap in self.heaps], "damage": self.damage}

    def lines(self) -> list[str]:
        """The report for reading."""
        if not self.known:
            return [f"the list of heaps: {NOT_HELD}"]
        found = [line for heap in self.heaps for line in heap.lines()]
        return found + [f"damaged: {text}" for text in self.damage]
