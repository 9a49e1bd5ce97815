"""Blocks that hold no lines of their own: they know where a page of lines comes from."""

from __future__ import annotations

from collections.abc import Sequence

from espmon.records.columns import Columns
from espmon.records.lines import LineBlock


class PagedBlock(LineBlock):
    """A block whose lines are those of its `page`, which it gets when somebody wants them."""

    __slots__ = ()

    @property
    def data(self) -> bytes:  # type: ignore[override]
        """The lines' bytes."""
        return self.page.data

    @property
    def starts(self) -> Sequence[int]:  # type: ignore[override]
        """Where the lines begin in `data`."""
        return self.page.starts

    @property
    def columns(self) -> Columns:
        """Levels, tags and times of all lines."""
        return self.page.columns
