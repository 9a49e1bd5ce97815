"""A dictionary that forgets its oldest entries."""

from __future__ import annotations

from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Cache(Generic[K, V]):
    """Values of at most `limit` total weight, and always the newest; threads may share it: each step is one
    dictionary operation.

    Two threads that miss the same key both compute it; the later one wins, with the same value.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: dict[K, tuple[V, int]] = {}
        self._weight = 0

    def get(self, key: K) -> V | None:
        """Return the value, or None when it was never stored or is forgotten."""
        found = self._values.get(key)
        return found[0] if found is not None else None

    def put(self, key: K, value: V, weight: int = 1) -> V:
        """Store a value and return it."""
        if self._weight + weight > self._limit and self._values:
            for oldest in list(self._values)[: 1 + len(self._values) // 4]:
                self._values.pop(oldest, None)
            self._weight = sum(weight for _, weight in list(self._values.values()))
        self._values[key] = (value, weight)
        self._weight += weight
        return value

    def __len__(self) -> int:
        return len(self._values)
