"""Columns of line ids, in order: four bytes an id, and eight from where four are not enough."""

from __future__ import annotations

from array import array
from collections.abc import Sequence

MAX_SHORT = (1 << 32) - 1
"""The largest id that four bytes hold."""


def line_ids() -> array[int]:
    """A column without an id."""
    return array("I")


def extended(ids: array[int], more: Sequence[int]) -> array[int]:
    """The column with `more` behind it: the same object, or a wider one when an id does not fit.

    Args:
        ids: a column.
        more: ids, in order, the last one the largest.
    """
    if len(more) and more[-1] > MAX_SHORT and ids.typecode == "I":
        ids = array("Q", ids)
    ids.extend(more)
    return ids
