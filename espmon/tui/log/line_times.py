"""When lines came, as it stands before them: by the host, by the device, since the line before, a boot or a mark."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from enum import StrEnum

from espmon.records.lines import LineBlock
from espmon.session.log_text import host_time
from espmon.session.store import LogStore
from espmon.tui.sanitise import visible


class Timestamps(StrEnum):
    """What stands before each line."""

    OFF = "off"
    HOST = "host"
    DEVICE = "device"
    DELTA = "delta"
    BOOT = "boot"
    MARK = "mark"
    LINE = "line"
    """No time: the line's number, as "go to" takes it."""


GUTTERS = {
    Timestamps.OFF: 0,
    Timestamps.HOST: 13,
    Timestamps.DEVICE: 12,
    Timestamps.DELTA: 11,
    Timestamps.BOOT: 12,
    Timestamps.MARK: 12,
    Timestamps.LINE: 12,
}
"""Kind of times -> cells that they take."""

SAID = {
    Timestamps.OFF: "",
    Timestamps.HOST: "",
    Timestamps.DEVICE: "device times",
    Timestamps.DELTA: "times between lines",
    Timestamps.BOOT: "times since boot",
    Timestamps.MARK: "times since mark",
    Timestamps.LINE: "line numbers",
}
"""Kind of times -> its name in the status row; a time of day is seen to be one."""

GAP_SECONDS = 1.0
"""Silence before a remark of the session's own from which on its length is said."""


class LineTimes:
    """The times of one log.

    Args:
        store: the log.
        locate: the block of a line, and its index there; raises IndexError.
    """

    def __init__(self, store: LogStore, locate: Callable[[int], tuple[LineBlock, int]]) -> None:
        self.store = store
        self.format = "%H:%M:%S.%f"
        """Of host times."""

        self.origins: Callable[[Timestamps], Sequence[int]] = lambda kind: ()
        """Lines of the boots or of the marks, in order: times since them count from there."""

        self._locate = locate
        self._known: bool | None = None

    def use_store(self, store: LogStore) -> None:
        """Times of another log."""
        self.store, self._known = store, None

    def cells(self, kind: Timestamps) -> int:
        """Cells that times take before each line: none for those of the host where nobody noted them, as in a plain log
        file; times between lines, since a boot and a mark are the device's own there.
        """
        if kind is not Timestamps.HOST:
            return GUTTERS[kind]
        if self._known is None and len(self.store):
            try:
                self._known = self._host_time(len(self.store) - 1) is not None
            except IndexError:
                return GUTTERS[kind]
        return 0 if self._known is False else GUTTERS[kind]

    def stamp(self, line: int, before: int | None, kind: Timestamps) -> str:
        """What stands before a line; `before` is the line shown before it. "" where nobody knows."""
        if kind is Timestamps.LINE:
            return f"{line + 1:,}"
        try:
            block, index = self._locate(line)
            if kind is Timestamps.DEVICE:
                device = block.device_ms(index)
                return "" if device is None else f"{device / 1000:.3f}"
            when = block.host_time(index)
            if when is None:
                return self._by_device(block.device_ms(index), line, before, kind)
            if kind is Timestamps.HOST:
                return visible(host_time(self.store.wall(when), self.format))
            if kind is not Timestamps.DELTA:
                before = self._origin(line, kind)
            earlier = None if before is None else self._host_time(before)
            if earlier is not None and when < earlier:
                return f"-{earlier - when:.3f}"
            return "" if earlier is None else f"+{when - earlier:.3f}"
        except IndexError:
            return ""

    def _by_device(self, device: int | None, line: int, before: int | None, kind: Timestamps) -> str:
        """The same by the device's clock, which begins anew with each boot; `device` is in ms."""
        if device is None or kind is Timestamps.HOST:
            return ""
        if kind is Timestamps.BOOT:
            return f"+{device / 1000:.3f}"
        earlier = self._origin(line, kind) if kind is Timestamps.MARK else before
        boots = self.origins(Timestamps.BOOT)
        if earlier is None or bisect_right(boots, line) != bisect_right(boots, earlier):
            return ""
        block, index = self._locate(earlier)
        begun = block.device_ms(index)
        return "" if begun is None else f"{(device - begun) / 1000:+.3f}"

    def _origin(self, line: int, kind: Timestamps) -> int | None:
        """The line from which the times of `line` count: the boot or the mark before it, else the first there is."""
        origins = self.origins(kind)
        at = bisect_right(origins, line) - 1
        if at >= 0:
            return origins[at] if origins[at] >= self.store.first else None
        if kind is Timestamps.BOOT:
            return self.store.first
        return origins[0] if origins else None

    def silence(self, line: int, before: int | None) -> str:
        """How long nothing came before a remark of the session's own, "" when that was not long."""
        try:
            ended = self._host_time(line)
            begun = None if before is None else self._host_time(before)
        except IndexError:
            return ""
        if begun is None or ended is None or ended - begun < GAP_SECONDS:
            return ""
        return f" · {span_text(ended - begun)} without a line"

    def _host_time(self, line: int) -> float | None:
        block, index = self._locate(line)
        return block.host_time(index)


SAYS_LENGTH = re.compile(r" after [\d.]+ s\b")
"""A remark that says itself how long it was."""


def span_text(seconds: float) -> str:
    """A length of time as people read it: `4.2 s`, `3 min 20 s`, `2 h 5 min`."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60:,} h {minutes % 60} min"
