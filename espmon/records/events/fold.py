"""Folding storms: sixty equal panics are one entry with a count."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterator

from espmon.model.architecture import is_code_address
from espmon.records.events.panic_record import Panic

TOP_FRAMES = 4
"""Two panics are the same crash when kind, cause and this many code frames from the top are equal."""

MAX_GROUPS = 64
"""Groups kept open at once; the one that was quiet longest is given out when there are more."""


def signature(panic: Panic) -> Hashable:
    """What makes two panics the same crash: equal signatures, same crash."""
    frames = tuple(frame.pc for frame in panic.backtrace if is_code_address(frame.pc))[:TOP_FRAMES]
    if frames:
        return (panic.kind, None, panic.suspect, frames)
    # Without a backtrace every abort() has the same PC: what called it and what was said tell them apart.
    said = panic.message if panic.kind in ("assert", "rust") else None
    where = (panic.pc, panic.abort_pc, panic.registers.get("RA"), said)
    return (panic.kind, panic.cause, panic.suspect, where)


class StormFolder:
    """Groups equal panics. Bounded: at most `MAX_GROUPS` panics are held.

    `add` returns what is finished because room was needed; `flush` returns the rest, in order of first appearance. The
    panic that is given out is the first of its group, with `count` set.
    """

    def __init__(self, most_groups: int = MAX_GROUPS) -> None:
        self._groups: OrderedDict[Hashable, Panic] = OrderedDict()
        self._most = most_groups

    def holds(self, panic: Panic) -> bool:
        """Whether a panic equal to this one is held: then it is not the first of its group."""
        return signature(panic) in self._groups

    def add(self, panic: Panic) -> Iterator[Panic]:
        """Take one panic; yield a finished group when there are too many."""
        key = signature(panic)
        first = self._groups.get(key)
        if first is not None:
            first.count += panic.count
            self._groups.move_to_end(key)
            return
        self._groups[key] = panic
        if len(self._groups) > self._most:
            yield self._groups.popitem(last=False)[1]

    def flush(self) -> Iterator[Panic]:
        """Yield every group, in the order of the stream."""
        groups = sorted(self._groups.values(), key=lambda panic: panic.offset)
        self._groups.clear()
        yield from groups
