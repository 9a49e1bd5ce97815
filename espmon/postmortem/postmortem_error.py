"""The one exception of this room."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager


class PostmortemError(Exception):
    """An ELF file or a dump that cannot be used; the message says what and where.

    `mismatch`: both are sound, but the ELF is not the one the dump was made by. `limit`: it is larger than is read.
    """

    def __init__(self, message: str, mismatch: bool = False, limit: bool = False) -> None:
        super().__init__(message)
        self.mismatch = mismatch
        self.limit = limit


@contextmanager
def reading(what: str) -> Iterator[None]:
    """Turn what malformed bytes cause inside a parser into one `PostmortemError` naming `what`."""
    try:
        yield
    except PostmortemError:
        raise
    except (IndexError, KeyError, ValueError, OverflowError, struct.error, RecursionError) as error:
        detail = str(error) or type(error).__name__
        raise PostmortemError(f"{what}: damaged or cut short ({detail})") from error
