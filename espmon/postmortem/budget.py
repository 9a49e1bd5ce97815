"""What a reader may spend on a file, in proportion to the file: small files that ask for much are damage."""

from __future__ import annotations

from espmon.postmortem.postmortem_error import PostmortemError


class Budget:
    """An allowance of bytes or steps.

    Args:
        most: how many.
        what: what they are spent on, for the message: "compressed sections".
    """

    __slots__ = ("_what", "left")

    def __init__(self, most: int, what: str) -> None:
        self.left = most
        self._what = what

    def spend(self, amount: int) -> None:
        """Raises `PostmortemError` when there is not that much left."""
        self.left -= amount
        if self.left < 0:
            raise PostmortemError(f"{self._what}: they ask for far more than the file is large", limit=True)
