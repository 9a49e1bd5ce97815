"""Where the session that holds a port is found by who wants the same port."""

from __future__ import annotations

import os

from espmon.port.platform import shared_address


def share_address(url: str) -> str:
    """The address of the session on a port: the same for each name of one device. Reads links; see `shared_address`."""
    return shared_address(url.lower() if "://" in url else os.path.realpath(url))
