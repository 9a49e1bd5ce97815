"""The memory that the logs of all boards share."""

from __future__ import annotations

from typing import Protocol
from weakref import WeakSet

STORE_BYTES = 512 << 20
"""Bytes of memory that logs use together before the oldest blocks go; all of what a line costs counts, not its text
alone."""

KEPT = 0.9
"""Share of the limit that is left when it was passed: room is made seldom, and much of it."""


class MemoryUser(Protocol):
    """A log, as far as its memory goes."""

    @property
    def memory(self) -> int:
        """Bytes of memory that it uses."""

    def make_room(self, wanted: float) -> None:
        """Use no more than `wanted` bytes, as far as it can."""


class LogMemory:
    """A limit for all logs together. Those that write share a thread.

    Args:
        limit: bytes.
    """

    def __init__(self, limit: int = STORE_BYTES) -> None:
        self.limit = limit
        self._users: WeakSet[MemoryUser] = WeakSet()

    def join(self, user: MemoryUser) -> None:
        """Count this log, for as long as it lives."""
        self._users.add(user)

    @property
    def used(self) -> int:
        """Bytes of memory that all of them use."""
        return sum(user.memory for user in self._users)

    def grown(self) -> None:
        """A log has more than before. Beyond the limit those that have most make room, down to what is their share."""
        if self.used <= self.limit:
            return
        wanted = self.limit * KEPT
        users = sorted(self._users, key=lambda user: user.memory, reverse=True)
        for user in users:
            over = self.used - wanted
            if over <= 0:
                return
            user.make_room(max(wanted / len(users), user.memory - over))
